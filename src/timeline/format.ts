/**
 * The timeline file: JSON lines, only ever appended to, each written whole by one call, so that a killed logger leaves a file that parses but for at
 * most its last line. A header begins a run; a logger that is started again with the same file begins another run in it.
 *
 *     {"cairn":"timeline","version":1,"start":1610688413.743385,"port":1234,"scenario":null}
 *     {"second":0,"node":null,"address":null,"events":6,"untimed":0,"bytes":504,"minMs":0.1,"medianMs":0.21,"p90Ms":0.3,"maxMs":10.2,"exact":true,
 *      "negative":0,"nodes":3,"printed":6,"stored":6,"unstored":0,"joined":[["node1","10.0.0.7:40112"]],"left":[]}
 *     {"second":0,"node":"node1","address":"10.0.0.7:40112","events":2,"untimed":0,"bytes":166,"minMs":...,"negative":0}
 *
 * Second k is [start + k, start + k + 1) from the first accept, by a clock that only counts: one that is set does not stop it. An event counts in the second in which it is printed. Every second
 * has a row for the total (`node` null), and one for each connection that sent bytes in it. Delays are null where there is none. `nodes` are those connected at its end; `printed`,
 * `stored` and `unstored` count from the start; `joined` and `left` name connections. The row of a second within which the logger was told to end has `part`,
 * as much of the second as there was: 0.43.
 */
export const timelineVersion = 1;

export interface TimelineHeader {
  readonly cairn: 'timeline';
  readonly version: number;
  /** Seconds since 1970 of the first accept. */
  readonly start: number;
  readonly port: number;
  readonly scenario: string | null;
}

export interface DelayFields {
  readonly events: number;
  /** Events without a timestamp of their own: they have no delay. */
  readonly untimed: number;
  readonly bytes: number;
  readonly minMs: number | null;
  readonly medianMs: number | null;
  readonly p90Ms: number | null;
  readonly maxMs: number | null;
  readonly exact: boolean;
  /** Delays below zero: the node's clock is ahead of the logger's. */
  readonly negative: number;
}

export type NodeName = readonly [name: string, address: string];

export interface TotalRow extends DelayFields {
  readonly second: number;
  readonly node: null;
  readonly address: null;
  /** Left out of a whole second. */
  readonly part?: number;
  readonly nodes: number;
  readonly printed: number;
  /** On a majority's disks; null for a logger without a topic. */
  readonly stored: number | null;
  readonly unstored: number;
  readonly joined: readonly NodeName[];
  readonly left: readonly NodeName[];
}

export interface NodeRow extends DelayFields {
  readonly second: number;
  readonly node: string;
  readonly address: string;
}

export interface TimelineRun {
  readonly header: TimelineHeader;
  readonly totals: readonly TotalRow[];
  readonly nodes: readonly NodeRow[];
}

export const defaultTimelineFile = (port: number, startS: number): string => `cairn-timeline-${port}-${Math.floor(startS)}.ndjson`;
