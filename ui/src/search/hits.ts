import { inFewPieces, type TextPiece, visiblePieces } from '../visible-text.ts';

export interface FoundPiece extends TextPiece {
  /** The part that was searched for. */
  readonly isHit: boolean;
}

interface Searched {
  readonly pattern: string;
  /** An extended regular expression, else a text. */
  readonly isExpression: boolean;
  readonly ignoresCase: boolean;
}

/** Of a stretch of text: every piece is an element of the page. */
export const PIECES_MAX = 40;

/** The text in pieces, some of which are what was searched for. */
export function markHits(text: string, hit: RegExp | null): readonly FoundPiece[] {
  const pieces: FoundPiece[] = [];
  const add = (part: string, isHit: boolean): void => {
    if (part === '') return;
    for (const piece of inFewPieces(visiblePieces(part), PIECES_MAX)) pieces.push({ ...piece, isHit });
  };
  let at = 0;
  for (const match of hit === null ? [] : text.matchAll(hit)) {
    if (match[0] === '' || pieces.length >= PIECES_MAX) continue;
    add(text.slice(at, match.index), false);
    add(match[0], true);
    at = match.index + match[0].length;
  }
  add(text.slice(at), false);
  return pieces;
}

/**
 * What is marked in a line. The machines decide what matches; here it is only looked for again, and an expression which could keep the browser busy (more
 * than one repetition), or that it does not know, marks nothing.
 */
export function hitOf({ pattern, isExpression, ignoresCase }: Searched): RegExp | null {
  const flags = ignoresCase ? 'giu' : 'gu';
  if (!isExpression)
    return pattern === ''
      ? null
      : new RegExp(pattern.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`).replaceAll(String.raw`\-`, '-'), flags);
  if ((pattern.match(/[*+{]/g)?.length ?? 0) > 1) return null;
  try {
    return new RegExp(pattern, flags);
  } catch {
    return null;
  }
}
