import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePlaces, encodePlaces, isPlaces, type PartitionPlace, placesAround } from '../../../src/partitions/index.ts';

const place: fc.Arbitrary<PartitionPlace> = fc.oneof(
  fc.constant<PartitionPlace>({ from: 'start' }),
  fc.maxSafeNat().map((timeMs): PartitionPlace => ({ from: 'since', timeMs })),
  fc.maxSafeNat().map((offset): PartitionPlace => ({ from: 'offset', offset })),
);

describe('a place in each partition as text', () => {
  test('is read as it was written, and needs no escape in a URL', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 8 }), (places) => {
        const text = encodePlaces(places);

        expect(isPlaces(text)).toBe(true);
        expect(encodeURIComponent(text)).toBe(text);
        expect(decodePlaces(text, places.length)).toEqual(places);
      }),
    );
  });

  test('begins at the beginning in partitions that were added since', () => {
    expect(decodePlaces('v1.a', 3)).toEqual([{ from: 'offset', offset: 10 }, { from: 'start' }, { from: 'start' }]);
  });

  test.each(['', 'v1', 'v1.', 'v1.1.2.3', 'v2.1', 'v1.1.', 'v1.01', 'v1._', 'v1.A', 'v1.zzzzzzzzzzz', 'v1.-1', '12', 'end'])(
    '%j is none of a topic of two partitions',
    (text) => {
      expect(decodePlaces(text, 2)).toBeNull();
    },
  );

  test('is written again for another offset in one of them', () => {
    const places: PartitionPlace[] = [{ from: 'start' }, { from: 'offset', offset: 3 }, { from: 'since', timeMs: 99 }];

    expect(placesAround(places, 1)(77)).toBe(
      encodePlaces([places[0] as PartitionPlace, { from: 'offset', offset: 77 }, places[2] as PartitionPlace]),
    );
    expect(placesAround(places, 0)(5)).toBe(
      encodePlaces([{ from: 'offset', offset: 5 }, places[1] as PartitionPlace, places[2] as PartitionPlace]),
    );
  });
});
