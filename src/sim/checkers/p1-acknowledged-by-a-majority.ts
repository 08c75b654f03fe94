// P1 acknowledged by a majority
import { brokerId, type GroupId } from '../../base/branded.ts';
import type { AppendResult } from '../../eventlog/index.ts';
import { endOf, type ReplicaLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * The design's first promise: an acknowledgement names brokers that have synced the record, at `quorum` at least a majority and at `all` everybody. What
 * is committed is never cut, so it may be looked up when the answer arrives.
 */
export class AcknowledgedByAMajority {
  readonly findings = new Findings('P1');
  readonly #ledger: ReplicaLedger;
  readonly #brokerCount: number;

  constructor(ledger: ReplicaLedger, brokerCount: number) {
    this.#ledger = ledger;
    this.#brokerCount = brokerCount;
  }

  acknowledged(group: GroupId, { topic, offset, count, level, ackedBy, committed }: AppendResult): void {
    if (!committed) return;
    this.findings.checked++;
    const what = (): string => `offset ${offset} of "${topic}" at level ${level}`;
    const least = level === 'all' ? this.#brokerCount : level === 'quorum' ? Math.floor(this.#brokerCount / 2) + 1 : 1;
    if (new Set(ackedBy).size < least) this.findings.violate(`${what()} was acknowledged by ${ackedBy.join(', ') || 'nobody'} only`);
    for (const id of ackedBy) {
      const end = endOf(this.#ledger.replica(brokerId(id), group).synced);
      if (end < offset + count) this.findings.violate(`${what()} was acknowledged by broker ${id}, which has synced ${end}`);
    }
  }
}
