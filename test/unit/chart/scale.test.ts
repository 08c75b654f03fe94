import { expect, test } from 'vitest';
import { decadeScale, linearScale } from '../../../src/chart/scale.ts';

test.each([
  [0, 0],
  [-5, 0.3],
  [0, 17.5],
  [-0.01, 100_000],
])('a scale holds every value from %f to %f', (least, greatest) => {
  for (const scale of [linearScale(least, greatest, 100, 0, 6), decadeScale(least, greatest, 100, 0)]) {
    for (const value of [least, 0, greatest]) {
      expect(scale.at(value)).toBeGreaterThanOrEqual(-1e-6);
      expect(scale.at(value)).toBeLessThanOrEqual(100 + 1e-6);
    }
    expect(new Set(scale.ticks.map(({ label }) => label)).size).toBe(scale.ticks.length);
  }
});
