import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Core } from '../core.ts';
import type { Replica } from '../replica/index.ts';
import type { Requests } from './requests.ts';

interface Waiter {
  readonly deadlineMs: number;
  /** Set for a peer's question: answered with the leader's high watermark, by a leader only. */
  readonly forPeer: boolean;
  /** The high watermark that was current, or null when nobody could say in time. */
  readonly done: (highWatermark: number | null) => void;
}

/** A question to the leader, which is under way. */
interface Asking {
  readonly leader: BrokerId;
  waiters: readonly Waiter[];
}

interface GroupBarriers {
  readonly group: GroupId;
  queued: Waiter[];
  /** By read context, at a leader. */
  readonly asked: Map<number, Waiter[]>;
  /** What comes meanwhile shares the next one. */
  asking: Asking | null;
  /** Known to be current once this much is visible here. */
  catchingUp: { readonly highWatermark: number; readonly waiter: Waiter }[];
  mayAsk: boolean;
}

const isWaiting = ({ queued, asked, asking, catchingUp }: GroupBarriers): boolean =>
  queued.length + asked.size + catchingUp.length > 0 || asking !== null;

const askMs = 500;

/**
 * Linearizable reads (thesis §6.4): before answering, a broker learns a high watermark that was current after the read began, and waits until its own
 * reaches it. A leader confirms its leadership with a round of heartbeats; others ask the leader. Every try has a fresh context, and what waits at one
 * moment shares a try.
 */
export class Barriers {
  readonly #core: Core;
  readonly #requests: Requests;
  /** Of groups in which somebody waits, or did a moment ago. */
  readonly #groups = new Map<GroupId, GroupBarriers>();
  #lastContext = 0;

  constructor(core: Core, requests: Requests) {
    this.#core = core;
    this.#requests = requests;
  }

  /** `done` comes when this replica shows at least everything that was committed when this was called, with false when that could not be known in time. */
  begin(group: GroupId, deadlineMs: number, done: (isCurrent: boolean) => void): void {
    this.#queue(group, { deadlineMs, forPeer: false, done: (highWatermark) => done(highWatermark !== null) });
  }

  /** For a peer: the high watermark confirmed by this broker as leader, null if it does not lead. */
  confirm(group: GroupId, deadlineMs: number, done: (highWatermark: number | null) => void): void {
    this.#queue(group, { deadlineMs, forPeer: true, done });
  }

  /** Groups that are remembered here. */
  get groupCount(): number {
    return this.#groups.size;
  }

  get isWaiting(): boolean {
    for (const barriers of this.#groups.values()) if (isWaiting(barriers)) return true;
    return false;
  }

  #queue(group: GroupId, waiter: Waiter): void {
    const barriers = this.#of(group);
    barriers.queued.push(waiter);
    barriers.mayAsk = true;
    this.#core.wake();
  }

  #of(group: GroupId): GroupBarriers {
    let barriers = this.#groups.get(group);
    if (barriers === undefined) {
      barriers = { group, queued: [], asked: new Map(), asking: null, catchingUp: [], mayAsk: true };
      this.#groups.set(group, barriers);
    }
    return barriers;
  }

  /** Part of a turn. */
  work(): boolean {
    let isBusy = false;
    for (const barriers of this.#groups.values()) {
      if ((barriers.queued.length === 0 && barriers.asking === null) || !barriers.mayAsk) continue;
      const replica = this.#core.replica(barriers.group);
      if (replica === undefined) continue;
      this.#takeBack(barriers, replica.raft.leader);
      if (barriers.queued.length === 0) continue;
      if (replica.raft.role === 'leader') {
        const context = ++this.#lastContext;
        barriers.asked.set(context, barriers.queued);
        barriers.queued = [];
        replica.step({ type: 'read', context });
        isBusy = true;
      } else {
        this.#refusePeers(barriers);
        if (replica.raft.leader !== null && barriers.asking === null && barriers.queued.length > 0)
          this.#ask(barriers, replica.raft.leader);
      }
    }
    return isBusy;
  }

  /** Whoever was asked leads no more, and may hang: the next leader is asked, and that answer is not waited for. */
  #takeBack(barriers: GroupBarriers, leader: BrokerId | null): void {
    const { asking } = barriers;
    if (asking === null || leader === null || asking.leader === leader) return;
    barriers.queued = [...asking.waiters, ...barriers.queued];
    barriers.asking = null;
  }

  #ask(barriers: GroupBarriers, leader: BrokerId): void {
    barriers.mayAsk = false;
    const asking: Asking = { leader, waiters: barriers.queued };
    const isSent = this.#requests.send(leader, barriers.group, { type: 'readIndex' }, askMs, (outcome) => {
      // Ended meanwhile, with everything that waited, or taken back.
      if (barriers.asking !== asking) return;
      barriers.asking = null;
      if (outcome.type === 'number') this.#current(barriers, asking.waiters, outcome.value);
      else barriers.queued = [...asking.waiters, ...barriers.queued];
      // A lost question may be asked again at once, a refused one only when something has changed.
      barriers.mayAsk = outcome.type === 'number' || outcome.type === 'lost';
      this.#core.wake();
    });
    if (!isSent) return;
    barriers.asking = asking;
    barriers.queued = [];
  }

  #refusePeers(barriers: GroupBarriers): void {
    const refused = barriers.queued.filter((waiter) => waiter.forPeer);
    if (refused.length === 0) return;
    barriers.queued = barriers.queued.filter((waiter) => !waiter.forPeer);
    for (const waiter of refused) waiter.done(null);
  }

  #current(barriers: GroupBarriers, waiters: readonly Waiter[], highWatermark: number): void {
    const visible = this.#core.replica(barriers.group)?.visible ?? 0;
    for (const waiter of waiters) {
      if (waiter.forPeer || visible >= highWatermark) waiter.done(highWatermark);
      else barriers.catchingUp.push({ highWatermark, waiter });
    }
  }

  readCurrent(replica: Replica, context: number, highWatermark: number): void {
    const barriers = this.#of(replica.group);
    const waiters = barriers.asked.get(context);
    barriers.asked.delete(context);
    if (waiters !== undefined) this.#current(barriers, waiters, highWatermark);
  }

  readFailed(replica: Replica, context: number): void {
    const barriers = this.#of(replica.group);
    const waiters = barriers.asked.get(context);
    barriers.asked.delete(context);
    if (waiters === undefined) return;
    barriers.queued = [...waiters, ...barriers.queued];
    this.#core.wake();
  }

  advanced(replica: Replica): void {
    const barriers = this.#groups.get(replica.group);
    if (barriers === undefined || barriers.catchingUp.length === 0) return;
    const waiting = barriers.catchingUp;
    barriers.catchingUp = [];
    for (const one of waiting) {
      if (replica.visible >= one.highWatermark) one.waiter.done(one.highWatermark);
      else barriers.catchingUp.push(one);
    }
  }

  /** The leader changed, a link came up or a tick passed. */
  retry(): void {
    for (const barriers of this.#groups.values()) barriers.mayAsk = true;
  }

  expire(nowMs: number): void {
    const late: Waiter[] = [];
    const isInTime = (waiter: Waiter): boolean => {
      if (nowMs < waiter.deadlineMs) return true;
      late.push(waiter);
      return false;
    };
    for (const barriers of this.#groups.values()) {
      if (barriers.queued.length > 0) barriers.queued = barriers.queued.filter(isInTime);
      if (barriers.asking !== null) barriers.asking.waiters = barriers.asking.waiters.filter(isInTime);
      if (barriers.catchingUp.length > 0) barriers.catchingUp = barriers.catchingUp.filter(({ waiter }) => isInTime(waiter));
      for (const [context, waiters] of barriers.asked) {
        const left = waiters.filter(isInTime);
        if (left.length === 0) barriers.asked.delete(context);
        else if (left.length < waiters.length) barriers.asked.set(context, left);
      }
      // Only what waits costs anything, and what is not here may be of any number.
      if (!isWaiting(barriers)) this.#groups.delete(barriers.group);
    }
    // Whoever is told may ask again at once: not while the lists are gone through.
    for (const waiter of late) waiter.done(null);
  }

  /** Nobody will say any more. */
  abandon(): void {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    for (const barriers of groups) {
      for (const waiter of [...(barriers.asking?.waiters ?? []), ...barriers.queued]) waiter.done(null);
      barriers.asking = null;
      for (const { waiter } of barriers.catchingUp) waiter.done(null);
      for (const waiters of barriers.asked.values()) for (const waiter of waiters) waiter.done(null);
    }
  }
}
