import { describe, expect, test } from 'vitest';
import { expectedOf } from '../../src/sim/coverage.ts';
import { faultNames, parseFaults, run, type RunOptions, type Verdict } from '../../src/sim/run.ts';

// Few and short runs, of which the processor time is bounded: campaigns of many seeds, and what they must have reached, are in test/long/sim.test.ts.
const everything = { brokers: 3, minutes: 0.4, faults: faultNames } as const;
const short = { brokers: 3, minutes: 0.2 } as const;

function parsed(text: string): RunOptions['faults'] {
  const found = parseFaults(text);
  return 'faults' in found ? found.faults : [];
}

const replay = ({ seed, brokers, minutes, faults }: RunOptions): string =>
  `replay: cairn sim --seed ${seed} --brokers ${brokers} --topics 2 --minutes ${minutes} --faults ${faults === faultNames ? 'all' : faults.join(',')}`;

/** What the runs below have reached together. */
const reached = new Map<string, number>();

function runAndCount(options: RunOptions): Verdict['violations'] {
  const { coverage, violations } = run(options);
  for (const [name, count] of Object.entries(coverage)) reached.set(name, (reached.get(name) ?? 0) + count);
  return violations;
}

describe('a run', () => {
  test('repeats itself to the last event', () => {
    const seed = 1;
    const options = { ...everything, seed, minutes: 0.05 };
    const first = run(options);

    expect(run(options)).toEqual(first);
    expect(run({ ...options, seed: seed + 100 }).traceHash).not.toBe(first.traceHash);
  });

  test('without faults acknowledges everything and elects once', () => {
    const told: number[] = [];
    const verdict = run({ seed: 1, brokers: 3, minutes: 0.15, faults: [], onProgress: (simulatedMs) => told.push(simulatedMs) });
    expect(told).toEqual(Array.from({ length: 9 }, (_, second) => (second + 1) * 1000));

    expect(verdict.violations).toEqual([]);
    expect(verdict.figures.appendsAcknowledged).toBeGreaterThan(150);
    expect(verdict.figures.kills).toBe(0);
    // One election for each group: the catalog, log, events, the partitions of the clients' two topics, and of those that come and go; and one for each
    // partition of the two where its home was not met yet when it was made.
    const { 'partition.made': made = 0, 'partition.passing': passing = 0 } = verdict.coverage;
    expect(verdict.figures.elections).toBeLessThanOrEqual(3 + made + (made - passing));
  });

  test('with all faults on 3 brokers holds every promise', () => {
    const options = { ...everything, seed: 1 };

    expect(runAndCount(options), replay(options)).toEqual([]);
  });

  test('with all faults on 5 brokers holds every promise', () => {
    const options = { ...everything, seed: 14, brokers: 5, minutes: 0.2 };

    expect(runAndCount(options), replay(options)).toEqual([]);
  });
});

describe('a run with many topics', () => {
  const options = { seed: 1, brokers: 8, topics: 30, minutes: 0.05 } as const;

  test('makes all of them, appends to most and holds every promise', () => {
    const verdict = run({ ...options, faults: parsed('crash,linkBreak') });

    expect(verdict.violations).toEqual([]);
    expect(verdict.topics).toBe(30);
    expect(verdict.coverage['partition.made']).toBeGreaterThanOrEqual(30);
    expect(verdict.coverage['raft.quiet']).toBeGreaterThan(0);
  });
});

/** What spoils or replaces a disk for good, and what rules a run, is in few of the runs with all faults. */
const kinds = [
  [21, 'bitRot,lostWrite,misdirectedWrite,crash,powerLoss'],
  [23, 'lostPage,badSector,crash,powerLoss'],
  [25, 'wipe,rollback,crash,powerLoss,partition'],
  [31, 'disksSlow,crash,partition'],
  [31, 'disksFull'],
] as const;

describe('a run', () => {
  test.each(kinds)('of seed %i with the faults %s holds every promise', (seed, faults) => {
    const options = { ...short, seed, faults: parsed(faults) };

    expect(runAndCount(options), replay(options)).toEqual([]);
  });
});

describe('the runs together', () => {
  test.each([
    ['before a host call', /^crash\.before\./],
    ['during one', /^crash\.during\./],
    ['after one', /^crash\.after\./],
    ['at a write', /^crash\.\w+\.write$/],
    ['at a sync', /^crash\.\w+\.sync$/],
    ['at a send', /^crash\.\w+\.send$/],
  ])('have killed brokers %s', (_title, pattern) => {
    expect([...reached.keys()].filter((name) => pattern.test(name))).not.toEqual([]);
  });

  test('have reached most of what a campaign must reach', () => {
    const expected = expectedOf(faultNames);
    const missing = expected.filter((name) => !reached.has(name));

    expect(missing.length, `of ${expected.length}: ${missing.join(', ')}`).toBeLessThan(expected.length / 2);
  });
});
