import { type EventLog, LogError } from '../eventlog/index.ts';
import { baseOffset, forEachRecord } from '../record/index.ts';
import { batchOf } from './batches.ts';

export interface OverlapOptions {
  readonly topic: string;
  readonly partition?: number;
  readonly requestId: string;
  readonly timeoutMs: number;
}

const readBytesMax = 16 * 1024 * 1024;

/**
 * Compares what an earlier run has appended under a request id with the lines of this input, in order. A record that is offered again under its number is
 * refused as another one, since its time is, and the refusal says where the batch stands that begins with that number; from there on the batches of the id
 * tell where each next one begins. The log remembers the last 64 batches of an id: what is older is counted, and not compared.
 */
export class Overlap {
  readonly #log: Pick<EventLog, 'append' | 'read'>;
  readonly #options: OverlapOptions;
  /** Number of the line that comes next. */
  #next = 0;
  /** Values of the records from there on that are known. */
  #stored: readonly Uint8Array[] = [];
  #storedAt = 0;
  #isAligned = false;
  #uncompared = 0;

  constructor(log: Pick<EventLog, 'append' | 'read'>, options: OverlapOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Lines that the log does not remember any more. */
  get uncompared(): number {
    return this.#uncompared;
  }

  /** Takes the next lines that are passed over. Throws `requestIdReused` at the first that is another. */
  async compare(batch: Uint8Array): Promise<void> {
    const lines: Uint8Array[] = [];
    forEachRecord(batch, (record) => void lines.push(record.value() ?? new Uint8Array(0)));
    for (const [index, line] of lines.entries()) {
      if (this.#storedAt === this.#stored.length) {
        // Only where a batch of this input begins could one of the earlier run have begun, unless it is known where the one before ended.
        const stored: readonly Uint8Array[] | null = index === 0 || this.#isAligned ? await this.#storedFrom(line) : null;
        this.#isAligned = stored !== null;
        this.#stored = stored ?? [];
        this.#storedAt = 0;
      }
      const before = this.#stored[this.#storedAt];
      if (before === undefined) this.#uncompared++;
      else if (Buffer.compare(before, line) === 0) this.#storedAt++;
      else throw this.#isAnother();
      this.#next++;
    }
  }

  get #where(): { readonly topic: string; readonly partition?: number } {
    const { topic, partition } = this.#options;
    return partition === undefined ? { topic } : { topic, partition };
  }

  #isAnother(): LogError {
    const { topic, requestId } = this.#options;
    const message = `Cannot append to topic "${topic}": line ${this.#next + 1} of this input is another than the one that request id "${requestId}" has appended, so it is another input`;
    return new LogError('requestIdReused', message, { line: this.#next + 1 });
  }

  /** The records of the batch that begins with this number; null when none is remembered that does. */
  async #storedFrom(line: Uint8Array): Promise<readonly Uint8Array[] | null> {
    const { requestId, timeoutMs } = this.#options;
    try {
      // Below the next number nothing is ever appended.
      const probe = { ...this.#where, batch: batchOf([{ value: line }]), level: 'quorum', timeoutMs, requestId } as const;
      await this.#log.append({ ...probe, sequence: this.#next, isSession: true, expectedOffset: null });
      return [line];
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.code === 'duplicateSequence') return null;
      const { offset } = error.details;
      if (error.code !== 'requestIdReused' || typeof offset !== 'number') throw error;
      return await this.#recordsAt(offset);
    }
  }

  async #recordsAt(offset: number): Promise<readonly Uint8Array[] | null> {
    const where = { ...this.#where, offsetFrom: offset, sinceMs: null, bytesMax: readBytesMax } as const;
    try {
      const { batches } = await this.#log.read({ ...where, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 });
      const [batch] = batches;
      // Removed meanwhile, or revoked.
      if (batch === undefined || baseOffset(batch) !== offset) return null;
      const values: Uint8Array[] = [];
      forEachRecord(batch, (record) => void values.push(record.value() ?? new Uint8Array(0)));
      return values;
    } catch (error) {
      if (error instanceof LogError && error.code === 'offsetOutOfRange') return null;
      throw error;
    }
  }
}
