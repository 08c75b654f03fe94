import { createHash } from 'node:crypto';
import type { Client } from '../client/index.ts';
import { forEachRecord } from '../record/index.ts';

/** What a subscriber was given, from the first record to the end. */
export interface PulledCheck {
  readonly lines: number;
  /** Of the lines in the order in which they were given. */
  readonly sha256: string;
  readonly same: boolean;
}

const id = 'tour';
const waitMs = 500;

/**
 * A subscriber that pulls by number while a leader dies, and takes each answer for processed. Whatever were missed, given twice or in another order
 * would make another hash.
 */
export class TourSubscriber {
  readonly #client: Client;
  readonly #hash = createHash('sha256');
  readonly #done: Promise<void>;
  #lines = 0;
  #given = 0;
  /** Where it may stop; null while the stream goes on. */
  #end: number | null = null;
  #isGivenUp = false;

  private constructor(client: Client, number: number) {
    this.#client = client;
    this.#done = this.#pull(number);
    // It is looked at in `finish`.
    this.#done.catch(() => undefined);
  }

  static async begin(client: Client, topic: string): Promise<TourSubscriber> {
    await client.subscriptions.createSubscriber({ id, requestId: null });
    await client.subscriptions.subscribe({ subscriber: id, topic, start: { at: 'beginning' } });
    return new TourSubscriber(client, 1);
  }

  async #pull(first: number): Promise<void> {
    for (let number = first; !this.#isGivenUp && (this.#end === null || this.#given < this.#end); ) {
      const usual = {
        topics: null,
        acknowledge: [],
        recordsMax: 10_000,
        bytesMax: 1024 * 1024,
        waitMs,
        freshness: 'linearizable',
      } as const;
      const { parts, nextNumber } = await this.#client.subscriptions.pull({ subscriber: id, mode: 'automatic', number, ...usual });
      for (const { offsetFrom, offsetTo, batches } of parts) {
        for (const batch of batches) {
          forEachRecord(batch, (record) => {
            if (record.offset < offsetFrom) return true;
            if (record.offset >= offsetTo) return false;
            if (this.#lines++ > 0) this.#hash.update('\n');
            this.#hash.update(record.value() ?? new Uint8Array(0));
            return true;
          });
        }
        this.#given = offsetTo;
      }
      number = nextNumber ?? number;
    }
  }

  /** Once it has been given all below `end`. */
  async finish(
    end: number,
    of: { readonly lines: number; readonly sha256: string; readonly endsWithNewline: boolean },
  ): Promise<PulledCheck> {
    this.#end = end;
    await this.#done;
    if (of.endsWithNewline) this.#hash.update('\n');
    const sha256 = this.#hash.digest('hex');
    return { lines: this.#lines, sha256, same: sha256 === of.sha256 && this.#lines === of.lines };
  }

  close(): void {
    this.#isGivenUp = true;
    this.#client.close();
  }
}
