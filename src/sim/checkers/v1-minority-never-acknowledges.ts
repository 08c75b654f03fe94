// V1 minority never acknowledges
import type { GroupId } from '../../base/branded.ts';
import type { AppendResult } from '../../eventlog/index.ts';
import type { Members } from './r20-members.ts';
import { endOf, type ReplicaLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** When an acknowledgement reaches a client, a majority has synced the record, whoever the answer names: a minority that is cut off never acknowledges. */
export class MinorityNeverAcknowledges {
  readonly findings = new Findings('V1');
  readonly #ledger: ReplicaLedger;
  readonly #members: Members;

  constructor(ledger: ReplicaLedger, members: Members) {
    this.#ledger = ledger;
    this.#members = members;
  }

  acknowledged(group: GroupId, { topic, offset, count, level }: AppendResult): void {
    if (level === 'leader') return;
    this.findings.checked++;
    let have = 0;
    const { replicas } = this.#ledger.group(group);
    for (const voter of this.#members.votersOf(group)) if (endOf(replicas.get(voter)?.synced ?? []) >= offset + count) have++;
    const majority = this.#members.majorityOf(group);
    if (have < majority) {
      this.findings.violate(
        `offset ${offset} of "${topic}" was acknowledged at ${level} while ${have} brokers had synced it; ${majority} are a majority`,
      );
    }
  }
}
