/**
 * Logs as the contract has them: `everywhere` in half of the lines of all machines, `unique` in half of those of the first and nowhere else, `even` on
 * the machines with an even number, `heavy` in half of the first's lines and in a twentieth elsewhere, and beside them everything that a line can be.
 */
import type { SeededRandom } from '../../src/base/random.ts';

export interface LogOptions {
  readonly machine: number;
  readonly lines: number;
  /** Not UTF-8, NUL, carriage returns, very long lines, lines that look like output of grep. */
  readonly isHostile: boolean;
  /** Words of the longest line. GNU grep takes long over some expressions on a very long one. */
  readonly wordsMax?: number;
}

const words = [
  'request',
  'GET /index.html',
  'user=17',
  'latency=0.25',
  'INFO',
  'Error: timeout',
  'conn refused',
  'x:y:z',
  'größe',
  '日本',
  'a.b*c',
  'foo-bar',
];

export function makeLog(random: SeededRandom, { machine, lines, isHostile, wordsMax = 20_000 }: LogOptions): Buffer {
  const chunks: Buffer[] = [];
  const isIn = (part: number): boolean => random.below(100) < part;
  for (let line = 0; line < lines; line++) {
    const parts = [`2026-11-30T10:00:${String(line % 60).padStart(2, '0')}Z`, words[random.below(words.length)] as string];
    if (isIn(50)) parts.push('everywhere');
    if (machine === 1 && isIn(50)) parts.push('unique');
    if (machine % 2 === 0 && isIn(50)) parts.push('even');
    if (isIn(machine === 1 ? 50 : 5)) parts.push('heavy');
    if (isIn(1)) parts.push('rarest-of-all');
    chunks.push(Buffer.from(parts.join(' ')));
    if (isHostile && isIn(10)) chunks.push(hostile(random, machine, wordsMax));
    const isLast = line === lines - 1;
    if (isHostile && isIn(5)) chunks.push(Buffer.from('\r'));
    if (!(isHostile && isLast)) chunks.push(Buffer.from('\n'));
  }
  return Buffer.concat(chunks);
}

function hostile(random: SeededRandom, machine: number, wordsMax: number): Buffer {
  switch (random.below(8)) {
    case 0:
      return Buffer.from([0x20, 0xff, 0xfe, 0x80, 0x20]);
    case 1:
      return Buffer.from('\0nul\0everywhere');
    case 2:
      // A surrogate, an overlong slash, a code point beyond the last: not UTF-8, though each looks like it.
      return Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xf4, 0x90, 0x80, 0x80]);
    case 3:
      return Buffer.from(`\nm${machine}:a.log:everywhere\n--\n\nm${machine}:a.log-17-everywhere\n`);
    case 4:
      return Buffer.from('\u001b[31mred\u001b[0m');
    case 5:
      return Buffer.from(`${'long '.repeat(random.below(wordsMax))}everywhere`);
    case 6:
      return Buffer.from('\n\n\n');
    default:
      return Buffer.from([0xe6, 0x97]);
  }
}
