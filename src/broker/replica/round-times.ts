/** Nearer than this, two moments count as the earlier one. */
const spacingMs = 5;
const keptMax = 256;

/**
 * When this broker sent what carries a number that rises within a term. Who answers a number later was heard of it after that moment, whatever time the
 * answer then waited on its way or in a process that slept.
 */
export class RoundTimes {
  #term = 0;
  /** The newest noted or passed over: whoever names it again does so later than the first time. */
  #newest = 0;
  #rounds: number[] = [];
  #times: number[] = [];

  note(term: number, round: number, nowMs: number): void {
    if (term !== this.#term) {
      this.#term = term;
      this.#newest = 0;
      this.#rounds = [];
      this.#times = [];
    }
    if (round <= this.#newest) return;
    this.#newest = round;
    const last = this.#times.at(-1);
    if (last !== undefined && nowMs - last < spacingMs) return;
    if (this.#rounds.length === keptMax) {
      this.#rounds = this.#rounds.slice(keptMax / 2);
      this.#times = this.#times.slice(keptMax / 2);
    }
    this.#rounds.push(round);
    this.#times.push(nowMs);
  }

  /** A moment that was not after `round` was first sent, or null where none is known. */
  timeOf(term: number, round: number): number | null {
    if (term !== this.#term) return null;
    for (let i = this.#rounds.length - 1; i >= 0; i--) if ((this.#rounds[i] as number) <= round) return this.#times[i] as number;
    return null;
  }
}
