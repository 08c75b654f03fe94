import { SeededRandom } from '../../base/random.ts';
import { FigureCounter, type MachineFigures } from './figures.ts';
import { type ModelEvent, ModelMachine } from './machine.ts';

export interface ModelRunOptions {
  /** Ticks a second of each machine, whole. */
  readonly rates: readonly number[];
  readonly range: number;
  readonly seconds: number;
  readonly seed: number;
  /** Messages that a relay passes on in a second, one at each tick of its own; null: they go straight. */
  readonly relayRate: number | null;
  /** Left out: ticks fall where they should, and a message is in the queue at once. */
  readonly pace?: Pace;
}

/** When machines of real time really ticked, and how long their messages took. */
export interface Pace {
  /** By machine, ascending, in seconds since the start. */
  readonly tickTimes: readonly (readonly number[])[];
  readonly delaySeconds: number;
}

export interface ModelRun {
  readonly machines: readonly MachineFigures[];
  /** Messages that the relay had still to pass on. */
  readonly relayQueue: number;
}

/** What a machine draws follows from the seed of the run and its own place, in a simulated run as in a process of its own. */
export function machineRandom(seed: number, index: number): SeededRandom {
  const random = new SeededRandom(seed);
  for (let i = 0; i < index; i++) random.fork();
  return random.fork();
}

const nobody: readonly number[] = [];
const rateLeastDrawn = 1;
const rateGreatestDrawn = 6;

export function drawRates(seed: number, machineCount: number): readonly number[] {
  // A place that no machine has.
  const random = machineRandom(seed, machineCount);
  return Array.from({ length: machineCount }, () => random.between(rateLeastDrawn, rateGreatestDrawn));
}

/**
 * The model on simulated time. A machine with rate r ticks at k/r seconds, k = 1, 2, ...; machines that tick at once do so in their order, a relay last;
 * a message is in the queue at once. With a `pace` it is what became of it in a run of real time, with other numbers drawn.
 */
export function runModel(options: ModelRunOptions, onEvent?: (machine: number, atSeconds: number, event: ModelEvent) => void): ModelRun {
  const { rates, range, seconds, seed, relayRate, pace } = options;
  const machineCount = rates.length;
  const machines = rates.map((_, index) => {
    const random = machineRandom(seed, index);
    return new ModelMachine({ index, machineCount, range, between: (from, to) => random.between(from, to) });
  });
  const counters = rates.map((rate) => new FigureCounter(rate, seconds));
  const sequences = rates.map(() => rates.map(() => 0));
  const relayed: (() => void)[] = [];
  const flying: { readonly atSeconds: number; readonly deliver: () => void }[] = [];

  const tickMachine = (index: number, atSeconds: number): void => {
    const event = (machines[index] as ModelMachine).tick();
    const to = event.kind === 'send' ? event.to : nobody;
    for (const other of to) {
      const own = sequences[index] as number[];
      const sequence = (own[other] as number) + 1;
      own[other] = sequence;
      const deliver = (): void => (machines[other] as ModelMachine).deliver({ from: index, sequence, clock: event.clock });
      if (relayRate !== null) relayed.push(deliver);
      else if (pace === undefined) deliver();
      else flying.push({ atSeconds: atSeconds + pace.delaySeconds, deliver });
    }
    (counters[index] as FigureCounter).note(atSeconds, event, to.length);
    onEvent?.(index, atSeconds, event);
  };
  const tickers = rates.map((rate, index) => ({ rate, run: (atSeconds: number) => tickMachine(index, atSeconds) }));
  if (relayRate !== null) tickers.push({ rate: relayRate, run: () => relayed.shift()?.() });

  const dueOf = (index: number, rate: number, tick: number): number => {
    const times = pace?.tickTimes[index];
    if (times !== undefined) return times[tick - 1] ?? Number.POSITIVE_INFINITY;
    // Equal fractions are equal numbers: both are the quotient rounded right.
    return tick / rate <= seconds ? tick / rate : Number.POSITIVE_INFINITY;
  };
  const ticks = tickers.map(() => 1);
  const due = tickers.map(({ rate }, index) => dueOf(index, rate, 1));
  for (;;) {
    let next = 0;
    for (let index = 1; index < due.length; index++) if ((due[index] as number) < (due[next] as number)) next = index;
    const atSeconds = due[next] as number;
    while ((flying[0]?.atSeconds ?? Number.NaN) <= atSeconds) flying.shift()?.deliver();
    if (atSeconds === Number.POSITIVE_INFINITY) break;
    const ticker = tickers[next] as (typeof tickers)[number];
    ticks[next] = (ticks[next] as number) + 1;
    due[next] = dueOf(next, ticker.rate, ticks[next] as number);
    ticker.run(atSeconds);
  }
  return {
    machines: counters.map((counter, index) => counter.figures((machines[index] as ModelMachine).queueLength)),
    relayQueue: relayed.length,
  };
}
