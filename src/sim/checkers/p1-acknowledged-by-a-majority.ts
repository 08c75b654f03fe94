// P1 acknowledged by a majority
import { brokerId, type GroupId } from '../../base/branded.ts';
import type { AppendResult } from '../../eventlog/index.ts';
import type { Members } from './r20-members.ts';
import { endOf, type ReplicaLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * The design's first promise: an acknowledgement names brokers that have synced the record, at `quorum` at least a majority and at `all` everybody. What
 * is committed is never cut, so it may be looked up when the answer arrives.
 */
export class AcknowledgedByAMajority {
  readonly findings = new Findings('P1');
  readonly #ledger: ReplicaLedger;
  readonly #members: Members;

  constructor(ledger: ReplicaLedger, members: Members) {
    this.#ledger = ledger;
    this.#members = members;
  }

  acknowledged(group: GroupId, { topic, offset, count, level, ackedBy, committed }: AppendResult): void {
    if (!committed) return;
    this.findings.checked++;
    const what = (): string => `offset ${offset} of "${topic}" at level ${level}`;
    const voters = this.#members.votersOf(group);
    const least = level === 'all' ? voters.length : level === 'quorum' ? this.#members.majorityOf(group) : 1;
    if (voters.filter((voter) => ackedBy.includes(voter)).length < least)
      this.findings.violate(`${what()} was acknowledged by ${ackedBy.join(', ') || 'nobody'} only`);
    for (const id of ackedBy) {
      const end = endOf(this.#ledger.replica(brokerId(id), group).synced);
      if (end < offset + count) this.findings.violate(`${what()} was acknowledged by broker ${id}, which has synced ${end}`);
    }
  }
}
