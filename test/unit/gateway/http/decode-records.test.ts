import { expect, test } from 'vitest';
import { decodeRecords } from '../../../../src/gateway/http/decode-records.ts';
import { defaultBatchLimits, forEachRecord, noProducer, sealForProducer, validateBatch } from '../../../../src/record/index.ts';
import { systemBytes as bytes } from '../../../../src/system/bytes.ts';

test('texts of JSON become their UTF-8, whatever their length and whatever stands beside them', () => {
  const texts = ['', 'a', 'é€😀', '€'.repeat(4096), `${'€'.repeat(4096)}x`, '😀'.repeat(10_000), '.'.repeat(100)];
  const records = texts.flatMap((value) => [
    { value },
    { value, key: 'ключ' },
    { value, headers: { h: 'ö', none: null } },
    { value, key: '', timestamp: 5 },
  ]);
  const body = bytes.utf8Encode(JSON.stringify(records));

  const batch = decodeRecords('application/json', body, { topic: 't', nowMs: 7, limits: defaultBatchLimits, bytes });

  sealForProducer(batch, noProducer, bytes);
  expect(validateBatch(batch, defaultBatchLimits, bytes)).toEqual({ ok: true, value: undefined });
  const found: unknown[] = [];
  const text = (part: Uint8Array | null): string | null => (part === null ? null : bytes.utf8Decode(part));
  forEachRecord(batch, (record) => {
    const headers: Record<string, string | null> = {};
    record.forEachHeader((key, value) => {
      headers[bytes.utf8Decode(key)] = text(value);
    });
    found.push({ value: text(record.value()), key: text(record.key()), headers, timestamp: record.timestampMs });
  });
  expect(found).toEqual(records.map((record) => ({ key: null, headers: {}, timestamp: 7, ...record })));
});
