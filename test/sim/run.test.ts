import { describe, expect, test, vi } from 'vitest';
import { faultNames, parseFaults, run, type RunOptions, type Verdict } from '../../src/sim/run.ts';
import { brokenBrokers } from './broken-brokers.ts';

// Simulations need seconds of a core, and cores may be busy with other things.
vi.setConfig({ testTimeout: 180_000 });

const everything = { brokers: 3, minutes: 0.5, faults: faultNames } as const;

const replay = ({ seed, brokers, minutes }: RunOptions): string =>
  `replay: cairn sim --seed ${seed} --brokers ${brokers} --minutes ${minutes} --faults all`;

/** What the runs below have reached together. */
const reached = new Map<string, number>();

function runAndCount(options: RunOptions): Verdict['violations'] {
  const { coverage, violations } = run(options);
  for (const [name, count] of Object.entries(coverage)) reached.set(name, (reached.get(name) ?? 0) + count);
  return violations;
}

describe('a run', () => {
  test.each([
    [1, 3],
    [2, 5],
  ])('of seed %i on %i brokers repeats itself to the last event', (seed, brokers) => {
    const options = { ...everything, seed, brokers, minutes: 0.2 };
    const first = run(options);

    expect(run(options)).toEqual(first);
    expect(run({ ...options, seed: seed + 100 }).traceHash).not.toBe(first.traceHash);
  });

  test('without faults acknowledges everything and elects once', () => {
    const verdict = run({ seed: 1, brokers: 3, minutes: 0.5, faults: [] });

    expect(verdict.violations).toEqual([]);
    expect(verdict.figures.appendsAcknowledged).toBeGreaterThan(500);
    expect(verdict.figures.kills).toBe(0);
    // One election for each group: the catalog, log, events and the clients' topic.
    expect(verdict.figures.elections).toBeLessThanOrEqual(4);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('of seed %i with all faults on 3 brokers holds every promise', (seed) => {
    const options = { ...everything, seed };

    expect(runAndCount(options), `${replay(options)}`).toEqual([]);
  });

  test.each([11, 12, 13, 14])('of seed %i with all faults on 5 brokers holds every promise', (seed) => {
    const options = { ...everything, seed, brokers: 5 };

    expect(runAndCount(options), `${replay(options)}`).toEqual([]);
  });
});

describe('the runs together', () => {
  test.each(faultNames)('have injected %s while a write was in flight', (fault) => {
    expect(reached.get(`fault.${fault}.inFlight`) ?? 0).toBeGreaterThan(0);
  });

  test.each([
    ['before a host call', /^crash\.before\./],
    ['during one', /^crash\.during\./],
    ['after one', /^crash\.after\./],
    ['at a write', /^crash\.\w+\.write$/],
    ['at a sync', /^crash\.\w+\.sync$/],
    ['at a send', /^crash\.\w+\.send$/],
    ['while opening', /^crash\.whileOpening$/],
  ])('have killed brokers %s', (_title, pattern) => {
    expect([...reached.keys()].filter((name) => pattern.test(name))).not.toEqual([]);
  });

  test.each([
    'raft.truncation',
    'append.deduplicated',
    'append.revoked',
    'log.tailCut',
    'network.loss',
    'network.duplication',
    'network.reordering',
  ])('have reached %s', (name) => {
    expect(reached.get(name) ?? 0).toBeGreaterThan(0);
  });
});

describe('the rig goes red for a broker that', () => {
  const seeds = [1, 2, 3, 4, 5, 6];

  test.each(brokenBrokers)('$defect', ({ foundBy, options }) => {
    const found = new Set<string>();
    for (const seed of seeds) {
      if (foundBy.some((name) => found.has(name))) break;
      const { checks } = run({ ...everything, ...options, seed });
      for (const { id, status } of checks) if (status === 'violated') found.add(id);
    }

    expect(
      foundBy.filter((name) => found.has(name)),
      `found: ${[...found].join(', ')}`,
    ).not.toEqual([]);
  });
});

describe('--faults', () => {
  test('takes all, none and names with commas', () => {
    expect(parseFaults('all')).toEqual({ faults: faultNames });
    expect(parseFaults('none')).toEqual({ faults: [] });
    expect(parseFaults('crash, pause')).toEqual({ faults: ['crash', 'pause'] });
  });

  test('names the fault that it does not know', () => {
    expect(parseFaults('crash,flood')).toEqual({ unknown: 'flood' });
  });
});
