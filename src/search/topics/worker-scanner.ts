/** `SegmentScanner` in a thread of its own, which starts with the first search and ends when there has been none for a while. */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { failed, type Result } from '../../base/result.ts';
import type { FoundChunk, RangeScan, RangeScanned, SegmentScanner } from '../../storage/index.ts';
import { leftShare } from './left-share.ts';
import { type FromWorker, sharePoints, type ToWorker, type WorkerData } from './worker-messages.ts';

const idleMs = 60_000;
/** How often it is looked what searches are left of a core. */
const lookMs = 25;
/** Of what a search makes of the heap, so that garbage is not left lying; beyond the second the thread is lost, and the next search starts another. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };

interface Running {
  readonly give: (chunk: FoundChunk, next: () => void) => void;
  readonly done: (result: Result<RangeScanned, string>) => void;
}

/**
 * @param root the data directory
 * @param program `worker.ts`, or what was built from it
 * @param syncs of the broker's disk since its start
 */
export function workerScanner(root: string, program: string, syncs: () => number): SegmentScanner {
  return new WorkerScanner(root, program, syncs);
}

class WorkerScanner implements SegmentScanner {
  readonly #root: string;
  readonly #program: string;
  readonly #syncs: () => number;
  readonly #running = new Map<number, Running>();
  readonly #share = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #lookTimer: NodeJS.Timeout | null = null;
  #seen = { ms: Number.NEGATIVE_INFINITY, syncs: 0, loop: performance.eventLoopUtilization() };
  #count = 0;

  constructor(root: string, program: string, syncs: () => number) {
    this.#root = root;
    this.#program = program;
    this.#syncs = syncs;
  }

  scan(scan: RangeScan, give: Running['give'], done: Running['done']): { cancel(): void } {
    const id = ++this.#count;
    if (this.#lookTimer === null) this.#watch();
    this.#running.set(id, { give, done });
    this.#tell({ type: 'scan', id, scan });
    return { cancel: () => this.#running.has(id) && this.#tell({ type: 'cancel', id }) };
  }

  /** While a search is under way. */
  #watch(): void {
    // What was before it says more than nothing, where that was long enough.
    if (performance.now() - this.#seen.ms >= lookMs) this.#look();
    this.#lookTimer = setInterval(() => this.#look(), lookMs);
    this.#lookTimer.unref();
  }

  #look(): void {
    const { syncs, loop } = this.#seen;
    this.#seen = { ms: performance.now(), syncs: this.#syncs(), loop: performance.eventLoopUtilization() };
    const { utilization } = performance.eventLoopUtilization(this.#seen.loop, loop);
    Atomics.store(this.#share, 0, Math.round(leftShare(this.#seen.syncs - syncs, utilization) * sharePoints));
  }

  #rest(): void {
    if (this.#lookTimer !== null) clearInterval(this.#lookTimer);
    this.#lookTimer = null;
  }

  #tell(message: ToWorker): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const workerData: WorkerData = { root: this.#root, share: this.#share };
    const worker = new Worker(this.#program, { workerData, resourceLimits });
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
    this.#rest();
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
    this.#rest();
    for (const { done } of lost) done(failed(`the thread that searches is lost: ${reason}`));
  }
}
