/** JSON of one record that would take too long to parse on the thread of the loop: a thread of its own does it (`record-thread.ts`), one after another. */
import { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../base/errors.ts';
import { type Answer, LogError } from '../../eventlog/index.ts';

/** @param what names the record in a refusal */
export interface LargeRecordOrder {
  readonly json: Uint8Array;
  readonly what: string;
  readonly topic: string;
  readonly nowMs: number;
}

/** What the thread is told. */
export type ToThread = LargeRecordOrder & { readonly id: number };

export interface DecodedRecord {
  /** Of that one record. */
  readonly batch: Uint8Array<ArrayBuffer>;
  /** When it is to be appended; null where at once. */
  readonly deliverAtMs: number | null;
}

/** What it says: the record, or why there is none. */
export type FromThread =
  | ({ readonly id: number } & DecodedRecord)
  | { readonly id: number; readonly code: ErrorCode; readonly message: string };

/** Starts with the first such record, and ends when there has been none for a while. */
export class LargeRecords {
  readonly #program: string;
  readonly #running = new Map<number, Answer<DecodedRecord>>();
  #thread: Worker | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #count = 0;

  /** @param program `record-thread.ts`, or what was built from it */
  constructor(program: string) {
    this.#program = program;
  }

  decode(order: LargeRecordOrder, done: Answer<DecodedRecord>): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    const id = ++this.#count;
    this.#running.set(id, done);
    // It is handed over, so it is a copy, which the `slice` of a Buffer is not: the body goes on beside it.
    const json = new Uint8Array(order.json);
    this.#thread ??= this.#start();
    this.#thread.postMessage({ ...order, json, id } satisfies ToThread, [json.buffer]);
  }

  #end(): void {
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
  }

  #start(): Worker {
    const thread = new Worker(this.#program);
    thread.unref();
    thread.on('message', (message: FromThread) => this.#hear(message));
    thread.on('error', () => this.#lost(thread));
    thread.on('exit', () => this.#lost(thread));
    return thread;
  }

  #hear(message: FromThread): void {
    const done = this.#running.get(message.id);
    this.#running.delete(message.id);
    if (this.#running.size === 0) this.#idleTimer = setTimeout(() => this.#end(), idleMs).unref();
    if ('batch' in message) done?.({ ok: true, value: message });
    else done?.({ ok: false, error: new LogError(message.code, message.message) });
  }

  /** Whoever waits for it may ask again; the next record starts another. */
  #lost(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    const lost = [...this.#running.values()];
    this.#running.clear();
    for (const done of lost)
      done({ ok: false, error: new LogError('overloaded', 'Cannot append: the thread that reads large records is lost') });
  }
}

const idleMs = 60_000;
