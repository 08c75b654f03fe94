import type { SpaceTimeEvent } from '../../chart/index.ts';
import type { TraceEvent } from '../../clocks/index.ts';
import type { Graph } from '../report/index.ts';
import { processName } from './machine-log.ts';
import { ticksOf, type TrialResult } from './trial.ts';

const titleOf = ({ plan }: TrialResult): string => {
  const name = plan.name.replaceAll('-', ' ');
  return `${name[0]?.toUpperCase() ?? ''}${name.slice(1)} (${plan.rates.join(', ')} ticks a second)`;
};

/** One line for each machine, with a point for each of its ticks. */
function lines(trial: TrialResult, name: string, title: string, yTitle: string, field: 'clock' | 'queue'): Graph {
  const series = trial.machines.map(({ trace, figures }, index) => ({
    label: `machine ${index + 1} (${figures.rate}/s)`,
    marks: 'line' as const,
    points: ticksOf(trace).map(({ fields }) => [fields['seconds'] as number, fields[field] as number] as const),
  }));
  return {
    kind: 'chart',
    name: `${trial.plan.name}-${name}`,
    title: `${titleOf(trial)}: ${title}`,
    xTitle: 'system seconds',
    yTitle,
    xScale: 'exact',
    series,
  };
}

export const clockGraph = (trial: TrialResult): Graph => lines(trial, 'clocks', 'logical clocks', 'logical clock', 'clock');
export const queueGraph = (trial: TrialResult): Graph => lines(trial, 'queues', 'queues', 'messages that wait after a tick', 'queue');

/** Who sent what to whom from one second to the next. */
export function secondDiagram(trial: TrialResult, second: number): Graph {
  const inside = ({ fields }: TraceEvent): boolean =>
    (fields['seconds'] as number) >= second && (fields['seconds'] as number) <= second + 1;
  const all = trial.machines.flatMap(({ trace }) => trace);
  // Messages of one tick leave from one point.
  const idOf = (event: TraceEvent): string =>
    event.kind === 'error' ? `${event.process} error ${event.seq}` : `${event.process} ${String(event.fields['tick'])}`;
  const events = new Map<string, SpaceTimeEvent>();
  for (const event of all.filter(inside)) events.set(idOf(event), shown(event, idOf(event), second));
  const sends = new Map(all.filter(({ kind }) => kind === 'send').map((event) => [messageName(event), event]));
  const receives = new Map(all.filter(({ kind }) => kind === 'receive').map((event) => [messageName(event), event]));
  const known = (event: TraceEvent | undefined): string | null => (event !== undefined && events.has(idOf(event)) ? idOf(event) : null);
  const messages = [...sends].flatMap(([name, send]) => {
    const [from, to] = [known(send), known(receives.get(name))];
    const other = from === null ? send.process : (send.link?.to ?? '');
    return from === null && to === null ? [] : [{ kind: 'message', from, to, ...(from === null || to === null ? { other } : {}) }];
  });
  return {
    kind: 'space-time',
    name: `${trial.plan.name}-second-${second}`,
    title: `${titleOf(trial)}: second ${second}`,
    timeTitle: `milliseconds after system second ${second}`,
    processes: trial.machines.map(({ figures }, index) => ({ id: processName(index), label: `machine ${index + 1} (${figures.rate}/s)` })),
    events: [...events.values()],
    messages,
    from: 0,
    to: 1000,
    note: 'An arrow ends where its message is taken from the queue; one without an end is still in it, or came from before.',
  };
}

function messageName({ kind, process, link }: TraceEvent): string {
  const [from, to] = kind === 'send' ? [process, link?.to] : [link?.from, process];
  return `${from ?? ''} ${to ?? ''} ${link?.sequence ?? 0}`;
}

function shown({ kind, process, fields }: TraceEvent, id: string, second: number): SpaceTimeEvent {
  const at = ((fields['seconds'] as number) - second) * 1000;
  if (kind === 'error') return { id, process, at, label: String(fields['problem']), tone: 'notable' };
  return { id, process, at, label: String(fields['clock']), tone: 'plain' };
}
