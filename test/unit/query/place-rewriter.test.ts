import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { PlaceRewriter } from '../../../src/query/place-rewriter.ts';
import { needsPrograms } from '../../support/needs.ts';

const label = 'm1:app.log';
const plain = { withName: true, lineNumbers: false, byteOffsets: false, nullData: false, color: false };

/** grep over a file of which the first lines were left out, its numbers corrected; and over the whole file. */
function both(
  args: readonly string[],
  output: Partial<typeof plain>,
  seed: number,
): { readonly corrected: string; readonly whole: string } {
  const random = new SeededRandom(seed);
  const line = (): string => random.pick(['7:8:9 x', 'x', '', '--', `${label}:3:x`, '\u001B[31mx', 'y'.repeat(random.below(700)), 'y']);
  const cut = Array.from({ length: 12 }, () => 'none of these\n').join('');
  // Two lines that keep the others' context within what is not cut.
  const rest = `q\nq\n${Array.from({ length: 40 }, () => `${line()}\n`).join('')}`;
  const grep = (input: string): Buffer =>
    spawnSync('grep', ['-a', `--label=${label}`, ...args, '-'], { input, env: { LC_ALL: 'C.UTF-8' } }).stdout;
  const rewriter = new PlaceRewriter({
    label: Buffer.from(label),
    output: { ...plain, ...output },
    lineOf: (lineIndex) => lineIndex + 12,
    byteOf: (byte) => byte + cut.length,
  });
  const printed = grep(rest);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < printed.length; ) {
    const to = at + random.between(1, 400);
    pieces.push(rewriter.take(printed.subarray(at, to)));
    at = to;
  }
  pieces.push(rewriter.rest());
  return { corrected: Buffer.concat(pieces).toString('latin1'), whole: grep(cut + rest).toString('latin1') };
}

describe('numbers of a part of a file become those of the file', needsPrograms('grep'), () => {
  test.each([
    [['-H', '-n', 'x'], { lineNumbers: true }],
    [['-h', '-n', 'x'], { lineNumbers: true, withName: false }],
    [['-H', '-n', '-b', '-C1', 'x'], { lineNumbers: true, byteOffsets: true }],
    [['-H', '-b', '-o', 'x'], { byteOffsets: true }],
    [['-H', '-Z', '-n', '-A2', 'x'], { lineNumbers: true }],
    [['-H', '-n', '--color=always', '-C1', 'x'], { lineNumbers: true, color: true }],
    [['-h', '-n', '-b', '--color=always', 'x'], { lineNumbers: true, byteOffsets: true, withName: false, color: true }],
    [['-H', 'x'], {}],
  ])('%j', (args, output) => {
    for (let seed = 1; seed <= 5; seed++) {
      const { corrected, whole } = both(args, output, seed);
      expect(corrected, `seed ${seed}`).toBe(whole);
    }
  });

  test('in columns as wide as they were, where they fit', () => {
    const { corrected, whole } = both(['-H', '-T', '-n', 'x'], { lineNumbers: true }, 1);

    expect(corrected).toBe(whole);
  });
});
