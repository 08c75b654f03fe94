import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../../src/eventlog/index.ts';
import { type DecodeOptions, decodeRecords } from '../../../../src/gateway/http/decode-records.ts';
import { LargeRecords } from '../../../../src/gateway/http/large-records.ts';
import { OneATurn } from '../../../../src/search/index.ts';
import { defaultBatchLimits, forEachRecord, noProducer, sealForProducer, validateBatch } from '../../../../src/record/index.ts';
import { systemBytes as bytes } from '../../../../src/system/bytes.ts';
import { ownModule } from '../../../../src/system/package.ts';

const json = 'application/json';
const ndjson = 'application/x-ndjson';
const large = new LargeRecords(ownModule('gateway/http/record-thread'));
/** Work on one turn of the loop is at most this: bytes and records of JSON, or lines. */
const slice = { jsonBytes: 128 * 1024, records: 1500, lines: 4096 };

interface Decoded {
  readonly records: readonly { value: string | null; key: string | null; headers: Record<string, string | null>; timestamp: number }[];
  /** Slices that it was cut into. */
  readonly turns: number;
}

async function decode(type: string, body: string | Uint8Array): Promise<Decoded> {
  const turns = new OneATurn();
  const outcome = await new Promise<Outcome<Uint8Array>>((resolve) => {
    const options: DecodeOptions = { topic: 't', nowMs: 7, limits: defaultBatchLimits, bytes, turns, large, deliveryTimes: new Map() };
    decodeRecords(type, typeof body === 'string' ? bytes.utf8Encode(body) : body, options, resolve);
  });
  if (!outcome.ok) throw outcome.error;
  return { records: recordsOf(outcome.value), turns: turns.count };
}

function recordsOf(batch: Uint8Array): Decoded['records'] {
  sealForProducer(batch, noProducer, bytes);
  expect(validateBatch(batch, defaultBatchLimits, bytes)).toEqual({ ok: true, value: undefined });
  const text = (part: Uint8Array | null): string | null => (part === null ? null : bytes.utf8Decode(part));
  const records: Decoded['records'][number][] = [];
  forEachRecord(batch, (record) => {
    const headers: Record<string, string | null> = {};
    record.forEachHeader((key, value) => {
      headers[bytes.utf8Decode(key)] = text(value);
    });
    records.push({ value: text(record.value()), key: text(record.key()), headers, timestamp: record.timestampMs });
  });
  return records;
}

const texts = ['', 'a', 'é€😀', '€'.repeat(4096), `${'€'.repeat(4096)}x`, '😀'.repeat(10_000), '.'.repeat(100), '"\\[{]},:'.repeat(9)];
const records = texts.flatMap((value) => [
  { value },
  { value, key: 'ключ' },
  { value, headers: { h: 'ö', none: null } },
  { value, key: '', timestamp: 5 },
]);
const expected = records.map((record) => ({ key: null, headers: {}, timestamp: 7, ...record }));

describe('texts of JSON become their UTF-8, whatever their length and whatever stands beside them', () => {
  test.each([
    ['a list', json, JSON.stringify(records)],
    ['a list with blanks', json, `\n [${records.map((record) => ` ${JSON.stringify(record, null, 2)}\t`).join(',\r\n')}] `],
    ['a list in an object', json, ` { "records" : ${JSON.stringify(records)} }\n`],
    ['lines', ndjson, records.map((record) => JSON.stringify(record)).join('\n')],
    ['lines with blank ones', ndjson, records.map((record) => `\r\n  \n${JSON.stringify(record)} \r\n`).join('\n')],
  ])('in %s', async (_what, type, body) => {
    expect((await decode(type, body)).records).toEqual(expected);
  });

  test('each alone', async () => {
    for (const [at, record] of records.entries()) {
      expect((await decode(json, JSON.stringify(record))).records).toEqual([expected[at]]);
      expect((await decode(ndjson, JSON.stringify(record))).records).toEqual([expected[at]]);
    }
  });

  test('with every character escaped, in records that another thread parses', async () => {
    const value = '\u{1f600}\u0001é'.repeat(20_000);
    const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
    const escaped = units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
    const one = `{"value":"${escaped}","key":"k","headers":{"h":null},"timestamp":5}`;
    const others = { value: 'before', key: null, headers: {}, timestamp: 7 };
    const found = { value, key: 'k', headers: { h: null }, timestamp: 5 };

    expect(one.length).toBeGreaterThan(64 * 1024);
    expect((await decode(json, one)).records).toEqual([found]);
    expect((await decode(json, `[{"value":"before"},${one},{"value":"before"},${one}]`)).records).toEqual([others, found, others, found]);
    expect((await decode(ndjson, `${one}\n{"value":"before"}\n${one}`)).records).toEqual([found, others, found]);
  });
});

describe('a body is decoded in slices', () => {
  test.each([
    ['the shortest records of JSON', json, `[${'{"value":""},'.repeat(65_535)}{"value":""}]`, 65_536],
    ['the shortest lines of JSON', ndjson, '{"value":""}\n'.repeat(65_536), 65_536],
    ['usual records', json, JSON.stringify(Array.from({ length: 8000 }, (_, at) => ({ value: `${at} `.repeat(20) }))), 8000],
  ])('%s', async (_what, type, body, count) => {
    const decoded = await decode(type, body);

    expect(decoded.records).toHaveLength(count);
    expect(decoded.turns).toBeGreaterThanOrEqual(Math.max(body.length / (slice.jsonBytes + 1024), count / slice.records));
  });

  test('lines', async () => {
    const decoded = await decode('text/plain', '\n'.repeat(65_536));

    expect(decoded.records).toHaveLength(65_536);
    // The first slice of a body that is not large has no turn of its own.
    expect(decoded.turns).toBe(65_536 / slice.lines - 1);
  });

  test('and of several bodies one slice has its turn after another', async () => {
    const turns = new OneATurn();
    const body = bytes.utf8Encode('\n'.repeat(8 * slice.lines));
    const options: DecodeOptions = { topic: 't', nowMs: 7, limits: defaultBatchLimits, bytes, turns, large, deliveryTimes: new Map() };
    let left = 3;
    const done = new Promise<void>((resolve) => {
      for (let count = 0; count < 3; count++) decodeRecords('text/plain', body, options, () => --left === 0 && resolve());
    });

    let loops = 0;
    const loop = (): void => void (left > 0 && setImmediate(() => (loops++, loop())));
    loop();
    await done;

    expect(turns.count).toBe(21);
    expect(loops).toBeGreaterThanOrEqual(19);
  });
});

describe('what only takes time to parse is refused before it is parsed', () => {
  const many = 700_000;
  test.each<readonly [string, string, string, RegExp]>([
    [
      'keys of headers',
      json,
      `{"value":"a","headers":{${Array.from({ length: many }, (_, at) => `"${at}":null`).join()}}}`,
      /the body has more keys/,
    ],
    ['depth', json, '['.repeat(8_000_000), /more than 64 deep/],
    ['depth of an object', json, '{"value":'.repeat(500_000), /more than 64 deep/],
    ['empty lists', json, `[${'[],'.repeat(2_000_000)}[]]`, /record 0 is not an object/],
    ['empty lists in a record', json, `{"value":[${'[],'.repeat(2_000_000)}[]]}`, /the body has more keys/],
    ['line feeds', ndjson, '\n'.repeat(8_000_000), /a request has at most 131072 lines/],
    [
      'keys of a line',
      ndjson,
      `{"value":"a","headers":{${Array.from({ length: many }, (_, at) => `"${at}":null`).join()}}}`,
      /line 1 has more keys/,
    ],
    ['depth of a line', ndjson, `{"value":"a"}\n${'['.repeat(4_000_000)}`, /line 2 .* more than 64 deep/],
    ['records', json, `[${'{"value":""},'.repeat(100_000)}{"value":""}]`, /at most 65536 records/],
    ['blanks', json, ' '.repeat(8_000_000), /the body is not JSON/],
  ])('%s', async (_what, type, body, message) => {
    await expect(decode(type, body)).rejects.toThrow(message);
  });

  test('and what is within the bounds is taken', async () => {
    const headers = Object.fromEntries(Array.from({ length: 990 }, (_, at) => [`h${at}`, 'x']));

    expect((await decode(json, JSON.stringify({ value: 'a', headers }))).records[0]?.headers).toEqual(headers);
    expect((await decode(ndjson, '\n'.repeat(65_536) + '{"value":"a"}\n'.repeat(10))).records).toHaveLength(10);
  });
});

describe('what is wrong is said of the record that it is wrong with', () => {
  const good = '{"value":"a"}';
  const fill = `${good},`.repeat(5000);
  test.each<readonly [string, string, RegExp]>([
    [json, `[${fill}{"value":1},${good}]`, /value of record 5000 is not a string/],
    [json, `[${fill}{"value":"a"`, /record 5000 is not JSON/],
    [json, `[${fill}{"value":"a"]`, /record 5000 is not JSON/],
    [json, `[${fill}]`, /record 5000 is not JSON/],
    [json, `[${good} ${good}]`, /record 0 is not JSON/],
    [json, `[${good}`, /is not JSON/],
    [json, `[${good}] ${good}`, /the body is not JSON/],
    [json, `{"records":[${good}],"more":1}`, /the body has more fields than "records"/],
    [json, `{"records":[${good}]`, /the body is not JSON/],
    [json, `{"more":1,"records":[${good}]}`, /the record has the unknown field "more"/],
    [json, '{"records":1}', /the record has the unknown field "records"/],
    [json, `[${fill}{"value":"\xff"}]`, /record 5000 is not UTF-8/],
    [json, '[]', /the body has no record/],
    [json, '{"records":[]}', /the body has no record/],
    [json, '5', /the record is not an object/],
    [json, '', /the body is not JSON/],
    [json, `[{"value":"a","headers":{"${'x'.repeat(70_000)}":1}}]`, /header .* of record 0 is neither/],
    [json, `[${good},{"value":"${'\xff'.repeat(70_000)}"}]`, /record 1 is not UTF-8/],
    [json, `[${good},{"value":"${'x'.repeat(2_000_000)}"}]`, /record 1 has 2000\d\d\d bytes, the limit is 1048576/],
    [ndjson, `${good}\n\n${good.slice(1)}`, /line 3 is not JSON/],
    [ndjson, `${good}\n{"value":"${'x'.repeat(70_000)}`, /line 2 is not JSON/],
    [ndjson, `${good}\n{"value":"${'x'.repeat(70_000)}"} x`, /line 2 is not JSON/],
  ])('%s %.40s', async (type, body, message) => {
    await expect(decode(type, Buffer.from(body, 'latin1'))).rejects.toThrow(message);
  });
});
