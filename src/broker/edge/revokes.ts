import type { GroupId } from '../../base/branded.ts';
import type { Answer } from '../../eventlog/index.ts';
import { type Core, failure } from '../core.ts';
import type { Requests } from './requests.ts';
import type { Whereabouts } from './whereabouts.ts';

interface PendingRevoke {
  readonly group: GroupId;
  readonly requestId: Uint8Array;
  readonly answer: Answer<undefined>;
  isOutstanding: boolean;
}

const attemptMs = 2000;

/**
 * Revokes (design, D7), tried again until they are in the log: through crashes of leaders and of this broker's own fault switch. A second revoke of one id
 * is answered without a second batch, and would do no harm.
 */
export class Revokes {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #pending = new Set<PendingRevoke>();
  readonly #whereabouts: Whereabouts;
  #mayRetry = true;

  constructor(core: Core, requests: Requests, whereabouts: Whereabouts) {
    this.#core = core;
    this.#requests = requests;
    this.#whereabouts = whereabouts;
  }

  get count(): number {
    return this.#pending.size;
  }

  begin(group: GroupId, requestId: string, answer: Answer<undefined>): void {
    this.#pending.add({ group, requestId: this.#core.host.bytes.utf8Encode(requestId), answer, isOutstanding: false });
    this.#mayRetry = true;
    this.#core.wake();
  }

  /** Part of a turn. */
  work(): boolean {
    if (!this.#mayRetry || this.#pending.size === 0) return false;
    this.#mayRetry = false;
    let isBusy = false;
    for (const revoke of this.#pending) if (!revoke.isOutstanding && this.#attempt(revoke)) isBusy = true;
    return isBusy;
  }

  #attempt(revoke: PendingRevoke): boolean {
    // What is appended through a broker without a replica must be revoked through it too.
    const leader = this.#whereabouts.leaderOf(revoke.group);
    if (leader === null) return false;
    const done = (isRevoked: boolean): void => {
      revoke.isOutstanding = false;
      if (!isRevoked || !this.#pending.delete(revoke)) return;
      this.#core.later(() => revoke.answer({ ok: true, value: undefined }));
    };
    revoke.isOutstanding = true;
    if (leader === this.#core.self) {
      const appends = this.#core.replica(revoke.group)?.appends;
      if (appends === undefined || appends.refusal() !== null) {
        revoke.isOutstanding = false;
        return false;
      }
      appends.revoke(revoke.requestId, this.#core.nowMs() + attemptMs, (outcome) => done(outcome.ok));
      return true;
    }
    const request = { type: 'revoke' as const, remainingMs: attemptMs, requestId: revoke.requestId };
    const isSent = this.#requests.send(leader, revoke.group, request, attemptMs, (outcome) => {
      // Of a topic that was deleted meanwhile nothing is remembered.
      if (outcome.type !== 'number' && this.#pending.has(revoke))
        this.#whereabouts.refused(revoke.group, outcome.type === 'error' ? outcome.details['leader'] : null);
      done(outcome.type === 'number');
    });
    if (!isSent) revoke.isOutstanding = false;
    return isSent;
  }

  /** A tick passed, a link came up, the leader changed. */
  retry(): void {
    this.#mayRetry = true;
  }

  /** What was asked of others will not be answered; it is asked again after `retry`. */
  forgetAttempts(): void {
    for (const revoke of this.#pending) revoke.isOutstanding = false;
  }

  /** The topic is gone, and with it whatever was to be hidden. */
  drop(group: GroupId): void {
    for (const revoke of this.#pending) {
      if (revoke.group !== group) continue;
      this.#pending.delete(revoke);
      this.#core.later(() => revoke.answer(failure('unknownTopic', 'Cannot revoke a request: its topic was deleted')));
    }
  }

  /** The broker ends: whether they are in the log is not known. */
  abandon(): void {
    for (const { answer } of this.#pending) {
      this.#core.later(() => answer(failure('timeout', 'Cannot say whether the request is revoked: the broker is stopping')));
    }
    this.#pending.clear();
  }
}
