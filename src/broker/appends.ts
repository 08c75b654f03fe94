import type { GroupId } from '../base/branded.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Answer, AppendRequest, AppendResult } from '../eventlog/index.ts';
import { recordCount } from '../record/index.ts';
import { AppendQueue } from './append-queue.ts';
import { type Core, failure } from './core.ts';
import type { Requests } from './requests.ts';

/** Appends as callers of this broker see them: admission, bounds, and the queue of each partition. */
export class Appends {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #producerId: () => number;
  readonly #durable: boolean;
  readonly #queues = new Map<GroupId, AppendQueue>();
  #queuedCount = 0;
  #queuedBytes = 0;

  constructor(core: Core, requests: Requests, producerId: () => number) {
    this.#core = core;
    this.#requests = requests;
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
    const { topic, batch } = request;
    const refuse = (code: ErrorCode, reason: string, details = {}): void => {
      this.#core.counters.refusedAppends++;
      this.#core.later(() => answer(failure(code, `Cannot append to topic "${topic}": ${reason}`, details)));
    };
    if (batch.length > settings.batchBytesMax) {
      return refuse('recordTooLarge', `the batch has ${batch.length} bytes, at most ${settings.batchBytesMax} are allowed`, {
        limit: settings.batchBytesMax,
      });
    }
    if (this.#queuedCount >= settings.queuedAppendsMax || this.#queuedBytes + batch.length > settings.queuedAppendBytesMax) {
      return refuse('overloaded', `${this.#queuedCount} appends of ${this.#queuedBytes} bytes wait already`);
    }
    this.#queuedCount++;
    this.#queuedBytes += batch.length;
    const bytes = batch.length;
    const release = (): void => {
      this.#queuedCount--;
      this.#queuedBytes -= bytes;
    };
    this.#queueOf(group).add({
      request,
      count: recordCount(batch),
      deadlineMs: this.#core.nowMs() + Math.max(0, request.timeoutMs),
      reached: (value) => {
        release();
        const { offset, count, term, ackedBy, committed, duplicate, timestampMs } = value;
        const { level } = request;
        const result: AppendResult = {
          topic,
          partition: 0,
          offset,
          count,
          term,
          level,
          ackedBy,
          committed,
          durable: this.#durable,
          duplicate,
          timestampMs,
        };
        this.#core.later(() => answer({ ok: true, value: result }));
      },
      failed: (code, reason, details) => {
        release();
        refuse(code, reason, details);
      },
    });
    this.#core.wake();
  }

  #queueOf(group: GroupId): AppendQueue {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      queue = new AppendQueue(group, this.#producerId(), this.#core, this.#requests);
      this.#queues.set(group, queue);
    }
    return queue;
  }

  /** Part of a turn. */
  work(): boolean {
    let isBusy = false;
    for (const queue of this.#queues.values()) if (queue.dispatch()) isBusy = true;
    return isBusy;
  }

  /** A tick passed or a link came up: what was tried in vain may be tried again. */
  retry(): void {
    for (const queue of this.#queues.values()) queue.retry(false);
  }

  leaderChanged(group: GroupId): void {
    this.#queues.get(group)?.retry(true);
  }

  expire(nowMs: number): void {
    for (const queue of this.#queues.values()) queue.expire(nowMs);
  }

  /** Ends everything; what was sent to a leader ends as `sentCode`, an indefinite one. */
  abandon(code: ErrorCode, sentCode: ErrorCode, reason: string): void {
    for (const queue of this.#queues.values()) queue.abandon(code, sentCode, reason);
  }

  /** The topic is gone. */
  drop(group: GroupId): void {
    this.#queues.get(group)?.abandon('unknownTopic', 'unknownTopic', 'it was deleted');
    this.#queues.delete(group);
  }
}
