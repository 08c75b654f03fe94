import { firstTerm, type Offset, type Term } from '../base/branded.ts';
import type { TermStart } from '../raft/index.ts';

/** Term of the record before `end`, 0 when there is none or it is older than the table. The newest term is looked at first. */
export function termBefore(starts: readonly TermStart[], end: number): Term {
  for (let i = starts.length - 1; i >= 0; i--) {
    const start = starts[i] as TermStart;
    if (start.offsetFrom < end) return start.term;
  }
  return firstTerm;
}

/** True when the record at this offset still has this term: equal (offset, term) is the same record. */
export function holdsTerm(
  log: { readonly endOffset: Offset; readonly termStarts: readonly TermStart[] },
  offset: number,
  term: number,
): boolean {
  return offset < log.endOffset && termBefore(log.termStarts, offset + 1) === term;
}
