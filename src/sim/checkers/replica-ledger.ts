/**
 * What every replica's log is, rebuilt from what the brokers' observers saw, for the checkers of Raft's properties. One `ReplicaTrack` a broker and
 * group outlives the broker's processes, as its disk does. `GroupLedger.committed` is the log that was ever committed, by whoever said so first.
 */
import type { BrokerId, GroupId, Term } from '../../base/branded.ts';
import { frameChecksum, previousChecksum, stampCounter, stampMs } from '../../record/index.ts';
import type { LogBatch, Persist, Vote } from '../../raft/index.ts';

/** A batch, without its bytes. */
export interface TrackedBatch {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly term: number;
  /** Of its frame, which chains to all before it: equal checksums mean equal logs up to here. */
  readonly checksum: number;
  readonly previousChecksum: number;
  /** Length of its frame. */
  readonly bytes: number;
  /** Log time: the leader's hybrid stamp. */
  readonly stampMs: number;
  readonly stampCounter: number;
}

export interface ReplicaTrack {
  readonly broker: BrokerId;
  readonly group: GroupId;
  /** Handed over to be written, synced or not. */
  readonly log: TrackedBatch[];
  /** Synced, as the host said. */
  synced: TrackedBatch[];
  syncedVote: Vote;
  /** Handed over and not yet synced; at most one. */
  pending: { readonly persist: Persist; readonly batches: readonly TrackedBatch[] } | null;
  /** Highest seen in this life, and how much of it was compared with the ledger. */
  highWatermark: number;
  comparedTo: number;
  /** Index in `log` of the first batch at or above `comparedTo`. */
  comparedIndex: number;
}

export interface Election {
  readonly broker: BrokerId;
  readonly term: Term;
  readonly endOffset: number;
  readonly termStarts: readonly { readonly term: number; readonly offsetFrom: number }[];
}

export interface GroupLedger {
  readonly group: GroupId;
  readonly committed: TrackedBatch[];
  /** By the same index: the term of the replica that first said so, never below that of the leader who committed it; and when that was. */
  readonly committedInTerm: number[];
  readonly committedAtMs: number[];
  readonly elections: Election[];
  readonly replicas: Map<BrokerId, ReplicaTrack>;
}

export class ReplicaLedger {
  readonly #groups = new Map<GroupId, GroupLedger>();

  get groups(): Iterable<GroupLedger> {
    return this.#groups.values();
  }

  group(group: GroupId): GroupLedger {
    let ledger = this.#groups.get(group);
    if (ledger === undefined) {
      ledger = { group, committed: [], committedInTerm: [], committedAtMs: [], elections: [], replicas: new Map() };
      this.#groups.set(group, ledger);
    }
    return ledger;
  }

  replica(broker: BrokerId, group: GroupId): ReplicaTrack {
    const { replicas } = this.group(group);
    let track = replicas.get(broker);
    if (track === undefined) {
      track = {
        broker,
        group,
        log: [],
        synced: [],
        syncedVote: { term: 0 as Term, votedFor: null },
        pending: null,
        highWatermark: 0,
        comparedTo: 0,
        comparedIndex: 0,
      };
      replicas.set(broker, track);
    }
    return track;
  }
}

export const trackBatch = (batch: LogBatch): TrackedBatch => ({
  offsetFrom: batch.offsetFrom,
  offsetTo: batch.offsetTo,
  term: batch.term,
  checksum: frameChecksum(batch.bytes),
  previousChecksum: previousChecksum(batch.bytes),
  bytes: batch.bytes.length,
  stampMs: stampMs(batch.bytes),
  stampCounter: stampCounter(batch.bytes),
});

export const endOf = (log: readonly TrackedBatch[]): number => log[log.length - 1]?.offsetTo ?? 0;

/** Index of the first batch that begins at or above `offset`. */
export function indexAt(log: readonly TrackedBatch[], offset: number): number {
  let from = 0;
  let to = log.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((log[middle] as TrackedBatch).offsetFrom < offset) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Index of the batch that ends exactly at `offset`, or -1. */
export function indexEndingAt(log: readonly TrackedBatch[], offset: number): number {
  const index = indexAt(log, offset) - 1;
  return log[index]?.offsetTo === offset ? index : -1;
}

/** End of what was known to be committed by anybody at a time, of a group. */
export function committedEndAt(ledger: GroupLedger, atMs: number): number {
  let from = 0;
  let to = ledger.committedAtMs.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ledger.committedAtMs[middle] as number) <= atMs) from = middle + 1;
    else to = middle;
  }
  return ledger.committed[from - 1]?.offsetTo ?? 0;
}

/** Term of the record at `offset` by a table of term starts, 0 below the first. Not `raft/`'s own lookup, which is what is checked. */
export function termAt(termStarts: readonly { readonly term: number; readonly offsetFrom: number }[], offset: number): number {
  for (let i = termStarts.length - 1; i >= 0; i--) {
    const start = termStarts[i] as { readonly term: number; readonly offsetFrom: number };
    if (start.offsetFrom <= offset) return start.term;
  }
  return 0;
}

/** The log as it is once the write that is under way has succeeded. */
export function withPending(track: ReplicaTrack): readonly TrackedBatch[] {
  const { pending, synced } = track;
  if (pending === null) return synced;
  const truncateTo = pending.persist.truncateTo;
  const kept = truncateTo === null ? synced : synced.filter((batch) => batch.offsetTo <= truncateTo);
  return [...kept, ...pending.batches];
}
