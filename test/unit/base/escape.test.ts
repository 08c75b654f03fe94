import { describe, expect, test } from 'vitest';
import { escapeBytes, escapeControls, escapeJson, escapeText, textPieces } from '../../../src/base/escape.ts';

/** Of text alone, without bytes that are none. */
const readBack = (shown: string): string =>
  shown.replace(/(\\+)(x[0-9a-f]{2}|u\{[0-9a-f]{1,6}\})/gi, (_all, slashes: string, escape: string) => {
    const kept = '\\'.repeat(Math.floor(slashes.length / 2));
    return slashes.length % 2 === 0 ? kept + escape : kept + String.fromCodePoint(Number.parseInt(escape.replace(/[xu{}]/g, ''), 16));
  });

describe('untrusted text on a terminal', () => {
  test.each([
    ['plain text and letters of any script stay', 'Grüße, мир, 日本 👍', 'Grüße, мир, 日本 👍'],
    ['a tab stays', 'a\tb', 'a\tb'],
    ['an escape sequence is shown, not obeyed', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['a bell, a backspace, a NUL', '\x07\x08\x00', '\\x07\\x08\\x00'],
    ['a carriage return could hide what is before it', 'real\rfake', 'real\\x0dfake'],
    ['a newline inside a record', 'a\nb', 'a\\x0ab'],
    ['DEL and C1, which some terminals obey', '\x7f\x9b31m\u0085', '\\x7f\\u{9b}31m\\u{85}'],
    ['bidirectional controls could turn text around', 'a\u202eb\u2066c\u200f', 'a\\u{202e}b\\u{2066}c\\u{200f}'],
    ['what is not seen could make two texts look like one', 'a\u200bb\u00adc\u2060d\u{e0041}', 'a\\u{200b}b\\u{ad}c\\u{2060}d\\u{e0041}'],
    ['half of a pair', '\ud83d.', '\\u{d83d}.'],
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

  test.each([
    ['backslashes stay', 'C:\\temp\\new', 'C:\\temp\\new'],
    ['and so does JSON', '{"a":"x\\n\\u001b\\""}', '{"a":"x\\n\\u001b\\""}'],
    ['but not in front of what looks like an escape', '\\x1b \\u{202e}', '\\\\x1b \\\\u{202e}'],
    ['however many there are', '\\\\x41', '\\\\\\\\x41'],
    ['nor in front of an escape', '\\\x1b', '\\\\\\x1b'],
    ['a tab that stays is none', '\\\t', '\\\t'],
  ])('from a log: %s', (_title, text, shown) => expect(escapeText(text)).toBe(shown));

  test('stands for one text only: what is shown can be read back', () => {
    const parts = ['\\', 'x', '4', '1', 'u', '{', '}', '\x1b', '\u202e', 'a', '\n', '\u{1f600}'];
    const seen = new Map<string, string>();
    for (let number = 0; number < 12 ** 4; number++) {
      const text = [0, 1, 2, 3].map((place) => parts[Math.floor(number / 12 ** place) % 12] ?? '').join('');
      const shown = escapeText(text);

      expect(seen.get(shown) ?? text).toBe(text);
      expect(readBack(shown)).toBe(text);
      seen.set(shown, text);
    }
  });

  test('and bytes that are no text are shown one by one', () => {
    const shown = (...bytes: number[]): string => escapeBytes(Uint8Array.of(...bytes), (part) => Buffer.from(part).toString());

    expect(shown(0x41, 0xff, 0x42)).toBe('A\\xffB');
    expect(shown(0x5c, 0xff)).toBe('\\\\\\xff');
    expect(shown(0xc3, 0xbc, 0xc3)).toBe('ü\\xc3');
    expect(shown(0xed, 0xa0, 0x80)).toBe('\\xed\\xa0\\x80');
    expect(shown(0xf0, 0x9f, 0x98, 0x80, 0xc0, 0x80)).toBe('\u{1f600}\\xc0\\x80');
    expect(shown(0xc2, 0x85)).toBe('\\u{85}');
    expect(shown()).toBe('');
  });

  test('in pieces says which are escapes', () => {
    expect(textPieces('a\x1b\x1bb')).toEqual([
      { text: 'a', escaped: false },
      { text: '\\x1b\\x1b', escaped: true },
      { text: 'b', escaped: false },
    ]);
  });

  test('in JSON is escaped as JSON does, and comes back the same', () => {
    const text = 'a\tb\u001b[2J\u009b31m\u202e"\\日本\u2028';

    const shown = escapeJson(JSON.stringify({ text }));

    expect(shown).toBe('{"text":"a\\tb\\u001b[2J\\u009b31m\\u202e\\"\\\\日本\\u2028"}');
    expect(JSON.parse(shown)).toEqual({ text });
  });
});
