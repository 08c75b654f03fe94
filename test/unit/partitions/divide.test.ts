import { describe, expect, test } from 'vitest';
import { divideBatch } from '../../../src/partitions/index.ts';
import { partitionOfKey } from '../../../src/placement/index.ts';
import { defaultBatchLimits, forEachRecord, RecordBatchBuilder, validateBatch } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

const utf8 = (text: string): Uint8Array => systemBytes.utf8Encode(text);

interface Plain {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
  readonly headers: readonly (readonly [string, string | null])[];
}

function batchOf(records: readonly Plain[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const { key, value, timestampMs, headers } of records) {
    const own = headers.map(([name, content]) => ({ key: utf8(name), value: content === null ? null : utf8(content) }));
    builder.add(timestampMs, key === null ? null : utf8(key), value === null ? null : utf8(value), own);
  }
  return builder.finish(systemBytes);
}

function recordsOf(batch: Uint8Array): Plain[] {
  const records: Plain[] = [];
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : systemBytes.utf8Decode(bytes));
  forEachRecord(batch, (record) => {
    const headers: [string, string | null][] = [];
    record.forEachHeader((name, content) => headers.push([systemBytes.utf8Decode(name), text(content)]));
    records.push({ key: text(record.key()), value: text(record.value()), timestampMs: record.timestampMs, headers });
  });
  return records;
}

/** Of all shapes that a record has: with and without key, value and headers, its time before and behind that of the first. */
const records = Array.from(
  { length: 200 },
  (_, index): Plain => ({
    key: index % 5 === 0 ? null : `key ${index % 23}`,
    value: index % 11 === 0 ? null : 'v'.repeat(index),
    timestampMs: 1_700_000_000_000 + ((index * 7919) % 1000) - 500,
    headers:
      index % 3 === 0
        ? [
            ['a', 'b'],
            ['c', null],
          ]
        : [],
  }),
);

describe('a batch that is divided', () => {
  test('loses nothing, doubles nothing, and keeps the order of each partition', () => {
    const parts = divideBatch(batchOf(records), 4, 2, systemBytes);

    expect(parts.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    for (const { partition, batch } of parts) {
      const expected = records.filter(({ key }) => (key === null ? 2 : partitionOfKey(utf8(key), 4)) === partition);
      expect(recordsOf(batch)).toEqual(expected);
      expect(validateBatch(batch, defaultBatchLimits, systemBytes).ok).toBe(true);
    }
  });

  test('is given back as it is where all of it is of one partition', () => {
    const batch = batchOf(records.filter(({ key }) => key === 'key 7'));

    const [part, ...others] = divideBatch(batch, 4, 0, systemBytes);

    expect(others).toEqual([]);
    expect(part?.batch).toBe(batch);
    expect(part?.partition).toBe(partitionOfKey(utf8('key 7'), 4));
  });
});
