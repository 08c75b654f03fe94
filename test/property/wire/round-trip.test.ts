import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupId, offset, offsetMax, term, termMax } from '../../../src/base/branded.ts';
import { concatBytes } from '../../../src/base/bytes.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';
import { from, peerAnswer, peerRequest, raftMessage, relayEnvelope, to } from '../../unit/wire/examples.ts';

/** fast-check prints the seed and the path of a failure; put them into these options to replay it. */
const options: fc.Parameters<unknown> = { numRuns: 200 };
const stamp = { ms: 1_700_000_000_123, counter: 7 };

function seal(drafts: readonly wire.Draft[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  drafts.forEach((draft, index) => wire.sealFrame(draft, index + 1, stamp, simBytes, chunks));
  return concatBytes(chunks).slice();
}

function readAll(stream: Uint8Array, cuts: readonly number[] = []): { frames: wire.WireFrame[]; reader: wire.FrameReader } {
  const reader = new wire.FrameReader(simBytes, wire.wireFrameBytesMax);
  const frames: wire.WireFrame[] = [];
  let at = 0;
  for (const cut of [...[...cuts].sort((a, b) => a - b), stream.length]) {
    if (cut < at) continue;
    reader.push(stream.subarray(at, cut), (frame) => {
      frames.push({ ...frame, body: frame.body.slice() });
    });
    at = cut;
  }
  return { frames, reader };
}

const anyDraft = fc.oneof(
  raftMessage.map((message) => wire.encodeRaftMessage(3, message)),
  peerRequest.map((request) => wire.encodeRequest(3, request)),
  peerAnswer.map((answer) => wire.encodeAnswer(3, answer, simBytes)),
);

describe('what one broker encodes another decodes', () => {
  test('as the same message of the consensus core', () => {
    fc.assert(
      fc.property(raftMessage, (message) => {
        const { frames } = readAll(seal([wire.encodeRaftMessage(3, message)]));
        const frame = frames[0] as wire.WireFrame;

        expect(frame).toMatchObject({ group: 3, sequence: 1, stamp });
        expect(wire.decodeRaftMessage(frame.kind, frame.body, from, to)).toEqual(message);
      }),
      options,
    );
  });

  test('as the same messages of several groups, where they are joined', () => {
    const small = raftMessage.filter((message) => wire.isJoinable(wire.encodeRaftMessage(3, message)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 32 - 1 }), small), { minLength: 2, maxLength: 5 }), (messages) => {
        const joined = wire.joinMessages(messages.map(([group, message]) => wire.encodeRaftMessage(group, message)));
        const frame = readAll(seal([joined])).frames[0] as wire.WireFrame;

        expect(frame).toMatchObject({ kind: wire.raftKinds.joined, group: 0 });
        const parts = wire.splitJoined(frame.body) ?? [];
        expect(parts.map(({ kind, group, body }) => [group, wire.decodeRaftMessage(kind, body, from, to)])).toEqual(messages);
      }),
      options,
    );
  });

  test('as the same pulse and its answer', () => {
    const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const groups = fc.array(fc.integer({ min: 1, max: 2 ** 32 - 1 }).map(groupId), { maxLength: 5 });
    const position = {
      term: fc.integer({ min: 0, max: termMax }).map(term),
      endOffset: fc.integer({ min: 0, max: offsetMax }).map(offset),
    };
    const quiet = fc.array(fc.record({ group: fc.integer({ min: 1, max: 2 ** 32 - 1 }).map(groupId), ...position }), { maxLength: 5 });
    const quietCount = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const pulse = fc.record({ round: number, asOfRound: number, quietCount, woken: groups, quiet });
    const answer = fc.record({ round: number, quietCount, awake: groups });
    fc.assert(
      fc.property(pulse, answer, (sent, answered) => {
        const { frames } = readAll(seal([wire.encodePulse(sent), wire.encodePulseAnswer(answered)]));
        const decoded = frames.map(({ kind, body }) => wire.decodePulse(kind, body));

        expect(decoded).toEqual([
          { type: 'pulse', ...sent },
          { type: 'pulseAnswer', ...answered },
        ]);
      }),
      options,
    );
  });

  test('as the same request', () => {
    fc.assert(
      fc.property(peerRequest, (request) => {
        const frame = readAll(seal([wire.encodeRequest(3, request)])).frames[0] as wire.WireFrame;

        expect(wire.isRequestKind(frame.kind)).toBe(true);
        expect(wire.decodeRequest(frame.kind, frame.body)).toEqual(request);
      }),
      options,
    );
  });

  test('as the same answer', () => {
    fc.assert(
      fc.property(peerAnswer, (answer) => {
        const frame = readAll(seal([wire.encodeAnswer(3, answer, simBytes)])).frames[0] as wire.WireFrame;

        expect(wire.isAnswerKind(frame.kind)).toBe(true);
        expect(wire.decodeAnswer(frame.kind, frame.body, simBytes)).toEqual(answer);
      }),
      options,
    );
  });

  test('as the same request or answer by way of others, however often it is passed on', () => {
    const asked = peerRequest.map((request) => [wire.encodeRequest(3, request), wire.encodeRequest(3, request)] as const);
    const answered = peerAnswer.map((answer) => [wire.encodeAnswer(3, answer, simBytes), wire.encodeAnswer(3, answer, simBytes)] as const);
    fc.assert(
      fc.property(relayEnvelope, fc.oneof(asked, answered), (envelope, [message, same]) => {
        const alone = readAll(seal([same])).frames[0] as wire.WireFrame;
        const first = readAll(seal([wire.encodeRelay(envelope, message)])).frames[0] as wire.WireFrame;
        const relay = wire.decodeRelay(first.body) as wire.Relay;
        const hops = { brokers: [...relay.hops.brokers, to], isDirect: true };
        const second = readAll(seal([wire.passRelay(relay, first.group, hops)])).frames[0] as wire.WireFrame;

        expect(first).toMatchObject({ kind: wire.relayKinds.relay, group: 3 });
        expect(relay).toEqual({ ...envelope, kind: alone.kind, body: alone.body });
        expect(second.group).toBe(3);
        expect(wire.decodeRelay(second.body)).toEqual({ ...relay, hops });
        expect(wire.correlationOf(relay.body)).toBe(wire.correlationOf(alone.body));
      }),
      options,
    );
  });

  test('however the stream is split', () => {
    fc.assert(
      fc.property(
        fc.array(anyDraft, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 2000 }), { maxLength: 20 }),
        (drafts, cuts) => {
          const stream = seal(drafts);
          const whole = readAll(stream).frames;
          const split = readAll(
            stream,
            cuts.filter((cut) => cut < stream.length),
          );

          expect(whole.map(({ sequence }) => sequence)).toEqual(drafts.map((_, index) => index + 1));
          expect(split.frames).toEqual(whole);
          expect(split.reader.heldBytes).toBe(0);
        },
      ),
      options,
    );
  });
});

describe('a stream that was damaged', () => {
  test('never throws, never holds more than came, and gives no frame that differs from what was sent', () => {
    const damage = fc.record({ at: fc.nat({ max: 4000 }), xor: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(anyDraft, { minLength: 1, maxLength: 4 }),
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        (drafts, damages) => {
          const stream = seal(drafts);
          const sent = readAll(stream).frames;
          for (const { at, xor } of damages) stream[at % stream.length] = (stream[at % stream.length] as number) ^ xor;

          const { frames, reader } = readAll(stream, [10, 50, 200]);

          expect(reader.heldBytes).toBeLessThanOrEqual(stream.length);
          for (const [index, frame] of frames.entries()) expect(frame).toEqual(sent[index]);
        },
      ),
      options,
    );
  });

  test('of arbitrary bytes, under a right checksum, decodes to nothing or to something well formed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 200 }), (kind, body) => {
        const head = new Uint8Array(wire.headLength(body.length));
        head.set(body, wire.wireHeaderBytes);
        const frame = readAll(seal([wire.draft(kind, 3, head)])).frames[0] as wire.WireFrame;

        expect(frame.body).toEqual(body);
        wire.decodeRaftMessage(frame.kind, frame.body, from, to);
        wire.decodeRequest(frame.kind, frame.body);
        wire.decodeAnswer(frame.kind, frame.body, simBytes);
        wire.decodeHello(frame.body, simBytes);
        wire.decodeChallenge(frame.body);
        wire.decodeRefusal(frame.body, simBytes);
        wire.decodePulse(wire.pulseKinds.pulse, frame.body);
        wire.decodePulse(wire.pulseKinds.pulseAnswer, frame.body);
        wire.splitJoined(frame.body);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a number of a frame that nobody could go on from', () => {
  const edges = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 48, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 2, 2 ** 53 - 1, 2 ** 53, 2 ** 63];
  const isWithin = (value: unknown, most: number): boolean => typeof value !== 'number' || (Number.isSafeInteger(value) && value <= most);
  const mostOf = (name: string): number => {
    if (/^term$|Term$/.test(name)) return termMax;
    return /^offset|Offset$|^highWatermark$/.test(name) ? offsetMax : Number.MAX_SAFE_INTEGER;
  };

  /** Puts an edge over eight bytes of a body, wherever they are. */
  const spoilt = fc.tuple(anyDraft, fc.nat({ max: 120 }), fc.constantFrom(...edges)).map(([draft, at, edge]) => {
    const frame = readAll(seal([draft])).frames[0] as wire.WireFrame;
    const body = frame.body.slice();
    if (body.length >= 8) new DataView(body.buffer).setBigUint64(Math.min(at, body.length - 8), BigInt(edge));
    return { kind: frame.kind, body };
  });

  test('is not taken', () => {
    let taken = 0;
    fc.assert(
      fc.property(spoilt, ({ kind, body }) => {
        const message = wire.isRaftKind(kind) ? wire.decodeRaftMessage(kind, body, from, to) : null;
        const request = wire.isRequestKind(kind) ? wire.decodeRequest(kind, body) : null;
        const answer = wire.isAnswerKind(kind) ? wire.decodeAnswer(kind, body, simBytes) : null;
        const decoded = (message ?? request ?? answer) as Readonly<Record<string, unknown>> | null;
        if (decoded === null) return;
        taken++;
        const batches = (decoded['batches'] as Readonly<Record<string, unknown>>[] | undefined) ?? [];
        const wrong = [decoded, ...batches]
          .flatMap((part) => Object.entries(part))
          .filter(([name, value]) => !isWithin(value, mostOf(name)));
        expect(wrong).toEqual([]);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
