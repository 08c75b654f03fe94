/**
 * The logs of the experiment (contract 4): lines of words, a time before them, and the seed's tokens in known shares of them. The same seed gives the same
 * bytes, and what is in them is counted while they are written: an answer can be held against that.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { SeededRandom } from '../../base/random.ts';

/** In which share of the lines of a machine, counted from 1, a token stands. */
export const tokens = {
  everywhere: () => 0.5,
  unique: (machine) => (machine === 1 ? 0.5 : 0),
  even: (machine) => (machine % 2 === 0 ? 0.5 : 0),
  heavy: (machine) => (machine === 1 ? 0.5 : 0.05),
  quixotry: () => 1 / 30_000,
} as const satisfies Readonly<Record<string, (machine: number) => number>>;

export type Token = keyof typeof tokens;

export const tokenNames = Object.keys(tokens) as readonly Token[];

export interface LogOptions {
  readonly file: string;
  /** Counted from 1. */
  readonly machine: number;
  /** About so many: whole lines, the last of which reaches it. */
  readonly bytes: number;
  readonly seed: number;
}

export interface WrittenLog {
  readonly bytes: number;
  readonly lines: number;
  /** Lines that hold each token. */
  readonly counts: Readonly<Record<Token, number>>;
}

const firstMs = Date.UTC(2026, 10, 30, 4);
const wordsOfLine = { least: 15, most: 27 } as const;
const wordCount = 4000;
const chunkBytes = 1024 * 1024;
/** A line is shorter. */
const lineBytesMax = 1024;

export function writeLog({ file, machine, bytes: bytesMin, seed }: LogOptions): WrittenLog {
  const random = new SeededRandom(seed * 1000 + machine);
  const words = vocabulary(seed);
  const held = tokenNames.map((name) => ({ name, text: Buffer.from(`${name} `), share: tokens[name](machine) }));
  const counts = Object.fromEntries(tokenNames.map((name) => [name, 0])) as Record<Token, number>;
  const chunk = Buffer.alloc(chunkBytes);
  const output = openSync(file, 'w');
  let [lines, bytes, at, timeMs] = [0, 0, 0, firstMs];
  const put = (text: Uint8Array): void => {
    for (const byte of text) chunk[at++] = byte;
  };
  try {
    while (bytes + at < bytesMin) {
      timeMs += random.below(24);
      at += chunk.write(`${new Date(timeMs).toISOString()} `, at, 'latin1');
      const count = random.between(wordsOfLine.least, wordsOfLine.most);
      // Tokens stand anywhere in a line, each at a place of its own.
      const standing = held.filter(({ share }) => share > 0 && random.chance(share));
      const places = standing.map(() => random.below(count));
      for (let index = 0; index < count; index++) {
        // Some words are far more frequent than others, as in any text.
        put(words[Math.floor(wordCount * random.float() ** 2)] as Uint8Array);
        for (const [which, place] of places.entries()) if (place === index) put((standing[which] as (typeof held)[number]).text);
      }
      for (const { name } of standing) counts[name]++;
      chunk[at - 1] = 0x0a;
      lines++;
      if (at > chunkBytes - lineBytesMax) {
        bytes += writeAll(output, chunk.subarray(0, at));
        at = 0;
      }
    }
    bytes += writeAll(output, chunk.subarray(0, at));
  } finally {
    closeSync(output);
  }
  return { bytes, lines, counts };
}

function writeAll(output: number, bytes: Uint8Array): number {
  for (let written = 0; written < bytes.length; ) written += writeSync(output, bytes, written);
  return bytes.length;
}

const consonants = 'bcdfghklmnprstvwz';
const vowels = 'aeiou';

/** Words of two to four syllables, each with a blank behind it. None holds a token. */
function vocabulary(seed: number): readonly Uint8Array[] {
  const random = new SeededRandom(seed);
  const letter = (letters: string): string => letters[random.below(letters.length)] as string;
  const words = new Set<string>();
  while (words.size < wordCount) {
    let word = '';
    for (let syllables = random.between(2, 4); syllables > 0; syllables--)
      word += letter(consonants) + letter(vowels) + (random.chance(0.3) ? letter(consonants) : '');
    if (!tokenNames.some((token) => word.includes(token))) words.add(word);
  }
  return [...words].map((word) => Buffer.from(`${word} `));
}
