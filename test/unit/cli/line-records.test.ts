import { describe, expect, test } from 'vitest';
import { isPlain, type LineOptions, parseDelimiter, parseHeader, parseLine } from '../../../src/cli/line-records.ts';

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());

function parsed(line: string, options: LineOptions) {
  const { key, value, headers, timestampMs } = parseLine(Buffer.from(line), options, 'line 7');
  return {
    key: text(key),
    value: text(value),
    headers: Object.fromEntries(headers.map((header) => [text(header.key), text(header.value)])),
    timestampMs,
  };
}

const bare = { key: null, headers: {}, timestampMs: null };

describe('a line is', () => {
  test.each([
    ['a value', 'boots', {}, { ...bare, value: 'boots' }],
    [
      'a value with the key and headers of all',
      'boots',
      { key: 'anna', header: { shop: 'oslo' } },
      { ...bare, key: 'anna', value: 'boots', headers: { shop: 'oslo' } },
    ],
    ['a key and a value', 'anna:boots:2', { keyDelimiter: ':' }, { ...bare, key: 'anna', value: 'boots:2' }],
    ['a value without the delimiter', 'boots', { keyDelimiter: ':' }, { ...bare, value: 'boots' }],
    ['an empty key and an empty value', '::', { keyDelimiter: '::' }, { ...bare, key: '', value: '' }],
    [
      'a record as JSON, as it was read',
      '{"topic":"a","partition":1,"offset":3,"logTime":5,"timestamp":7,"key":"anna","value":"boots","headers":{"shop":null}}',
      { jsonLines: true, header: { shop: 'oslo', till: '1' } },
      { key: 'anna', value: 'boots', headers: { shop: null, till: '1' }, timestampMs: 7 },
    ],
    [
      'bytes as JSON',
      '{"keyBase64":"YQ==","valueBase64":"Yg==","headers":{"h":{"base64":"Yw=="}}}',
      { jsonLines: true },
      { key: 'a', value: 'b', headers: { h: 'c' }, timestampMs: null },
    ],
    ['a record without a value', '{"key":"anna","value":null}', { jsonLines: true }, { ...bare, key: 'anna', value: null }],
  ])('%s', (_title, line, options, record) => expect(parsed(line, options)).toEqual(record));
});

describe('a line is refused, and named,', () => {
  test.each([
    ['that is no JSON', 'boots', 'Cannot append line 7: it is no JSON: '],
    ['that is no object', '[1]', 'Cannot append line 7: it is no JSON object such as {"key":"a","value":"b"}'],
    ['without a value', '{"key":"a"}', 'Cannot append line 7: a record has no value; null is one'],
    ['with a field that there is not', '{"value":"a","colour":"red"}', 'Cannot append line 7: a record has no field "colour"'],
    [
      'with a value that is no text',
      '{"value":{"a":1}}',
      'Cannot append line 7: its value is an object, it must be text, bytes (Uint8Array) or null',
    ],
    ['with base64 that is none', '{"valueBase64":"???"}', 'Cannot append line 7: what should be base64 is not'],
    [
      'with headers that are none',
      '{"value":"a","headers":["a"]}',
      'Cannot append line 7: its headers are no object such as {"name":"value"}',
    ],
    [
      "with a header of Cairn's own",
      '{"value":"a","headers":{"cairn.x":"y"}}',
      'Cannot append line 7: the header "cairn.x" has a name that is Cairn\'s own',
    ],
    ['with a time that is none', '{"value":"a","timestamp":"today"}', 'Cannot append line 7: its timestamp is "today", it must be'],
  ])('%s', (_title, line, message) => {
    expect(() => parsed(line, { jsonLines: true })).toThrow(message);
  });

  test('with a key that is too long, or too much in all', () => {
    expect(() => parsed(`${'k'.repeat(2049)}:v`, { keyDelimiter: ':' })).toThrow('Cannot append line 7: its key is longer than 2048 bytes');
    expect(() => parsed('v'.repeat(1024 * 1024), {})).toThrow('Cannot append line 7: a record is larger than');
    expect(() => parsed('v'.repeat(1024 * 1024 - 500), {})).toThrow('Cannot append line 7: it is longer than a record may be');
    expect(() => parsed('v', { header: { h: 'x'.repeat(1024 * 1024) } })).toThrow('Cannot append line 7: ');
  });
});

test('headers are gathered, and what is none is refused', () => {
  expect(parseHeader('b=2=3', parseHeader('a='))).toEqual({ a: '', b: '2=3' });
  for (const wrong of ['a', '=a', '']) expect(() => parseHeader(wrong)).toThrow('It is a name and a value');
});

test('a delimiter may be a tab', () => {
  expect(parseDelimiter('\\t')).toBe('\t');
  for (const wrong of ['', 'a\nb']) expect(() => parseDelimiter(wrong)).toThrow('It is at least one character');
});

test('only what says nothing but values is plain', () => {
  expect([{}, { key: 'a' }, { header: {} }, { keyDelimiter: ':' }, { jsonLines: true }].map(isPlain)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
