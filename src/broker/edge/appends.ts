import type { GroupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { Answer, AppendRequest, AppendResult } from '../../eventlog/index.ts';
import { recordCount } from '../../record/index.ts';
import type { Appended, ErrorDetails, HopList } from '../../wire/index.ts';
import { type AppendEdge, AppendQueue, type PendingAppend } from './append-queue.ts';
import { type Core, failure } from '../core.ts';
import { isOfCairn } from '../well-known.ts';
import type { Requests } from './requests.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Appends as callers of this broker see them: admission, bounds, and the queue of each partition. */
export class Appends implements AppendEdge {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #whereabouts: Whereabouts;
  readonly #producerId: () => number;
  readonly #durable: boolean;
  readonly #queues = new Map<GroupId, AppendQueue>();
  /** Those that are not at rest: the others cost nothing. */
  readonly #waiting = new Set<AppendQueue>();
  #queuedCount = 0;
  #queuedBytes = 0;
  /** Read once for all that is asked between two turns. */
  #arrivedMs: number | null = null;

  constructor(core: Core, requests: Requests, whereabouts: Whereabouts, producerId: () => number) {
    this.#core = core;
    this.#requests = requests;
    this.#whereabouts = whereabouts;
    this.#producerId = producerId;
    this.#durable = core.host.disk.durable;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get queuedCount(): number {
    return this.#queuedCount;
  }

  append(group: GroupId, request: AppendRequest, answer: Answer<AppendResult>): void {
    const { settings } = this.#core;
    const bytes = request.batch.length;
    if (bytes > settings.batchBytesMax) {
      const reason = `the batch has ${bytes} bytes, at most ${settings.batchBytesMax} are allowed`;
      return this.#refuse(request, answer, 'recordTooLarge', reason, { limit: settings.batchBytesMax });
    }
    if (this.#queuedCount >= settings.queuedAppendsMax || this.#queuedBytes + bytes > settings.queuedAppendBytesMax) {
      return this.#refuse(request, answer, 'overloaded', `${this.#queuedCount} appends of ${this.#queuedBytes} bytes wait already`, {});
    }
    this.#queuedCount++;
    this.#queuedBytes += bytes;
    this.#arrivedMs ??= this.#core.nowMs();
    const deadlineMs = this.#arrivedMs + Math.max(0, request.timeoutMs);
    const queue = this.#queueOf(group);
    const queued = request.trace === undefined ? null : this.#core.spans.begin('queue', request.trace);
    queue.add({ request, count: recordCount(request.batch), deadlineMs, answer, recordFrom: 0, queued });
    this.#waiting.add(queue);
    this.#core.wake();
  }

  reached(appends: readonly PendingAppend[], value: Appended, duplicate: boolean, hops: HopList | null): void {
    for (const append of appends) this.#release(append);
    const { term, ackedBy, committed, timestampMs } = value;
    const durable = this.#durable;
    const own = { brokers: [this.#core.self], isDirect: false };
    const { counters } = this.#core;
    this.#core.later(() => {
      for (const { request, count, recordFrom, answer } of appends) {
        const { topic, partition = 0, level } = request;
        if (!duplicate && !isOfCairn(topic)) {
          counters.acknowledgedRecords += count;
          counters.acknowledgedBytes += request.batch.length;
        }
        const offset = value.offset + recordFrom;
        const result = { topic, partition, offset, count, term, level, ackedBy, committed, durable, duplicate, timestampMs };
        answer({ ok: true, value: request.tellHops === true ? { ...result, hops: hops ?? own } : result });
      }
    });
  }

  failed(append: PendingAppend, code: ErrorCode, reason: string, details: ErrorDetails): void {
    if (append.queued !== null) this.#core.spans.end(append.queued, code);
    this.#release(append);
    this.#refuse(append.request, append.answer, code, reason, details);
  }

  #release({ request }: PendingAppend): void {
    this.#queuedCount--;
    this.#queuedBytes -= request.batch.length;
  }

  #refuse({ topic }: AppendRequest, answer: Answer<AppendResult>, code: ErrorCode, reason: string, details: ErrorDetails): void {
    this.#core.counters.refusedAppends++;
    this.#core.later(() => answer(failure(code, `Cannot append to topic "${topic}": ${reason}`, details)));
  }

  #queueOf(group: GroupId): AppendQueue {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      queue = new AppendQueue(group, this.#producerId(), this.#core, this.#requests, this.#whereabouts, this);
      this.#queues.set(group, queue);
    }
    return queue;
  }

  /** Part of a turn. */
  work(): boolean {
    this.#arrivedMs = null;
    let isBusy = false;
    for (const queue of this.#waiting) {
      if (queue.dispatch()) isBusy = true;
      if (queue.isAtRest) this.#waiting.delete(queue);
    }
    return isBusy;
  }

  /** A tick passed or a link came up: what was tried in vain may be tried again. */
  retry(): void {
    for (const queue of this.#waiting) queue.retry(false);
  }

  leaderChanged(group: GroupId): void {
    this.#queues.get(group)?.retry(true);
  }

  expire(nowMs: number): void {
    for (const queue of this.#waiting) queue.expire(nowMs);
  }

  /** Ends everything; what was sent to a leader ends as `sentCode`, an indefinite one. */
  abandon(code: ErrorCode, sentCode: ErrorCode, reason: string): void {
    for (const queue of this.#waiting) queue.abandon(code, sentCode, reason);
  }

  /** The topic is gone. What was sent to its leader may have been appended, and shown, before: that is not known to have failed. */
  drop(group: GroupId): void {
    this.#queues.get(group)?.abandon('unknownTopic', 'timeout', 'it was deleted');
    this.#queues.delete(group);
  }
}
