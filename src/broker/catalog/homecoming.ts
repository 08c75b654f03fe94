import { type BrokerId, type GroupId, groupId } from '../../base/branded.ts';
import type { Requests } from '../edge/index.ts';
import type { Core } from '../core.ts';
import type { Replica } from '../replica/index.ts';
import type { CatalogState } from './catalog-state.ts';

/** One topic after another: each transfer is over before the next is asked for. */
const everyMs = 250;
const answerMs = 1000;
/** A home that comes and goes gets its leadership back so often in so many times the setting, and not more: by default in five minutes. */
const flapsMax = 2;
const flapsInTimes = 10;

export interface HomecomingOptions {
  readonly requests: Requests;
  state(): CatalogState;
  /** What this broker's disk takes for a sync, lately. */
  usualSyncMs(): number;
}

/**
 * Leadership returns to a topic's home. The home asks for it (it knows whether its disk keeps up), once it has all of the log, some time after it last lost the
 * office or was started; the leader hands it over, or says no.
 */
export class Homecoming {
  readonly #core: Core;
  readonly #options: HomecomingOptions;
  /** Of groups at home here that another leads: since when. */
  readonly #away = new Map<GroupId, number>();
  /** When leadership was handed to a home, by home: those of the last minutes. */
  readonly #handed = new Map<BrokerId, number[]>();
  #nextMs = 0;
  #isAsking = false;
  #lastSlowMs = Number.NEGATIVE_INFINITY;

  constructor(core: Core, options: HomecomingOptions) {
    this.#core = core;
    this.#options = options;
  }

  #homeOf(group: GroupId): number | null {
    return this.#options.state().placeOf(group)?.partition.placed?.replicas[0] ?? null;
  }

  roleChanged({ group, raft }: Replica): void {
    if (raft.role === 'leader' || this.#homeOf(group) !== this.#core.self) this.#away.delete(group);
    else if (!this.#away.has(group)) this.#away.set(group, this.#core.nowMs());
  }

  deleted(group: number): void {
    this.#away.delete(groupId(group));
  }

  tick(nowMs: number): void {
    if (this.#away.size === 0 || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + everyMs;
    const { electionTimeoutMs, homecomingAfterMs } = this.#core.settings;
    // So slow that it would give the office up again.
    if (this.#options.usualSyncMs() > electionTimeoutMs / 2) this.#lastSlowMs = nowMs;
    if (this.#isAsking || nowMs - this.#lastSlowMs < 2 * homecomingAfterMs) return;
    for (const [group, sinceMs] of this.#away) {
      const replica = this.#core.replica(group);
      if (replica === undefined || nowMs - sinceMs < homecomingAfterMs) continue;
      const { leader } = replica.raft;
      if (leader === null || leader === this.#core.self || replica.lag > 0) continue;
      return this.#ask(group, leader);
    }
  }

  #ask(group: GroupId, leader: BrokerId): void {
    const done = (): void => {
      this.#isAsking = false;
      // Handed over or not, it is not asked for again at once.
      if (this.#away.delete(group)) this.#away.set(group, this.#core.nowMs());
    };
    this.#isAsking = true;
    // Where there is no way to its leader now, the others do not wait for one.
    if (!this.#options.requests.send(leader, group, { type: 'claim' }, answerMs, done)) done();
    this.#core.wake();
  }

  /**
   * As leader: the home asks for the office. False where it is not its home, too early, or too often. A leader that has lost its catalog does not know whose
   * home it is, and takes the other's word for it.
   */
  mayHandOver(group: GroupId, to: BrokerId, ledSinceMs: number): boolean {
    const { homecomingAfterMs } = this.#core.settings;
    const nowMs = this.#core.nowMs();
    const isKnown = this.#options.state().placeOf(group) !== undefined;
    if ((isKnown && this.#homeOf(group) !== to) || nowMs - ledSinceMs < homecomingAfterMs) return false;
    const handed = (this.#handed.get(to) ?? []).filter((atMs) => nowMs - atMs < flapsInTimes * homecomingAfterMs);
    // All topics of a home that come back together are one coming back.
    const last = handed.at(-1);
    if (last === undefined || nowMs - last >= homecomingAfterMs) {
      if (handed.length >= flapsMax) return false;
      handed.push(nowMs);
    } else handed[handed.length - 1] = nowMs;
    this.#handed.set(to, handed);
    return true;
  }
}
