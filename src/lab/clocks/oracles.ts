import { askOracle, type Oracle, type Pace } from '../../clocks/index.ts';
import { percentile } from '../../base/percentile.ts';
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
  asItWent(trial: TrialResult): readonly Oracle[] {
    const paces = pacesOf(trial);
    return paces.length === 0 ? [this.of(trial.plan)] : paces.map((pace) => askOracle({ ...trial.plan, pace }));
  }
}

/**
 * The least delay is what the way takes: what took longer mostly lay before a machine that was late itself, and was read before its next tick. The median
 * is what it takes where machines are in time. What counted is between the two.
 */
function pacesOf({ machines, wires }: TrialResult): readonly Pace[] {
  if (wires === null) return [];
  const tickTimes = machines.map(({ trace }) => ticksOf(trace).map(({ fields }) => fields['seconds'] as number));
  return [wires.delaysMs[0] ?? 0, percentile(wires.delaysMs, 0.5)].map((delayMs) => ({ tickTimes, delaySeconds: delayMs / 1000 }));
}
