/** `SegmentScanner` in a thread of its own, which starts with the first search and ends when there has been none for a while. */
import { Worker } from 'node:worker_threads';
import { failed, type Result } from '../../base/result.ts';
import type { FoundChunk, RangeScan, RangeScanned, SegmentScanner } from '../../storage/index.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

const idleMs = 60_000;

interface Running {
  readonly give: (chunk: FoundChunk, next: () => void) => void;
  readonly done: (result: Result<RangeScanned, string>) => void;
}

/**
 * @param root the data directory
 * @param program `worker.ts`, or what was built from it
 */
export function workerScanner(root: string, program: string): SegmentScanner {
  return new WorkerScanner(root, program);
}

class WorkerScanner implements SegmentScanner {
  readonly #root: string;
  readonly #program: string;
  readonly #running = new Map<number, Running>();
  #worker: Worker | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #count = 0;

  constructor(root: string, program: string) {
    this.#root = root;
    this.#program = program;
  }

  scan(scan: RangeScan, give: Running['give'], done: Running['done']): { cancel(): void } {
    const id = ++this.#count;
    this.#running.set(id, { give, done });
    this.#tell({ type: 'scan', id, scan });
    return { cancel: () => this.#running.has(id) && this.#tell({ type: 'cancel', id }) };
  }

  #tell(message: ToWorker): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(this.#program, { workerData: { root: this.#root } });
    // A broker that stops does not wait for its searches.
    worker.unref();
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error) => this.#lost(worker, error.message));
    worker.on('exit', () => this.#lost(worker, 'it has ended'));
    return worker;
  }

  #hear(message: FromWorker): void {
    const running = this.#running.get(message.id);
    if (running === undefined) return;
    if (message.type === 'chunk') {
      running.give(message.chunk, () => this.#running.has(message.id) && this.#tell({ type: 'next', id: message.id }));
      return;
    }
    this.#running.delete(message.id);
    running.done(message.result);
    if (this.#running.size > 0) return;
    const worker = this.#worker;
    this.#idleTimer = setTimeout(() => {
      this.#worker = null;
      void worker?.terminate();
    }, idleMs);
    this.#idleTimer.unref();
  }

  /** Whoever waits for it is told; the next search starts another. */
  #lost(worker: Worker, reason: string): void {
    if (this.#worker === worker) this.#worker = null;
    else return;
    const lost = [...this.#running.values()];
    this.#running.clear();
    for (const { done } of lost) done(failed(`the thread that searches is lost: ${reason}`));
  }
}
