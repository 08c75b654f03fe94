import type { AppendEntries } from '../../raft/index.ts';

const bytesOf = ({ batches }: AppendEntries): number => batches.reduce((sum, batch) => sum + batch.bytes.length, 0);

/**
 * Entries that a follower has no room for yet, oldest first. They stay outside of its consensus core: what the core has taken must be written before any
 * vote is, and where the disk is full that is never.
 */
export class WaitingEntries {
  readonly #bytesMax: number;
  #messages: AppendEntries[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get first(): AppendEntries | undefined {
    return this.#messages[0];
  }

  /** Where the entries that wait end. */
  get endOffset(): number | undefined {
    return this.#messages.at(-1)?.batches.at(-1)?.offsetTo;
  }

  /** What is sent again takes the place of what was sent before; what is too much is as good as lost. */
  add(message: AppendEntries): void {
    while ((this.#messages.at(-1)?.offsetFrom ?? -1) >= message.offsetFrom) this.#bytes -= bytesOf(this.#messages.pop() as AppendEntries);
    const bytes = bytesOf(message);
    if (this.#messages.length > 0 && this.#bytes + bytes > this.#bytesMax) return;
    this.#messages.push(message);
    this.#bytes += bytes;
  }

  takeFirst(): void {
    const message = this.#messages.shift();
    if (message !== undefined) this.#bytes -= bytesOf(message);
  }
}
