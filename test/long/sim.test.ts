import { expect, test } from 'vitest';
import { Campaign } from '../../src/sim/campaign.ts';
import { describeViolation, faultNames, parseFaults } from '../../src/sim/run.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('three, five and eight brokers with up to 100 topics hold every promise under all faults', () => {
  const campaign = new Campaign({ minutes: 2, brokers: [3, 5], topics: 'drawn', faults: faultNames });
  const startedCpu = process.cpuUsage();
  for (const seed of seedsWithinBudget({ countMax: 1000, share: 2 / 3 })) {
    const { violations, brokers, topics } = campaign.runSeed(seed);
    const replay = `replay: cairn sim --seed ${seed} --brokers ${brokers} --topics ${topics} --minutes 2`;
    expect(violations.map(describeViolation), replay).toEqual([]);
  }
  const { seeds, simulatedHours, appendsAcknowledged, coverage, missing, coverageIsJudged, traceHash } = campaign.summary();
  const { user, system } = process.cpuUsage(startedCpu);
  const speed = (simulatedHours * 3_600_000_000) / (user + system);
  report(
    `sim, 3, 5 and 8 brokers, up to 100 topics, all faults: ${seeds} seeds, ${appendsAcknowledged} acknowledged appends checked, ${speed.toFixed(0)} times real time by processor time, traces ${traceHash}, not reached: ${coverageIsJudged ? missing.join(', ') || 'nothing' : 'not judged of so few'}`,
  );
  if (!coverageIsJudged) return;
  expect(missing).toEqual([]);
  const names = Object.keys(coverage);
  expect(ordinary.filter((pattern) => !names.some((name) => pattern.test(name)))).toEqual([]);
});

/** Not rare, and no fault: what every campaign reaches. */
const ordinary: readonly RegExp[] = [
  /^crash\.before\./,
  /^crash\.during\./,
  /^crash\.after\./,
  /^crash\.\w+\.write$/,
  /^crash\.\w+\.sync$/,
  /^crash\.\w+\.send$/,
  /^crash\.whileOpening$/,
  /^append\.deduplicated$/,
  /^append\.revoked$/,
  /^topic\.created$/,
  /^topic\.deleted$/,
  /^network\.loss$/,
  /^network\.duplication$/,
  /^network\.reordering$/,
  /^network\.corruption$/,
  /^network\.tornFrame$/,
];

/** What spoils or replaces a disk for good, and what rules a run, is in few of the runs with all faults. */
const kinds = [
  'bitRot,lostWrite,misdirectedWrite,crash,powerLoss',
  'lostPage,badSector,crash,powerLoss',
  'wipe,rollback,crash,powerLoss,partition',
  'disksSlow,crash,partition',
  'disksSlow',
  'disksFull',
  'slowBroker,delay',
  'slowLine,crash',
  'slowLine,slowBroker',
] as const;

test('runs with a few faults of one kind hold every promise', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 200 })) {
    const text = kinds[seed % kinds.length] ?? kinds[0];
    const faults = parseFaults(text);
    const campaign = new Campaign({ minutes: 0.5, brokers: [3], faults: 'faults' in faults ? faults.faults : [] });
    const { violations } = campaign.runSeed(seed);
    expect(
      violations.map(describeViolation),
      `replay: cairn sim --seed ${seed} --brokers 3 --topics 2 --minutes 0.5 --faults ${text}`,
    ).toEqual([]);
    count++;
  }
  report(`sim, faults of one kind: ${count} of 200 seeds`);
});
