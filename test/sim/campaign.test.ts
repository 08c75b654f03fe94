import { describe, expect, test } from 'vitest';
import { Campaign, type CampaignSummary } from '../../src/sim/campaign.ts';
import { expectedChecksOf, expectedOf, seedsForCoverage } from '../../src/sim/coverage.ts';
import { lastingDamage } from '../../src/sim/faults/names.ts';
import { faultNames, parseFaults, type Verdict } from '../../src/sim/run.ts';
import { extentOf } from '../../src/sim/topics.ts';
import { unreadable } from './broken-brokers.ts';

describe('a campaign', () => {
  const options = { minutes: 0.04, brokers: [1, 3], faults: [] } as const;

  test('adds up its seeds, takes the counts of brokers in turn, and is the same again', () => {
    const campaign = new Campaign(options);
    const verdicts = [1, 2].map((seed) => campaign.runSeed(seed));
    const again = new Campaign(options);
    for (const seed of [1, 2]) again.runSeed(seed);

    expect(verdicts.map(({ brokers }) => brokers)).toEqual([3, 1]);
    expect(campaign.summary()).toMatchObject({
      seeds: 2,
      ok: true,
      wrong: [],
      appendsAcknowledged: verdicts.reduce((sum, { figures }) => sum + figures.appendsAcknowledged, 0),
    });
    expect(again.summary()).toEqual(campaign.summary());
  });

  test('is wrong when a check could not finish', () => {
    const campaign = new Campaign({
      ...options,
      makeBroker: unreadable,
    });
    const verdict = campaign.runSeed(1);

    expect(verdict.checks.filter(({ status }) => status === 'unknown')).not.toEqual([]);
    expect(verdict.ok).toBe(false);
    expect(campaign.summary()).toMatchObject({ ok: false, wrong: [{ seed: 1 }] });
  });

  test(`is wrong when in ${seedsForCoverage} seeds or more something was never reached, as a client that never retries leaves it`, () => {
    const campaign = new Campaign({ ...options, faults: ['crash'] });
    for (let seed = 0; seed < seedsForCoverage; seed++) campaign.add(verdictOfNothing(seed));

    expect(campaign.summary()).toMatchObject({ coverageIsJudged: true, wrong: [], ok: false });
    expect(campaign.summary().missing).toContain('append.deduplicatedBeforeCommit');
  });

  test(`is wrong when in ${seedsForCoverage} seeds or more a check looked at nothing, and says so with fewer`, () => {
    const campaign = new Campaign(options);
    const verdict = campaign.runSeed(1);
    const blind = { ...verdict, checks: verdict.checks.map((check) => (check.id === 'V1' ? { ...check, checked: 0 } : check)) };
    const sumOf = (seeds: number): CampaignSummary => {
      const made = new Campaign(options);
      for (let seed = 0; seed < seeds; seed++) made.add(blind);
      return made.summary();
    };

    expect(sumOf(1).missing).toContain('V1 minority never acknowledges');
    expect(sumOf(1).ok).toBe(true);
    expect(sumOf(seedsForCoverage).ok).toBe(false);
    expect(campaign.summary().missing).not.toContain('V1 minority never acknowledges');
  });

  test('expects every check to look, but for what needs a fault that was not asked for, or another workload', () => {
    expect(expectedChecksOf([], 3)).toContain('R1 election safety');
    expect(expectedChecksOf([], 3)).not.toContain('ST8 stop after a failed sync');
    expect(expectedChecksOf(['diskFailure'], 3)).toContain('ST8 stop after a failed sync');
    expect(expectedChecksOf(faultNames, 5)).not.toContain('V3 stable leader');
  });

  test('expects each fault that was named, and the rare paths that it leads to', () => {
    expect(expectedOf(['bitRot'])).toEqual(['fault.bitRot.inFlight', 'log.groupFenced']);
    expect([...lastingDamage].filter((fault) => !faultNames.includes(fault))).toEqual([]);
  });
});

describe('a campaign whose topics are drawn', () => {
  const extents = Array.from({ length: 100 }, (_, seed) => extentOf(seed, [3, 5], 'drawn'));

  test('has 100 topics on 8 brokers in one run of ten', () => {
    expect(extents.filter(({ brokers, topics }) => brokers === 8 && topics === 100)).toHaveLength(10);
  });

  test('has 5 to 20 in the others, on the brokers that were asked for', () => {
    const others = extents.filter(({ brokers }) => brokers !== 8);

    expect(new Set(others.map(({ topics }) => topics))).toEqual(new Set(Array.from({ length: 16 }, (_, at) => at + 5)));
    expect(new Set(others.map(({ brokers }) => brokers))).toEqual(new Set([3, 5]));
  });

  test('takes as many as are asked for in every run where they are', () => {
    expect(extentOf(10, [3, 5], 7)).toEqual({ brokers: 3, topics: 7 });
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

const verdictOfNothing = (seed: number): Verdict => ({
  ok: true,
  seed,
  brokers: 3,
  topics: 2,
  figures: {
    appendsAcknowledged: 0,
    recordsAcknowledged: 0,
    appendsFailedDefinitely: 0,
    appendsUnknown: 0,
    duplicateAnswers: 0,
    revokes: 0,
    reads: 0,
    recordsRead: 0,
    ends: 0,
    kills: 0,
    elections: 0,
    longestGapMs: 0,
    simulatedMs: 0,
    events: 0,
    sends: 0,
    bytesSent: 0,
    hostCalls: 0,
  },
  checks: [],
  violations: [],
  coverage: {},
  traceHash: '0000000000000000',
});
