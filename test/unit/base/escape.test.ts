import { describe, expect, test } from 'vitest';
import { escapeControls, escapeJson } from '../../../src/base/escape.ts';

describe('untrusted text on a terminal', () => {
  test.each([
    ['plain text and letters of any script stay', 'Grüße, мир, 日本 👍', 'Grüße, мир, 日本 👍'],
    ['a tab stays', 'a\tb', 'a\tb'],
    ['an escape sequence is shown, not obeyed', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['a bell, a backspace, a NUL', '\x07\x08\x00', '\\x07\\x08\\x00'],
    ['a carriage return could hide what is before it', 'real\rfake', 'real\\rfake'],
    ['a newline inside a record', 'a\nb', 'a\\nb'],
    ['DEL and C1, which some terminals obey', '\x7f\x9b31m\u0085', '\\x7f\\x9b31m\\x85'],
    ['bidirectional controls could turn text around', 'a\u202eb\u2066c\u200f', 'a\\u{202e}b\\u{2066}c\\u{200f}'],
    ['line separators and a byte order mark', '\u2028\u2029\ufeff', '\\u{2028}\\u{2029}\\u{feff}'],
  ])('%s', (_title, text, shown) => {
    expect(escapeControls(text)).toBe(shown);
  });

  test('no control character is left, whatever comes', () => {
    for (let code = 0; code < 0x10000; code++) {
      const shown = escapeControls(String.fromCharCode(code), { keepTabs: false });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(shown), `code ${code}`).toBe(false);
    }
  });

  test('in JSON is escaped as JSON does, and comes back the same', () => {
    const text = 'a\tb\u001b[2J\u009b31m\u202e"\\日本\u2028';

    const shown = escapeJson(JSON.stringify({ text }));

    expect(shown).toBe('{"text":"a\\tb\\u001b[2J\\u009b31m\\u202e\\"\\\\日本\\u2028"}');
    expect(JSON.parse(shown)).toEqual({ text });
  });
});
