/** Directed experiments for mutants that random faults reach too seldom. Each gives the reports of the checks that it asks. */
import type { CheckId } from '../../src/sim/checkers/catalogue.ts';
import { type CheckReport, Findings } from '../../src/sim/checkers/verdict.ts';

export type ProbeName = 'crashImages' | 'byteFlips' | 'staleLeader' | 'isolatedLeader' | 'cutOff' | 'slowLine' | 'cores';

export type Probe = (seed: number) => readonly CheckReport[];

/** What each does, for the table. */
export const probeTitles: Readonly<Record<ProbeName, string>> = {
  crashImages: 'crash images of a recorded storage run',
  byteFlips: 'flipped bytes of a data directory',
  isolatedLeader: 'a leader is alone for 15 s',
  cutOff: 'a broker is cut off or its disk hangs just after it was asked',
  slowLine: 'a broker lacks 4 MiB at the end of a line of 500 kB/s',
  cores: 'random clusters of consensus cores, test/property/raft',
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
    case 'cores': {
      const { Raft } = await import('../../src/raft/index.ts');
      const { Rig } = await import('../property/raft/rig.ts');
      return (seed) => coreReports(() => new Rig({ seed, Raft }).run());
    }
    case 'isolatedLeader': {
      const { runIsolatedLeader } = await import('../../src/sim/workloads/isolated-leader.ts');
      return runIsolatedLeader;
    }
    case 'slowLine': {
      const { runSlowLine } = await import('../../src/sim/workloads/slow-line.ts');
      return (seed) => runSlowLine(seed, 500, 16).reports;
    }
    case 'cutOff': {
      const { runCutOff } = await import('../../src/sim/workloads/cut-off.ts');
      return (seed) => runCutOff({ seed, rounds: 6 });
    }
    case 'staleLeader': {
      const { runStaleLeader } = await import('../../src/sim/workloads/stale-leader.ts');
      return (seed) => [runStaleLeader(seed).report];
    }
  }
}

/** How that rig names what the catalogue numbers. */
const coreChecks: Readonly<Record<string, CheckId>> = {
  'Election Safety': 'R1',
  'Leader Append-Only': 'R2',
  'Log Matching': 'R3',
  'Leader Completeness': 'R4',
  'State Machine Safety': 'R5',
  'One Vote': 'R6',
  'Persist Before Send': 'R7',
  'Commit Rule': 'R8',
  'Committed Means Durable': 'R9',
  'Stale Read': 'R18',
  'False Rollback': 'R15',
};

/** Its checks throw; anything else that is thrown is no finding, and goes on. */
function coreReports(run: () => unknown): CheckReport[] {
  try {
    run();
    return [];
  } catch (error) {
    const id = error instanceof Error && 'check' in error ? coreChecks[String(error.check)] : undefined;
    if (id === undefined) throw error;
    const findings = new Findings(id);
    findings.violate((error as Error).message);
    return [findings.report()];
  }
}
