import { askOracle, type Oracle, type Pace } from '../../clocks/index.ts';
import { ticksOf, type TrialPlan, type TrialResult } from './trial.ts';

/** What the model gives for a trial, in many virtual runs. */
export class Oracles {
  readonly #byPlan = new Map<string, Oracle>();

  /** With ticks where they should fall. */
  of({ rates, range, seconds, relayRate }: Pick<TrialPlan, 'rates' | 'range' | 'seconds' | 'relayRate'>): Oracle {
    const key = JSON.stringify([rates, range, seconds, relayRate]);
    const oracle = this.#byPlan.get(key) ?? askOracle({ rates, range, seconds, relayRate });
    this.#byPlan.set(key, oracle);
    return oracle;
  }

  /**
   * With ticks where they really fell. Where two machines tick at the same moment it matters who is first: late by some hundredths of a second, two of one
   * rate drive each other's clocks on by a twentieth in a minute.
   */
  asItWent(trial: TrialResult): Oracle {
    const pace = paceOf(trial);
    return pace === null ? this.of(trial.plan) : askOracle({ ...trial.plan, pace });
  }
}

function paceOf({ machines, wires }: TrialResult): Pace | null {
  if (wires === null) return null;
  const tickTimes = machines.map(({ trace }) => ticksOf(trace).map(({ fields }) => fields['seconds'] as number));
  // The least is what the way takes. What took longer lay before a machine that was late itself, and was read before its next tick.
  return { tickTimes, delaySeconds: (wires.delaysMs[0] ?? 0) / 1000 };
}
