import { expect, test } from 'vitest';
import { Campaign } from '../../src/sim/campaign.ts';
import { describeViolation, faultNames, parseFaults } from '../../src/sim/run.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('three and five brokers hold every promise under all faults', () => {
  const campaign = new Campaign({ minutes: 2, brokers: [3, 5], faults: faultNames });
  const startedMs = performance.now();
  for (const seed of seedsWithinBudget({ countMax: 1000, share: 2 / 3 })) {
    const { violations, brokers } = campaign.runSeed(seed);
    expect(violations.map(describeViolation), `replay: cairn sim --seed ${seed} --brokers ${brokers} --minutes 2`).toEqual([]);
  }
  const { seeds, simulatedHours, appendsAcknowledged, coverage, missing, coverageIsJudged, traceHash } = campaign.summary();
  const speed = (simulatedHours * 3_600_000) / (performance.now() - startedMs);
  report(
    `sim, 3 and 5 brokers, all faults: ${seeds} seeds, ${appendsAcknowledged} acknowledged appends checked, ${speed.toFixed(0)} times real time, traces ${traceHash}, not reached: ${missing.join(', ') || 'nothing'}`,
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
    expect(violations.map(describeViolation), `replay: cairn sim --seed ${seed} --brokers 3 --minutes 0.5 --faults ${text}`).toEqual([]);
    count++;
  }
  report(`sim, faults of one kind: ${count} of 200 seeds`);
});
