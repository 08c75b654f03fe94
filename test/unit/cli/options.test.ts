import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConnectOptions } from '../../../src/cli/connect-options.ts';
import { integer, seconds, size, time } from '../../../src/cli/options.ts';
import { parseTime } from '../../../src/cli/parse-time.ts';
import { bytes, count, table } from '../../../src/cli/table.ts';
import { duration } from '../../../src/cli/status.ts';
import { fakeIo } from './fake-io.ts';

describe('a whole number', () => {
  test.each([
    ['0', 0],
    ['7', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s', (text, value) => expect(integer(0)(text)).toBe(value));

  test.each(['', '-1', '+1', '1.0', '1e3', '0x10', ' 1', '1 ', 'one'])('but not %j', (text) => {
    expect(() => integer(0)(text)).toThrow('It is a whole number from 0 on.');
  });

  test.each(['9007199254740992', '99999999999999999999'])('nor %s, which no number of this program is', (text) => {
    expect(() => integer(0)(text)).toThrow('It is a whole number from 0 to 9007199254740991.');
  });

  test('within its limits', () => {
    expect(() => integer(1)('0')).toThrow('from 1 on');
    expect(() => integer(1, 5)('6')).toThrow('from 1 to 5');
  });
});

describe('a time', () => {
  const now = 1_800_000_000_000;

  test.each([
    ['90s', now - 90_000],
    ['15m', now - 900_000],
    ['2h', now - 7_200_000],
    ['7d', now - 604_800_000],
    ['1h30m', now - 5_400_000],
    ['2w', now - 1_209_600_000],
    ['500ms', now - 500],
    ['now', now],
    ['1790000000000', 1_790_000_000_000],
    ['1790000000', 1_790_000_000_000],
    ['1790000000.25', 1_790_000_000_250],
    ['2026-11-21T10:00:00Z', Date.UTC(2026, 10, 21, 10)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2026-11-21', Date.UTC(2026, 10, 21)],
  ])('%s', (text, ms) => expect(parseTime(text, now)).toBe(ms));

  test.each([
    '',
    'yesterday',
    '15',
    '15 m',
    '-5m',
    '5m 3s',
    '1h30',
    '2026',
    '2026-13-41',
    '2026-02-30',
    '2026-02-29T10:00:00Z',
    '2026-04-31',
    '2026-11-21T24:30:00Z',
    '1e9',
  ])('but not %j', (text) => {
    expect(() => time(text)).toThrow('It is a time such as');
  });
});

describe('a size', () => {
  test.each([
    ['1000', 1000],
    ['1B', 1],
    ['64MiB', 2 ** 26],
    ['1GB', 1e9],
    ['1.5 KiB', 1536],
    ['2tib', 2 ** 41],
    ['10kb', 10_000],
  ])('%s', (text, value) => expect(size(1)(text)).toBe(value));

  test.each(['', '0', '-1', '64M', '1K', '1.5', 'MiB', '1PB', '9999999999TB', '1e3'])('but not %j', (text) => {
    expect(() => size(1)(text)).toThrow('It is a size such as 64MiB');
  });
});

test('seconds may be a duration', () => {
  expect(['90s', '5m', '1h30m', '250ms'].map(seconds(0.001, 10_000))).toEqual([90_000, 300_000, 5_400_000, 250]);
  expect(() => seconds(1, 10)('1m')).toThrow('or a duration such as 90s');
});

test('seconds may have fractions', () => {
  expect(seconds(0.001, 10)('1.5')).toBe(1500);
  expect(() => seconds(0.001, 10)('0')).toThrow('from 0.001 to 10');
  expect(() => seconds(0.001, 10)('11')).toThrow('It is a number of seconds');
});

describe('brokers are found', () => {
  test.each([
    ['by the option before the environment', { server: 'a:1,b:2' }, { CAIRN_SERVER: 'c:3' }, ['a:1', 'b:2']],
    ['by the environment', {}, { CAIRN_SERVER: 'c:3, d:4' }, ['c:3', 'd:4']],
    ['on this machine otherwise', {}, { CAIRN_SERVER: '' }, ['http://127.0.0.1:8000']],
  ])('%s', (_title, options, env, servers) => {
    expect(readConnectOptions(options, fakeIo({ env }).io).servers).toEqual(servers);
  });

  test('a token file that cannot be a header of HTTP is refused in one sentence', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'cairn-token-')), 'token');
    for (const text of ['', 'two words', 'größe', 'a\0b']) {
      writeFileSync(file, text);

      expect(() => readConnectOptions({ tokenFile: file }, fakeIo().io), JSON.stringify(text)).toThrow(
        /^Cannot use the token file: it is /,
      );
    }
    rmSync(path.dirname(file), { recursive: true });
  });

  test('a token file that is not there is an error with its name', () => {
    expect(() => readConnectOptions({ tokenFile: '/nowhere/token' }, fakeIo().io)).toThrow(
      'Cannot read the token file "/nowhere/token": there is no such file',
    );
  });
});

test('a table has columns with two spaces between', () => {
  expect(
    table(
      ['name', 'size'],
      [
        ['a', '1'],
        ['longer', '22'],
      ],
      ['left', 'right'],
    ),
  ).toBe('NAME    SIZE\na          1\nlonger    22\n');
});

test('sizes, counts and durations are written for people', () => {
  expect([0, 1023, 1024, 1536, 1_048_576, 5_000_000_000].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 MiB', '4.7 GiB']);
  expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([0, 999, 59_000, 61_000, 93_784_000, 3_600_000].map(duration)).toEqual(['0s', '0s', '59s', '1m 1s', '1d 2h', '1h']);
});
