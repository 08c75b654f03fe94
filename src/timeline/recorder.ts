import { DelayCollector } from './delays.ts';
import { type DelayFields, type NodeName, type NodeRow, type TimelineHeader, timelineVersion, type TotalRow } from './format.ts';

export interface RecorderOptions {
  readonly port: number;
  readonly scenario: string | null;
  /** Seconds by a clock that only counts. */
  readonly monotonicS: () => number;
  /** Begins the file; `startS` is when the first connection was accepted. Gives what appends whole lines. */
  readonly open: (startS: number) => (text: string) => void;
  /** Lines on a majority's disks and lines given up, since the start; null without a topic. */
  readonly storedCounts: () => { readonly stored: number; readonly unstored: number } | null;
}

interface NodeSecond {
  readonly node: string;
  readonly address: string;
  readonly delays: DelayCollector;
  events: number;
  untimed: number;
  bytes: number;
}

/** Rows are written so long after their second's end. */
const rowDelayMs = 5;
/** A process that was stopped for days must not fill the disk with empty seconds. */
const emptySecondsMax = 100_000;

/** Counts what a logger receives and prints, and writes a row for each second. */
export class TimelineRecorder {
  readonly #options: RecorderOptions;
  #append: ((text: string) => void) | null = null;
  /** By the clock that only counts. */
  #startedS = 0;
  #second = 0;
  #timer: NodeJS.Timeout | null = null;
  /** By connection; those without bytes in a second are taken out at its end. */
  readonly #nodes = new Map<number, NodeSecond>();
  /** The one asked for last: a read brings many lines of one connection. */
  #lastId = -1;
  #last: NodeSecond | null = null;
  #bytes = 0;
  #printed = 0;
  #connected = 0;
  #joined: NodeName[] = [];
  #left: NodeName[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** The first connection begins the run. */
  accepted(atS: number): void {
    if (this.#append !== null) return;
    const { port, scenario, open } = this.#options;
    this.#startedS = this.#options.monotonicS();
    this.#append = open(atS);
    const start = Math.round(atS * 1e6) / 1e6;
    const header: TimelineHeader = { cairn: 'timeline', version: timelineVersion, start, port, scenario };
    this.#append(`${JSON.stringify(header)}\n`);
    this.#schedule();
  }

  connected(node: string, address: string): void {
    this.#connected++;
    this.#joined.push([node, address]);
  }

  disconnected(node: string, address: string): void {
    this.#connected--;
    this.#left.push([node, address]);
  }

  received(bytes: number): void {
    this.#roll();
    this.#bytes += bytes;
  }

  receivedFrom(id: number, node: string, address: string, bytes: number): void {
    this.#nodeOf(id, node, address).bytes += bytes;
  }

  /** An event is printed now. `seconds` is its own time, NaN if it has none. */
  event(id: number, node: string, address: string, seconds: number, nowS: number): void {
    const entry = this.#nodeOf(id, node, address);
    entry.events++;
    this.#printed++;
    if (Number.isNaN(seconds)) entry.untimed++;
    else entry.delays.add((nowS - seconds) * 1000);
  }

  /** Writes the seconds that are over, and with `isEnd` what there is of the one under way. */
  flush(isEnd = false): void {
    if (this.#append === null) return;
    this.#roll();
    if (!isEnd) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#writeRows(this.#second, this.#options.monotonicS() - this.#startedS - this.#second);
  }

  #nodeOf(id: number, node: string, address: string): NodeSecond {
    if (this.#lastId === id && this.#last !== null) return this.#last;
    let entry = this.#nodes.get(id);
    if (entry === undefined) {
      entry = { node, address, delays: new DelayCollector(), events: 0, untimed: 0, bytes: 0 };
      this.#nodes.set(id, entry);
    }
    this.#lastId = id;
    this.#last = entry;
    return entry;
  }

  #schedule(): void {
    const endS = this.#startedS + this.#second + 1;
    const waitMs = Math.min(Math.max(1, (endS - this.#options.monotonicS()) * 1000 + rowDelayMs), 1_000 + rowDelayMs);
    this.#timer = setTimeout(() => {
      this.flush();
      this.#schedule();
    }, waitMs);
    this.#timer.unref();
  }

  #roll(): void {
    const second = Math.floor(this.#options.monotonicS() - this.#startedS);
    if (this.#append === null || second <= this.#second) return;
    this.#writeRows(this.#second);
    const from = Math.max(this.#second + 1, second - emptySecondsMax);
    if (from < second) {
      let text = '';
      for (let empty = from; empty < second; empty++) text += `${JSON.stringify(this.#totalRow(empty, new DelayCollector(), 0, 0))}\n`;
      this.#append(text);
    }
    this.#second = second;
  }

  #writeRows(second: number, part = 1): void {
    this.#last = null;
    const all = new DelayCollector();
    const rows: NodeRow[] = [];
    let events = 0;
    let untimed = 0;
    for (const [id, entry] of this.#nodes) {
      if (entry.bytes === 0 && entry.events === 0) {
        this.#nodes.delete(id);
        continue;
      }
      events += entry.events;
      untimed += entry.untimed;
      all.merge(entry.delays);
      const { node, address } = entry;
      rows.push({ second, node, address, ...fieldsOf(entry.delays, entry.events, entry.untimed, entry.bytes) });
      entry.delays.clear();
      entry.events = 0;
      entry.untimed = 0;
      entry.bytes = 0;
    }
    const total = this.#totalRow(second, all, events, untimed, part);
    this.#bytes = 0;
    this.#joined = [];
    this.#left = [];
    this.#append?.([total, ...rows].map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  #totalRow(second: number, delays: DelayCollector, events: number, untimed: number, part = 1): TotalRow {
    const counts = this.#options.storedCounts();
    return {
      second,
      node: null,
      address: null,
      ...fieldsOf(delays, events, untimed, this.#bytes),
      ...(part < 1 ? { part: Math.round(part * 1000) / 1000 } : {}),
      nodes: this.#connected,
      printed: this.#printed,
      stored: counts?.stored ?? null,
      unstored: counts?.unstored ?? 0,
      joined: this.#joined,
      left: this.#left,
    };
  }
}

function fieldsOf(delays: DelayCollector, events: number, untimed: number, bytes: number): DelayFields {
  const summary = delays.summarise();
  const counts = { events, untimed, bytes };
  if (summary === null) return { ...counts, minMs: null, medianMs: null, p90Ms: null, maxMs: null, exact: true, negative: 0 };
  const { min, median, p90, max, exact, negative } = summary;
  return { ...counts, minMs: round(min), medianMs: round(median), p90Ms: round(p90), maxMs: round(max), exact, negative };
}

/** A tenth of a microsecond: finer than the clocks. */
const round = (ms: number): number => Math.round(ms * 1e4) / 1e4;
