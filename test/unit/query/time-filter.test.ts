import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { timeWithinBytes } from '../../../src/query/line-time.ts';
import { TimeFilter } from '../../../src/query/time-filter.ts';
import { timeOf } from './digits.ts';

function filter(
  text: string,
  sinceMs: number | null,
  untilMs: number | null,
  pieceBytes = 1e9,
): { readonly kept: string; readonly filter: TimeFilter } {
  let kept = '';
  const timeFilter = new TimeFilter({
    timeOf,
    lineEnd: 0x0a,
    sinceMs,
    untilMs,
    onKept: (bytes) => (kept += Buffer.from(bytes).toString()),
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) timeFilter.push(bytes.subarray(at, at + pieceBytes));
  timeFilter.end();
  return { kept, filter: timeFilter };
}

describe('a filter by time', () => {
  test('keeps lines at or after the one bound and before the other, with those without a time behind them', () => {
    const text = 'header\n1 a\n2 b\n  of b\n3 c\n  of c\n';

    expect(filter(text, 2, 3).kept).toBe('2 b\n  of b\n');
    expect(filter(text, 2, null).kept).toBe('2 b\n  of b\n3 c\n  of c\n');
    expect(filter(text, null, 2).kept).toBe('header\n1 a\n');
    expect(filter(text, null, null).kept).toBe(text);
  });

  test('looks at each line for itself, in whatever order they are', () => {
    expect(filter('5 a\n1 b\n6 c\n2 d\n', 5, null).kept).toBe('5 a\n6 c\n');
  });

  test('says which line and which byte of the file something was', () => {
    const { lines, bytes } = filter('5 a\n1 b\n6 c\n7 d\n2 e\n8 f', 5, null).filter;

    expect([0, 1, 2, 3].map((kept) => lines.of(kept))).toEqual([0, 2, 3, 5]);
    expect([0, 4, 8, 12].map((kept) => bytes.of(kept))).toEqual([0, 8, 12, 20]);
  });

  test('gives the same whatever the pieces are, as a look at every line does', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const lines = Array.from({ length: random.below(40) }, () => {
        const time = random.chance(0.3) ? '' : `${random.below(10)} `;
        return `${time}${'x'.repeat(random.chance(0.05) ? timeWithinBytes * 2 : random.below(9))}`;
      });
      const text = lines.join('\n');
      let timeMs = Number.NEGATIVE_INFINITY;
      const isKept = lines.map((line) => {
        const own = /^\d+/.exec(line);
        if (own !== null) timeMs = Number(own[0]);
        return timeMs >= 3 && timeMs < 7;
      });
      const expected = text.split(/(?<=\n)/).filter((_line, index) => isKept[index]);

      expect(filter(text, 3, 7, random.between(1, 5000)).kept, `seed ${seed}`).toBe(expected.join(''));
    }
  });
});
