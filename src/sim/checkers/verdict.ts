/**
 * What a checker says in the end. A checker that could not finish says `unknown`, which is not a pass: a run is good only when every checker looked
 * at everything and found nothing.
 */
import { type CheckId, checkNames, checkTitle } from './catalogue.ts';

type CheckStatus = 'pass' | 'violated' | 'unknown';

export interface CheckReport {
  readonly id: CheckId;
  /** "R1 election safety". */
  readonly check: string;
  readonly status: CheckStatus;
  /** Facts that were looked at; a pass over 0 facts proves nothing. */
  readonly checked: number;
  readonly violations: readonly string[];
  /** Violations beyond those listed. */
  readonly more: number;
  /** Why it is unknown, else null. */
  readonly unknown: string | null;
}

/** One thing that is wrong, or that could not be decided. */
export interface Violation {
  /** "R1". */
  readonly id: CheckId;
  /** "election safety". */
  readonly name: string;
  /** "R1 election safety". */
  readonly check: string;
  readonly message: string;
}

/** A run with one defect may violate a property thousands of times; the first ones tell it. */
const listedMax = 5;

/** Collects what one property's checker finds. */
export class Findings {
  readonly id: CheckId;
  checked = 0;
  #count = 0;
  readonly #listed: string[] = [];
  #unknown: string | null = null;

  constructor(id: CheckId) {
    this.id = id;
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
      id: this.id,
      check: checkTitle(this.id),
      status,
      checked: this.checked,
      violations: [...this.#listed],
      more: this.#count - this.#listed.length,
      unknown: this.#unknown,
    };
  }
}

/** What keeps these reports from being green. */
export function violationsOf(reports: readonly CheckReport[]): Violation[] {
  return reports.flatMap(({ id, check, status, violations, more, unknown }) => {
    const messages = [...violations];
    if (more > 0) messages.push(`and ${more} more`);
    if (status === 'unknown') messages.push(`unknown: ${unknown ?? 'not finished'}`);
    return messages.map((message) => ({ id, name: checkNames[id], check, message }));
  });
}

/** A violation in one line. */
export const describeViolation = ({ check, message }: Violation): string => `${check}: ${message}`;
