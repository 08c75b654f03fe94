import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { timeWithinBytes } from '../../../src/query/line-time.ts';
import { LineTimer, type TimedPiece } from '../../../src/query/line-timer.ts';
import { TimeMerge } from '../../../src/query/time-merge.ts';
import { timeOf } from './digits.ts';

interface Merged {
  /** As it was given: of one source together until another's turn. */
  readonly lines: readonly string[];
  /** The most bytes that the merge was given and had not yet given on. */
  readonly heldMax: number;
}

/** Feeds each source in pieces, whenever the merge asks. */
function merge(sources: readonly string[], pieceBytes: (source: number) => number): Merged {
  const lines: string[] = [];
  const rest: Buffer[] = sources.map((text) => Buffer.from(text));
  let held = 0;
  let heldMax = 0;
  const timeMerge = new TimeMerge<TimedPiece>(sources.length, ({ bytes, isBeginning }, source) => {
    held -= bytes.length;
    const text = Buffer.from(bytes).toString();
    if (isBeginning) lines.push(`${source}:${text}`);
    else lines[lines.length - 1] += text;
  });
  const timers = sources.map(
    (_text, source) => new LineTimer({ timeOf, lineEnd: 0x0a, onPiece: (piece) => timeMerge.push(source, piece) }),
  );
  for (let waited = timeMerge.advance(); waited !== null; waited = timeMerge.advance()) {
    const left = rest[waited] as Buffer;
    const timer = timers[waited] as LineTimer;
    if (left.length === 0) {
      timer.end();
      timeMerge.end(waited);
    } else {
      const bytes = Math.min(left.length, Math.max(1, pieceBytes(waited)));
      held += bytes;
      heldMax = Math.max(heldMax, held);
      timer.push(left.subarray(0, bytes));
      rest[waited] = left.subarray(bytes);
    }
  }
  return { lines: lines.map((line) => line.replace(/\n$/, '')), heldMax };
}

const whole = (): number => 1e9;

describe('a merge by time', () => {
  test('gives the lines of all sources in order of their times', () => {
    const { lines } = merge(['1 a\n4 b\n', '2 c\n3 d\n5 e\n', ''], whole);

    expect(lines).toEqual(['0:1 a', '1:2 c', '1:3 d', '0:4 b', '1:5 e']);
  });

  test('gives a line without a time the time of the line before it', () => {
    const { lines } = merge(['1 error\n  at one\n  at two\n9 end\n', '2 other\n', 'before all\n3 x\n'], whole);

    expect(lines).toEqual(['2:before all', '0:1 error', '0:  at one', '0:  at two', '1:2 other', '2:3 x', '0:9 end']);
  });

  test('moves nothing within a source: what is older than the line before it follows at once', () => {
    const { lines } = merge(['5 a\n1 b\n6 c\n', '2 d\n5 e\n'], whole);

    expect(lines).toEqual(['1:2 d', '0:5 a', '0:1 b', '1:5 e', '0:6 c']);
  });

  test('gives lines of one time by their sources', () => {
    expect(merge(['7 a\n7 b\n', '7 c\n', '7 d\n'], whole).lines).toEqual(['0:7 a', '0:7 b', '1:7 c', '2:7 d']);
  });

  test('keeps a last line without its end a line', () => {
    expect(merge(['1 a\n3 b', '2 c'], whole).lines).toEqual(['0:1 a', '1:2 c', '0:3 b']);
  });

  test('gives the same whatever the pieces are', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new SeededRandom(seed);
      const sources = Array.from({ length: random.between(1, 5) }, (_, source) => {
        let timeMs = 0;
        return Array.from({ length: random.below(20) }, (_each, index) => {
          timeMs += random.below(4);
          const text = 'x'.repeat(random.chance(0.05) ? 2 * timeWithinBytes : random.below(12));
          return `${random.chance(0.3) ? '' : `${timeMs} `}s${source} ${index} ${text}${index % 7 === 6 ? '' : '\n'}`;
        }).join('');
      });

      expect(merge(sources, () => random.between(1, 3000)).lines, `seed ${seed}`).toEqual(merge(sources, whole).lines);
    }
  });

  test('holds a piece of each source and no more, however long they and their lines are', () => {
    const line = (timeMs: number): string => `${timeMs} ${'x'.repeat(timeMs % 100 === 0 ? 200_000 : 100)}\n`;
    const sources = Array.from({ length: 10 }, (_, source) =>
      Array.from({ length: 400 }, (_each, index) => line(index * 10 + source)).join(''),
    );

    const { lines, heldMax } = merge(sources, () => 16_384);

    expect(lines).toHaveLength(4000);
    expect(lines.map((text) => Number(/:(\d+)/.exec(text)?.[1]))).toEqual(Array.from({ length: 4000 }, (_, index) => index));
    expect(heldMax).toBeLessThanOrEqual(10 * (16_384 + timeWithinBytes));
  });
});
