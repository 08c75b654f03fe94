import { firstOffset, firstTerm, type Offset, offset } from '../../../src/base/branded.ts';
import type { LogBatch, Persist, RestoredState, TermStart, Vote } from '../../../src/raft/index.ts';

/** The durable state of one replica: what would be found after a crash at this moment. */
export class RigDisk {
  vote: Vote = { term: firstTerm, votedFor: null };
  batches: LogBatch[] = [];

  get endOffset(): Offset {
    return this.batches.at(-1)?.offsetTo ?? firstOffset;
  }

  complete(persist: Persist): void {
    this.#write(persist, persist.batches.length);
  }

  /** A crash during the write: nothing, or the vote, or the vote and the truncation and some of the batches. */
  tear(persist: Persist, randomBelow: (limit: number) => number): void {
    const steps = randomBelow(persist.batches.length + 3);
    if (steps === 0) return;
    if (steps === 1) {
      if (persist.vote !== null) this.vote = persist.vote;
      return;
    }
    this.#write(persist, steps - 2);
  }

  restore(): RestoredState {
    const termStarts: TermStart[] = [];
    for (const { term, offsetFrom } of this.batches) {
      if (termStarts.at(-1)?.term !== term) termStarts.push({ term, offsetFrom });
    }
    return { vote: this.vote, logStartOffset: offset(0), logEndOffset: this.endOffset, termBeforeStart: firstTerm, termStarts };
  }

  /** As storage reads: whole batches from the one that contains `offsetFrom`, at least one. */
  read(offsetFrom: Offset, offsetTo: Offset, bytesMax: number): LogBatch[] {
    const found: LogBatch[] = [];
    let bytes = 0;
    for (const batch of this.batches) {
      if (batch.offsetTo <= offsetFrom) continue;
      if (batch.offsetFrom >= offsetTo) break;
      bytes += batch.bytes.length;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(batch);
    }
    return found;
  }

  #write(persist: Persist, batchCount: number): void {
    if (persist.vote !== null) this.vote = persist.vote;
    if (persist.truncateTo !== null) {
      while ((this.batches.at(-1)?.offsetTo ?? 0) > persist.truncateTo) this.batches.pop();
    }
    for (const batch of persist.batches.slice(0, batchCount)) this.batches.push(batch);
  }
}
