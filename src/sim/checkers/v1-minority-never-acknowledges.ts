// V1 minority never acknowledges
import type { GroupId } from '../../base/branded.ts';
import type { AppendResult } from '../../eventlog/index.ts';
import { endOf, type ReplicaLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** When an acknowledgement reaches a client, a majority has synced the record, whoever the answer names: a minority that is cut off never acknowledges. */
export class MinorityNeverAcknowledges {
  readonly findings = new Findings('V1');
  readonly #ledger: ReplicaLedger;
  readonly #majority: number;

  constructor(ledger: ReplicaLedger, brokerCount: number) {
    this.#ledger = ledger;
    this.#majority = Math.floor(brokerCount / 2) + 1;
  }

  acknowledged(group: GroupId, { topic, offset, count, level }: AppendResult): void {
    if (level === 'leader') return;
    this.findings.checked++;
    let have = 0;
    for (const { synced } of this.#ledger.group(group).replicas.values()) if (endOf(synced) >= offset + count) have++;
    if (have < this.#majority) {
      this.findings.violate(
        `offset ${offset} of "${topic}" was acknowledged at ${level} while ${have} brokers had synced it; ${this.#majority} are a majority`,
      );
    }
  }
}
