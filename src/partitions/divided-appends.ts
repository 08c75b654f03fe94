import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  LogError,
  type Outcome,
  type RecordService,
  shownTopic,
} from '../eventlog/index.ts';
import type { Bytes } from '../host/index.ts';
import { partitionOfKey } from '../placement/index.ts';
import { type BatchPart, divideBatch } from './divide.ts';
import { requestIdIn } from './request-id.ts';

/** What became of the records of one partition. */
export interface Part {
  readonly partition: number;
  readonly outcome: Outcome<AppendResult>;
}

/** Of a topic of `count` partitions. `one`: all records are of one, or nothing was tried. */
export type Divided =
  | { readonly kind: 'one'; readonly count: number; readonly outcome: Outcome<AppendResult> }
  | { readonly kind: 'several'; readonly count: number; readonly parts: readonly Part[] };

export interface DividedAppendsOptions {
  readonly log: Pick<RecordService, 'append' | 'nextSequence'>;
  /** How many partitions a topic has had, the last is how many it has, as far as that is known at once. */
  readonly partitionsOf: (topic: string) => readonly number[] | null;
  /** Answers once that is all that anybody knew when this was asked, with how much of the time is left then. */
  readonly whenPartitionsKnown: (topic: string, timeoutMs: number, answer: Answer<number>) => void;
  readonly bytes: Bytes;
}

/**
 * Appends for topics as a whole. The records of each partition are an append of their own, all or none, under the request's own id; so a request that was
 * done in part is completed by the same request id, which divides it the same way: without a key the id decides, or else batches go round. That holds too
 * when partitions have been added meanwhile: a request that some partition knows from before is divided as it was then.
 */
export class DividedAppends {
  readonly #options: DividedAppendsOptions;
  #turn = 0;

  constructor(options: DividedAppendsOptions) {
    this.#options = options;
  }

  /** `append` takes what is for one partition; left out, the log does. */
  append(request: AppendRequest, answer: (divided: Divided) => void, append: RecordService['append'] = this.#append): void {
    const { topic, partition, requestId, firstAttemptMs, timeoutMs } = request;
    if (partition !== undefined || requestId === null || firstAttemptMs === undefined) return this.#appendKnown(request, answer, append);
    // Who had it before may have heard of partitions that nobody has told here yet, and have divided it among those.
    this.#options.whenPartitionsKnown(topic, timeoutMs, (outcome) => {
      if (!outcome.ok) return answer({ kind: 'one', count: 1, outcome });
      const leftMs = outcome.value;
      this.#appendKnown({ ...request, timeoutMs: leftMs, firstAttemptMs: firstAttemptMs + timeoutMs - leftMs }, answer, append);
    });
  }

  #appendKnown(request: AppendRequest, answer: (divided: Divided) => void, append: RecordService['append']): void {
    const { partitionsOf } = this.#options;
    const counts = request.partition === undefined ? partitionsOf(request.topic) : null;
    if (counts !== null && counts.length > 0 && lastOf(counts) > 1) return this.#divide(request, counts, answer, append);
    append(request, (outcome) => {
      const count = outcome.ok || outcome.error.code !== 'partitionNeeded' ? null : outcome.error.details['partitions'];
      // By now it is known.
      if (typeof count === 'number') this.#divide(request, partitionsOf(request.topic) ?? [count], answer, append);
      else answer({ kind: 'one', count: 1, outcome });
    });
  }

  readonly #append: RecordService['append'] = (request, answer) => this.#options.log.append(request, answer);

  #divide(request: AppendRequest, counts: readonly number[], answer: (divided: Divided) => void, append: RecordService['append']): void {
    const count = lastOf(counts);
    const refuse = (error: LogError): void => answer({ kind: 'one', count, outcome: { ok: false, error } });
    const needed = needsPartition(request);
    if (needed !== null) {
      const message = `Cannot append to ${shownTopic(request.topic)}: it has ${count} partitions, and ${needed} is of one: none is named`;
      return refuse(new LogError('partitionNeeded', message, { partitions: count }));
    }
    const { requestId } = request;
    const appendAs = (id: string | null, parts: readonly BatchPart[]): void =>
      appendParts({ ...request, requestId: id }, { count, parts, append }, answer);
    if (requestId === null) return appendAs(null, this.#partsOf(request, count));
    this.#epochOf(request, requestId, counts, 0, (epoch) => {
      if (epoch instanceof LogError) return refuse(epoch);
      appendAs(requestIdIn(requestId, epoch, this.#options.bytes), this.#partsOf(request, counts[epoch] ?? count));
    });
  }

  /** Since which number of partitions the request is known; the present one where it is new. */
  #epochOf(
    request: AppendRequest,
    requestId: string,
    counts: readonly number[],
    epoch: number,
    done: (epoch: number | LogError) => void,
  ): void {
    if (epoch >= counts.length - 1) return done(epoch);
    const { log, bytes } = this.#options;
    const parts = this.#partsOf(request, counts[epoch] as number);
    const id = requestIdIn(requestId, epoch, bytes);
    let left = parts.length;
    let isKnown = false;
    let failure: LogError | null = null;
    for (const { partition } of parts) {
      log.nextSequence({ topic: request.topic, partition, requestId: id }, (outcome) => {
        if (!outcome.ok) failure ??= outcome.error;
        else if (outcome.value > 0) isKnown = true;
        if (--left > 0) return;
        if (isKnown) done(epoch);
        else if (failure !== null) done(failure);
        else this.#epochOf(request, requestId, counts, epoch + 1, done);
      });
    }
  }

  #partsOf({ batch, requestId }: AppendRequest, count: number): readonly BatchPart[] {
    const { bytes } = this.#options;
    const keyless = requestId === null ? this.#turn++ % count : partitionOfKey(bytes.utf8Encode(requestId), count);
    return divideBatch(batch, count, keyless, bytes);
  }
}

function appendParts(
  request: AppendRequest,
  {
    count,
    parts: batches,
    append,
  }: { readonly count: number; readonly parts: readonly BatchPart[]; readonly append: RecordService['append'] },
  answer: (divided: Divided) => void,
): void {
  const outcomes: Part[] = [];
  for (const { partition, batch } of batches) {
    append({ ...request, partition, batch }, (outcome) => {
      outcomes.push({ partition, outcome });
      if (outcomes.length < batches.length) return;
      const parts = outcomes.toSorted((a, b) => a.partition - b.partition);
      const [first] = parts;
      answer(
        parts.length === 1 && first !== undefined ? { kind: 'one', count, outcome: first.outcome } : { kind: 'several', count, parts },
      );
    });
  }
}

const lastOf = (counts: readonly number[]): number => counts.at(-1) ?? 1;

/** What of a request can be had of one partition only; null where there is nothing of that. */
function needsPartition({ expectedOffset, sequence, isSession = false }: AppendRequest): string | null {
  if (expectedOffset !== null) return 'an expected offset';
  return sequence > 0 || isSession ? 'a sequence' : null;
}

/** Why not all of them are appended, all parts together; null where all are. */
export function failureOf(topic: string, parts: readonly Part[]): LogError | null {
  const failed = parts.flatMap(({ partition, outcome }) => (outcome.ok ? [] : [{ partition, error: outcome.error }]));
  const [first] = failed;
  if (first === undefined) return null;
  // Where some part of it may be there, what is said of another that is not is not said of the whole.
  if (failed.length === parts.length) return (failed.find(({ error }) => !error.definite) ?? first).error;
  const which = `${failed.length === 1 ? 'partition' : 'partitions'} ${failed.map(({ partition }) => partition).join(', ')}`;
  const message = `Cannot append all records to ${shownTopic(topic)}: ${which} did not take theirs, the others did: ${first.error.message}`;
  return new LogError('partlyAppended', message, {}, { cause: first.error });
}
