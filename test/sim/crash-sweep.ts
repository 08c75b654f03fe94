// A broker dies at one chosen host call of a short run: before it, while it is under way or after it took effect, with or without losing its power.
// A sweep over all calls leaves no instruction between two of them untried.
import { run, type RunOptions, type Verdict } from '../../src/sim/run.ts';

const phases = ['before', 'during', 'after'] as const;

export interface CrashPoint {
  readonly phase: (typeof phases)[number];
  readonly powerLoss: boolean;
  /** The how-many-th host call of broker 1. */
  readonly call: number;
}

/** Host calls of broker 1 in such a run without a crash: opening, electing, appending, rolling segments. */
export const callCount = 2500;

/** Spreads the points over the calls: consecutive numbers are far apart. */
export function crashPoint(index: number): CrashPoint {
  return {
    phase: phases[index % 3] as CrashPoint['phase'],
    powerLoss: Math.floor(index / 3) % 2 === 0,
    call: 1 + ((Math.floor(index / 6) * 977) % callCount),
  };
}

export function runWithCrash({ phase, powerLoss, call }: CrashPoint, seed: number): Verdict {
  const settings: RunOptions['settings'] = { segmentBytesMin: 4096, segmentBytesMax: 4096, markAfterMs: 20 };
  return run({
    seed,
    brokers: 3,
    minutes: 0.04,
    faults: [],
    settings,
    thinkMs: 30,
    trap: { broker: 1, operation: null, phase, countdown: call, powerLoss },
  });
}
