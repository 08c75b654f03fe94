import { assert, broken } from '../base/assert.ts';
import { type Offset, offset } from '../base/branded.ts';
import type { ReplicaLog } from './log.ts';
import type { Message } from './messages.ts';
import type { Persist, RestoredState, Vote } from './types.ts';

/**
 * What the disk has been told and what it is known to keep.
 *
 * Three ends of the log that is in memory: up to `syncedOffset` it is durable, up to `#handedOffset` it was handed over in some persist, and
 * `#diskEnd` is where the file ends after all that was handed over. A cut log lowers the first two but not the third: the file still holds the old
 * tail, so the next persist begins with a truncation.
 *
 * Invariant: syncedOffset <= #handedOffset <= #diskEnd, and #handedOffset <= endOffset.
 */
export class DiskState {
  #syncedOffset: Offset;
  #handedOffset: Offset;
  #diskEnd: Offset;
  #syncedVote: Vote;
  #handedVote: Vote;
  /** `end` is how much of the log in memory is durable once it is done: lowered when the log is cut meanwhile. */
  #outstanding: { readonly id: number; readonly vote: Vote; end: Offset } | null = null;
  #lastId = 0;

  constructor(restored: RestoredState) {
    this.#syncedOffset = restored.logEndOffset;
    this.#handedOffset = restored.logEndOffset;
    this.#diskEnd = restored.logEndOffset;
    this.#syncedVote = restored.vote;
    this.#handedVote = restored.vote;
  }

  get syncedOffset(): Offset {
    return this.#syncedOffset;
  }

  get isWriting(): boolean {
    return this.#outstanding !== null;
  }

  hasSynced(vote: Vote): boolean {
    return sameVote(this.#syncedVote, vote);
  }

  truncate(end: Offset): void {
    this.#syncedOffset = least(this.#syncedOffset, end);
    this.#handedOffset = least(this.#handedOffset, end);
    if (this.#outstanding !== null) this.#outstanding.end = least(this.#outstanding.end, end);
  }

  /** Whether there is something to write and nothing is being written. */
  owes(log: ReplicaLog, vote: Vote): boolean {
    if (this.#outstanding !== null) return false;
    return this.#handedOffset < log.endOffset || this.#handedOffset < this.#diskEnd || !sameVote(this.#handedVote, vote);
  }

  /** Joins everything that is owed into one write. */
  take(log: ReplicaLog, vote: Vote, then: readonly Message[]): Persist {
    assert(this.#outstanding === null, 'at most one write is outstanding');
    const truncateTo = this.#handedOffset < this.#diskEnd ? this.#handedOffset : null;
    const persist: Persist = {
      id: ++this.#lastId,
      vote: sameVote(this.#handedVote, vote) ? null : vote,
      truncateTo,
      batches: log.slice(this.#handedOffset, log.endOffset, Number.POSITIVE_INFINITY),
      // oxlint-disable-next-line unicorn/no-thenable -- a list of messages, never a function: nothing can await it
      then,
    };
    this.#handedOffset = log.endOffset;
    this.#diskEnd = log.endOffset;
    this.#handedVote = vote;
    this.#outstanding = { id: persist.id, vote, end: log.endOffset };
    return persist;
  }

  done(id: number): void {
    const outstanding = this.#outstanding;
    if (outstanding === null || outstanding.id !== id) return broken(`the write that ends is the outstanding one, not ${id}`);
    this.#syncedOffset = offset(Math.max(this.#syncedOffset, outstanding.end));
    this.#syncedVote = outstanding.vote;
    this.#outstanding = null;
  }
}

function sameVote(a: Vote, b: Vote): boolean {
  return a.term === b.term && a.votedFor === b.votedFor;
}

function least(a: Offset, b: Offset): Offset {
  return a < b ? a : b;
}
