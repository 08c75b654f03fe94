import { expect, test } from 'vitest';
import type { CallPhase } from '../../../src/sim/disk.ts';
import { CrashWorkload } from './crash-workload.ts';
import { Rig } from './rig.ts';

const phases: readonly CallPhase[] = ['before', 'during', 'after'];

/** Many lives of one log, each ended at a random host call. Replay one seed: run only this test with `seeds` set to it. */
function runSeed(seed: number, lives: number): CrashWorkload {
  const rig = new Rig(seed);
  const workload = new CrashWorkload(rig);
  try {
    for (let life = 0; life < lives; life++) {
      const calls = rig.random.pick([8, 40, 150]);
      workload.armCrash(rig.random.between(1, calls), rig.random.pick(phases), rig.random.pick(['power', 'power', 'kill']));
      workload.live(rig.random.between(1, 40));
    }
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
  return workload;
}

test('a crash at any host call leaves the acknowledged log, continued by some of what was being written', () => {
  const reached = new Map<string, number>();
  let acknowledged = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const workload = runSeed(seed, 40);
    acknowledged += workload.acknowledgedCount;
    for (const [what, count] of workload.reached) reached.set(what, (reached.get(what) ?? 0) + count);
  }

  expect(acknowledged).toBeGreaterThan(4000);
  const wanted = ['write', 'sync', 'syncDirectory', 'rename', 'remove', 'open'].flatMap((operation) =>
    phases.map((phase) => `${operation} ${phase}`),
  );
  for (const what of [...wanted, 'truncating', 'deleting', 'opening', 'truncate during'])
    expect(`${what}: ${reached.get(what) ?? 0}`).not.toBe(`${what}: 0`);
});
