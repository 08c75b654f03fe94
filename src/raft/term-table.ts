import { assert } from '../base/assert.ts';
import { firstOffset, firstTerm, type Offset, offset, type Term } from '../base/branded.ts';
import { noteTerm, termBefore, truncateTerms } from './term-starts.ts';
import type { TermStart } from './types.ts';

/**
 * Which term every record of a log has, by the starts of the terms alone.
 *
 * It is all that the consistency check of Raft §5.3 needs. Every log holds of a term an unbroken run of that leader's batches, from the
 * leader's first one on and whole; so when two logs have the same term at the same offset, the batch around that offset is the same in both and
 * ends at the same place. Boundaries of batches need not be known.
 *
 * Invariant: offsets and terms strictly increase.
 */
export class TermTable {
  readonly #starts: TermStart[] = [];
  readonly #logStartOffset: Offset;
  #termBeforeStart: Term;

  constructor(starts: readonly TermStart[], logStartOffset: Offset = firstOffset, termBeforeStart: Term = firstTerm) {
    this.#logStartOffset = logStartOffset;
    this.#termBeforeStart = termBeforeStart;
    for (const start of starts) this.append(start.term, start.offsetFrom);
  }

  get lastTerm(): Term {
    return this.#starts.at(-1)?.term ?? this.#termBeforeStart;
  }

  get starts(): readonly TermStart[] {
    return this.#starts;
  }

  /** Term of the record before `end`; 0 when there is none or it is not known. */
  termBefore(end: number): Term {
    const known = termBefore(this.#starts, end);
    if (known !== firstTerm) return known;
    return end >= this.#logStartOffset ? this.#termBeforeStart : firstTerm;
  }

  /** Takes the term of the record before the log's start from somebody who knows it. False where another is known. */
  learnTermBeforeStart(learnt: Term): boolean {
    if (this.#termBeforeStart === firstTerm && learnt <= (this.#starts[0]?.term ?? learnt)) this.#termBeforeStart = learnt;
    return this.#termBeforeStart === learnt;
  }

  append(term: Term, offsetFrom: Offset): void {
    const last = this.#starts.at(-1);
    assert(
      last === undefined || last.term === term || (last.term < term && last.offsetFrom < offsetFrom),
      `terms rise along the log: term ${term} from ${offsetFrom} after ${last?.term ?? firstTerm}`,
    );
    noteTerm(this.#starts, term, offsetFrom);
  }

  truncate(end: Offset): void {
    truncateTerms(this.#starts, end);
  }

  /**
   * The largest end, at most `limit`, whose last record has at most `term`: where two logs can at best agree when one of them has `term` there.
   * Skips a whole term a step (end of Raft §5.3).
   */
  backUp(limit: Offset, term: Term): Offset {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as TermStart).term <= term) low = middle + 1;
      else high = middle;
    }
    const next = this.#starts[low];
    return next === undefined ? limit : offset(Math.min(limit, next.offsetFrom));
  }
}
