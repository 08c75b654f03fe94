/**
 * Turns text that anybody may have written into pieces that are safe to look at. Nothing here is about HTML: the page only ever sets text. It is
 * about what a reader sees: control characters (a terminal's ESC), characters that reorder text (so that a line reads as something else), and
 * characters that cannot be seen are shown as escapes.
 */
export interface TextPiece {
  readonly text: string;
  /** The piece is a run of escapes of characters, not the text itself. */
  readonly escaped: boolean;
}

/**
 * C0 and C1 controls but for tab and newline, bidirectional marks, embeddings and isolates, zero-width and other format characters, line
 * separators, variation of direction in tags, and halves of surrogate pairs.
 */
const UNSEEN =
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

export function visiblePieces(text: string): TextPiece[] {
  const pieces = new Pieces();
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    pieces.add(text.slice(from, match.index), false);
    pieces.add(escapeOf(match[0]), true);
    from = match.index + match[0].length;
  }
  pieces.add(text.slice(from), false);
  return pieces.end();
}

/** Written as the command line writes them. */
function escapeOf(character: string): string {
  if (character === '\r') return String.raw`\r`;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code < 0x100 ? String.raw`\x${hex.padStart(2, '0')}` : String.raw`\u{${hex}}`;
}

/** Bytes that are not UTF-8: what can be read is shown, every other byte as an escape. */
export function visibleBytes(bytes: Uint8Array): TextPiece[] {
  const pieces = new Pieces();
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f;
    pieces.add(isPlain ? String.fromCharCode(byte) : String.raw`\x${byte.toString(16).padStart(2, '0')}`, !isPlain);
  }
  return pieces.end();
}

/** The same in at most `max` pieces: of a text that is neither, the rest becomes one. Every piece is an element of the page. */
export function inFewPieces(pieces: readonly TextPiece[], max: number): readonly TextPiece[] {
  if (pieces.length <= max) return pieces;
  const rest = pieces.slice(max - 1).map((piece) => piece.text);
  return [...pieces.slice(0, max - 1), { text: rest.join(''), escaped: true }];
}

/** A run of escapes is one piece, and so is a run of plain text. */
class Pieces {
  readonly #pieces: TextPiece[] = [];
  #text = '';
  #escaped = false;

  add(text: string, escaped: boolean): void {
    if (text === '') return;
    if (escaped !== this.#escaped) this.#flush();
    this.#text += text;
    this.#escaped = escaped;
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push({ text: this.#text, escaped: this.#escaped });
    this.#text = '';
  }

  /** At least one piece. */
  end(): TextPiece[] {
    this.#flush();
    return this.#pieces.length > 0 ? this.#pieces : [{ text: '', escaped: false }];
  }
}
