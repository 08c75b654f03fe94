/** What must hold of trials, in words for the report. */
import { isConsistentCut, type Oracle, oracleRuns, orderTrace, type OrderedTrace, runModel } from '../../clocks/index.ts';
import { type Check, check } from '../report/index.ts';
import type { Oracles } from './oracles.ts';
import type { Preset } from './presets.ts';
import { stepSeconds } from './ticks.ts';
import { type MachineResult, ticksOf, type TrialResult } from './trial.ts';

const machineName = (trial: TrialResult, index: number): string => `${trial.plan.name}, machine ${index + 1}`;

export function judgeTrials(trials: readonly TrialResult[], oracles: Oracles): Check[] {
  const whole = trials.filter((trial) => isWhole(trial));
  const orders = trials.map((trial) => orderOf(trial));
  return [
    none('machines that ended before their trial did', died(trials)),
    none('machines that did not make rate times seconds ticks, give or take one', wrongTicks(trials)),
    none('messages received that were none', badMessages(trials)),
    none('messages sent that neither came nor wait in a relay', lostMessages(whole)),
    none('messages whose clock is not less at the sender than at the receiver', orders.flatMap(clocksOutOfOrder)),
    none('seconds at which what had happened by then is no consistent cut', orders.flatMap(inconsistentCuts)),
    none(
      `clocks and queues outside of what ${oracleRuns} virtual runs gave, one tick more allowed`,
      outliers(whole, (trial) => (isInTime(trial) ? [oracles.of(trial.plan)] : oracles.asItWent(trial))),
    ),
  ];
}

/** Of a computer that has time for its machines. */
export function aimOfTrials(trials: readonly TrialResult[]): Check[] {
  const late = trials.filter((trial) => isWhole(trial) && !isInTime(trial));
  const real = trials.filter((trial) => isWhole(trial) && trial.wires !== null);
  const ownRuns = real.filter((trial) => isAsVirtual(trial)).length;
  return [
    none(
      'trials so late that they are compared with virtual runs of their own ticks, not of exact ones',
      late.map((trial) => `${trial.plan.name} (${Math.round(lateShare(trial) * 1000) / 10} % of its ticks out of their order)`),
    ),
    check('trials that are tick for tick the virtual run of their seed', ownRuns === real.length, real.length, ownRuns),
  ];
}

/** So few late ticks leave clocks and queues what they would be, but for a tick. */
const lateShareMax = 0.01;
const isInTime = (trial: TrialResult): boolean => trial.wires === null || lateShare(trial) <= lateShareMax || isAsVirtual(trial);

/** The share of ticks that were made after the next machine's in the order of the model, so that what they sent came too late for it. */
function lateShare({ plan, machines }: TrialResult): number {
  const step = stepSeconds(plan.rates, plan.relayRate);
  let [late, all] = [0, 0];
  for (const [index, { figures, trace }] of machines.entries()) {
    for (const { fields } of ticksOf(trace)) {
      all++;
      if ((fields['seconds'] as number) - (fields['tick'] as number) / figures.rate - index * step > step) late++;
    }
  }
  return all === 0 ? 0 : late / all;
}

/** The same events with the same clocks and queues at every tick. */
function isAsVirtual({ plan, machines }: TrialResult): boolean {
  const ticks = machines.map(({ trace }) => ticksOf(trace));
  const at = ticks.map(() => 0);
  let isSame = true;
  runModel(plan, (machine, _atSeconds, event) => {
    const index = at[machine] as number;
    const own = ticks[machine]?.[index];
    at[machine] = index + 1;
    isSame &&= own?.kind === event.kind && own.fields['clock'] === event.clock && own.fields['queue'] === event.queue;
  });
  return isSame && at.every((count, machine) => count === ticks[machine]?.length);
}

/** Of the mean of many virtual runs; what the trials gave stands beside it. */
export function judgeClaims(preset: Preset, number: number, trials: readonly TrialResult[], oracle: Oracle): Check[] {
  return preset.claims.map((claim) => {
    const { got, ok } = claim.judge(oracle.means);
    const own = trials
      .filter((trial) => isWhole(trial) && trial.plan.seconds === preset.seconds)
      .map((trial) => claim.judge(trial.machines.map(({ figures }) => figures)).got);
    const beside = own.length === 0 ? '' : `; ${own.length === 1 ? 'this trial' : 'these trials'}: ${own.join('; ')}`;
    return {
      name: `preset ${number}: ${claim.name}`,
      expected: claim.expected,
      got: `${got} (mean of ${oracleRuns} virtual)${beside}`,
      ok,
    };
  });
}

const none = (name: string, found: readonly string[]): Check =>
  check(
    name,
    found.length === 0,
    0,
    found.length === 0 ? 0 : `${found.length}: ${found.slice(0, 5).join('; ')}${found.length > 5 ? '; ...' : ''}`,
  );

/** All of its machines lived as long as it did. */
const isWhole = ({ machines, wires }: TrialResult): boolean =>
  machines.every((machine) => machine.died === null) && (wires?.relayDied ?? null) === null;

function died(trials: readonly TrialResult[]): string[] {
  return trials.flatMap((trial) => {
    const relayDied = trial.wires?.relayDied ?? null;
    const relay = relayDied === null ? [] : [`${trial.plan.name}, the relay ${relayDied}`];
    return [
      ...trial.machines.flatMap((machine, index) => (machine.died === null ? [] : [`${machineName(trial, index)} ${machine.died}`])),
      ...relay,
    ];
  });
}

function wrongTicks(trials: readonly TrialResult[]): string[] {
  return ofMachines(trials, ({ figures, died: end }, { plan }) => {
    const expected = figures.rate * plan.seconds;
    return end !== null || Math.abs(figures.ticks - expected) <= 1 ? null : `${figures.ticks} ticks instead of ${expected}`;
  });
}

const badMessages = (trials: readonly TrialResult[]): string[] =>
  ofMachines(trials, (machine) => (machine.badMessages === 0 ? null : `${machine.badMessages} (see its log)`));

function ofMachines(trials: readonly TrialResult[], problemOf: (machine: MachineResult, trial: TrialResult) => string | null): string[] {
  return trials.flatMap((trial) =>
    trial.machines.flatMap((machine, index) => {
      const problem = problemOf(machine, trial);
      return problem === null ? [] : [`${machineName(trial, index)}: ${problem}`];
    }),
  );
}

function lostMessages(trials: readonly TrialResult[]): string[] {
  return trials.flatMap(({ plan, machines, relayQueue }) => {
    const sent = machines.reduce((sum, { figures }) => sum + figures.sent, 0);
    const came = machines.reduce((sum, { figures }) => sum + figures.arrivals, 0);
    const lost = sent - came - relayQueue;
    return lost === 0 ? [] : [`${plan.name}: ${lost} of ${sent}`];
  });
}

interface Ordered {
  readonly trial: TrialResult;
  /** Null with a reason where the logs contradict one another. */
  readonly order: OrderedTrace | null;
  readonly problem: string;
}

function orderOf(trial: TrialResult): Ordered {
  const order = orderTrace(trial.machines.flatMap(({ trace }) => trace));
  return order.ok ? { trial, order: order.value, problem: '' } : { trial, order: null, problem: order.error };
}

/** Lamport's condition, on every arrow of the trial. */
function clocksOutOfOrder({ trial, order, problem }: Ordered): string[] {
  if (order === null) return [`${trial.plan.name}: ${problem}`];
  return order.events.flatMap((event, index) => {
    const send = order.events[order.sendOf[index] as number];
    if (send === undefined || (send.fields['clock'] as number) < (event.fields['clock'] as number)) return [];
    return [
      `${trial.plan.name}: ${send.process} sent ${String(send.fields['clock'])}, ${event.process} had ${String(event.fields['clock'])}`,
    ];
  });
}

/** What had happened on all machines by a moment is a consistent cut, if they have one time: nothing had come that was not sent. */
function inconsistentCuts({ trial, order, problem }: Ordered): string[] {
  if (order === null) return [`${trial.plan.name}: ${problem}`];
  const { plan } = trial;
  const eventsOf = order.processes.map((_, process) => [...order.events.keys()].filter((index) => order.processOf[index] === process));
  return Array.from({ length: plan.seconds }, (_, second) => second + 1).flatMap((second) => {
    const last = eventsOf.map((events) => {
      const index = events.findLast((event) => (order.events[event]?.fields['seconds'] as number) <= second);
      return order.processes.map((_, process) => (index === undefined ? 0 : order.knows(index, process)));
    });
    return isConsistentCut(last) ? [] : [`${plan.name} at ${second} s`];
  });
}

/** One tick more than what these virtual runs gave is allowed: real ticks that fall together do so in any order. */
function outliers(trials: readonly TrialResult[], oraclesOf: (trial: TrialResult) => readonly Oracle[]): string[] {
  return trials.flatMap((trial) => {
    const oracles = oraclesOf(trial);
    return ofMachines([trial], ({ figures }, { machines }) => {
      const index = machines.findIndex((machine) => machine.figures === figures);
      const outside = (name: 'clock' | 'queue', slack: number): string[] => {
        const spreads = oracles.map((oracle) => oracle.spread(index, name));
        const least = Math.min(...spreads.map((spread) => spread.least));
        const greatest = Math.max(...spreads.map((spread) => spread.greatest));
        const value = figures[name];
        return value >= least - slack && value <= greatest + slack ? [] : [`${name} ${value}, not ${least} to ${greatest}`];
      };
      const problems = [...outside('clock', Math.max(1, figures.meanJump)), ...outside('queue', 1)];
      return problems.length === 0 ? null : problems.join(', ');
    });
  });
}
