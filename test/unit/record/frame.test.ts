import { describe, expect, test } from 'vitest';
import { groupId, offset, term } from '../../../src/base/branded.ts';
import * as record from '../../../src/record/index.ts';
import { systemBytes as bytes } from '../../../src/system/bytes.ts';

function batchOfLines(...lines: string[]): Uint8Array {
  const builder = new record.RecordBatchBuilder();
  for (const line of lines) builder.add(1000, null, bytes.utf8Encode(line));
  return builder.finish(bytes);
}

const fields = {
  group: groupId(3),
  offsetFrom: offset(40),
  term: term(7),
  stampMs: 2 ** 41 + 5,
  stampCounter: 9,
  previousChecksum: 0xdeadbeef,
};

describe('a frame', () => {
  test('gives back its fields and its batch, placed', () => {
    const framed = record.frameBatch(fields, batchOfLines('a', 'b'), bytes);

    const read = record.readFrame(framed.bytes, 0, bytes);

    expect(read).toMatchObject({ kind: 'ok', frame: { ...fields, offsetTo: 42, checksum: record.frameChecksum(framed.bytes) } });
    expect(record.verifyFrame(framed.bytes, bytes)).toBe(true);
    expect(record.baseOffset(record.batchOf(framed.bytes))).toBe(40);
    expect(record.leaderEpoch(record.batchOf(framed.bytes))).toBe(7);
    expect([record.stampMs(framed.bytes), record.stampCounter(framed.bytes)]).toEqual([2 ** 41 + 5, 9]);
    expect(() => record.assertFramed(framed)).not.toThrow();
    expect(read.kind === 'ok' && record.toLogBatch(read.frame)).toEqual(framed);
  });

  test('says how many bytes it needs while it is incomplete', () => {
    const frame = record.encodeFrame(fields, batchOfLines('a longer line than that'), bytes);

    expect(record.readFrame(frame.subarray(0, 20), 0, bytes)).toEqual({ kind: 'incomplete', bytesNeeded: record.frameProbeBytes });
    expect(record.readFrame(frame.subarray(0, frame.length - 1), 0, bytes)).toEqual({ kind: 'incomplete', bytesNeeded: frame.length });
    expect(record.verifyFrame(frame.subarray(0, frame.length - 1), bytes)).toBe(false);
  });

  test('is found in the middle of other bytes', () => {
    const frame = record.encodeFrame(fields, batchOfLines('x'), bytes);
    const stream = new Uint8Array(frame.length + 20);
    stream.set(frame, 13);

    expect(record.readFrame(stream, 13, bytes).kind).toBe('ok');
    expect(record.readFrame(stream, 12, bytes).kind).toBe('damaged');
  });

  test('is damaged by every flipped bit', () => {
    const frame = record.encodeFrame(fields, batchOfLines('some', 'lines'), bytes);
    let undetected = 0;
    for (let i = 0; i < frame.length * 8; i++) {
      const flipped = frame.slice();
      flipped[i >> 3] = (flipped[i >> 3] as number) ^ (1 << (i & 7));
      if (record.verifyFrame(flipped, bytes)) undetected++;
    }

    expect(undetected).toBe(0);
  });
});

describe('a control batch', () => {
  test('takes one offset and says what it is', () => {
    const requestId = bytes.utf8Encode('order-17');
    const membership = { voters: [1, 2, 3], votersOutgoing: [], learners: [9] };
    const controls = [
      record.noOpBatch(5, { requestIdsMax: 3, requestIdRetentionMs: 4 }, bytes),
      record.revokeBatch(5, record.producerIdOf(requestId), requestId, bytes),
      record.membershipBatch(5, membership, bytes),
    ];

    expect(controls.map(record.recordCount)).toEqual([1, 1, 1]);
    expect(controls.every(record.isControl)).toBe(true);
    expect(controls.map(record.readControl)).toEqual([
      { type: 'noOp', limits: { requestIdsMax: 3, requestIdRetentionMs: 4 } },
      { type: 'revoke', producerId: record.producerIdOf(requestId), requestId },
      { type: 'membership', membership },
    ]);
  });

  test('cannot come from a client', () => {
    const result = record.validateBatch(
      record.noOpBatch(5, { requestIdsMax: 3, requestIdRetentionMs: 4 }, bytes),
      record.defaultBatchLimits,
      bytes,
    );
    expect(result).toMatchObject({ ok: false, error: { problem: 'attributesForbidden' } });
  });

  test('of a later version is unknown instead of guessed', () => {
    const builder = new record.RecordBatchBuilder({ control: true });
    builder.add(0, Uint8Array.of(0, 0, 0x43, 0x01), Uint8Array.of(2));
    expect(record.readControl(builder.finish(bytes))).toEqual({ type: 'unknown', code: 0x4301 });
  });
});

describe('producer ids', () => {
  test('of clients, brokers and request ids never meet', () => {
    const text = record.producerIdOf(bytes.utf8Encode('a'));
    expect(Number.isSafeInteger(text)).toBe(true);
    expect(record.producerKind(text)).toBe('requestId');
    expect(record.producerKind(record.brokerProducerId(1, 0))).toBe('broker');
    expect(record.producerKind(record.brokerProducerId(2 ** 20 - 1, 2 ** 31 - 1))).toBe('broker');
    expect(record.producerKind(2 ** 51 - 1)).toBe('client');
    expect(record.brokerProducerId(3, 1)).not.toBe(record.brokerProducerId(3, 2));
  });

  test('of a request id are 52 bits of its SHA-256, and the text travels in the first record', () => {
    const requestId = bytes.utf8Encode('abc');
    // SHA-256("abc") = ba7816bf 8f01cfea ... (FIPS 180-4)
    expect(record.producerIdOf(requestId)).toBe(2 ** 52 + 0x816bf * 2 ** 32 + 0x8f01cfea);

    const builder = new record.RecordBatchBuilder();
    builder.add(1, null, bytes.utf8Encode('value'), [record.requestIdHeader(requestId)]);
    builder.add(1, null, bytes.utf8Encode('other'));
    expect(record.requestIdOf(builder.finish(bytes))).toEqual(requestId);
    expect(record.requestIdOf(batchOfLines('plain'))).toBeNull();
  });
});
