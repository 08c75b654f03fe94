import { axisColor, dashOf, drawXTicks, type LegendItem, makeFrame, pictureWidth, rangeOf, round, strokeOf, withRoom } from './frame.ts';
import { exactScale, type Scale } from './scale.ts';
import { inLines, shorten, textWidth } from './text.ts';
import { escapeXml } from './xml.ts';

/** Who did what when, and what reached whom: processes as lines from left to right, events on them, messages as arrows between events. */
export interface SpaceTime {
  readonly kind: 'space-time';
  readonly title: string;
  /** What the axis shows, with its unit, and how it was come by; all times are in that unit, best from the beginning of the stretch on. */
  readonly timeTitle: string;
  /** From the top down. */
  readonly processes: readonly { readonly id: string; readonly label: string }[];
  readonly events: readonly SpaceTimeEvent[];
  readonly messages: readonly SpaceTimeMessage[];
  readonly faults?: readonly SpaceTimeFault[];
  /** The stretch to draw; what is outside is left out. As wide as the events and faults are, when it is not given. */
  readonly from?: number;
  readonly to?: number;
  /** Of the first so many events a picture is made, and it says how many there were. */
  readonly eventsMax?: number;
  /** In pixels; 1200 unless given. */
  readonly width?: number;
  readonly note?: string;
}

export interface SpaceTimeEvent {
  readonly id: string;
  /** The id of its process. */
  readonly process: string;
  readonly at: number;
  readonly label: string;
  /** `notable` ones are diamonds, and the first to get room for their label; `plain` ones are dots with a label where there is room; `quiet` ones are dots. */
  readonly tone: 'notable' | 'plain' | 'quiet';
}

interface SpaceTimeMessage {
  /** What sort of message: each has its colour and its line in the legend. */
  readonly kind: string;
  /** Ids of events. Null where the trace does not hold that end: an arrow from or into nowhere. */
  readonly from: string | null;
  readonly to: string | null;
  /** The process at the end that is null. */
  readonly other?: string;
}

export interface SpaceTimeFault {
  /** Null: it is about all of them. */
  readonly process: string | null;
  readonly from: number;
  /** Null: to the end of the stretch. */
  readonly to: number | null;
  readonly label: string;
  /** Whether the process does not run meanwhile. */
  readonly isDown: boolean;
}

export type SpaceTimeResult =
  | {
      readonly ok: true;
      readonly svg: string /** How many of how many events of the stretch. */;
      readonly drawn: number;
      readonly of: number;
    }
  /** A sentence for people: what cannot be drawn, and why. */
  | { readonly ok: false; readonly problem: string };

const eventsMaxUsual = 500;
const processesMax = 40;
const rowHeight = 112;
const laneHeight = 17;
/** Of labels over each process line. */
const lanes = 3;
const labelSize = 13;
const nameWidthMax = 200;
const faultColor = '#c0392b';
const halo = 'stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"';
/** How far an arrow goes whose other end is not known. */
const stubLength = 34;

/**
 * An SVG that stands alone. Its elements say what they are, for a page that wants to light causes and effects: `g.event` has `data-id`, `data-process`
 * and `data-at`, `g.message` has `data-kind`, `data-from` and `data-to` (ids of events), `rect.fault` has `data-process`; each has a `<title>`.
 */
export function renderSpaceTime(diagram: SpaceTime): SpaceTimeResult {
  const problem = findProblem(diagram);
  if (problem !== null) return { ok: false, problem: `Cannot draw "${diagram.title}": ${problem}` };
  const [from, to] = stretchOf(diagram);
  const inside = diagram.events.filter(({ at }) => at >= from && at <= to).toSorted((a, b) => a.at - b.at);
  if (inside.length === 0) return { ok: false, problem: `Cannot draw "${diagram.title}": ${whyEmpty(diagram, from, to)}` };
  const events = inside.slice(0, diagram.eventsMax ?? eventsMaxUsual);
  return { ok: true, svg: draw(diagram, events, from, to, inside.length), drawn: events.length, of: inside.length };
}

function findProblem({ processes, events, messages, faults = [] }: SpaceTime): string | null {
  if (processes.length === 0) return 'there is no process';
  if (processes.length > processesMax)
    return `${processes.length} processes are too many for one picture, at most ${processesMax} are drawn`;
  const known = new Set(processes.map(({ id }) => id));
  const ids = new Set<string>();
  for (const { id, process, at } of events) {
    if (!known.has(process)) return `event ${id} is of process ${process}, which is not among those drawn`;
    if (!Number.isFinite(at)) return `event ${id} has no time`;
    if (ids.has(id)) return `two events are called ${id}`;
    ids.add(id);
  }
  for (const { from, to } of messages) {
    const missing = [from, to].find((end) => end !== null && !ids.has(end));
    if (missing !== undefined) return `a message names event ${missing ?? ''}, which is not there`;
    if (from === null && to === null) return 'a message has neither end';
  }
  const foreign = faults.find(({ process }) => process !== null && !known.has(process));
  return foreign === undefined ? null : `fault "${foreign.label}" is of process ${foreign.process ?? ''}, which is not among those drawn`;
}

function stretchOf({ events, faults = [], from, to }: SpaceTime): readonly [number, number] {
  const times = [...events.map(({ at }) => at), ...faults.flatMap((fault) => [fault.from, ...(fault.to === null ? [] : [fault.to])])];
  const [least, greatest] = rangeOf(times);
  return [from ?? least, to ?? greatest];
}

function whyEmpty({ events }: SpaceTime, from: number, to: number): string {
  if (events.length === 0) return 'there is no event';
  const [least, greatest] = rangeOf(events.map(({ at }) => at));
  return `no event is between ${from} and ${to}; there are ${events.length}, from ${least} to ${greatest}`;
}

interface Place {
  readonly x: (at: number) => number;
  readonly y: (process: string) => number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function draw(diagram: SpaceTime, events: readonly SpaceTimeEvent[], from: number, toWanted: number, of: number): string {
  // When not all events are drawn, the picture ends with the last that is.
  const to = events.length < of ? (events.at(-1) as SpaceTimeEvent).at : toWanted;
  const faults = (diagram.faults ?? []).filter((fault) => fault.from <= to && (fault.to ?? to) >= from);
  const known = new Map(events.map((event) => [event.id, event]));
  const messages = diagram.messages.filter((message) => [message.from, message.to].some((id) => id !== null && known.has(id)));
  const kinds = [...new Set(messages.map(({ kind }) => kind))];
  const names = diagram.processes.map(({ label }) => shorten(label, nameWidthMax));
  const left = events.length < of ? [`The first ${events.length} of ${of} events: a shorter stretch shows all of them.`] : [];
  const note = [...left, ...(diagram.note === undefined ? [] : [diagram.note])].join(' ');
  const hasWide = faults.some(({ process }) => process === null);
  const plotHeight = diagram.processes.length * rowHeight + (hasWide ? laneHeight : 0) + 12;
  const { area, wrap } = makeFrame({
    title: diagram.title,
    xTitle: diagram.timeTitle,
    yTitle: null,
    note: note === '' ? undefined : note,
    legend: legendOf(kinds, events, faults),
    leftLabels: names,
    plotHeight,
    width: diagram.width ?? pictureWidth,
  });
  const pad = 14;
  const scale = timeScale(from, to, area.left + pad, area.right - pad);
  const rowOf = new Map(
    diagram.processes.map(({ id }, index) => [id, area.top + (hasWide ? laneHeight : 0) + index * rowHeight + rowHeight * 0.64]),
  );
  const place: Place = { ...area, x: scale.at, y: (process) => rowOf.get(process) as number };

  const lines = messages.map((message) => lineOf(message, known, diagram, place));
  const rows = diagram.processes.map(({ id, label }, index) => {
    const y = round(place.y(id));
    return `<g class="process" data-id="${escapeXml(id)}"><title>${escapeXml(label)}</title><line x1="${area.left}" x2="${area.right}" y1="${y}" y2="${y}" stroke="${axisColor}" stroke-width="1.5"/><text class="process-name" x="${area.left - 12}" y="${y + 5}" text-anchor="end">${escapeXml(names[index] ?? '')}</text></g>`;
  });
  const axis = `<line class="axis" x1="${area.left}" x2="${area.right}" y1="${area.bottom}" y2="${area.bottom}" stroke="${axisColor}"/>`;
  return wrap(
    [
      axis,
      drawXTicks(scale, area.bottom),
      ...rows,
      ...faults.map((fault) => drawFault(fault, to, place)),
      ...messages.map((message, index) => drawMessage(message, kinds.indexOf(message.kind), lines[index] as MessageLine)),
      ...events.map((event) => drawEvent(event, place)),
      ...faultLabels(faults, place),
      ...eventLabels(diagram.processes, events, lines, place),
    ].join('\n'),
  );
}

const timeScale = (from: number, to: number, left: number, right: number): Scale =>
  to > from ? withRoom((count) => exactScale(from, to, left, right, count), 10) : exactScale(from - 0.5, from + 0.5, left, right, 2);

function legendOf(kinds: readonly string[], events: readonly SpaceTimeEvent[], faults: readonly SpaceTimeFault[]): readonly LegendItem[] {
  const items: LegendItem[] = kinds.map((label, index) => ({
    label,
    sample: (x, y) => arrow([x, y], [x + 34, y], strokeOf(index)),
  }));
  if (events.some(({ tone }) => tone !== 'notable')) items.push({ label: 'event', sample: (x, y) => dot(x + 24, y, 'plain') });
  if (events.some(({ tone }) => tone === 'notable')) items.push({ label: 'notable event', sample: (x, y) => dot(x + 24, y, 'notable') });
  if (faults.length > 0) {
    items.push({
      label: 'fault',
      sample: (x, y) =>
        `<rect x="${round(x)}" y="${y - 8}" width="34" height="16" fill="${faultColor}" fill-opacity="0.18"/>${cross(x + 6, y)}`,
    });
  }
  return items;
}

function drawFault({ process, from, to: end, label, isDown }: SpaceTimeFault, to: number, place: Place): string {
  const x1 = Math.max(place.left, place.x(from));
  const x2 = Math.max(x1 + 2, Math.min(place.right, end === null ? place.right : place.x(Math.min(end, to))));
  const [y1, y2] = process === null ? [place.top, place.bottom] : [place.y(process) - 13, place.y(process) + 13];
  const name = `data-process="${escapeXml(process ?? '')}"`;
  const rect = `<rect class="fault" ${name} x="${round(x1)}" y="${round(y1)}" width="${round(x2 - x1)}" height="${round(y2 - y1)}" fill="${faultColor}" fill-opacity="${process === null ? 0.08 : 0.18}"><title>${escapeXml(label)}</title></rect>`;
  if (process === null) return rect;
  const y = round(place.y(process));
  // A line that is not whole is a process that does not run.
  const down = isDown
    ? `<line x1="${round(x1)}" x2="${round(x2)}" y1="${y}" y2="${y}" stroke="#ffffff" stroke-width="2.5" stroke-dasharray="5 5"/>`
    : '';
  return rect + down + cross(x1, y);
}

const cross = (x: number, y: number): string =>
  `<path class="fault-mark" d="M${round(x - 6)} ${round(y - 6)}l12 12m0 -12l-12 12" stroke="${faultColor}" stroke-width="2.5"/>`;

type Point = readonly [x: number, y: number];

/** Where a message's arrow goes. */
interface MessageLine {
  readonly from: Point;
  readonly to: Point;
  readonly isSent: boolean;
  readonly isReceived: boolean;
}

function lineOf(message: SpaceTimeMessage, known: ReadonlyMap<string, SpaceTimeEvent>, diagram: SpaceTime, place: Place): MessageLine {
  const sent = message.from === null ? undefined : known.get(message.from);
  const received = message.to === null ? undefined : known.get(message.to);
  const pointOf = ({ at, process }: SpaceTimeEvent): Point => [place.x(at), place.y(process)];
  const start = sent === undefined ? undefined : pointOf(sent);
  const end = received === undefined ? undefined : pointOf(received);
  const anchor = (start ?? end) as Point;
  // Where the other end is not drawn, the arrow points to its process, or away from the axis.
  const otherId = message.other ?? diagram.events.find(({ id }) => id === (sent === undefined ? message.from : message.to))?.process;
  const isUp = otherId !== undefined && diagram.processes.some(({ id }) => id === otherId) && place.y(otherId) < anchor[1];
  const slant = stubLength * (isUp ? -1 : 1);
  return {
    from: start ?? [anchor[0] - stubLength * 0.5, anchor[1] + slant],
    to: end ?? [anchor[0] + stubLength * 0.5, anchor[1] + slant],
    isSent: start !== undefined,
    isReceived: end !== undefined,
  };
}

function drawMessage(message: SpaceTimeMessage, kind: number, { from, to, isSent, isReceived }: MessageLine): string {
  const both = isSent && isReceived;
  const stroke = strokeOf(kind);
  const name = `data-kind="${escapeXml(message.kind)}" data-from="${escapeXml(message.from ?? '')}" data-to="${escapeXml(message.to ?? '')}"`;
  const title = both ? message.kind : `${message.kind}, ${isReceived ? 'whose sending' : 'whose arrival'} is not in the picture`;
  return `<g class="message${both ? '' : ' unpaired'}" ${name}><title>${escapeXml(title)}</title>${arrow(from, to, both ? stroke : { ...stroke, dash: '2 3' }, isReceived ? 5 : 0)}</g>`;
}

/** Its head ends so far before the end that the mark of an event there stays visible. */
function arrow([x1, y1]: Point, [x2, y2]: Point, { color, dash }: { readonly color: string; readonly dash: string }, before = 0): string {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [dx, dy] = length === 0 ? [1, 0] : [(x2 - x1) / length, (y2 - y1) / length];
  const [tipX, tipY] = [x2 - dx * before, y2 - dy * before];
  const [baseX, baseY] = [tipX - dx * 9, tipY - dy * 9];
  const head = `M${round(tipX)} ${round(tipY)}L${round(baseX - dy * 3.5)} ${round(baseY + dx * 3.5)}L${round(baseX + dy * 3.5)} ${round(baseY - dx * 3.5)}Z`;
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(baseX)}" y2="${round(baseY)}" stroke="${color}" stroke-width="1.6"${dashOf(dash)}/><path d="${head}" fill="${color}"/>`;
}

function drawEvent({ id, process, at, label, tone }: SpaceTimeEvent, place: Place): string {
  const name = `data-id="${escapeXml(id)}" data-process="${escapeXml(process)}" data-at="${at}"`;
  return `<g class="event ${tone}" ${name}><title>${escapeXml(label)}</title>${dot(place.x(at), place.y(process), tone)}</g>`;
}

function dot(x: number, y: number, tone: SpaceTimeEvent['tone']): string {
  if (tone === 'notable')
    return `<path d="M${round(x)} ${round(y - 8)}l8 8l-8 8l-8 -8z" fill="#f0b400" stroke="#222222" stroke-width="1.5"/>`;
  return `<circle cx="${round(x)}" cy="${round(y)}" r="4" fill="${tone === 'quiet' ? '#777777' : '#222222'}"/>`;
}

/**
 * Over the lines, those of notable events first. One without room is left out, and found by its mark; so is one of a plain event that an arrow would
 * cross. One of a notable event goes where the fewest arrows pass under it.
 */
function eventLabels(
  processes: SpaceTime['processes'],
  events: readonly SpaceTimeEvent[],
  lines: readonly MessageLine[],
  place: Place,
): readonly string[] {
  return processes.flatMap(({ id }) => {
    const taken: Span[][] = Array.from({ length: lanes }, () => []);
    const base = (lane: number): number => place.y(id) - 14 - lane * laneHeight;
    const own = events.filter(({ process, label, tone }) => process === id && label !== '' && tone !== 'quiet');
    const inOrder = [...own.filter(({ tone }) => tone === 'notable'), ...own.filter(({ tone }) => tone === 'plain')];
    return inOrder.flatMap(({ at, label, tone }) => {
      const size = tone === 'notable' ? labelSize : labelSize - 1;
      const width = textWidth(label, size, tone === 'notable');
      const places = placesFor(place.x(at), width, taken, place).map((found) => {
        const [top, bottom] = [base(found.lane) - size * 0.75, base(found.lane) + size * 0.2];
        return { ...found, crossings: lines.filter(({ from, to }) => crosses(from, to, [found.x, found.x + width], [top, bottom])).length };
      });
      const found = places.reduce<(typeof places)[number] | null>(
        (best, next) => (best === null || next.crossings < best.crossings ? next : best),
        null,
      );
      if (found === null || (tone === 'plain' && found.crossings > 0)) return [];
      taken[found.lane]?.push([found.x, found.x + width]);
      const strong = tone === 'notable' ? ' font-weight="bold"' : '';
      return [
        `<text class="event-label" x="${round(found.x)}" y="${round(base(found.lane))}" font-size="${size}"${strong} ${halo}>${escapeXml(label)}</text>`,
      ];
    });
  });
}

/** Under the lines, or at the top when they are about all processes. */
function faultLabels(faults: readonly SpaceTimeFault[], place: Place): readonly string[] {
  const takenBy = new Map<string | null, Span[]>();
  return faults.flatMap(({ process, from, label }) => {
    const taken = takenBy.get(process) ?? [];
    takenBy.set(process, taken);
    const width = textWidth(label, labelSize);
    const found = placesFor(Math.max(place.left, place.x(from)), width, [taken], place)[0];
    if (found === undefined) return [];
    taken.push([found.x, found.x + width]);
    const y = process === null ? place.top + laneHeight - 4 : place.y(process) + 29;
    return [
      `<text class="fault-label" x="${round(found.x)}" y="${round(y)}" font-size="${labelSize}" fill="${faultColor}" ${halo}>${escapeXml(label)}</text>`,
    ];
  });
}

type Span = readonly [low: number, high: number];

/** Where a label fits, the lowest lane first: beginning or ending at its event, or just beside it. */
function placesFor(
  at: number,
  width: number,
  taken: readonly (readonly Span[])[],
  { left, right }: Place,
): readonly { readonly x: number; readonly lane: number }[] {
  if (width > right - left) return [];
  const within = (x: number): number => Math.min(Math.max(left, x), right - width);
  return taken.flatMap((others, lane) =>
    [within(at - 4), within(at + 4 - width), within(at + 7), within(at - 7 - width)]
      .filter((from) => others.every(([low, high]) => from > high + 6 || from + width + 6 < low))
      .map((x) => ({ x, lane })),
  );
}

/** Whether a line goes through a box. */
function crosses([x1, y1]: Point, [x2, y2]: Point, [left, right]: Span, [top, bottom]: Span): boolean {
  // The part of the line, from 0 at its beginning to 1 at its end, that is within the box's columns and rows.
  const within = (start: number, end: number, low: number, high: number): Span => {
    if (start === end) return start >= low && start <= high ? [0, 1] : [1, 0];
    const [a, b] = [(low - start) / (end - start), (high - start) / (end - start)];
    return [Math.min(a, b), Math.max(a, b)];
  };
  const [columns, rows] = [within(x1, x2, left, right), within(y1, y2, top, bottom)];
  return Math.max(0, columns[0], rows[0]) <= Math.min(1, columns[1], rows[1]);
}

/** For those who must have a picture: the sentence in place of one. */
export function renderProblem(title: string, problem: string, width = pictureWidth): string {
  const { area, wrap } = makeFrame({
    title,
    xTitle: '',
    yTitle: null,
    note: undefined,
    legend: [],
    leftLabels: [],
    plotHeight: 120,
    width,
  });
  const lines = inLines(problem, area.right - area.left, 15).map(
    (line, index) =>
      `<text class="problem" x="${area.left}" y="${area.top + 30 + index * 22}" fill="${faultColor}">${escapeXml(line)}</text>`,
  );
  return wrap(lines.join('\n'));
}
