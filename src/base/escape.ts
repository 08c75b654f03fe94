/**
 * Text from a log is untrusted: control characters could move the cursor, change colours, or make a line look like another one. They are shown as
 * \xNN or \u{NNNN}: C0, DEL, C1, the bidirectional controls, line and paragraph separator, and U+FFFD stays as it is.
 */
export interface EscapeOptions {
  /** Tabs move the cursor forward only; a reader keeps them. Default true. */
  readonly keepTabs?: boolean;
  readonly keepNewlines?: boolean;
}

// biome-ignore format: one class a line
const suspicious = new RegExp(
  '[' +
    '\\u0000-\\u001f' + // C0
    '\\u007f-\\u009f' + // DEL and C1
    '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069' + // bidirectional
    '\\u2028\\u2029' + // separators
    '\\ufeff' + // invisible
    ']',
  'g',
);

export function escapeControls(text: string, options: EscapeOptions = {}): string {
  return text.replace(suspicious, (character) => {
    if (character === '\t' && options.keepTabs !== false) return character;
    if (character === '\n' && options.keepNewlines === true) return character;
    const code = character.charCodeAt(0);
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** JSON escapes C0 by itself; the rest is escaped in its own way here, so that it stays the same JSON. */
export function escapeJson(json: string): string {
  return json.replace(suspicious, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
