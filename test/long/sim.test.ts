import { expect, test } from 'vitest';
import { Campaign } from '../../src/sim/campaign.ts';
import { describeViolation, faultNames } from '../../src/sim/run.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('three and five brokers hold every promise under all faults', () => {
  const campaign = new Campaign({ minutes: 2, brokers: [3, 5], faults: faultNames });
  const startedMs = performance.now();
  for (const seed of seedsWithinBudget({ countMax: 1000 })) {
    const { violations, brokers } = campaign.runSeed(seed);
    expect(violations.map(describeViolation), `replay: cairn sim --seed ${seed} --brokers ${brokers} --minutes 2`).toEqual([]);
  }
  const { seeds, simulatedHours, appendsAcknowledged, missing, coverageIsJudged, traceHash } = campaign.summary();
  const speed = (simulatedHours * 3_600_000) / (performance.now() - startedMs);
  report(
    `sim, 3 and 5 brokers, all faults: ${seeds} seeds, ${appendsAcknowledged} acknowledged appends checked, ${speed.toFixed(0)} times real time, traces ${traceHash}, not reached: ${missing.join(', ') || 'nothing'}`,
  );
  expect(coverageIsJudged ? missing : []).toEqual([]);
});
