import type { SharedRoom } from './shared-room.ts';

/** A leader whose log remembers request ids. */
export interface Remembering {
  /** Request ids of one batch that it remembers. */
  readonly requestIdsHeld: number;
  /** Says in its log that no more than these are remembered from there on; false where it does not now. */
  limitRequestIds(most: number): boolean;
}

/** No log is told to remember fewer: retries of its broker's own batches are among them. */
const leastKept = 8;
/** From this part of the bound on the largest are told to forget, until they have this part. */
const fullFrom = 7 / 8;
const fullTo = 3 / 4;
const everyMs = 1000;

/**
 * Keeps what the groups led by a broker remember of request ids within what it may. Replicas forget by their log alone (docs/decisions/0011), so the leader of
 * a group that has much writes a lower limit into its log: it forgets its oldest there, and a retry of one that is forgotten is told so.
 */
export class RequestIdLevels {
  readonly #room: SharedRoom;
  readonly #led: () => Iterable<Remembering>;
  #nextMs = 0;
  /** Somebody found no room since it was last looked at. */
  #isWanted = false;

  constructor(room: SharedRoom, led: () => Iterable<Remembering>) {
    this.#room = room;
    this.#led = led;
  }

  wanted(): void {
    this.#isWanted = true;
  }

  /** Costs nothing while there is room. */
  tick(nowMs: number): void {
    const { held, free } = this.#room;
    if (nowMs < this.#nextMs || (!this.#isWanted && held <= (held + free) * fullFrom)) return;
    this.#nextMs = nowMs + everyMs;
    this.#isWanted = false;
    const led = [...this.#led()];
    const level = this.#room.levelOf(
      led.map(({ requestIdsHeld }) => requestIdsHeld),
      fullTo,
    );
    for (const one of led) {
      const own = one.requestIdsHeld;
      if (own <= leastKept) continue;
      // One that would get no more for as long as others are stuck goes on with what it has.
      const most = this.#room.admits(own) ? level : Math.min(level, Math.floor(own * fullTo));
      if (most < own) one.limitRequestIds(Math.max(leastKept, most));
    }
  }
}
