import { expect, test } from 'vitest';
import { phases, runEveryCall, runRandomLives } from './crash-workload.ts';

test('a crash at a random host call leaves the acknowledged log, continued by some of what was being written', () => {
  const reached = new Map<string, number>();
  let acknowledged = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const workload = runRandomLives(seed, 40);
    acknowledged += workload.acknowledgedCount;
    for (const [what, count] of workload.reached) reached.set(what, (reached.get(what) ?? 0) + count);
  }

  expect(acknowledged).toBeGreaterThan(2000);
  const wanted = ['write', 'sync', 'syncDirectory', 'rename', 'remove', 'open'].flatMap((operation) =>
    phases.map((phase) => `${operation} ${phase}`),
  );
  const missing = [...wanted, 'truncating', 'deleting', 'opening', 'truncate during'].filter((what) => !reached.has(what));
  expect(missing).toEqual([]);
});

test.each(phases)('a crash at every host call of one life, %s it', (phase) => {
  expect(runEveryCall(1, phase, 12)).toBeGreaterThan(60);
});
