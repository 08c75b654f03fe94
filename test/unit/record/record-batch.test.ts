import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { offset, term } from '../../../src/base/branded.ts';
import { toHex } from '../../../src/base/bytes.ts';
import * as batches from '../../../src/record/record-batch.ts';
import { defaultBatchLimits, noProducer, packBatches, RecordBatchBuilder, validateBatch } from '../../../src/record/record-batch.ts';
import { systemBytes as bytes } from '../../../src/system/bytes.ts';

const utf8 = (text: string): Uint8Array => bytes.utf8Encode(text);
const text = (part: Uint8Array | null): string | null => (part === null ? null : bytes.utf8Decode(part));

interface Plain {
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

function build(records: readonly Plain[]): Uint8Array {
  const builder = new RecordBatchBuilder({ capacityBytes: 64 });
  for (const record of records) {
    builder.add(
      record.timestampMs,
      record.key === null ? null : utf8(record.key),
      record.value === null ? null : utf8(record.value),
      record.headers.map(([key, value]) => ({ key: utf8(key), value: value === null ? null : utf8(value) })),
    );
  }
  return builder.finish(bytes);
}

function readBack(batch: Uint8Array): Plain[] {
  const records: Plain[] = [];
  const intact = batches.forEachRecord(batch, (record) => {
    const headers: (readonly [string, string | null])[] = [];
    record.forEachHeader((key, value) => headers.push([bytes.utf8Decode(key), text(value)]));
    records.push({ timestampMs: record.timestampMs, key: text(record.key()), value: text(record.value()), headers });
  });
  expect(intact).toBe(true);
  return records;
}

const line = (value: string, timestampMs = 1000): Plain => ({ timestampMs, key: null, value, headers: [] });
const plainRecord: fc.Arbitrary<Plain> = fc.record({
  timestampMs: fc.integer({ min: 0, max: 2 ** 42 }),
  key: fc.option(fc.string({ maxLength: 200 })),
  value: fc.option(fc.string({ maxLength: 400 })),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.oneof(fc.string({ maxLength: 20 }), fc.constant(null))), { maxLength: 3 }),
});

describe('a record batch', () => {
  test('has the bytes that Kafka writes for the same record', () => {
    const batch = build([{ timestampMs: 1_500_000_000_000, key: 'k', value: 'val', headers: [['h', 'x']] }]);

    // Spelled out from the table in DefaultRecordBatch.java and DefaultRecord.java.
    const record = ['1c', '00', '00', '00', '02', '6b', '06', '76616c', '02', '02', '68', '02', '78'].join('');
    const covered = [
      '0000',
      '00000000',
      '0000015d3ef79800',
      '0000015d3ef79800',
      'ffffffffffffffff',
      'ffff',
      'ffffffff',
      '00000001',
      record,
    ].join('');
    const crc = bytes.crc32c(Buffer.from(covered, 'hex')).toString(16).padStart(8, '0');
    expect(toHex(batch)).toBe(['0000000000000000', '00000040', '00000000', '02', crc, covered].join(''));
  });

  test('uses the Castagnoli polynomial (RFC 3720, appendix B.4)', () => {
    expect(bytes.crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(bytes.crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(bytes.crc32c(utf8('56789'), bytes.crc32c(utf8('1234')))).toBe(0xe3069283);
  });

  test('gives back what was put in, in order', () => {
    fc.assert(
      fc.property(fc.array(plainRecord, { minLength: 1, maxLength: 20 }), (records) => {
        const batch = build(records);

        expect(readBack(batch)).toEqual(records);
        expect(validateBatch(batch, defaultBatchLimits, bytes)).toEqual({ ok: true, value: undefined });
        expect(batches.maxTimestamp(batch)).toBe(Math.max(...records.map((record) => record.timestampMs)));
      }),
      { numRuns: 200 },
    );
  });

  test('takes lines of a larger buffer without copying them apart', () => {
    const source = utf8(`first\nsecond\n${'x'.repeat(300)}\n`);
    const builder = new RecordBatchBuilder();
    let from = 0;
    for (let to = bytes.indexOf(source, 10); to >= 0; to = bytes.indexOf(source, 10, from)) {
      builder.addSlice(5, source, from, to);
      from = to + 1;
    }

    expect(builder.recordCount).toBe(3);
    expect(readBack(builder.finish(bytes)).map((record) => record.value)).toEqual(['first', 'second', 'x'.repeat(300)]);
    expect(builder.recordCount).toBe(0);
  });

  test('predicts an upper bound for what a record adds', () => {
    fc.assert(
      fc.property(plainRecord, (record) => {
        const builder = new RecordBatchBuilder();
        builder.add(0, null, null);
        const before = builder.sizeBytes;
        const key = record.key === null ? null : utf8(record.key);
        const value = record.value === null ? null : utf8(record.value);
        builder.add(record.timestampMs, key, value);
        expect(builder.sizeBytes - before).toBeLessThanOrEqual(RecordBatchBuilder.recordBytesBound(key, value));
      }),
    );
  });

  test('is placed without touching its checksum, and resealed after its producer changed', () => {
    const batch = build([line('a'), line('b')]);

    batches.setPlacement(batch, offset(2 ** 40 + 7), term(9));
    expect(batches.batchChecksumMatches(batch, bytes)).toBe(true);
    expect([batches.baseOffset(batch), batches.leaderEpoch(batch), batches.lastOffsetDelta(batch)]).toEqual([2 ** 40 + 7, 9, 1]);

    batches.setProducer(batch, { id: 2 ** 52 + 5, epoch: 3, baseSequence: 77 });
    expect(batches.batchChecksumMatches(batch, bytes)).toBe(false);
    batches.resealBatch(batch, bytes);
    expect(batches.batchChecksumMatches(batch, bytes)).toBe(true);
    expect([batches.producerId(batch), batches.producerEpoch(batch), batches.baseSequence(batch)]).toEqual([2 ** 52 + 5, 3, 77]);
  });

  test('packs several batches into one that holds their records in order', () => {
    const lists = fc.array(fc.array(plainRecord, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(lists, (parts) => {
        const packed = packBatches(parts.map(build), { id: 2 ** 51, epoch: 0, baseSequence: 12 }, bytes);

        expect(readBack(packed)).toEqual(parts.flat());
        expect(validateBatch(packed, defaultBatchLimits, bytes).ok).toBe(true);
        expect(batches.baseSequence(packed)).toBe(12);
      }),
      { numRuns: 100 },
    );
  });
});

test('a batch is the same in memory of its own, in memory that was used before, and where that is too small', () => {
  const build = (into: Uint8Array | null): Uint8Array => {
    const builder = new RecordBatchBuilder();
    builder.add(1000, null, Uint8Array.of(1, 2, 3), [{ key: Uint8Array.of(4), value: null }]);
    return builder.finish(bytes, noProducer, into);
  };
  const used = new Uint8Array(1000).fill(0xff);

  expect(toHex(build(used))).toBe(toHex(build(null)));
  expect(build(used).buffer).toBe(used.buffer);
  expect(toHex(build(new Uint8Array(70)))).toBe(toHex(build(null)));
});

test('packing keeps the times of records that lie as far apart as times can', () => {
  const times = [0, 1, batches.timestampMsMax - 1, batches.timestampMsMax];
  const parts = times.flatMap((first) =>
    times.map((second) => [
      { ...line('a'), timestampMs: first },
      { ...line('b'), timestampMs: second },
    ]),
  );

  const packed = packBatches(parts.map(build), { id: 2 ** 51, epoch: 0, baseSequence: 0 }, bytes);

  expect(readBack(packed)).toEqual(parts.flat());
});

describe('validation of an untrusted batch', () => {
  const good = build([line('a'), { ...line('b'), headers: [['h', null]] }, line('c')]);
  const problemOf = (batch: Uint8Array): string => {
    const result = validateBatch(batch, defaultBatchLimits, bytes);
    return result.ok ? 'none' : result.error.problem;
  };
  const changed = (change: (view: DataView, batch: Uint8Array) => void, length = good.length): Uint8Array => {
    const batch = new Uint8Array(length);
    batch.set(good.subarray(0, length));
    change(new DataView(batch.buffer), batch);
    batches.resealBatch(batch, bytes);
    return batch;
  };

  test.each([
    ['incomplete', good.subarray(0, 60)],
    ['incomplete', good.subarray(0, good.length - 1)],
    ['trailingBytes', changed(() => {}, good.length + 1)],
    ['trailingBytes', changed((view) => view.setInt32(8, good.length - 12 + 4), good.length + 4)],
    ['magicUnsupported', changed((view) => view.setInt8(16, 1))],
    ['codecUnsupported', changed((view) => view.setInt16(21, 4))],
    ['attributesForbidden', changed((view) => view.setInt16(21, 0x20))],
    ['attributesForbidden', changed((view) => view.setInt16(21, 0x10))],
    ['attributesForbidden', changed((view) => view.setInt16(21, 0x08))],
    ['attributesForbidden', changed((view) => view.setInt16(21, 0x40))],
    ['recordCountWrong', changed((view) => view.setInt32(57, 2))],
    ['recordCountWrong', changed((view) => view.setInt32(57, 0))],
    ['recordCountWrong', changed((view) => view.setInt32(57, -1))],
    ['tooManyRecords', changed((view) => view.setInt32(57, 0x7fffffff))],
    ['trailingBytes', changed((view) => (view.setInt32(57, 2), view.setInt32(23, 1)))],
    ['recordMalformed', changed((view) => (view.setInt32(57, 4), view.setInt32(23, 3)))],
    ['fieldOutOfRange', changed((view) => view.setInt32(43, 0x7fffffff))],
    ['fieldOutOfRange', changed((view) => view.setInt32(27, -5))],
    ['fieldOutOfRange', changed((view) => view.setBigInt64(27, 2n ** 48n))],
    ['fieldOutOfRange', changed((view) => view.setBigInt64(35, 2n ** 48n))],
    ['fieldOutOfRange', changed((view) => view.setInt32(53, -2))],
    ['recordMalformed', changed((view) => view.setBigInt64(35, 0n))],
    ['recordMalformed', changed((_view, batch) => (batch[64] = 2))],
    ['recordMalformed', changed((_view, batch) => (batch[61] = 0x7e))],
  ])('names the problem: %s', (problem, batch) => {
    expect(problemOf(batch)).toBe(problem);
  });

  test('sees every flipped bit that is not the leader’s to set', () => {
    for (let i = 8; i < good.length; i++) {
      if (i >= 12 && i < 16) continue;
      for (let bit = 0; bit < 8; bit++) {
        const batch = good.slice();
        batch[i] = (batch[i] as number) ^ (1 << bit);
        expect(problemOf(batch), `bit ${bit} of byte ${i}`).not.toBe('none');
      }
    }
  });

  test('never throws and never accepts a malformed record, whatever the bytes say', () => {
    const mutation = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(mutation, (changes) => {
        const batch = good.slice();
        for (const [position, byte] of changes) batch[position] = byte;
        batches.resealBatch(batch, bytes);

        const readable = problemOf(batch) !== 'none' || batches.forEachRecord(batch, (record) => record.forEachHeader(() => {}));
        expect(readable).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('applies the limits for one record and one batch', () => {
    const limits = { recordBytesMax: 100, recordsPerBatchMax: 2, batchBytesMax: 400 };
    const refusalOf = (batch: Uint8Array): string => {
      const result = validateBatch(batch, limits, bytes);
      return result.ok ? 'none' : `${result.error.problem}: ${result.error.reason}`;
    };

    expect(refusalOf(build([line('x'.repeat(80))]))).toBe('none');
    expect(refusalOf(build([line('x'.repeat(101))]))).toMatch(/^recordTooLarge: record 0 has 1\d\d bytes, at most 100 are allowed$/);
    expect(refusalOf(build([line('a'), line('b'), line('c')]))).toBe('tooManyRecords: it has 3 records, at most 2 are allowed');
    expect(refusalOf(build([line('x'.repeat(500))]))).toMatch(/^batchTooLarge/);
  });

  test('treats a batch without a producer as nobody’s', () => {
    expect([batches.producerId(good), batches.producerEpoch(good), batches.baseSequence(good)]).toEqual(Object.values(noProducer));
    expect(batches.isControl(good)).toBe(false);
    expect(batches.codec(good)).toBe('none');
  });
});

describe('checksums of long batches, derived instead of read', () => {
  const producer = { id: 2 ** 51 + 7, epoch: 3, baseSequence: 41 };
  const linesOf = (count: number): Plain[] => Array.from({ length: count }, (_, index) => line(`line ${index} `.padEnd(100, '.')));

  test.each([1, 10, 150, 1000])('are those of the bytes, with %i records', (count) => {
    const batch = build(linesOf(count));

    expect(batches.recordsChecksum(batch, bytes)).toBe(bytes.crc32c(batch.subarray(batches.batchHeaderBytes)));
    expect(batches.checksumThrough(batch, bytes, 99)).toBe(bytes.crc32c(batch, 99));

    batches.sealForProducer(batch, producer, bytes);

    expect(batches.producerId(batch)).toBe(producer.id);
    expect(batches.baseSequence(batch)).toBe(producer.baseSequence);
    expect(batches.batchChecksumMatches(batch, bytes)).toBe(true);
  });

  test('a batch that was not sealed is sealed by reading it', () => {
    const builder = new RecordBatchBuilder();
    for (const record of linesOf(300)) builder.add(record.timestampMs, null, utf8(record.value ?? ''));
    const batch = builder.finishUnsealed();

    batches.sealForProducer(batch, producer, bytes);

    expect(batches.batchChecksumMatches(batch, bytes)).toBe(true);
  });

  test('damage does not become right by naming another producer', () => {
    const batch = build(linesOf(300));
    batch[20_000] = (batch[20_000] as number) ^ 1;

    batches.sealForProducer(batch, producer, bytes);

    expect(batches.batchChecksumMatches(batch, bytes)).toBe(false);
  });
});
