import { expect, test } from 'vitest';
import { faultNames, run } from '../../src/sim/run.ts';
import { report, seedsWithinBudget } from './budget.ts';

test.each([
  { brokers: 3, share: 1 / 2 },
  { brokers: 5, share: 1 },
])('$brokers brokers hold every promise under all faults', ({ brokers, share }) => {
  let seeds = 0;
  let appends = 0;
  let simulatedMs = 0;
  const startedMs = performance.now();
  for (const seed of seedsWithinBudget({ countMax: 500, share })) {
    const verdict = run({ seed, brokers, minutes: 2, faults: faultNames });
    expect(verdict.violations, `replay: cairn sim --seed ${seed} --brokers ${brokers} --minutes 2 --faults all`).toEqual([]);
    seeds++;
    appends += verdict.figures.appendsAcknowledged;
    simulatedMs += verdict.figures.simulatedMs;
  }
  const speed = simulatedMs / (performance.now() - startedMs);
  report(
    `sim, ${brokers} brokers, all faults: ${seeds} seeds, ${appends} acknowledged appends checked, ${speed.toFixed(0)} times real time`,
  );
});
