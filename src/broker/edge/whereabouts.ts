import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Core } from '../core.ts';

/**
 * Who leads a group. Where there is a replica here it knows; for the others it is whoever took or named somebody last, and where nobody did, one replica that
 * can be reached after another: whoever is asked and does not lead names the leader.
 */
export class Whereabouts {
  readonly #core: Core;
  readonly #named = new Map<GroupId, BrokerId>();
  readonly #turns = new Map<GroupId, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Whom to ask; null while nobody can be. */
  leaderOf(group: GroupId): BrokerId | null {
    const replica = this.#core.replica(group);
    if (replica !== undefined) return replica.raft.leader;
    const { links } = this.#core;
    const named = this.#named.get(group);
    if (named !== undefined && links.isReady(named)) return named;
    const ready = this.#core.membersOf(group).filter((member) => links.isReady(member));
    return ready[(this.#turns.get(group) ?? 0) % ready.length] ?? null;
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
    this.#turns.set(group, (this.#turns.get(group) ?? 0) + 1);
  }

  /** There is no such group any more. */
  forget(group: GroupId): void {
    this.#named.delete(group);
    this.#turns.delete(group);
  }
}
