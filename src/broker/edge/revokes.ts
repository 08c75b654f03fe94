import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Answer } from '../../eventlog/index.ts';
import { type Core, failure } from '../core.ts';
import type { Requests } from './requests.ts';

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
  #mayRetry = true;
  /** Without a replica here: which of the peers is asked. */
  #turn = 0;

  constructor(core: Core, requests: Requests) {
    this.#core = core;
    this.#requests = requests;
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
    const leader = this.#leaderOf(revoke.group);
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
    const isSent = this.#requests.send(leader, revoke.group, request, attemptMs, (outcome) => done(outcome.type === 'number'));
    if (!isSent) revoke.isOutstanding = false;
    return isSent;
  }

  /** What is appended through a broker whose own log is damaged must be revoked through it too: some peer leads. */
  #leaderOf(group: GroupId): BrokerId | null {
    const replica = this.#core.replica(group);
    if (replica !== undefined) return replica.raft.leader;
    const { links } = this.#core;
    const ready = links.peers.filter((peer) => links.isReady(peer));
    return ready[this.#turn++ % ready.length] ?? null;
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
