import type { GroupId } from '../../base/branded.ts';
import type { Core } from '../core.ts';

/** So often, and for so long, unless the others are slow to open the topic: then it is elected by the timer, as always. */
const againMs = 50;
const untilMs = 400;

/** Topics that were just made, by the broker that led the catalog then: it stands for election in each at once. */
export class FirstElections {
  readonly #core: Core;
  #unled: { readonly group: GroupId; readonly sinceMs: number; nextMs: number }[] = [];

  constructor(core: Core) {
    this.#core = core;
  }

  begin(group: GroupId): void {
    const nowMs = this.#core.nowMs();
    this.#unled.push({ group, sinceMs: nowMs, nextMs: nowMs });
  }

  /** A group that was made a moment ago has no leader yet. */
  get isElecting(): boolean {
    return this.#unled.length > 0;
  }

  tick(nowMs: number): void {
    if (this.#unled.length === 0) return;
    this.#unled = this.#unled.filter(({ group, sinceMs }) => {
      const leader = this.#core.replica(group)?.raft.leader ?? null;
      return leader === null && nowMs - sinceMs < untilMs;
    });
    for (const one of this.#unled) {
      if (nowMs < one.nextMs) continue;
      one.nextMs = nowMs + againMs;
      this.#core.replica(one.group)?.step({ type: 'campaign' });
    }
  }
}
