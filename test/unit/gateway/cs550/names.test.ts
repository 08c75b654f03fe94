import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTopicName } from '../../../../src/eventlog/index.ts';
import { clientIdOf, topicNameOf } from '../../../../src/gateway/cs550/names.ts';

/** The text that a name stands for; null for one of a long text, which the catalog keeps. Written from the description of the names, not from their code. */
function textOf(name: string): string | null {
  if (name.startsWith('cs550-sha256.')) return null;
  if (!name.startsWith('cs550.')) return name;
  const bytes: number[] = [];
  for (const [, byte, other = ''] of name.slice('cs550.'.length).matchAll(/_([0-9a-f]{2})|(.)/g))
    bytes.push(byte === undefined ? other.charCodeAt(0) : Number.parseInt(byte, 16));
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let more = 1; more < length; more++) code = (code << 6) | ((bytes[at + more] as number) & 0x3f);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

/** Any UTF-16, halves of pairs too. */
const anyText = (lengthMax: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: lengthMax }).map((units) => String.fromCharCode(...units)),
    fc
      .array(fc.constantFrom('\ud800', '\udc00', '_', 'a', '5f', '\u{1f600}', 'cs550.', 'cairn.', '/'), { maxLength: 8 })
      .map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', maxLength: lengthMax }),
  );

test('every text has a name that a topic can have, and that leads back to it', () => {
  fc.assert(
    fc.property(anyText(60), (text) => {
      for (const name of [topicNameOf(text), clientIdOf(text)]) {
        expect(name.length).toBeLessThanOrEqual(249);
        const back = textOf(name);
        // Of a byte at most three characters are made: up to 81 of them fit.
        expect(back ?? (Buffer.byteLength(text) > 81 ? text : null)).toBe(text);
      }
      expect(isTopicName(topicNameOf(text))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('long texts have names of their own too', () => {
  const long = 'x'.repeat(100_000);
  const names = [long, `${long}y`, '\ud800'.repeat(100), '\ufffd'.repeat(100), 'é'.repeat(200)].map(topicNameOf);

  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^cs550-sha256\.[0-9a-f]{64}$/);
});

test('what can be a topic keeps its name, but for names that are taken', () => {
  for (const text of ['news', 'topic16', 'A.b-c_d', 'x'.repeat(249), 'cs550', 'logs']) expect(topicNameOf(text)).toBe(text);
  expect(topicNameOf('log')).toBe('cs550.log');
  expect(topicNameOf('cairn.events')).toBe('cs550.cairn.events');
  expect(topicNameOf('cs550.log')).toBe('cs550.cs550.log');
  expect(topicNameOf('a b/ü')).toBe('cs550.a_20b_2f_c3_bc');
  expect(topicNameOf('')).toBe('cs550.');
  expect(topicNameOf('..')).toBe('cs550...');
  expect(clientIdOf('reader 1')).toBe('reader 1');
});
