import { sideBySide, type Task, wait } from '../base/task.ts';
import type { Outcome, PulledPart, PullProblem, PullRequest } from '../eventlog/index.ts';
import type { GivenRange } from './commands.ts';
import { atOnce, type Group } from './group.ts';
import { recordIn, unparkedBatch } from './parked-record.ts';
import { retriesOf } from './retries.ts';
import type { Cursor, Retry } from './subscriber.ts';
import type { Budget } from './topic-reads.ts';

/** Of one pull. Each is a read of its own. */
const redeliveredMax = 100;
/** What is remembered of records that wait; with more, all of them begin again. */
const seenMax = 100_000;

/** A record in retry, and the cursor that it is of. */
export interface InRetry {
  readonly cursor: Cursor;
  readonly retry: Retry;
}

/** One that a pull gives. */
export interface Redelivered {
  readonly range: GivenRange;
  readonly part: PulledPart;
}

/** Nobody has it any more: retention removed it, it was revoked, or its topic was deleted. */
type Source = { readonly part: PulledPart } | { readonly problem: PullProblem } | 'gone';

/** Records that have failed, as they come again (docs/decisions/0041). */
export class Redelivery {
  readonly #group: Group;
  /** Since when whoever leads knows of each failure, on its monotonic clock: by a wall clock that is behind the log's time nothing would come again. */
  readonly #seen = new Map<string, number>();
  #term = -1;

  constructor(group: Group) {
    this.#group = group;
  }

  /** What of these cursors is to be given now, and after how many ms there is more. */
  due(cursors: readonly Cursor[], request: PullRequest): { readonly due: InRetry[]; readonly nextMs: number } {
    const isOut = outOf(request);
    const due: InRetry[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const cursor of cursors) {
      for (const retry of retriesOf(cursor)) {
        if (retry.isToBeParked || (request.number !== null && retry.isGiven) || isOut(cursor, retry)) continue;
        const leftMs = this.#leftOf(cursor, retry);
        if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
        else if (due.length < redeliveredMax) due.push({ cursor, retry: { ...retry } });
      }
    }
    return { due, nextMs };
  }

  /** Why nothing new is given of a partition: it is to wait for a record that has failed, or no more of them can be kept. */
  stopOf({ topic, partition, retries }: Cursor): PullProblem | 'ordered' | null {
    if (retries === null) return null;
    for (const { isOrdered } of retries.values()) if (isOrdered) return 'ordered';
    const { limits, state } = this.#group.context;
    if (retries.size < limits.retries && state.retries.retryCount < limits.groupRetries) return null;
    const message = `${retries.size} records of partition ${partition} of topic "${topic}" are in retry, and there is no room for more`;
    return { topic, partition, code: 'tooManyRetries', message, details: { retries: retries.size } };
  }

  #leftOf({ topicId, partition }: Cursor, { offset, since, tries, failedMs, waitMs }: Retry): number {
    const { clock } = this.#group.context;
    const nowMs = clock.monotonicMs();
    const term = this.#group.context.term();
    if (term !== this.#term || this.#seen.size >= seenMax) this.#seen.clear();
    this.#term = term;
    const key = `${topicId}/${partition}/${offset}/${since}/${tries}`;
    const seenMs = this.#seen.get(key) ?? nowMs;
    const leftMs = Math.min(failedMs + waitMs - clock.wallMs(), seenMs + waitMs - nowMs);
    if (leftMs > 0) this.#seen.set(key, seenMs);
    else this.#seen.delete(key);
    return Math.max(0, Math.ceil(leftMs));
  }

  /** As many as there is room for. Those that cannot be read now wait; `gone` is told of those that nobody has any more. */
  *read(due: readonly InRetry[], budget: Budget): Task<{ readonly given: Redelivered[]; readonly gone: InRetry[] }> {
    const some = due.slice(0, budget.records);
    const sources = yield* sideBySide(
      some.map(
        ({ cursor, retry }) =>
          () =>
            this.source(cursor, retry),
      ),
      atOnce,
    );
    const given: Redelivered[] = [];
    const gone: InRetry[] = [];
    for (const [index, failed] of some.entries()) {
      const source = sources[index] as Source;
      if (source === 'gone') gone.push(failed);
      if (source === 'gone' || 'problem' in source || budget.bytes <= 0) continue;
      const { part } = source;
      budget.records--;
      budget.bytes -= part.batches.reduce((sum, batch) => sum + batch.length, 0);
      const { topicId, partition } = failed.cursor;
      // Under which it was read: by now it may be another worker's.
      const { generation, offsetFrom, offsetTo, tries = 0 } = part;
      given.push({ range: { topicId, partition, generation, offsetFrom, offsetTo, tries }, part });
    }
    return { given, gone };
  }

  /** The record: from its topic, or from its copy where it was parked before. */
  *source(cursor: Cursor, { offset, tries, parkedAt }: Pick<Retry, 'offset' | 'tries' | 'parkedAt'>): Task<Source> {
    const { topic, partition, generation } = cursor;
    const common = { topic, partition, generation, offsetFrom: offset, offsetTo: offset + 1, tries };
    if (parkedAt !== null) {
      const copy = yield* this.copy(parkedAt, offset);
      if (!copy.ok) return { problem: { topic, partition, code: copy.error.code, message: copy.error.message, details: {} } };
      if (copy.value !== null) return { part: { ...common, batches: [copy.value], highWatermark: cursor.offset } };
    }
    const wanted = this.#group.wanted(cursor, offset);
    if ('code' in wanted) return (yield* this.#group.areKnown([cursor])) && !this.#group.isKnown(cursor) ? 'gone' : { problem: wanted };
    // One that is not read in time is not waited for by all that is in it.
    if (this.#group.reads.isLate(wanted.group))
      return { problem: { topic, partition, code: 'notCurrent', message: 'it was not read in time', details: {} } };
    const { part, problem } = yield* this.#group.reads.again(wanted, offset + 1, 1);
    if (problem !== null) return isRemoved(problem, offset) ? 'gone' : { problem };
    if (part === null || recordIn(part.batches, offset) === null) return 'gone';
    return { part: { ...part, generation, tries } };
  }

  /** What a parked record was, in a batch at the offset that it had; null where it was gone when it was parked, or a bound has removed its copy. */
  *copy(id: number, offset: number): Task<Outcome<Uint8Array | null>> {
    const { parkedLog, bytes } = this.#group.context;
    const batches = yield* wait<Outcome<readonly Uint8Array[]>>((done) => parkedLog.read(id, done));
    if (!batches.ok) {
      const { code, details } = batches.error;
      const isGone = code === 'offsetOutOfRange' && id < Number(details['logStartOffset']);
      return isGone ? { ok: true, value: null } : batches;
    }
    const parked = recordIn(batches.value, id);
    return { ok: true, value: parked === null ? null : unparkedBatch(parked, offset, bytes) };
  }
}

const isRemoved = ({ code, details }: PullProblem, offset: number): boolean =>
  code === 'cursorOutOfRange' && typeof details['logStartOffset'] === 'number' && offset < details['logStartOffset'];

/** What whoever pulls has already, or acknowledges with this pull. */
function outOf({ acknowledge, after = [] }: PullRequest): (cursor: Cursor, retry: Retry) => boolean {
  const out = new Set<string>();
  for (const { topic, partition = 0, offset, tries } of [...acknowledge, ...after])
    if (tries !== undefined) out.add(`${topic}/${partition}/${offset - 1}/${tries}`);
  if (out.size === 0) return () => false;
  return ({ topic, partition }, { offset, tries }) => out.has(`${topic}/${partition}/${offset}/${tries}`);
}
