/** Delays of a run, every one of them kept: percentiles are exact, and a group of answers that came together is one entry with a weight. */
export class Latencies {
  #ms = new Float64Array(1024);
  #weights = new Float64Array(1024);
  #entries = 0;
  #count = 0;

  /** How many were recorded, weights counted. */
  get count(): number {
    return this.#count;
  }

  record(ms: number, weight = 1): void {
    if (this.#entries === this.#ms.length) this.#grow();
    this.#ms[this.#entries] = ms;
    this.#weights[this.#entries++] = weight;
    this.#count += weight;
  }

  clear(): void {
    this.#entries = 0;
    this.#count = 0;
  }

  /** The least delay that so many per cent of all stay within (nearest rank); 0 when nothing was recorded. */
  summary(): LatencySummary {
    const order = Array.from({ length: this.#entries }, (_, index) => index).sort((a, b) => this.#at(a) - this.#at(b));
    const percentile = (percent: number): number => {
      let left = Math.max(1, Math.ceil((percent / 100) * this.#count));
      for (const index of order) {
        left -= this.#weights[index] as number;
        if (left <= 0) return this.#at(index);
      }
      return 0;
    };
    const last = order.at(-1);
    return { p50: percentile(50), p99: percentile(99), max: last === undefined ? 0 : this.#at(last) };
  }

  #at(index: number): number {
    return this.#ms[index] as number;
  }

  #grow(): void {
    const ms = new Float64Array(this.#ms.length * 2);
    const weights = new Float64Array(ms.length);
    ms.set(this.#ms);
    weights.set(this.#weights);
    this.#ms = ms;
    this.#weights = weights;
  }
}

/** Milliseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
