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

/** Calls `tick` at k / rate seconds, for k from 1 to `count`: deadlines are absolute, so a late tick puts off no other, and what is late is made up at once. */
export function runTicks(
  time: Pick<TrialTime, 'seconds'>,
  rate: number,
  count: number,
  tick: (number: number) => void,
  ended: (made: TicksMade) => void,
): void {
  let next = 1;
  let [late, latestMs] = [0, 0];
  const run = (): void => {
    for (; next <= count && next / rate <= time.seconds; next++) {
      const behindSeconds = time.seconds - next / rate;
      if (behindSeconds >= 1 / rate) late++;
      latestMs = Math.max(latestMs, behindSeconds * 1000);
      tick(next);
    }
    if (next > count) ended({ late, latestMs });
    else setTimeout(wake, Math.max(0, Math.ceil((next / rate - time.seconds) * 1000)));
  };
  // After a pause of the process what came meanwhile is read before late ticks are made up: it was there when they were due.
  const wake = (): void => void setImmediate(run);
  wake();
}
