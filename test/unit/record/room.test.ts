import { describe, expect, test } from 'vitest';
import { groupId, offset, term } from '../../../src/base/branded.ts';
import * as record from '../../../src/record/index.ts';
import { systemBytes as bytes } from '../../../src/system/bytes.ts';

const fields = { group: groupId(2), term: term(3), stampMs: 1, stampCounter: 0, previousChecksum: 9 };
const producer = { id: 2 ** 51 + 7, epoch: 0, baseSequence: 1 };

function builderWith(records: number, capacityBytes = 4096): record.RecordBatchBuilder {
  const builder = new record.RecordBatchBuilder({ capacityBytes });
  for (let i = 0; i < records; i++) builder.add(i, null, new Uint8Array(100).fill(i));
  return builder;
}

function withRoom(batch: Uint8Array): Uint8Array {
  const roomy = record.leaveRoom(new Uint8Array(record.frameHeaderBytes + batch.length).fill(0xff));
  roomy.set(batch);
  return roomy;
}

describe('a large batch with room in front', () => {
  test('is framed where it lies, and the frame is that of a copy', () => {
    const batch = builderWith(300).finish(bytes);
    const roomy = withRoom(batch);

    const frame = record.encodeFrame({ ...fields, offsetFrom: offset(5) }, roomy, bytes);

    expect(frame.buffer).toBe(roomy.buffer);
    expect(frame).toEqual(record.encodeFrame({ ...fields, offsetFrom: offset(5) }, batch, bytes));
    expect(record.verifyFrame(frame, bytes)).toBe(true);
  });

  test('is copied when it is framed again, and the first frame stays as it was', () => {
    const roomy = withRoom(builderWith(300).finish(bytes));
    const first = record.encodeFrame({ ...fields, offsetFrom: offset(5) }, roomy, bytes);
    const before = first.slice();

    const second = record.encodeFrame({ ...fields, offsetFrom: offset(900), term: term(4) }, roomy, bytes);

    expect(second.buffer).not.toBe(first.buffer);
    expect(first).toEqual(before);
    expect(record.verifyFrame(second, bytes)).toBe(true);
  });
});

test('bytes in front of a batch that nobody has left as room are not touched', () => {
  const batch = builderWith(300).finish(bytes);
  const others = new Uint8Array(record.frameHeaderBytes + batch.length);
  others.set(batch, record.frameHeaderBytes);

  const frame = record.encodeFrame({ ...fields, offsetFrom: offset(5) }, others.subarray(record.frameHeaderBytes), bytes);

  expect(frame.buffer).not.toBe(others.buffer);
  expect(others.subarray(0, record.frameHeaderBytes).every((byte) => byte === 0)).toBe(true);
});

test('what is packed has room in front', () => {
  const parts = Array.from({ length: 3 }, () => builderWith(60).finishUnsealed());
  const packed = record.packBatches(parts, producer, bytes);
  const copy = packed.slice();

  const frame = record.encodeFrame({ ...fields, offsetFrom: offset(5) }, packed, bytes);

  expect(frame.buffer).toBe(packed.buffer);
  expect(frame).toEqual(record.encodeFrame({ ...fields, offsetFrom: offset(5) }, copy, bytes));
});

describe('a builder', () => {
  test.each([
    [40_000, 'gives its own buffer away'],
    [400_000, 'copies out of one that is much too large'],
    [64, 'grows as it must'],
  ])('of %i bytes %s, and goes on with the next batch', (capacityBytes) => {
    const builder = builderWith(330, capacityBytes);
    const first = builder.finishUnsealed();
    const before = first.slice();

    for (let i = 0; i < 330; i++) builder.add(i, null, new Uint8Array(100).fill(i + 1));
    const second = builder.finishUnsealed();

    expect(second.buffer).not.toBe(first.buffer);
    expect(first).toEqual(before);
    for (const [batch, add] of [
      [first, 0],
      [second, 1],
    ] as const) {
      record.sealForProducer(batch, producer, bytes);
      expect(record.validateBatch(batch, record.defaultBatchLimits, bytes)).toEqual({ ok: true, value: undefined });
      const frame = record.encodeFrame({ ...fields, offsetFrom: offset(5) }, batch, bytes);
      expect(frame.buffer).toBe(batch.buffer);
      expect(record.verifyFrame(frame, bytes)).toBe(true);
      record.forEachRecord(batch, (each) => expect(each.value()?.[99]).toBe((each.index + add) % 256) === undefined);
    }
  });
});
