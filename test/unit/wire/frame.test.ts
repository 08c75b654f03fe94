import { describe, expect, test } from 'vitest';
import { brokerId, groupId, offset, term } from '../../../src/base/branded.ts';
import { concatBytes, viewOf } from '../../../src/base/bytes.ts';
import { frameBatch, RecordBatchBuilder } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';

const stamp = { ms: 1_700_000_000_000, counter: 1 };

function frameOf(body: Uint8Array, kind = 36): Uint8Array {
  const head = new Uint8Array(wire.headLength(body.length));
  head.set(body, wire.wireHeaderBytes);
  const chunks: Uint8Array[] = [];
  wire.sealFrame(wire.draft(kind, 3, head), 1, stamp, simBytes, chunks);
  return concatBytes(chunks);
}

function sealed(message: wire.Draft): Uint8Array {
  const chunks: Uint8Array[] = [];
  wire.sealFrame(message, 1, stamp, simBytes, chunks);
  return concatBytes(chunks);
}

function reseal(frame: Uint8Array): Uint8Array {
  viewOf(frame).setUint32(8, simBytes.crc32c(frame.subarray(12)));
  return frame;
}

function setLength(frame: Uint8Array, length: number): Uint8Array {
  viewOf(frame).setUint32(0, length);
  viewOf(frame).setUint32(4, ~length);
  return frame;
}

function push(bytes: Uint8Array, bytesMax = wire.wireFrameBytesMax): { frames: wire.WireFrame[]; reader: wire.FrameReader } {
  const frames: wire.WireFrame[] = [];
  const reader = new wire.FrameReader(simBytes, bytesMax);
  reader.push(bytes, (frame) => {
    frames.push(frame);
  });
  return { frames, reader };
}

describe('a frame', () => {
  test('carries kind, group, sequence and stamp in its header of 36 bytes', () => {
    const { frames } = push(frameOf(Uint8Array.of(1, 2, 3)));

    expect(frames).toEqual([{ kind: 36, group: 3, sequence: 1, stamp, traces: null, body: Uint8Array.of(1, 2, 3), lengthBytes: 39 }]);
  });

  test('passes batches on without copying them', () => {
    const batch = new Uint8Array(100).fill(7);
    const chunks: Uint8Array[] = [];

    const request = {
      type: 'append',
      correlation: 1,
      remainingMs: 1,
      level: 'quorum',
      expectedOffset: null,
      triedForMs: null,
      deliverAtMs: null,
      batch,
    } as const;
    wire.sealFrame(wire.encodeRequest(2, request), 1, stamp, simBytes, chunks);

    expect(chunks[1]).toBe(batch);
  });

  test('with a long batch has the checksum of all its bytes, though they are not read for it', () => {
    const builder = new RecordBatchBuilder();
    for (let i = 0; i < 300; i++) builder.add(i, null, new Uint8Array(100).fill(i));
    const batch = builder.finish(simBytes);
    const fields = { group: groupId(2), offsetFrom: offset(5), term: term(3), stampMs: 1, stampCounter: 0, previousChecksum: 9 };
    const framed = frameBatch(fields, batch, simBytes);
    const usual = { type: 'appendEntries', from: brokerId(1), to: brokerId(2), term: term(3), offsetFrom: offset(5) } as const;
    const entries = {
      ...usual,
      previousTerm: term(3),
      highWatermark: offset(5),
      readContext: 0,
      asOfContext: 0,
      number: 1,
      isNews: false,
      batches: [framed],
    };
    const request = {
      type: 'append',
      correlation: 1,
      remainingMs: 1,
      level: 'quorum',
      expectedOffset: null,
      triedForMs: null,
      deliverAtMs: null,
      batch,
    } as const;

    for (const draft of [wire.encodeRaftMessage(2, entries), wire.encodeRequest(2, request)]) {
      const chunks: Uint8Array[] = [];
      wire.sealFrame(draft, 1, stamp, simBytes, chunks);

      expect(push(concatBytes(chunks)).reader.damage).toBe(null);
      const damaged = concatBytes(chunks);
      damaged[20_000] = (damaged[20_000] as number) ^ 1;
      expect(push(damaged).reader.damage).toContain('checksum');
    }
  });

  test('says which traces it belongs to, and a relay on its way too', () => {
    const context = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
    const batches = [
      { offsetFrom: 7, context },
      { offsetFrom: 9, context: { ...context, spanId: 'b7ad6b7169203331' } },
    ];
    const request = wire.encodeRequest(2, { type: 'readIndex', correlation: 5 });
    const relay = wire.encodeRelay(
      { to: brokerId(3), isLong: false, hops: { brokers: [brokerId(1)], isDirect: false }, asked: null },
      request,
    );

    for (const message of [request, relay]) {
      const { frames, reader } = push(sealed(wire.withTraces(message, context, batches)));

      expect(reader.damage).toBe(null);
      expect(frames[0]?.traces).toEqual({ context, batches });
    }
    expect(wire.decodeRequest(request.kind, push(sealed(wire.withTraces(request, context))).frames[0]?.body as Uint8Array)).toEqual({
      type: 'readIndex',
      correlation: 5,
    });
  });

  test('with a trace and fields of a newer version is understood', () => {
    const plain = frameOf(Uint8Array.of(9));
    const optional = Uint8Array.of(2, 24, ...new Array<number>(24).fill(5), 77, 2, 0, 0);
    const frame = concatBytes([plain.subarray(0, 36), optional, plain.subarray(36)]);
    setLength(frame, frame.length - 4);
    viewOf(frame).setUint16(14, optional.length);

    const { frames } = push(reseal(frame));

    expect(frames[0]?.traces).toEqual({ context: { traceId: '05'.repeat(16), spanId: '05'.repeat(8) }, batches: [] });
    expect(frames[0]?.body).toEqual(Uint8Array.of(9));
  });

  test.each([
    ['a flipped bit', (frame: Uint8Array) => ((frame[37] = (frame[37] as number) ^ 1), frame), 'checksum'],
    ['another version', (frame: Uint8Array) => ((frame[12] = 1), reseal(frame)), 'version 1'],
    ['a length above the limit', (frame: Uint8Array) => setLength(frame, 0x7fff_ffff), '2147483651 bytes'],
    ['a length below its header', (frame: Uint8Array) => setLength(frame, 3), '7 bytes'],
    ['optional fields longer than itself', (frame: Uint8Array) => (viewOf(frame).setUint16(14, 999), reseal(frame)), 'longer'],
  ])('with %s ends the stream', (_, damage, words) => {
    const good = frameOf(Uint8Array.of(1, 2, 3));

    const { frames, reader } = push(concatBytes([damage(frameOf(Uint8Array.of(1, 2, 3))), good]));

    expect(frames).toEqual([]);
    expect(reader.damage).toContain(words);
  });

  test.each([0, 1, 2, 3])('whose length was damaged in byte %i ends the stream before it waits for as many bytes', (at) => {
    const frame = frameOf(Uint8Array.of(1, 2, 3));
    frame[at] = (frame[at] as number) ^ 0x10;

    const { reader } = push(frame.subarray(0, 20), 0x7fff_ffff);

    expect(reader.damage).toBe('a frame whose two lengths differ');
  });

  test('of a stranger is bounded by what a handshake needs', () => {
    const { reader } = push(frameOf(new Uint8Array(9000)).subarray(0, 10), wire.handshakeFrameBytesMax);

    expect(reader.damage).toContain('8192');
  });

  test('that says it is long costs no more memory than what has come of it', () => {
    const start = setLength(frameOf(new Uint8Array(10)).slice(0, 32), wire.wireFrameBytesMax - 4);

    expect(push(start).reader.heldBytes).toBe(32);
  });
});
