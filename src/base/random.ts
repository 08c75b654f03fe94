/**
 * Seeded pseudo-random numbers (xoshiro128**, Blackman and Vigna 2018; seeded by splitmix32). Not for secrets.
 * The same seed gives the same sequence on every machine: all arithmetic is on 32-bit integers.
 */
export class SeededRandom {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let s = seed >>> 0;
    // The high half of a large seed must count too, else seeds 2^32 apart would be one.
    s = (s ^ Math.imul(Math.floor(seed / 0x1_0000_0000) >>> 0, 0x9e3779b9)) >>> 0;
    for (let i = 0; i < 4; i++) {
      s = (s + 0x9e3779b9) >>> 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#state[i] = (z ^ (z >>> 16)) >>> 0;
    }
  }

  /** An integer in [0, 2^32). */
  next(): number {
    const s = this.#state;
    const s0 = s[0] as number;
    const s1 = s[1] as number;
    const s2 = s[2] as number;
    const s3 = s[3] as number;
    const x = Math.imul(s1, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s1 << 9;
    const n2 = s2 ^ s0;
    const n3 = s3 ^ s1;
    s[1] = s1 ^ n2;
    s[0] = s0 ^ n3;
    s[2] = n2 ^ t;
    s[3] = (n3 << 11) | (n3 >>> 21);
    return result;
  }

  /** A number in [0, 1). */
  float(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** An integer in [0, limit); limit is at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.float() * limit);
  }

  /** An integer in [from, to], both inclusive. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One element of a non-empty list. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** A generator of its own, so that two users of one seed do not disturb each other's sequence. */
  fork(): SeededRandom {
    return new SeededRandom(this.next() * 0x20_0000 + (this.next() >>> 11));
  }
}
