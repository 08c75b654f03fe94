import type { Offset } from '../../base/branded.ts';
import { termBefore, type TermStart } from '../../raft/index.ts';

interface Terms {
  readonly endOffset: number;
  readonly termStarts: readonly TermStart[];
}

/** How far two logs of one group are the same: equal (offset, term) is the same record, so it is enough to find the newest term that both have. */
export function sameUpTo(a: Terms, b: Terms): number {
  for (let i = a.termStarts.length - 1; i >= 0; i--) {
    const { term } = a.termStarts[i] as TermStart;
    const j = b.termStarts.findLastIndex((start) => start.term <= term);
    if (b.termStarts[j]?.term === term) {
      return Math.min(a.termStarts[i + 1]?.offsetFrom ?? a.endOffset, b.termStarts[j + 1]?.offsetFrom ?? b.endOffset);
    }
  }
  return 0;
}

/** True when the record at this offset still has this term: equal (offset, term) is the same record. */
export function holdsTerm(
  log: { readonly endOffset: Offset; readonly termStarts: readonly TermStart[] },
  offset: number,
  term: number,
): boolean {
  return offset < log.endOffset && termBefore(log.termStarts, offset + 1) === term;
}
