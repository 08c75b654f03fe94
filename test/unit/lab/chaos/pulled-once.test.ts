import { describe, expect, test } from 'vitest';
import { addPulled, checkPulled, noFigures, type Processed, type PulledFigures } from '../../../../src/lab/chaos/pulled-once.ts';

const place = 't/0';
const published = new Map([
  [
    place,
    new Map([
      [1, 'a'],
      [2, 'b'],
      [4, 'c'],
    ]),
  ],
]);
const values: Readonly<Record<number, string>> = { 1: 'a', 2: 'b', 4: 'c' };
/** Each by its puller and offset. */
const given = (...all: [puller: number, offset: number][]): Processed[] =>
  all.map(([puller, offset]) => ({ place, puller, offset, value: values[offset] ?? '' }));

/** @param killed pullers, and how much had been processed when they were killed */
function damageOf(processed: readonly Processed[], ...killed: [puller: number, at: number][]): Partial<PulledFigures> {
  const found = checkPulled(published, { subscriber: 's', processed, killed: new Map(killed) });
  return Object.fromEntries(Object.entries(found).filter(([, count]) => count > 0));
}

describe('what a subscriber was given', () => {
  test('is right where each record came once, whoever pulled it', () => {
    expect(damageOf(given([1, 1], [1, 2], [2, 4]))).toEqual({ given: 3 });
  });

  test('may come again only to another than the one who was killed with it', () => {
    expect(damageOf(given([1, 1], [1, 2], [2, 2], [2, 4]), [1, 2])).toEqual({ given: 3, againAfterKill: 1 });
    expect(damageOf(given([1, 1], [1, 2], [2, 2], [2, 4]), [1, 3])).toEqual({ given: 3, doubled: 1 });
    expect(damageOf(given([1, 1], [1, 2], [2, 2], [2, 4]))).toEqual({ given: 3, doubled: 1 });
    expect(damageOf(given([1, 1], [1, 2], [1, 2], [1, 4]), [1, 4])).toEqual({ given: 3, back: 1, doubled: 1 });
  });

  test('is wrong where one is missing, another stands there, or a later one came first', () => {
    expect(damageOf(given([1, 1], [1, 2]))).toEqual({ given: 2, missing: 1 });
    expect(damageOf(given([1, 1], [1, 4], [2, 2]))).toEqual({ given: 3, jumped: 1 });
    expect(damageOf([...given([1, 1], [1, 2]), { place, puller: 1, offset: 4, value: 'b' }])).toEqual({ given: 3, wrong: 1 });
  });

  test('of which nobody knows whether it was published is looked at as well', () => {
    expect(damageOf(given([1, 1], [1, 2], [1, 3], [1, 4], [2, 3]))).toEqual({ given: 4, doubled: 1 });
  });

  test('is added up', () => {
    const one = { ...noFigures, given: 2, missing: 1 };
    expect(addPulled(one, one)).toEqual({ ...noFigures, given: 4, missing: 2 });
  });
});
