/**
 * What a checker says in the end. A checker that could not finish says `unknown`, which is not a pass: a run is good only when every checker looked
 * at everything and found nothing.
 */
export type CheckStatus = 'pass' | 'violated' | 'unknown';

export interface CheckReport {
  /** The property, as `docs/testing.md` lists it. */
  readonly name: string;
  readonly status: CheckStatus;
  /** Facts that were looked at; a pass over 0 facts proves nothing. */
  readonly checked: number;
  readonly violations: readonly string[];
  /** Violations beyond those listed. */
  readonly more: number;
  /** Why it is unknown, else null. */
  readonly unknown: string | null;
}

/** A run with one defect may violate a property thousands of times; the first ones tell it. */
const listedMax = 5;

/** Collects what one property's checker finds. */
export class Findings {
  readonly name: string;
  checked = 0;
  #count = 0;
  readonly #listed: string[] = [];
  #unknown: string | null = null;

  constructor(name: string) {
    this.name = name;
  }

  violate(message: string): void {
    this.#count++;
    if (this.#listed.length < listedMax) this.#listed.push(message);
  }

  /** The property cannot be decided. */
  giveUp(reason: string): void {
    this.#unknown ??= reason;
  }

  get clean(): boolean {
    return this.#count === 0;
  }

  report(): CheckReport {
    const status = this.#count > 0 ? 'violated' : this.#unknown === null ? 'pass' : 'unknown';
    return {
      name: this.name,
      status,
      checked: this.checked,
      violations: [...this.#listed],
      more: this.#count - this.#listed.length,
      unknown: this.#unknown,
    };
  }
}
