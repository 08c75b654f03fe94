// R11 same state
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { DerivedFrom } from '../../broker/index.ts';
import { Findings } from './verdict.ts';

/**
 * A digest costs as much as the state is large, and that grows with the log: one commit in four is looked at, and from offset 1024 on some 128 each time that the
 * log has doubled. By its offset, so that it is the same on all replicas.
 */
const isCompared = (at: number): boolean => at % 2 ** Math.max(2, 24 - Math.clz32(at)) === 0;

/**
 * R11: what is derived from a log (who has appended what, which topics there are) is a function of the log alone: at one offset it is the same on every
 * replica, in every life, wherever its derivation began and whatever the broker’s own limits are.
 */
export class SameState {
  readonly findings = new Findings('R11');
  /** By group and what was derived: who came to an offset first, and with what. */
  readonly #known = new Map<string, Map<number, { readonly broker: BrokerId; readonly digest: number }>>();

  /** All below `at` has taken effect on this broker, and nothing else. */
  derived(group: GroupId, broker: BrokerId, what: DerivedFrom, at: number, digestOf: () => number): void {
    if (!isCompared(at)) return;
    const digest = digestOf();
    const key = `${group}/${what}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = new Map();
      this.#known.set(key, known);
    }
    const first = known.get(at);
    if (first === undefined) {
      known.set(at, { broker, digest });
      return;
    }
    this.findings.checked++;
    if (first.digest !== digest) {
      this.findings.violate(
        `group ${group}: the ${what} of broker ${broker} at ${at} are not those that broker ${first.broker} had there (${digest.toString(16)}, ${first.digest.toString(16)})`,
      );
    }
  }
}
