import { firstTerm, type Offset, type Term } from '../base/branded.ts';
import type { TermStart } from './types.ts';

/** The terms of a log's records as the places where they begin, offsets and terms strictly increasing: how a log, a segment and the core keep them. */

/** Term of the record before `end`, 0 when there is none or it is older than the table. */
export function termBefore(starts: readonly TermStart[], end: number): Term {
  return starts[countStartsBelow(starts, end) - 1]?.term ?? firstTerm;
}

/** The newest term is looked at first: nearly all questions are about it. */
function countStartsBelow(starts: readonly TermStart[], end: number): number {
  let high = starts.length;
  const last = starts[high - 1];
  if (last === undefined || last.offsetFrom < end) return high;
  let low = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as TermStart).offsetFrom < end) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds the term of a batch at the end. */
export function noteTerm(starts: TermStart[], term: Term, offsetFrom: Offset): void {
  const last = starts[starts.length - 1];
  if (last === undefined || last.term !== term) starts.push({ term, offsetFrom });
}

/** Removes what begins at or behind `end`. */
export function truncateTerms(starts: TermStart[], end: number): void {
  while (starts.length > 0 && (starts[starts.length - 1] as TermStart).offsetFrom >= end) starts.pop();
}
