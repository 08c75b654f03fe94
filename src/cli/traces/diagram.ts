/** A stretch of a trace as a space-time diagram: an SVG, or a page where it can be looked at closely. */
import type { SpaceTime, SpaceTimeEvent, SpaceTimeFault } from '../../chart/index.ts';
import { describeTraceEvent, type OrderedTrace, type Stretch, type TraceEvent } from '../../clocks/index.ts';

export interface DiagramOptions {
  readonly title: string;
  /** Of what clock the times are. */
  readonly times: string;
  /** Said below the picture. */
  readonly notes: readonly string[];
  readonly eventsMax: number;
}

const notableKinds = new Set([
  'killed',
  'died',
  'stopped',
  'start',
  'started',
  'fault',
  'violation',
  'submit',
  'append',
  'duplicate',
  'cut',
  'handover',
]);
const quietKinds = new Set(['send', 'receive', 'linkUp', 'linkLost']);
/** What ends a process, until it starts again. */
const downKinds = new Set(['killed', 'died', 'stopped']);

/** The events are called by their index in the trace. */
export function spaceTimeOf(trace: OrderedTrace, times: Float64Array, stretch: Stretch, options: DiagramOptions): SpaceTime {
  const { events, processes, processOf, sendOf, receiveOf } = trace;
  const drawn = new Set(stretch.events);
  const processesDrawn = processes.filter((name) => stretch.events.some((index) => events[index]?.process === name));
  const from = stretch.fromMs;
  const nameOf = kindsOf(stretch.events.flatMap((index) => events[index]?.fields['message'] ?? []).map(String));
  const at = (index: number): number => (times[index] as number) - from;
  const messages = stretch.events.flatMap((index): SpaceTime['messages'] => {
    const { kind, link, fields } = events[index] as TraceEvent;
    const name = nameOf(String(fields['message'] ?? 'message'));
    if (kind === 'receive') {
      const send = sendOf[index] as number;
      if (send >= 0 && drawn.has(send)) return [{ kind: name, from: String(send), to: String(index) }];
      return [{ kind: name, from: null, to: String(index), ...otherEnd(link?.from, processesDrawn) }];
    }
    if (kind !== 'send') return [];
    const received = receiveOf[index] as number;
    if (received >= 0 && drawn.has(received)) return [];
    return [{ kind: name, from: String(index), to: null, ...otherEnd(link?.to, processesDrawn) }];
  });
  return {
    kind: 'space-time',
    title: options.title,
    timeTitle: `ms from ${(from / 1000).toFixed(3)} s of the trace on`,
    processes: processesDrawn.map((id) => ({ id, label: id })),
    events: stretch.events.map((index): SpaceTimeEvent => {
      const event = events[index] as TraceEvent;
      return {
        id: String(index),
        process: processes[processOf[index] as number] as string,
        at: at(index),
        label: labelOf(event),
        tone: toneOf(event),
      };
    }),
    messages,
    faults: faultsOf(trace, times, stretch, new Set(processesDrawn)),
    from: 0,
    to: stretch.toMs - from,
    eventsMax: options.eventsMax,
    note: [`Times are ${options.times}.`, ...options.notes].join(' '),
  };
}

/** More sorts of messages than a legend can have are one: a trace may be anybody's. */
function kindsOf(names: readonly string[]): (name: string) => string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const often = new Set([...counts].sort(([, a], [, b]) => b - a).flatMap(([name], index) => (index < kindsMax ? [name] : [])));
  return (name) => (counts.size <= kindsMax || often.has(name) ? name : 'other');
}

const kindsMax = 24;

const otherEnd = (process: string | undefined, drawn: readonly string[]): { readonly other?: string } =>
  process === undefined || !drawn.includes(process) ? {} : { other: process };

function toneOf({ kind, fields }: TraceEvent): SpaceTimeEvent['tone'] {
  if (kind === 'role') return fields['role'] === 'follower' ? 'plain' : 'notable';
  if (quietKinds.has(kind)) return 'quiet';
  return notableKinds.has(kind) ? 'notable' : 'plain';
}

/** Short: the whole event is in what the page shows. */
function labelOf(event: TraceEvent): string {
  const { kind, fields } = event;
  const text = (name: string): string => String(fields[name] ?? '');
  switch (kind) {
    case 'send':
    case 'receive':
      return describeTraceEvent(event);
    case 'role':
      return `${text('role')}, term ${text('term')}`;
    case 'append':
      return `appends ${text('offsetFrom')}`;
    case 'duplicate':
      return `has it already: ${text('offsetFrom')}`;
    case 'submit':
      return fields['attempt'] === 1 ? 'submits' : `submits again (${text('attempt')})`;
    case 'stored':
      return `stored to ${text('end')}`;
    case 'commit':
      return `committed to ${text('highWatermark')}`;
    case 'violation':
      return `VIOLATED: ${text('check')}`;
    case 'fault':
    case 'begins':
    case 'ends':
      return text(kind === 'fault' ? 'fault' : 'what');
    default:
      return kind;
  }
}

/**
 * From what ends a process to its next start, or from the fault switch to its end, whether or not these are in the stretch, and what the simulator did that
 * lasted.
 */
function faultsOf(
  trace: OrderedTrace,
  times: Float64Array,
  { fromMs, toMs }: Stretch,
  drawn: ReadonlySet<string>,
): readonly SpaceTimeFault[] {
  const faults: SpaceTimeFault[] = [];
  const open = new Map<
    string,
    { readonly process: string | null; readonly label: string; readonly atMs: number; readonly isDown: boolean }
  >();
  const close = (key: string, atMs: number | null): void => {
    const fault = open.get(key);
    open.delete(key);
    if (fault === undefined || fault.atMs > toMs || (atMs ?? toMs) < fromMs) return;
    const { process, label, isDown } = fault;
    faults.push({
      process,
      label,
      isDown,
      from: Math.max(0, fault.atMs - fromMs),
      to: atMs === null || atMs > toMs ? null : atMs - fromMs,
    });
  };
  trace.events.forEach(({ kind, process, fields }, index) => {
    const atMs = times[index] as number;
    const fault = kind === 'fault' ? fields['fault'] : null;
    if (fault === 'crashed') open.set(`down ${process}`, { process, label: 'crashed', atMs, isDown: true });
    else if (fault === 'recovered') close(`down ${process}`, atMs);
    else if (downKinds.has(kind)) open.set(`down ${process}`, { process, label: kind, atMs, isDown: true });
    else if (kind === 'start' || kind === 'started') close(`down ${process}`, atMs);
    else if (kind === 'begins') open.set(`lasts ${String(fields['what'])}`, { ...placeOf(fields['what'], drawn), atMs, isDown: false });
    else if (kind === 'ends') close(`lasts ${String(fields['what'])}`, atMs);
    else if (kind === 'healed') for (const key of open.keys()) if (key.startsWith('lasts ')) close(key, atMs);
  });
  for (const key of open.keys()) close(key, null);
  return faults.filter(({ process }) => process === null || drawn.has(process));
}

/** "pause 3" is about broker 3. */
function placeOf(what: unknown, drawn: ReadonlySet<string>): { readonly process: string | null; readonly label: string } {
  const [, label = String(what), id = ''] = /^(.*?) (\d+)$/.exec(String(what)) ?? [];
  const process = `broker-${id}`;
  return drawn.has(process) ? { process, label } : { process: null, label: String(what) };
}

/** A page with the picture, larger or smaller by the wheel, where an event that is pointed at lights what it follows from and what follows from it. */
export function renderDiagramPage(picture: SpaceTime, svg: string, trace: OrderedTrace): string {
  const { processes, events, processOf, placeOf: placeIn } = trace;
  const facts = picture.events.map(({ id }) => {
    const index = Number(id);
    return [
      index,
      processOf[index],
      placeIn[index],
      processes.map((_, at) => trace.knows(index, at)),
      describeTraceEvent(events[index] as TraceEvent),
    ];
  });
  return diagramPage(picture.title, svg, JSON.stringify(facts));
}

function diagramPage(title: string, svg: string, facts: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style></head>
<body><p id="said">The wheel makes it larger, dragging moves it, a double click shows all. Point at an event: what it follows from is blue, what follows from it is orange.</p>
<div id="picture">${svg}</div>
<script type="application/json" id="facts">${facts.replaceAll('<', String.raw`\u003c`)}</script>
<script>${pageScript}</script>
</body></html>
`;
}

const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const pageStyle = `html,body{margin:0;height:100%;font:15px/1.4 system-ui,"DejaVu Sans",sans-serif;background:light-dark(#fff,#151a18);color:light-dark(#222,#e7ebe9);color-scheme:light dark}
body{display:flex;flex-direction:column}#said{margin:0;padding:8px 14px;border-bottom:1px solid light-dark(#ddd,#2e3633);min-height:2.8em}
#picture{flex:1;overflow:hidden;cursor:grab}#picture svg{width:100%;height:100%}
.lit .event,.lit .message{opacity:.15}.lit .cause,.lit .effect,.lit .self{opacity:1}
.event{cursor:pointer}.cause circle,.cause path{fill:light-dark(#0072b2,#56a8e0)}.effect circle,.effect path{fill:light-dark(#d55e00,#f28a3c)}.self circle,.self path{fill:#f0b400;stroke:light-dark(#222,#e7ebe9)}`;

const pageScript = `(() => {
const svg = document.querySelector('#picture svg'), said = document.getElementById('said');
const facts = new Map(JSON.parse(document.getElementById('facts').textContent).map(([id, process, place, knows, text]) => [String(id), { process, place, knows, text }]));
const before = (a, b) => a !== b && b.knows[a.process] >= a.place;
const events = [...svg.querySelectorAll('.event')], messages = [...svg.querySelectorAll('.message')];
const of = (self, id) => { const other = facts.get(id); return other === undefined ? '' : other === self ? 'self' : before(other, self) ? 'cause' : before(self, other) ? 'effect' : ''; };
const clear = () => { svg.classList.remove('lit'); for (const each of [...events, ...messages]) each.classList.remove('cause', 'effect', 'self'); };
const light = (id) => {
  const self = facts.get(id); clear(); if (self === undefined) return;
  svg.classList.add('lit'); let causes = 0, effects = 0;
  for (const each of events) { const word = of(self, each.dataset.id); if (word) each.classList.add(word); causes += word === 'cause'; effects += word === 'effect'; }
  for (const each of messages) {
    const ends = [of(self, each.dataset.from), of(self, each.dataset.to)];
    if ((ends[0] === 'cause' || ends[0] === 'self') && (ends[1] === 'cause' || ends[1] === 'self')) each.classList.add(ends[1] === 'self' || ends[1] === 'cause' ? 'cause' : 'effect');
    else if ((ends[0] === 'effect' || ends[0] === 'self') && ends[1] === 'effect') each.classList.add('effect');
  }
  said.textContent = self.text + ' (of the events shown ' + causes + ' happened before it, ' + effects + ' after it because of it)';
};
for (const each of events) { each.addEventListener('pointerenter', () => light(each.dataset.id)); each.addEventListener('pointerleave', clear); }
const whole = svg.viewBox.baseVal, home = [whole.x, whole.y, whole.width, whole.height]; let view = [...home];
const show = () => svg.setAttribute('viewBox', view.join(' '));
const at = (event) => { const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()); return [point.x, point.y]; };
svg.addEventListener('wheel', (event) => { event.preventDefault(); const [x, y] = at(event), by = Math.exp(event.deltaY * 0.0015), most = home[2] * 1.5;
  const width = Math.min(most, Math.max(home[2] / 60, view[2] * by)), scale = width / view[2];
  view = [x - (x - view[0]) * scale, y - (y - view[1]) * scale, width, view[3] * scale]; show(); }, { passive: false });
let held = null;
svg.addEventListener('pointerdown', (event) => { held = at(event); svg.setPointerCapture(event.pointerId); });
svg.addEventListener('pointermove', (event) => { if (held === null) return; const [x, y] = at(event); view[0] += held[0] - x; view[1] += held[1] - y; show(); });
svg.addEventListener('pointerup', () => { held = null; });
svg.addEventListener('dblclick', () => { view = [...home]; show(); });
})();`;
