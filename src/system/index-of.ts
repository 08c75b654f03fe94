/**
 * Where some bytes stand in others. The machine finds a single byte at tens of gigabytes a second, several in a row at two (Node 24.21): so the one of them
 * that is probably the rarest is looked for, and what is around it compared. Where that one turns out not to be rare the next is tried, then the machine's own
 * search. What was learned is kept for as long as the wanted bytes are.
 */
import type { Buffer } from 'node:buffer';

/** Bytes of texts, logs and JSON, the most frequent first; all others are rarer. */
const frequent = ' e0ta1o2in3s4r5l6h7d8"9c-u:mp.f,g_w/ybv=kETAOINSRLHDCUMPFGWYBV\n{}[]()xjqzKXJQZ';
const rarity: Uint8Array = new Uint8Array(256).fill(255);
for (let at = frequent.length - 1; at >= 0; at--) rarity[frequent.charCodeAt(at)] = at;

/** Closer to one another, on average, than so many bytes, looking at each takes longer than the machine's own search. */
const gapBytesMin = 80;
const looksMin = 32;
const triesMax = 3;

const finders = new WeakMap<Uint8Array, Finder>();

export function indexOf(bytes: Buffer, wanted: Uint8Array, from: number): number {
  if (wanted.length < 2) return bytes.indexOf(wanted, from);
  let finder = finders.get(wanted);
  if (finder === undefined) {
    finder = new Finder(wanted);
    finders.set(wanted, finder);
  }
  return finder.find(bytes, from);
}

class Finder {
  readonly #wanted: Uint8Array;
  /** Of the byte that is looked for. */
  #at: number;
  #triesLeft = triesMax;
  /** At how many places that byte was met, within how many bytes. */
  #looks = 0;
  #passed = 0;

  constructor(wanted: Uint8Array) {
    this.#wanted = wanted;
    this.#at = rarestIn(wanted, 256);
  }

  find(bytes: Buffer, from: number): number {
    const wanted = this.#wanted;
    let start = from;
    while (this.#triesLeft > 0) {
      const at = this.#at;
      const hit = bytes.indexOf(wanted[at] as number, start + at);
      const next = hit - at;
      if (hit < 0 || next + wanted.length > bytes.length) return -1;
      this.#looks++;
      this.#passed += next + 1 - start;
      if (standsAt(bytes, wanted, next)) return next;
      start = next + 1;
      if (this.#looks >= looksMin) this.#learn();
    }
    return bytes.indexOf(wanted, start);
  }

  #learn(): void {
    if (this.#passed < this.#looks * gapBytesMin) {
      this.#triesLeft--;
      this.#at = rarestIn(this.#wanted, rarity[this.#wanted[this.#at] as number] as number);
    }
    this.#looks = this.#passed = 0;
  }
}

/** The position of the rarest byte that is more frequent than `below`; the first, where none is. */
function rarestIn(wanted: Uint8Array, below: number): number {
  let best = 0;
  let bestRarity = -1;
  for (let at = 0; at < wanted.length; at++) {
    const rare = rarity[wanted[at] as number] as number;
    if (rare > bestRarity && rare < below) [best, bestRarity] = [at, rare];
  }
  return best;
}

function standsAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
