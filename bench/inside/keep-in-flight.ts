import { Latencies } from '../../src/lab/bench/latencies.ts';
import type { LoadRun } from '../../src/lab/bench/measure.ts';

/** Begins an append and calls back when it is acknowledged. */
export type Append = (done: (error: Error | null) => void) => void;

/** The load from inside a process: so many appends in flight for so long, each begun when one is acknowledged. The same for Cairn and for the bare loop. */
export function keepInFlight(append: Append, inFlight: number, forMs: number): Promise<LoadRun> {
  return new Promise((resolve, reject) => {
    const latencies = new Latencies();
    let answered = 0;
    let busy = inFlight;
    const startedMs = performance.now();
    const untilMs = startedMs + forMs;
    const begin = (sentMs: number): void => {
      append((error) => {
        if (error !== null) {
          reject(error);
          return;
        }
        const nowMs = performance.now();
        answered++;
        latencies.record(nowMs - sentMs);
        if (nowMs < untilMs) begin(nowMs);
        else if (--busy === 0) resolve({ tookMs: nowMs - startedMs, answered, latencyMs: latencies.summary() });
      });
    };
    for (let index = 0; index < inFlight; index++) begin(startedMs);
  });
}
