/**
 * Turns text that anybody may have written into pieces that are safe to look at, with the escapes of the command line (`base/escape.ts`). Nothing here is about
 * HTML: the page only ever sets text.
 */
import { bytePieces, type TextPiece, textPieces } from '../../src/base/escape.ts';

export type { TextPiece };

/** The page shows tabs and newlines as they are. */
const kept = { keepTabs: true, keepNewlines: true } as const;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const visiblePieces = (text: string): readonly TextPiece[] => textPieces(text, kept);

/** Bytes that are not all UTF-8: what can be read is shown, every other byte as an escape. */
export const visibleBytes = (bytes: Uint8Array): readonly TextPiece[] => bytePieces(bytes, (part) => decoder.decode(part), kept);

/** The same in at most `max` pieces: of a text that is neither, the rest becomes one. Every piece is an element of the page. */
export function inFewPieces(pieces: readonly TextPiece[], max: number): readonly TextPiece[] {
  if (pieces.length <= max) return pieces;
  const rest = pieces.slice(max - 1).map((piece) => piece.text);
  return [...pieces.slice(0, max - 1), { text: rest.join(''), escaped: true }];
}
