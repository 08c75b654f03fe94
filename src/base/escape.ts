/**
 * Text from a log is untrusted: what is not seen could move the cursor, change colours, hide text, or make a line look like another one. It is shown as escapes,
 * the same on the command line, on the page and in graphs:
 *
 *     \xNN     a byte below 0x80 that is a control character, or a byte that is not UTF-8
 *     \u{N}    a character: C1, bidirectional and other format controls, separators of lines, halves of surrogate pairs
 *
 * Backslashes stay as they are but where an escape would be read into them: in front of an escape, and of text that looks like one, each is doubled. So
 * what is shown stands for one text only, and JSON, whose own escapes are others, stays the same JSON.
 */
export interface EscapeOptions {
  /** Tabs move the cursor forward only; a reader keeps them. Default true. */
  readonly keepTabs?: boolean;
  readonly keepNewlines?: boolean;
}

/** A part of a text, as it is shown. */
export interface TextPiece {
  readonly text: string;
  /** The piece is a run of escapes of characters, not the text itself. */
  readonly escaped: boolean;
}

const tab = '\\u0009';
const newline = '\\u000a';

// biome-ignore format: one class a line
const unseen =
  '\\u0000-\\u0008\\u000b-\\u001f' + // C0 but tab and newline
  '\\u007f-\\u009f' + // DEL and C1
  '\\u00ad\\u180e\\u200b-\\u200d\\u2060-\\u2065\\u206a-\\u206f\\ufeff\\ufff9-\\ufffb' + // nothing to be seen
  '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069' + // bidirectional
  '\\u2028\\u2029' + // separators
  '\\u{e0000}-\\u{e0fff}' + // tags
  '\\ud800-\\udfff'; // halves of pairs: with the flag u no whole one is met
const lookalike = 'x[0-9a-fA-F]{2}|u\\{[0-9a-fA-F]{1,6}\\}';

interface Patterns {
  readonly unseen: RegExp;
  /** And backslashes that an escape would be read into. */
  readonly mistakable: RegExp;
}

function patternsOf(kept: string): Patterns {
  const all = unseen + kept;
  return { unseen: new RegExp(`[${all}]`, 'gu'), mistakable: new RegExp(`[${all}]|\\\\+(?=${lookalike}|[${all}])`, 'gu') };
}

const [allKept, tabsKept, newlinesKept, noneKept] = ['', newline, tab, tab + newline].map(patternsOf) as [
  Patterns,
  Patterns,
  Patterns,
  Patterns,
];

function patternsFor({ keepTabs = true, keepNewlines = false }: EscapeOptions): Patterns {
  if (keepTabs) return keepNewlines ? allKept : tabsKept;
  return keepNewlines ? newlinesKept : noneKept;
}

/** Makes text harmless. Of what is quoted in messages and tables, which may hold escapes already: backslashes stay. */
export const escapeControls = (text: string, options: EscapeOptions = {}): string => text.replace(patternsFor(options).unseen, escapeOf);

/** Text from a log, so that what is shown stands for it alone. */
export const escapeText = (text: string, options: EscapeOptions = {}): string => text.replace(patternsFor(options).mistakable, escapeOf);

/** The same in pieces; at least one. */
export function textPieces(text: string, options: EscapeOptions = {}): readonly TextPiece[] {
  const pieces = new Pieces();
  pieces.addText(text, options);
  return pieces.end();
}

/** Of text in UTF-8, and of bytes that are none. `decode` is given whole characters only. */
export function bytePieces(bytes: Uint8Array, decode: (bytes: Uint8Array) => string, options: EscapeOptions = {}): readonly TextPiece[] {
  const pieces = new Pieces();
  for (let from = 0; from < bytes.length; ) {
    let to = from;
    for (let length = utf8Length(bytes, to); length > 0; length = utf8Length(bytes, to)) to += length;
    const text = decode(bytes.subarray(from, to));
    if (to === bytes.length) {
      pieces.addText(text, options);
      break;
    }
    const slashes = /\\+$/.exec(text)?.[0] ?? '';
    pieces.addText(text.slice(0, text.length - slashes.length), options);
    pieces.add(`${slashes}${slashes}${byteEscape(bytes[to] as number)}`, true);
    from = to + 1;
  }
  return pieces.end();
}

export const escapeBytes = (bytes: Uint8Array, decode: (bytes: Uint8Array) => string, options: EscapeOptions = {}): string =>
  bytePieces(bytes, decode, options)
    .map(({ text }) => text)
    .join('');

/** A run of escapes is one piece, and so is a run of plain text. */
class Pieces {
  readonly #pieces: TextPiece[] = [];

  add(text: string, escaped: boolean): void {
    const last = this.#pieces.at(-1);
    if (text === '') return;
    if (last?.escaped === escaped) this.#pieces[this.#pieces.length - 1] = { text: last.text + text, escaped };
    else this.#pieces.push({ text, escaped });
  }

  addText(text: string, options: EscapeOptions): void {
    let from = 0;
    for (const { 0: found, index } of text.matchAll(patternsFor(options).mistakable)) {
      this.add(text.slice(from, index), false);
      this.add(escapeOf(found), true);
      from = index + found.length;
    }
    this.add(text.slice(from), false);
  }

  end(): readonly TextPiece[] {
    return this.#pieces.length > 0 ? this.#pieces : [{ text: '', escaped: false }];
  }
}

/** Bytes of the character that begins there; 0 where none does (Unicode, table 3-7). */
function utf8Length(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === undefined) return 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const second = bytes[at + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (length === 0 || second < least || second > most) return 0;
  for (let behind = 2; behind < length; behind++) if (((bytes[at + behind] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

const byteEscape = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

function escapeOf(found: string): string {
  if (found.startsWith('\\')) return found + found;
  const code = found.codePointAt(0) as number;
  return code < 0x80 ? byteEscape(code) : `\\u{${code.toString(16)}}`;
}

/** JSON escapes C0 by itself; the rest is escaped in its own way here, so that it stays the same JSON. */
export const escapeJson = (json: string): string =>
  json.replace(noneKept.unseen, (character) =>
    Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join(''),
  );
