/** Longer ago, what was measured says nothing about the disk as it is. */
const rememberedMs = 10_000;
/** Part of a slow sync that is still believed after the next one. */
const keptPart = 7 / 8;

/**
 * How long this broker's disk took lately: a slow sync counts at once and is forgotten over the next ones, because waiting too short costs an election and
 * waiting too long costs a moment.
 */
export class SyncTimes {
  #usualMs = 0;
  #notedMs = 0;

  note(ms: number, nowMs: number): void {
    this.#usualMs = Math.max(ms, this.usualMs(nowMs) * keptPart);
    this.#notedMs = nowMs;
  }

  usualMs(nowMs: number): number {
    return nowMs - this.#notedMs > rememberedMs ? 0 : this.#usualMs;
  }
}
