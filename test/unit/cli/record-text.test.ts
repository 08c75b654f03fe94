import { describe, expect, test } from 'vitest';
import { parseFormat } from '../../../src/cli/record-format.ts';
import { type RecordFormat, recordPrinter } from '../../../src/cli/record-text.ts';
import { LogRecord } from '../../../src/library/log-record.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fields = {
  topic: 'orders',
  partition: 2,
  offset: 17,
  timestamp: 1_795_000_000_123,
  logTime: 1_795_000_000_200,
  key: bytes('anna'),
  value: bytes('boots\x1b[2J'),
  headers: { shop: bytes('Tromsø') },
};
const bareFields = { ...fields, key: null, value: null, headers: {}, logTime: null };
const record = new LogRecord(fields);
const bare = new LogRecord(bareFields);

const printed = (options: RecordFormat, what = record, withTopic = false): string =>
  Buffer.from(recordPrinter(options, { json: [], withTopic })(what)).toString();

describe('a format', () => {
  test.each([
    ['%o %T %k %h %v', '17 1795000000123 anna {"shop":"Tromsø"} boots\\x1b[2J\n'],
    ['%t/%p %L', 'orders/2 1795000000200\n'],
    ['%d\\t%l', '2026-11-18T11:06:40.123Z\t2026-11-18T11:06:40.200Z\n'],
    ['%s', 'boots\\x1b[2J\n'],
    ['%K %V %S %%', '4 9 9 %\n'],
    ['%o\\n', '17\n'],
    ['%o\\0', '17\0'],
    ['\\x41\\\\', 'A\\\n'],
    ['', '\n'],
  ])('%j', (format, shown) => expect(printed({ format: parseFormat(format) })).toBe(shown));

  test('says of what a record lacks that it does', () => {
    expect(printed({ format: parseFormat('%k|%v|%K|%V|%h|%L|%l') }, bare)).toBe('||-1|-1|{}|-1|-\n');
  });

  test('prints the bytes as they are where that is asked for', () => {
    expect(printed({ format: parseFormat('%v'), raw: true })).toBe('boots\x1b[2J\n');
  });

  test('knows whether it needs the log time', () => {
    expect(['%T %d', '%L', '%l'].map((format) => parseFormat(format).tellsLogTime)).toEqual([false, true, true]);
  });

  test.each(['%q', '%', '\\q', '\\', '\\x4'])('%j is none', (format) => {
    expect(() => parseFormat(format)).toThrow(/^There is no (field|escape) /);
  });
});

describe('columns', () => {
  test('stand in front of the value, each with a tab', () => {
    expect(printed({ timestamps: true, logTimes: true, keys: true, headers: true }, record, true)).toBe(
      'orders\t2026-11-18T11:06:40.123Z\t2026-11-18T11:06:40.200Z\tanna\t{"shop":"Tromsø"}\tboots\\x1b[2J\n',
    );
  });

  test.each([
    [null, '-'],
    ['-', '"-"'],
    ['', '""'],
    ['a b', '"a b"'],
    ['a\tb', '"a\\tb"'],
    ['\x1b[2J', '"\\u001b[2J"'],
    ['say "x"', '"say \\"x\\""'],
    ['base64:x', '"base64:x"'],
    ['größe', 'größe'],
  ])('the key %j is shown as %s', (key, shown) => {
    expect(printed({ keys: true }, new LogRecord({ ...bareFields, key: key === null ? null : bytes(key) }))).toBe(`${shown}\t\n`);
  });

  test('a key that is not text is shown as base64', () => {
    expect(printed({ keys: true }, new LogRecord({ ...bareFields, key: Uint8Array.of(0xff) }))).toBe('base64:"/w=="\t\n');
  });
});

test('JSON says the log time where it is known, and what is not text as base64', () => {
  const odd = new LogRecord({ ...fields, value: Uint8Array.of(0xff), headers: { ['__proto__']: null, raw: Uint8Array.of(0xfe) } });
  const print = recordPrinter({ json: true }, { json: ['topic', 'partition'], withTopic: true });

  expect(JSON.parse(Buffer.from(print(record)).toString())).toEqual({
    topic: 'orders',
    partition: 2,
    offset: 17,
    timestamp: 1_795_000_000_123,
    logTime: 1_795_000_000_200,
    key: 'anna',
    value: 'boots\x1b[2J',
    headers: { shop: 'Tromsø' },
  });
  expect(Buffer.from(print(odd)).toString()).toContain('"valueBase64":"/w=="');
  expect(Buffer.from(print(odd)).toString()).toContain('"raw":{"base64":"/g=="}');
  expect(Buffer.from(print(bare)).toString()).not.toContain('logTime');
});
