/** The time of a trial: the monotonic clock, which all processes of one computer share, counted from a moment that the lab has chosen. */
export class TrialTime {
  readonly #startNs: bigint;

  constructor(startNs: bigint) {
    this.#startNs = startNs;
  }

  get seconds(): number {
    return Number(process.hrtime.bigint() - this.#startNs) / 1e9;
  }
}

export interface TicksMade {
  /** Made when the next was due already. */
  readonly late: number;
  readonly latestMs: number;
}

/** By so much the machines of a trial tick one after another where they tick at once, if their rates leave room for it. */
const stepSecondsMax = 0.004;

/**
 * How much later each machine ticks than its rate alone says, by its place, a relay last. In the model machines that tick at once do so in their order, and
 * a message is in the queue at once; so a machine's tick waits for what those before it send at the same moment. No tick comes behind one that should come
 * later: all of them together take less than half of the least time between ticks that do not fall together.
 */
export function stepSeconds(rates: readonly number[], relayRate: number | null): number {
  const all = relayRate === null ? rates : [...rates, relayRate];
  const closest = Math.max(...all.flatMap((a) => all.map((b) => (a * b) / greatestDivisor(a, b))));
  return Math.min(stepSecondsMax, 1 / closest / (2 * all.length));
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/**
 * Calls `tick` at k / rate seconds and `laterSeconds`, for k from 1 to `count`: deadlines are absolute, so a late tick puts off no other, and what is late is
 * made up at once.
 */
export function runTicks(
  time: Pick<TrialTime, 'seconds'>,
  rate: number,
  count: number,
  laterSeconds: number,
  tick: (number: number) => void,
  ended: (made: TicksMade) => void,
): void {
  const dueOf = (number: number): number => number / rate + laterSeconds;
  let next = 1;
  let [late, latestMs] = [0, 0];
  const run = (): void => {
    for (; next <= count && dueOf(next) <= time.seconds; next++) {
      const behindSeconds = time.seconds - dueOf(next);
      if (behindSeconds >= 1 / rate) late++;
      latestMs = Math.max(latestMs, behindSeconds * 1000);
      tick(next);
    }
    if (next > count) ended({ late, latestMs });
    else setTimeout(wake, Math.max(0, Math.ceil((dueOf(next) - time.seconds) * 1000)));
  };
  // After a pause of the process what came meanwhile is read before late ticks are made up: it was there when they were due.
  const wake = (): void => void setImmediate(run);
  wake();
}
