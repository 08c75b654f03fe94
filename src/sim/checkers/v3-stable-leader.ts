// V3 stable leader
import type { ReplicaLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** While a majority can work together, a partial partition costs at most one change of leader in a group (Howard and Abraham 2020). */
export class StableLeader {
  readonly findings = new Findings('V3');
  readonly #ledger: ReplicaLedger;
  readonly #before = new Map<number, number>();

  constructor(ledger: ReplicaLedger) {
    this.#ledger = ledger;
  }

  /** The partition begins. */
  begin(): void {
    for (const { group, elections } of this.#ledger.groups) this.#before.set(group, elections.length);
  }

  /** It ends; `changesMax` is how often the leader may have changed. */
  end(what: string, changesMax: number): void {
    for (const { group, elections } of this.#ledger.groups) {
      this.findings.checked++;
      const changes = elections.length - (this.#before.get(group) ?? 0);
      if (changes > changesMax)
        this.findings.violate(`${what}: group ${group} changed its leader ${changes} times; ${changesMax} are allowed`);
    }
  }
}
