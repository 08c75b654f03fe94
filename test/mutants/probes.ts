/** Directed experiments for mutants that random faults reach too seldom. Each gives the reports of the checks that it asks. */
import type { CheckReport } from '../../src/sim/checkers/verdict.ts';

export type ProbeName = 'crashImages' | 'byteFlips' | 'staleLeader';

export type Probe = (seed: number) => readonly CheckReport[];

/** What each does, for the table. */
export const probeTitles: Readonly<Record<ProbeName, string>> = {
  crashImages: 'crash images of a recorded storage run',
  byteFlips: 'flipped bytes of a data directory',
  staleLeader: 'a leader wakes up after it was replaced',
};

/** Loaded when asked for, because what they load may be mutated. */
export async function loadProbe(name: ProbeName): Promise<Probe> {
  switch (name) {
    case 'crashImages': {
      const { sweepCrashImages } = await import('../storage/crash-images.ts');
      return (seed) => sweepCrashImages({ seed, steps: 20, stride: 5, stopAtFirst: true }).reports;
    }
    case 'byteFlips': {
      const { flipBytes, makeDataDirectory } = await import('../storage/byte-flips.ts');
      return (seed) => flipBytes(makeDataDirectory(seed), { stride: 17, stopAtFirst: true }).reports;
    }
    case 'staleLeader': {
      const { runStaleLeader } = await import('../../src/sim/workloads/stale-leader.ts');
      return (seed) => [runStaleLeader(seed).report];
    }
  }
}
