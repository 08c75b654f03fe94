/**
 * What the clients did and saw. Invocations and completions carry numbers of one running count, so that "before" is a matter of integers and not
 * of equal times. Each record's value is a number that no other record has, written in decimal and followed by filling, so that whoever reads it knows
 * which append it came from.
 */
import type { AppendResult, Freshness, Level, ScanRequest, ScanResult } from '../eventlog/index.ts';
import { forEachRecord, RecordBatchBuilder } from '../record/index.ts';
import { simBytes } from './bytes.ts';

/** `definite`: never takes effect. `indefinite`: nobody knows. `open`: the run ended first, as good as indefinite. */
type OperationOutcome = 'open' | 'ok' | 'definite' | 'indefinite';

export interface AppendOperation {
  readonly client: number;
  /** The partition, as `place-name.ts` calls it; so everywhere in the history. */
  readonly topic: string;
  /** Of all its records, where it was appended to the topic as a whole; else null. */
  readonly key: string | null;
  /** Values are [valueFrom, valueTo). */
  readonly valueFrom: number;
  readonly valueTo: number;
  readonly requestId: string | null;
  /** Of its first record in the request's own stream. */
  readonly sequence: number;
  /** Length of the filling behind each value. */
  readonly fillBytes: number;
  readonly level: Level;
  readonly expectedOffset: number | null;
  readonly invoked: number;
  readonly invokedMs: number;
  completed: number;
  completedMs: number;
  outcome: OperationOutcome;
  code: string | null;
  result: AppendResult | null;
  attempts: number;
  /** An answer that was no success said that it is in the log all the same. */
  saidAppended: boolean;
  /** When a revoke of it was acknowledged, else infinite. */
  revoked: number;
  /** A revoke was tried, so it may be revoked. */
  revokeTried: boolean;
}

export interface ReadOperation {
  readonly client: number;
  /** Rises when the client goes elsewhere; within one, each read goes on where the last one ended. */
  readonly poll: number;
  readonly broker: number;
  /** Of the broker that answered. */
  readonly life: number;
  readonly topic: string;
  readonly freshness: Freshness;
  readonly sessionOffset: number;
  readonly invoked: number;
  readonly completed: number;
  readonly offsetFrom: number;
  readonly offsetNext: number;
  readonly highWatermark: number;
  /** Offset and value, one pair after another, of the records at or above `offsetFrom`. */
  readonly records: readonly number[];
}

/** A line that a search gave, and what was in front of it: nothing, or a group separator. */
export interface ScanLine {
  readonly kind: 'selected' | 'context' | 'separator';
  readonly offset: number;
  /** Of the record, -1 for one that none of our clients wrote. */
  readonly value: number;
}

/** A search that was answered. */
export interface ScanOperation {
  readonly broker: number;
  readonly topic: string;
  readonly request: ScanRequest;
  /** Digits that are looked for in values. */
  readonly pattern: string;
  readonly invert: boolean;
  readonly invoked: number;
  readonly completed: number;
  /** What anybody had committed when it was answered; null where that is not known. */
  readonly committedEnd: number | null;
  readonly result: ScanResult;
  readonly lines: readonly ScanLine[];
}

/** A read that was answered `offsetOutOfRange`. */
export interface OutOfRange {
  readonly broker: number;
  readonly topic: string;
  readonly offset: number;
  /** Where the log of that broker starts, as it says. */
  readonly logStartOffset: number;
  /** What anybody had committed when the read was asked for. */
  readonly committedEnd: number;
}

export interface EndOperation {
  readonly client: number;
  readonly broker: number;
  readonly topic: string;
  readonly freshness: Freshness;
  readonly invoked: number;
  readonly completed: number;
  readonly offset: number;
}

/** Records that were given to be appended later. */
export interface LaterOperation {
  /** Whether they were taken; it has no offset. */
  readonly append: AppendOperation;
  /** By log time. */
  readonly deliverAtMs: number;
  id: string | null;
  /** `perhaps`: it was tried, and nobody said what came of it. */
  cancelled: 'no' | 'perhaps' | 'yes' | 'tooLate';
}

/** What one part of a pull gave. */
export interface PullOperation {
  readonly subscriber: string;
  readonly topic: string;
  /** Of the cursor as it was answered, and as the subscriber knows it. */
  readonly generation: number;
  readonly known: number;
  /** By what the subscriber has had and acknowledged it must begin between these. */
  readonly leastFrom: number;
  readonly mostFrom: number;
  readonly offsetFrom: number;
  readonly offsetTo: number;
  /** Offset and value, one pair after another. */
  readonly records: readonly number[];
  readonly invoked: number;
  readonly completed: number;
}

/** What a pull has found of a topic that is kept until all have read it. */
export interface KeptPull {
  readonly subscriber: string;
  readonly topic: string;
  /** Where what is left begins, where its cursor stood below; null: it gave what it was to give. */
  readonly logStartOffset: number | null;
  /** So far it may have acknowledged ever, and no less than all that was there when it subscribed. */
  readonly read: number;
}

/** Where a cursor was said to stand. */
export interface CursorOperation {
  readonly subscriber: string;
  readonly topic: string;
  readonly generation: number;
  readonly known: number;
  readonly offset: number;
  /** So far it was known to be acknowledged when this was asked, and so far it may have been. */
  readonly least: number;
  readonly most: number;
  readonly invoked: number;
  readonly completed: number;
}

/** What one of several workers that share a subscriber did with a partition. */
export interface SharedOperation {
  readonly subscriber: string;
  readonly worker: string;
  readonly topic: string;
  readonly generation: number;
  /** The highest generation that any of them had been given something under when this was asked for. */
  readonly newest: number;
  readonly does: 'pulls' | 'repeats' | 'acknowledges';
}

/** What a subscriber did with a record that it was given. */
export interface ProcessedRecord {
  readonly subscriber: string;
  readonly topic: string;
  readonly offset: number;
  readonly value: number;
  /** How often it had failed before. */
  readonly tries: number;
  readonly isOk: boolean;
  /** By a pull that gives again what the one before gave. */
  readonly isRepeated: boolean;
  /** When what gave it was asked for. */
  readonly invoked: number;
  /** When it was known to be acknowledged on a majority; infinite where it never was. */
  acknowledged: number;
}

/** A record that is parked in the end. */
interface ParkedAtEnd {
  readonly subscriber: string;
  readonly topic: string;
  readonly offset: number;
  readonly id: number;
}

/** A record of the topic of parked records, as it says itself. */
export interface ParkedCopy {
  /** Of the partition, and its offset there. */
  readonly partition: number;
  readonly id: number;
  readonly subscriber: string;
  readonly topic: string;
  readonly offset: number;
  /** -1 where there is none. */
  readonly value: number;
  /** Log time of the copy. */
  readonly timeMs: number;
}

/** Everything that one broker shows of a topic after the run. */
export interface FinalLog {
  readonly broker: number;
  readonly topic: string;
  /** Log start: what was below has been removed. */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly records: readonly number[];
  /** Log time of each record. */
  readonly times?: readonly number[];
}

export const recordKey = ({ subscriber, topic, offset }: Pick<ParkedAtEnd, 'subscriber' | 'topic' | 'offset'>): string =>
  `${subscriber} ${topic} ${offset}`;

export class History {
  readonly appends: AppendOperation[] = [];
  /** Those are not among the appends: what is checked of offsets is not of them. */
  readonly later: LaterOperation[] = [];
  readonly reads: ReadOperation[] = [];
  readonly scans: ScanOperation[] = [];
  readonly ends: EndOperation[] = [];
  readonly outOfRange: OutOfRange[] = [];
  readonly finals: FinalLog[] = [];
  readonly pulls: PullOperation[] = [];
  readonly cursors: CursorOperation[] = [];
  readonly shared: SharedOperation[] = [];
  /** Topics that are kept until all have read them, and by no bound beside. */
  readonly keptUntilRead = new Set<string>();
  readonly keptPulls: KeptPull[] = [];
  /** Pulls and seeks of a subscriber that does all in order, refused all the same. */
  readonly refusedPulls: { readonly subscriber: string; readonly code: string; readonly message: string }[] = [];
  readonly processed: ProcessedRecord[] = [];
  readonly parked: ParkedAtEnd[] = [];
  readonly parkedCopies: ParkedCopy[] = [];
  /** So many request ids of a partition, and for so long by log time, every broker of the run remembers at least. */
  idsKept = { count: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY };
  /** By subscriber, topic and offset: how often somebody has replayed or dropped it, or tried to. */
  readonly replays = new Map<string, number>();
  readonly dropped = new Set<string>();
  /** Nobody knows whether it was said that these have failed. */
  readonly doubtful = new Set<string>();
  /** Of subscribers some of whose records fail, with the topics of each: nothing more is new to them in the end. */
  readonly settled: { readonly subscriber: string; readonly topic: string }[] = [];
  /** Where a subscriber stood in the end, when nothing more was new to it. */
  readonly drained: { readonly subscriber: string; readonly topic: string; readonly position: number }[] = [];
  /** Topics that somebody has tried to delete: what was in them may be gone. */
  readonly deletedTopics = new Set<string>();
  /** Topics of several partitions, and how many each has. */
  readonly #partitions = new Map<string, number>();
  readonly #gone = new Set<string>();
  readonly #growing = new Set<string>();
  /** By value. */
  readonly #appendOfValue: AppendOperation[] = [];
  #count = 0;

  /** The next number of the running count. */
  tick(): number {
    return ++this.#count;
  }

  hasPartitions(topic: string, count: number): void {
    if (count > 1) this.#partitions.set(topic, count);
  }

  partitionsOf(topic: string): number {
    return this.#partitions.get(topic) ?? 1;
  }

  /** It may get more partitions: nobody divides requests among those that it has. */
  mayGrow(topic: string): void {
    this.#growing.add(topic);
  }

  /** Nothing more is appended to it. */
  isGone(topic: string): void {
    this.#gone.add(topic);
  }

  /** Those that have several, and keep as many. */
  get dividedTopics(): readonly string[] {
    return [...this.#partitions.keys()].filter((topic) => !this.#gone.has(topic) && !this.#growing.has(topic));
  }

  get valueCount(): number {
    return this.#appendOfValue.length;
  }

  beginAppend(
    fields: Pick<AppendOperation, 'client' | 'topic' | 'requestId' | 'level' | 'expectedOffset'> &
      Partial<Pick<AppendOperation, 'sequence' | 'fillBytes' | 'key'>>,
    recordCount: number,
    nowMs: number,
  ): AppendOperation {
    const operation = this.#begin(fields, recordCount, nowMs);
    this.appends.push(operation);
    return operation;
  }

  beginLater(
    fields: Pick<AppendOperation, 'client' | 'topic' | 'requestId' | 'fillBytes'>,
    recordCount: number,
    deliverAtMs: number,
    nowMs: number,
  ): LaterOperation {
    const append = this.#begin({ ...fields, level: 'quorum', expectedOffset: null }, recordCount, nowMs);
    const operation: LaterOperation = { append, deliverAtMs, id: null, cancelled: 'no' };
    this.later.push(operation);
    return operation;
  }

  #begin(
    fields: Pick<AppendOperation, 'client' | 'topic' | 'requestId' | 'level' | 'expectedOffset'> &
      Partial<Pick<AppendOperation, 'sequence' | 'fillBytes' | 'key'>>,
    recordCount: number,
    nowMs: number,
  ): AppendOperation {
    const valueFrom = this.#appendOfValue.length;
    const operation: AppendOperation = {
      sequence: 0,
      fillBytes: 0,
      key: null,
      ...fields,
      valueFrom,
      valueTo: valueFrom + recordCount,
      invoked: this.tick(),
      invokedMs: nowMs,
      completed: Number.POSITIVE_INFINITY,
      completedMs: Number.POSITIVE_INFINITY,
      outcome: 'open',
      code: null,
      result: null,
      attempts: 0,
      saidAppended: false,
      revoked: Number.POSITIVE_INFINITY,
      revokeTried: false,
    };
    for (let i = 0; i < recordCount; i++) this.#appendOfValue.push(operation);
    return operation;
  }

  /** Every record that a read or a final log showed. */
  forEachShown(see: (topic: string, offset: number, value: number, where: () => string) => void): void {
    for (const [logs, where] of [
      [this.reads, 'in a read at broker'],
      [this.finals, 'in the final log of broker'],
    ] as const) {
      for (const { topic, records, broker } of logs) {
        const place = (): string => `${where} ${broker}`;
        for (let i = 0; i < records.length; i += 2) see(topic, records[i] as number, records[i + 1] as number, place);
      }
    }
  }

  appendOf(value: number): AppendOperation | undefined {
    return this.#appendOfValue[value];
  }
}

const epochMs = 1_767_225_600_000;

/** What an append sends, the same for every attempt. */
export const batchOfAppend = (operation: AppendOperation): Uint8Array => batchOfAppends([operation]);

/** What several send together. */
export function batchOfAppends(operations: readonly AppendOperation[]): Uint8Array {
  const builder = new RecordBatchBuilder({
    capacityBytes: operations.reduce((sum, { valueFrom, valueTo, fillBytes }) => sum + (valueTo - valueFrom) * (24 + fillBytes), 128),
  });
  for (const { valueFrom, valueTo, fillBytes, invokedMs, key } of operations)
    addValues(builder, valueFrom, valueTo, { fillBytes, timestampMs: epochMs + Math.floor(invokedMs), key });
  return builder.finish(simBytes);
}

function addValues(
  builder: RecordBatchBuilder,
  valueFrom: number,
  valueTo: number,
  { fillBytes, timestampMs, key }: { readonly fillBytes: number; readonly timestampMs: number; readonly key: string | null },
): void {
  const keyBytes = key === null ? null : simBytes.utf8Encode(key);
  for (let value = valueFrom; value < valueTo; value++)
    builder.add(timestampMs, keyBytes, simBytes.utf8Encode(`${value} ${'.'.repeat(fillBytes)}`));
}

/** A fresh batch with these values; a retry needs one of its own, because the service may change what it is given. */
export function batchOfValues(valueFrom: number, valueTo: number, fillBytes: number, timestampMs: number): Uint8Array {
  const builder = new RecordBatchBuilder({ capacityBytes: 128 + (valueTo - valueFrom) * (24 + fillBytes) });
  addValues(builder, valueFrom, valueTo, { fillBytes, timestampMs, key: null });
  return builder.finish(simBytes);
}

/** Lines as `grep -n` prints them: `offset:value` where one is selected, `offset-value` where it is context, `--` between groups. */
export function scanLinesOf(bytes: Uint8Array): ScanLine[] {
  const lines: ScanLine[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const mark = at + digitsFrom(bytes, at);
    const offset = valueOf(bytes, at, mark);
    if (mark === at) lines.push({ kind: 'separator', offset: -1, value: -1 });
    else lines.push({ kind: bytes[mark] === 58 ? 'selected' : 'context', offset, value: valueOf(bytes, mark + 1, end) });
    at = end + 1;
  }
  return lines;
}

function digitsFrom(bytes: Uint8Array, from: number): number {
  let count = 0;
  while (((bytes[from + count] as number) ^ 48) < 10) count++;
  return count;
}

/** Offsets and values of the records at or above `offsetFrom`; null in place of a value that none of our clients wrote becomes -1. */
export function recordsOf(batches: readonly Uint8Array[], offsetFrom: number): number[] {
  const records: number[] = [];
  for (const batch of batches) {
    const whole = forEachRecord(batch, (record) => {
      if (record.offset < offsetFrom) return;
      records.push(record.offset, valueOf(batch, record.valueFrom, record.valueTo));
    });
    if (!whole) records.push(-1, -1);
  }
  return records;
}

/** The number that a value begins with; -1 where it does not. */
export function valueOf(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  let at = from;
  for (; at >= 0 && at < to; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit === -16) break;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return at > from ? value : -1;
}
