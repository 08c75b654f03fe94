import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Core } from '../core.ts';
import { catalogGroup } from '../well-known.ts';
import type { Requests } from './requests.ts';
import { parseStatuses } from './said-statuses.ts';

const askMs = 250;
const askAgainMs = 50;

/**
 * Who leads a group. Where there is a replica here it knows; for the others it is whoever took or named somebody last, and where nobody did, one replica that
 * can be reached after another: whoever is asked and does not lead names the leader.
 */
export class Whereabouts {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #named = new Map<GroupId, BrokerId>();
  readonly #turns = new Map<GroupId, number>();
  /** When somebody may be asked again who leads. */
  readonly #askAgain = new Map<GroupId, number>();

  constructor(core: Core, requests: Requests) {
    this.#core = core;
    this.#requests = requests;
  }

  /** Whom to ask; null while nobody can be. */
  leaderOf(group: GroupId): BrokerId | null {
    const known = this.knownLeaderOf(group);
    return known !== null || this.#core.replica(group) !== undefined ? known : this.#nextOf(group);
  }

  /** Null too where whoever is asked next is only hoped to know. */
  knownLeaderOf(group: GroupId): BrokerId | null {
    const replica = this.#core.replica(group);
    if (replica !== undefined) return replica.raft.leader;
    const named = this.#named.get(group);
    return named !== undefined && this.#core.links.isReady(named) ? named : null;
  }

  #nextOf(group: GroupId, but: BrokerId | null = null): BrokerId | null {
    const ready = this.#core.membersOf(group).filter((member) => member !== but && this.#core.links.isReady(member));
    return ready[(this.#turns.get(group) ?? 0) % ready.length] ?? null;
  }

  /** Whom an append may go to: its batch is not carried from one to another until somebody takes it. Null until `ask` has found a leader. */
  takerOf(group: GroupId): BrokerId | null {
    return this.#turns.has(group) ? this.knownLeaderOf(group) : this.leaderOf(group);
  }

  /**
   * Asks one after another of those that have the group who leads it; `told` comes once one names somebody but `silent`. That one has said nothing for long: it
   * may be asleep or cut off while its link stands, and another lead. A broker with a replica knows without asking.
   */
  ask(group: GroupId, silent: BrokerId | null, told: () => void): void {
    const nowMs = this.#core.nowMs();
    if (this.#core.replica(group) !== undefined || nowMs < (this.#askAgain.get(group) ?? 0)) return;
    const other = this.#nextOf(group, silent);
    if (other === null) return;
    this.#turn(group);
    this.#askAgain.set(group, nowMs + askAgainMs);
    this.#requests.send(other, catalogGroup, { type: 'partitions', groups: [group] }, askMs, (outcome) => {
      const isForgotten = !this.#askAgain.has(group);
      if (isForgotten || outcome.type !== 'status') return;
      const named = parseStatuses(outcome.json).find((status) => status.group === group)?.leader;
      const leader = this.#core.membersOf(group).find((member) => member === named && member !== silent);
      if (leader === undefined) return;
      this.#named.set(group, leader);
      told();
    });
    this.#core.wake();
  }

  #turn(group: GroupId): void {
    this.#turns.set(group, (this.#turns.get(group) ?? 0) + 1);
  }

  /** It took what only a leader takes. */
  led(group: GroupId, by: BrokerId): void {
    if (this.#core.replica(group) === undefined) this.#named.set(group, by);
  }

  /** Whoever was asked does not lead, or did not answer: `named` is whom it takes for the leader. */
  refused(group: GroupId, named: unknown): void {
    if (this.#core.replica(group) !== undefined) return;
    const leader = this.#core.membersOf(group).find((member) => member === named);
    if (leader === undefined) this.#named.delete(group);
    else this.#named.set(group, leader);
    this.#turn(group);
  }

  /** There is no such group any more. */
  forget(group: GroupId): void {
    this.#named.delete(group);
    this.#turns.delete(group);
    this.#askAgain.delete(group);
  }
}
