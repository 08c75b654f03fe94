import { History } from '../../sim/history.ts';
import { checkLinearizableEnd } from '../../sim/checkers/l11-linearizable-end.ts';
import type { CheckReport } from '../../sim/checkers/verdict.ts';
import { LogError } from '../../eventlog/index.ts';
import { type Attempt, type LoadedRun, pause } from '../rig/index.ts';

export interface EndRead {
  readonly broker: number;
  readonly invoked: number;
  readonly completed: number;
  readonly offset: number;
}

const READ_MS_MAX = 3_000;
const PAUSE_MS = 40;

/** One reader for each broker, which asks it and no other for the end of the log, linearizable, again and again. */
export class EndReaders {
  readonly reads: EndRead[] = [];
  /** Asked and not answered, as a broker without a majority must not. */
  unanswered = 0;
  readonly #run: LoadedRun;
  readonly #running: Promise<void>[];
  #isStopping = false;

  constructor(run: LoadedRun) {
    this.#run = run;
    this.#running = run.brokers.ids.map((id) => this.#read(id).catch((error: unknown) => run.watchdog.fail(error)));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #read(broker: number): Promise<void> {
    const { brokers, load, topic, watchdog } = this.#run;
    const client = brokers.client([broker], { timeoutMs: READ_MS_MAX });
    while (!this.#isStopping && !watchdog.hasBarked) {
      const invoked = load.tick();
      try {
        const { offset } = await client.end({ topic, freshness: 'linearizable' });
        this.reads.push({ broker, invoked, completed: load.tick(), offset });
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        this.unanswered++;
      }
      await pause(PAUSE_MS);
    }
    client.close();
  }
}

/** By the simulator's own check, in linear time. */
export function checkEndReads(attempts: readonly Attempt[], reads: readonly EndRead[]): CheckReport {
  const history = new History();
  const topic = 'log';
  for (const attempt of attempts) {
    const { offset, term, ackedBy, invoked, completed } = attempt;
    if (offset === null || term === null) continue;
    const operation = history.beginAppend({ client: 0, topic, requestId: null, level: 'quorum', expectedOffset: null }, 1, attempt.sentMs);
    const common = { topic, partition: 0, offset, count: 1, term, level: 'quorum', ackedBy, committed: true, durable: true } as const;
    const result = { ...common, duplicate: false, timestampMs: 0 };
    history.appends[history.appends.length - 1] = { ...operation, invoked, completed, outcome: 'ok', result };
  }
  for (const read of reads) history.ends.push({ client: 0, topic, freshness: 'linearizable', ...read });
  return checkLinearizableEnd(history).report();
}
