// R3 log matching
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * R3, Log Matching (Raft §5.3): two logs with a batch of one term at one offset are equal up to it. Frames chain their checksums, so it is enough
 * that a (term, offset) never has two checksums and that each batch chains to the one before it.
 */
export class LogMatching {
  readonly findings = new Findings('R3');
  readonly #seen = new Map<GroupId, Map<number, TrackedBatch>>();

  appended(group: GroupId, broker: BrokerId, batch: TrackedBatch, previous: TrackedBatch | undefined): void {
    this.findings.checked++;
    if ((previous?.offsetTo ?? 0) !== batch.offsetFrom || (previous?.checksum ?? 0) !== batch.previousChecksum) {
      this.findings.violate(
        `group ${group}: broker ${broker} put a batch at ${batch.offsetFrom} that does not continue its log, which ends at ${previous?.offsetTo ?? 0}`,
      );
    }
    if (previous !== undefined && batch.term < previous.term) {
      this.findings.violate(`group ${group}: broker ${broker} put term ${batch.term} at ${batch.offsetFrom} after term ${previous.term}`);
    }
    const seen = this.#seen.get(group) ?? new Map<number, TrackedBatch>();
    this.#seen.set(group, seen);
    const key = batch.term * 2 ** 32 + batch.offsetFrom;
    const known = seen.get(key);
    if (known === undefined) seen.set(key, batch);
    else if (known.checksum !== batch.checksum || known.offsetTo !== batch.offsetTo) {
      this.findings.violate(
        `group ${group}: two different batches of term ${batch.term} at ${batch.offsetFrom}, the second on broker ${broker}`,
      );
    }
  }
}
