import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byTime, type Due, Nearest } from '../../../src/scheduled/nearest.ts';

test('gives the nearest in order, and says when some are left out', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (times, most) => {
      const all = times.map((timeMs, place): Due => ({ timeMs, place }));
      const nearest = new Nearest(most);
      for (const { timeMs, place } of all) nearest.offer(timeMs, place);

      const taken: Due[] = [];
      for (let next = nearest.take(); next !== undefined; next = nearest.take()) taken.push(next);

      const sorted = all.toSorted(byTime);
      expect(taken).toEqual(sorted.slice(0, taken.length));
      expect(taken.length).toBeGreaterThanOrEqual(Math.min(most, all.length));
      expect(taken.length).toBeLessThan(2 * most + 1);
      expect(nearest.isWhole).toBe(taken.length === all.length);
    }),
  );
});
