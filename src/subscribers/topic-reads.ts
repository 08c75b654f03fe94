import { sideBySide, type Task, wait } from '../base/task.ts';
import {
  type Answer,
  type EndResult,
  type Freshness,
  LogError,
  type Outcome,
  type PulledPart,
  type PullProblem,
  readBytesFor,
  readMore,
  type ReadResult,
  type RecordService,
  type StartAt,
} from '../eventlog/index.ts';
import type { Clock } from '../host/index.ts';
import { baseOffset, isControl, maxTimestamp, recordCount } from '../record/index.ts';
import type { PartitionOf } from './commands.ts';

/** A topic as whoever keeps topics knows it. */
export interface KnownTopic {
  readonly name: string;
  /** No other topic ever has it. */
  readonly id: number;
  /** Of its partitions, in their order. */
  readonly groups: readonly number[];
  /** What all subscribers have read of it is removed. */
  readonly isKeptUntilRead?: boolean;
}

/** What is to be read of one partition for a subscriber. */
export interface Wanted extends PartitionOf {
  readonly topic: string;
  /** Whose records they must be: another topic may have the name by then. */
  readonly group: number;
  readonly generation: number;
  readonly offsetFrom: number;
  /** With freshness `session`: the answer is to be at least as new. */
  readonly sessionOffset?: number;
}

/** What a read found. `seenTo`: nothing but what is in `part` stands below it. */
export interface Found {
  readonly wanted: Wanted;
  readonly part: PulledPart | null;
  readonly problem: PullProblem | null;
  readonly seenTo: number;
  /** Of the partition; null where it could not be read. */
  readonly end: number | null;
}

/** For who gives a read up himself. */
interface Cancelling {
  cancelled: boolean;
  onCancel: (() => void) | null;
}

export interface Budget {
  records: number;
  bytes: number;
}

const atOnce = 16;
/** Reads of one pull are waited for so long: less than brokers wait for one another, so that what there is of other topics is given. */
const readMs = 1500;
/** One that begins when those before it have taken that long. */
const readMsMin = 500;
/** A partition that was not read in time is not waited for again so soon where others have something. */
const lateForMs = 5000;
const lateMax = 10_000;
/** A read asks for no less, so that a small rest of a budget does not make many reads. */
const bytesMin = 16 * 1024;
const neverWaits = { waitMs: 0 } as const;

/** Reads of topics on behalf of subscribers, over whatever keeps the topics. */
export class TopicReads {
  readonly #log: RecordService;
  readonly #clock: Clock;
  /** Groups of partitions that were not read in time, and until when they are taken for such. */
  readonly #late = new Map<number, number>();

  constructor(log: RecordService, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * What is there from each on, those first that are named first, within the budget; at least one record where there is one. Partitions that nobody can read now
   * (their topic may lack a majority) hold up the others for `readMs` at most, and then not again for a while.
   */
  *gather(all: readonly Wanted[], freshness: Freshness, budget: Budget): Task<Found[]> {
    const untilMs = this.#clock.monotonicMs() + readMs;
    // Told once: who is late may change while the others are read, and none is to be left out.
    const late = all.filter(({ group }) => this.isLate(group));
    const lately = new Set(late);
    const timely = all.filter((wanted) => !lately.has(wanted));
    const found = yield* this.#gather(timely, freshness, budget, untilMs);
    if (found.some(({ part }) => part !== null)) return [...found, ...late.map(notRead)];
    return [...found, ...(yield* this.#gather(late, freshness, budget, untilMs))];
  }

  *#gather(all: readonly Wanted[], freshness: Freshness, budget: Budget, untilMs: number): Task<Found[]> {
    const found: Found[] = [];
    for (let at = 0; at < all.length && budget.records > 0 && budget.bytes > 0; at += atOnce) {
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (leftMs <= 0 && found.some(({ part, problem }) => part !== null || problem !== null)) break;
      const some = all.slice(at, at + atOnce);
      const bytesMax = Math.max(bytesMin, Math.floor(budget.bytes / some.length));
      const results = yield* sideBySide(
        some.map(
          (wanted) => () => this.#readSome(wanted, freshness, { records: budget.records, bytes: bytesMax }, Math.max(readMsMin, leftMs)),
        ),
        atOnce,
      );
      for (const [index, result] of results.entries()) {
        if (budget.records <= 0 || budget.bytes <= 0) break;
        const one = partOf(some[index] as Wanted, result, budget.records);
        if (one.part !== null) {
          budget.records -= countOf(one.part);
          budget.bytes -= one.part.batches.reduce((sum, batch) => sum + batch.length, 0);
        }
        found.push(one);
      }
    }
    return found;
  }

  /** It was not read in time a moment ago. */
  isLate(group: number): boolean {
    const untilMs = this.#late.get(group);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#late.delete(group);
    return false;
  }

  /** Little where few records are wanted, and on from there until they have come. */
  *#readSome(wanted: Wanted, freshness: Freshness, { records, bytes }: Budget, forMs: number): Task<Outcome<ReadResult>> {
    const untilMs = this.#clock.monotonicMs() + forMs;
    let part = readBytesFor(records, bytes);
    let outcome = yield* this.#read(wanted, freshness, part, forMs);
    while (outcome.ok && part < bytes) {
      const { batches, offsetNext, highWatermark } = outcome.value;
      const left = bytes - batches.reduce((sum, batch) => sum + batch.length, 0);
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (batches.length === 0 || left <= 0 || leftMs <= 0 || offsetNext >= highWatermark) break;
      if (recordsIn(batches, wanted.offsetFrom) >= records) break;
      part *= readMore;
      const next = yield* this.#read({ ...wanted, offsetFrom: offsetNext }, freshness, Math.min(part, left), leftMs);
      // What there is already is given.
      if (!next.ok || next.value.offsetNext <= offsetNext) break;
      outcome = { ok: true, value: { ...next.value, offsetFrom: wanted.offsetFrom, batches: [...batches, ...next.value.batches] } };
    }
    return outcome;
  }

  #read(wanted: Wanted, freshness: Freshness, bytesMax: number, forMs = readMs): Task<Outcome<ReadResult>> {
    const { topic, partition, group, offsetFrom, sessionOffset = 0 } = wanted;
    const cancel: Cancelling = { cancelled: false, onCancel: null };
    const common = { sinceMs: null, sessionOffset, cancel, ...neverWaits };
    return this.#inTime(
      wanted,
      forMs,
      (done) => this.#log.read({ topic, partition, group, offsetFrom, bytesMax, freshness, ...common }, done),
      cancel,
    );
  }

  /** The answer, or after `forMs` that there is none yet; what comes later is nobody's. */
  #inTime<Value>(
    of: Pick<Wanted, 'topic' | 'group'>,
    forMs: number,
    ask: (done: Answer<Value>) => void,
    cancel?: Cancelling,
  ): Task<Outcome<Value>> {
    return wait((done) => {
      let isOver = false;
      const end = (outcome: Outcome<Value>): void => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        done(outcome);
      };
      const timer = this.#clock.startTimer(forMs, () => {
        if (this.#late.size >= lateMax) this.#late.clear();
        this.#late.set(of.group, this.#clock.monotonicMs() + lateForMs);
        end({ ok: false, error: lateError(of) });
        if (cancel === undefined) return;
        // Nobody waits for it: of reads that wait for one another a broker has only so many.
        cancel.cancelled = true;
        cancel.onCancel?.();
      });
      ask((outcome) => {
        if (!isOver && outcome.ok) this.#late.delete(of.group);
        end(outcome);
      });
    });
  }

  /** [offsetFrom, offsetTo) again, all of it. */
  *again(wanted: Wanted, offsetTo: number, bytesMax: number): Task<Found> {
    const batches: Uint8Array[] = [];
    let highWatermark = offsetTo;
    for (let from = wanted.offsetFrom; from < offsetTo; ) {
      const result = yield* this.#read({ ...wanted, offsetFrom: from }, 'linearizable', bytesMax);
      if (!result.ok) return { wanted, part: null, problem: problemOf(wanted, result.error), seenTo: wanted.offsetFrom, end: null };
      batches.push(...result.value.batches.filter((batch) => baseOffset(batch) < offsetTo));
      ({ highWatermark } = result.value);
      if (result.value.offsetNext <= from) {
        const short = new LogError('notCurrent', `topic "${wanted.topic}" was read up to ${from}, and goes on to ${offsetTo}`);
        return { wanted, part: null, problem: problemOf(wanted, short), seenTo: wanted.offsetFrom, end: null };
      }
      from = result.value.offsetNext;
    }
    return { wanted, part: { ...identity(wanted), offsetTo, batches, highWatermark }, problem: null, seenTo: offsetTo, end: highWatermark };
  }

  /** The end of a partition, or what is known of it where that is at least where this is to be read from. */
  *end(wanted: Wanted): Task<Outcome<number>> {
    const result = yield* this.#read(wanted, 'linearizable', 1);
    if (result.ok) return { ok: true, value: result.value.highWatermark };
    const { endOffset } = result.error.details;
    // Below what is kept it is not beyond the end either.
    return result.error.code === 'offsetOutOfRange' && typeof endOffset === 'number' ? { ok: true, value: endOffset } : result;
  }

  /** Where a cursor begins that is put there now. */
  *place(topic: string, partition: number, group: number, to: StartAt, doing: string): Task<Outcome<number>> {
    if (to.at === 'end') {
      const end = yield* this.#inTime<EndResult>({ topic, group }, readMs, (done) =>
        this.#log.end({ topic, partition, freshness: 'linearizable' }, done),
      );
      return end.ok ? { ok: true, value: end.value.offset } : end;
    }
    const sinceMs = to.at === 'time' ? to.ms : null;
    const common = { offsetFrom: null, bytesMax: 1, freshness: 'linearizable' as const, sessionOffset: 0, ...neverWaits };
    const result = yield* this.#inTime<ReadResult>({ topic, group }, readMs, (done) =>
      this.#log.read({ topic, partition, group, sinceMs, ...common }, done),
    );
    if (!result.ok) return result;
    const { offsetFrom, logStartOffset, highWatermark } = result.value;
    if (to.at !== 'offset') return { ok: true, value: offsetFrom };
    if (to.offset >= logStartOffset && to.offset <= highWatermark) return { ok: true, value: to.offset };
    const holds = `it begins at ${logStartOffset} and ends at ${highWatermark}`;
    const message = `Cannot ${doing}: offset ${to.offset} of partition ${partition} of topic "${topic}" is out of range: ${holds}`;
    return { ok: false, error: new LogError('offsetOutOfRange', message, { logStartOffset, endOffset: highWatermark }) };
  }
}

/** When the first records of a part were written, by their own word. */
export const writtenOf = ({ batches }: PulledPart): number | null => (batches[0] === undefined ? null : maxTimestamp(batches[0]));

const lateError = ({ topic }: Pick<Wanted, 'topic'>): LogError =>
  new LogError('notCurrent', `Cannot read topic "${topic}": nobody has given what is there in time`);

const notRead = (wanted: Wanted): Found => {
  const { offsetFrom } = wanted;
  return { wanted, part: null, problem: problemOf(wanted, lateError(wanted)), seenTo: offsetFrom, end: null };
};

const identity = ({ topic, partition, generation, offsetFrom }: Wanted) => ({ topic, partition, generation, offsetFrom });

/** Records from an offset on, at most: places that hold none count too. */
const recordsIn = (batches: readonly Uint8Array[], offsetFrom: number): number =>
  batches.reduce((sum, batch) => sum + Math.max(0, baseOffset(batch) + recordCount(batch) - Math.max(offsetFrom, baseOffset(batch))), 0);

/** Records of a part, at most: a batch that it begins or ends within counts with what is in the part. */
function countOf({ offsetFrom, offsetTo, batches }: PulledPart): number {
  return batches.reduce((sum, batch) => {
    const from = Math.max(offsetFrom, baseOffset(batch));
    return sum + Math.max(0, Math.min(offsetTo, baseOffset(batch) + recordCount(batch)) - from);
  }, 0);
}

function partOf(wanted: Wanted, result: Outcome<ReadResult>, recordsMax: number): Found {
  const { offsetFrom } = wanted;
  if (!result.ok) return { wanted, part: null, problem: problemOf(wanted, result.error), seenTo: offsetFrom, end: null };
  const { offsetNext, highWatermark } = result.value;
  const batches: Uint8Array[] = [];
  let left = recordsMax;
  let offsetTo = offsetNext;
  for (const batch of result.value.batches) {
    const end = baseOffset(batch) + recordCount(batch);
    if (isControl(batch) || end <= offsetFrom) continue;
    if (left <= 0) {
      offsetTo = baseOffset(batch);
      break;
    }
    batches.push(batch);
    const from = Math.max(offsetFrom, baseOffset(batch));
    if (end - from > left) {
      offsetTo = from + left;
      break;
    }
    left -= end - from;
  }
  // Nothing but what Cairn itself or a revoke left there: it is passed with the next record that is given.
  if (batches.length === 0) return { wanted, part: null, problem: null, seenTo: offsetNext, end: highWatermark };
  return { wanted, part: { ...identity(wanted), offsetTo, batches, highWatermark }, problem: null, seenTo: offsetTo, end: highWatermark };
}

/** The answer says what can be done about it: nothing is put right in silence. */
function problemOf({ topic, partition, offsetFrom }: Wanted, error: LogError): PullProblem {
  const { code, message, details } = error;
  if (code !== 'offsetOutOfRange') return { topic, partition, code, message, details };
  const { logStartOffset = null, endOffset = null } = details;
  const choices = 'seek to the beginning, the end, an offset or a time';
  const now = `partition ${partition} of topic "${topic}" holds offsets from ${String(logStartOffset)} to ${String(endOffset)} by now`;
  const reason = `its cursor stands at ${offsetFrom}, and ${now}: ${choices}`;
  return { topic, partition, code: 'cursorOutOfRange', message: reason, details: { ...details, cursor: offsetFrom } };
}
