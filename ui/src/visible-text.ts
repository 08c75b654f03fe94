/**
 * Turns text that anybody may have written into pieces that are safe to look at. Nothing here is about HTML: the page only ever sets text. It is
 * about what a reader sees: control characters (a terminal's ESC), characters that reorder text (so that a line reads as something else), and
 * characters that cannot be seen are shown as escapes.
 */
export interface TextPiece {
  readonly text: string;
  /** The piece is the escape of a character, not the text itself. */
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
  const pieces: TextPiece[] = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), escaped: false });
    pieces.push({ text: escapeOf(match[0]), escaped: true });
    from = match.index + match[0].length;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from), escaped: false });
  return pieces;
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
  const pieces: TextPiece[] = [];
  let plain = '';
  for (const byte of bytes) {
    if (byte >= 0x20 && byte < 0x7f) {
      plain += String.fromCharCode(byte);
      continue;
    }
    if (plain !== '') pieces.push({ text: plain, escaped: false });
    plain = '';
    pieces.push({ text: String.raw`\x${byte.toString(16).padStart(2, '0')}`, escaped: true });
  }
  if (plain !== '' || pieces.length === 0) pieces.push({ text: plain, escaped: false });
  return pieces;
}
