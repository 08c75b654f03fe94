import { describe, expect, test } from 'vitest';
import { faultNames, run } from '../../src/sim/run.ts';
import { brokenBrokers } from '../sim/broken-brokers.ts';

const everything = { brokers: 3, minutes: 0.2, faults: faultNames } as const;

describe('the rig goes red for a broker that', () => {
  const seeds = [1, 2, 3, 4, 5, 6];

  test.each(brokenBrokers)('$defect', ({ foundBy, options, shownBy }) => {
    const found = new Set<string>();
    for (const seed of seeds) {
      if (foundBy.some((name) => found.has(name))) break;
      const { checks } = run({ ...everything, ...shownBy, ...options, seed });
      for (const { id, status } of checks) if (status === 'violated') found.add(id);
    }

    expect(
      foundBy.filter((name) => found.has(name)),
      `found: ${[...found].join(', ')}`,
    ).not.toEqual([]);
  });
});
