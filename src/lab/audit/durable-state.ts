import { readFrame } from '../../record/index.ts';
import { markBytes, markTag, segmentHeaderBytes } from '../../storage/segment-format.ts';
import { readVoteRecord } from '../../storage/vote-journal.ts';
import { systemBytes } from '../../system/bytes.ts';
import type { TraceEvent } from './system-calls.ts';

interface Batch {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  /** Where it stands, and its chained checksum: a batch at the same place with the same one has the same bytes. */
  readonly target: string;
  readonly position: number;
  readonly bytes: number;
  readonly checksum: number;
  isDurable: boolean;
  /** When the sync that covers it had ended. */
  durableAt: number;
}

interface StoredVote {
  readonly term: number;
  readonly votedFor: number | null;
}

/** What a written piece of a file holds that a promise may be made about. */
interface Written {
  readonly batches: readonly Batch[];
  readonly votes: readonly (StoredVote & { readonly group: number })[];
}

/**
 * What one broker's disk would still hold if the power failed, as its system calls tell: a written batch or vote counts once a sync of its file that
 * began after the write had ended has ended too. Begins with an empty data directory, and goes on over restarts.
 */
export class DurableState {
  syncs = 0;
  /** Written to a file and not synced yet. */
  readonly #unsynced = new Map<string, Written[]>();
  /** What a sync under way will have made durable. */
  readonly #covered = new Map<object, Written[]>();
  readonly #logs = new Map<number, Batch[]>();
  readonly #votes = new Map<number, StoredVote>();

  take(event: TraceEvent): void {
    const { name, target } = event.call;
    if (name.startsWith('pwrite') && event.type === 'ended' && event.result > 0) {
      const data = event.call.data.subarray(0, event.result);
      const written = this.#parse(target, event.call.position, data);
      if (isBlank(data)) this.#erase(target, event.call.position, data.length);
      if (written.batches.length + written.votes.length > 0) this.#unsynced.set(target, [...(this.#unsynced.get(target) ?? []), written]);
    } else if (name === 'fdatasync' || name === 'fsync') {
      if (event.type === 'began') this.#covered.set(event.call, this.#unsynced.get(target) ?? []);
      else if (event.result === 0) this.#synced(target, this.#covered.get(event.call) ?? [], event.at);
    }
  }

  /** Everything of the group's log below this is on the disk, and was by `at`. */
  durableEnd(group: number, at = Number.POSITIVE_INFINITY): number {
    let end = 0;
    for (const batch of this.#logs.get(group) ?? []) {
      if (batch.offsetFrom > end || !batch.isDurable || batch.durableAt > at) break;
      end = batch.offsetTo;
    }
    return end;
  }

  vote(group: number): StoredVote | null {
    return this.#votes.get(group) ?? null;
  }

  #synced(target: string, covered: readonly Written[], at: number): void {
    this.syncs++;
    for (const { batches, votes } of covered) {
      for (const batch of batches) {
        if (!batch.isDurable) batch.durableAt = at;
        batch.isDurable = true;
      }
      for (const { group, ...vote } of votes) {
        if (vote.term >= (this.#votes.get(group)?.term ?? 0)) this.#votes.set(group, vote);
      }
    }
    this.#unsynced.set(
      target,
      (this.#unsynced.get(target) ?? []).filter((written) => !covered.includes(written)),
    );
  }

  /** Zeros over a batch: its log was cut there. */
  #erase(target: string, position: number, length: number): void {
    const isErased = (batch: Batch): boolean =>
      batch.target === target && batch.position < position + length && position < batch.position + batch.bytes;
    for (const [group, log] of this.#logs)
      if (log.some(isErased))
        this.#logs.set(
          group,
          log.filter((batch) => !isErased(batch)),
        );
  }

  #parse(target: string, position: number, data: Buffer): Written {
    const bytes = new Uint8Array(data);
    if (/\/groups\/[^/]+\/\d{20}\.log$/.test(target)) return { batches: this.#framesIn(target, bytes, position), votes: [] };
    if (/\/votes[^/]*$/.test(target)) return { batches: [], votes: votesIn(bytes) };
    return { batches: [], votes: [] };
  }

  #framesIn(target: string, bytes: Uint8Array, position: number): Batch[] {
    const found: Batch[] = [];
    for (let at = position === 0 ? segmentHeaderBytes : 0; at < bytes.length; ) {
      if (bytes[at + 4] === markTag) {
        at += markBytes;
        continue;
      }
      const read = readFrame(bytes, at, systemBytes);
      if (read.kind !== 'ok') break;
      const { group, offsetFrom, offsetTo, checksum } = read.frame;
      const place = { target, position: position + at, bytes: read.frame.bytes.length, checksum };
      const log = this.#logs.get(group) ?? [];
      at += place.bytes;
      // A start writes the last groups again as they are: what was durable stays so, and what stands behind them stays.
      const isWrittenOver = (log.at(-1)?.offsetTo ?? 0) > offsetFrom;
      const before = isWrittenOver ? log.findLast((batch) => batch.offsetFrom === offsetFrom) : undefined;
      if (before?.target === target && before.position === place.position && before.checksum === checksum) {
        found.push(before);
        continue;
      }
      // Else it is written over, or was cut.
      while ((log.at(-1)?.offsetTo ?? 0) > offsetFrom) log.pop();
      const batch: Batch = { offsetFrom, offsetTo, ...place, isDurable: false, durableAt: Number.POSITIVE_INFINITY };
      log.push(batch);
      this.#logs.set(group, log);
      found.push(batch);
    }
    return found;
  }
}

function votesIn(bytes: Uint8Array): Written['votes'] {
  const record = readVoteRecord(bytes, 0, systemBytes);
  return record === null ? [] : record.votes.map(({ group, vote }) => ({ group, term: vote.term, votedFor: vote.votedFor }));
}

const isBlank = (data: Uint8Array): boolean => data.every((byte) => byte === 0);
