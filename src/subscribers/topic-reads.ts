import { sideBySide, type Task, wait } from '../base/task.ts';
import {
  type EndResult,
  type Freshness,
  LogError,
  type Outcome,
  type PulledPart,
  type PullProblem,
  type ReadResult,
  type RecordService,
  type StartAt,
} from '../eventlog/index.ts';
import { baseOffset, isControl, maxTimestamp, recordCount } from '../record/index.ts';
import type { PartitionOf } from './commands.ts';

/** A topic as whoever keeps topics knows it. */
export interface KnownTopic {
  readonly name: string;
  /** No other topic ever has it. */
  readonly id: number;
  /** Of its partitions, in their order. */
  readonly groups: readonly number[];
}

/** What is to be read of one partition for a subscriber. */
export interface Wanted extends PartitionOf {
  readonly topic: string;
  /** Whose records they must be: another topic may have the name by then. */
  readonly group: number;
  readonly generation: number;
  readonly offsetFrom: number;
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

export interface Budget {
  records: number;
  bytes: number;
}

const atOnce = 16;
/** A read asks for no less, so that a small rest of a budget does not make many reads. */
const bytesMin = 16 * 1024;
const neverWaits = { waitMs: 0 } as const;

/** Reads of topics on behalf of subscribers, over whatever keeps the topics. */
export class TopicReads {
  readonly #log: RecordService;

  constructor(log: RecordService) {
    this.#log = log;
  }

  /** What is there from each on, those first that are named first, within the budget; at least one record where there is one. */
  *gather(all: readonly Wanted[], freshness: Freshness, budget: Budget): Task<Found[]> {
    const found: Found[] = [];
    for (let at = 0; at < all.length && budget.records > 0 && budget.bytes > 0; at += atOnce) {
      const some = all.slice(at, at + atOnce);
      const bytesMax = Math.max(bytesMin, Math.floor(budget.bytes / some.length));
      const results = yield* sideBySide(
        some.map((wanted) => () => this.#read(wanted, freshness, bytesMax)),
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

  #read(wanted: Wanted, freshness: Freshness, bytesMax: number): Task<Outcome<ReadResult>> {
    const { topic, partition, group, offsetFrom } = wanted;
    const common = { sinceMs: null, sessionOffset: 0, ...neverWaits };
    return wait((done) => this.#log.read({ topic, partition, group, offsetFrom, bytesMax, freshness, ...common }, done));
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
      const end = yield* wait<Outcome<EndResult>>((done) => this.#log.end({ topic, partition, freshness: 'linearizable' }, done));
      return end.ok ? { ok: true, value: end.value.offset } : end;
    }
    const sinceMs = to.at === 'time' ? to.ms : null;
    const common = { offsetFrom: null, bytesMax: 1, freshness: 'linearizable' as const, sessionOffset: 0, ...neverWaits };
    const result = yield* wait<Outcome<ReadResult>>((done) => this.#log.read({ topic, partition, group, sinceMs, ...common }, done));
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

const identity = ({ topic, partition, generation, offsetFrom }: Wanted) => ({ topic, partition, generation, offsetFrom });

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
