import { describe, expect, test } from 'vitest';
import { offset, term } from '../../../../src/base/branded.ts';
import { sameUpTo } from '../../../../src/broker/replica/terms.ts';

const log = (endOffset: number, ...starts: readonly (readonly [inTerm: number, offsetFrom: number])[]) => ({
  endOffset: offset(endOffset),
  termStarts: starts.map(([inTerm, offsetFrom]) => ({ term: term(inTerm), offsetFrom: offset(offsetFrom) })),
});

describe('two logs of one group are the same', () => {
  test.each([
    ['up to the shorter end when their last terms are equal', log(9, [1, 0], [2, 5]), log(7, [1, 0], [2, 5]), 7],
    ['up to where one was cut and continued in a newer term', log(302, [3, 113], [4, 277], [5, 296]), log(302, [3, 113], [4, 277]), 296],
    ['up to where both continue differently', log(9, [1, 0], [4, 5]), log(9, [1, 0], [3, 6]), 5],
    ['up to the end of the older one while a newer term is not written yet', log(9, [1, 0], [4, 5]), log(5, [1, 0]), 5],
    ['nowhere when they share no term', log(9, [2, 0]), log(4, [1, 0]), 0],
    ['nowhere when one is empty', log(0), log(4, [1, 0]), 0],
    ['also where the oldest terms of one are gone', log(9, [1, 0], [2, 3], [4, 5]), log(8, [2, 3], [4, 5]), 8],
  ])('%s', (_title, a, b, end) => {
    expect(sameUpTo(a, b)).toBe(end);
    expect(sameUpTo(b, a)).toBe(end);
  });
});
