import * as fc from 'fast-check';
import { brokerId, offset, term, termMax } from '../../../src/base/branded.ts';
import { errorCatalogue, type ErrorCode } from '../../../src/base/errors.ts';
import type { LogBatch, Message } from '../../../src/raft/index.ts';
import { RecordBatchBuilder } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import type { HopList, PeerAnswer, PeerRequest } from '../../../src/wire/index.ts';

/** Arbitrary messages between brokers, each as its sender would make it. */
export const from = brokerId(1);
export const to = brokerId(2);

const position = fc.nat({ max: 2 ** 40 });
const aTerm = fc.nat({ max: termMax }).map(term);
const anOffset = position.map(offset);
const envelope = fc.record({ from: fc.constant(from), to: fc.constant(to), term: aTerm });
const bytes = fc.uint8Array({ maxLength: 200 });

const batches: fc.Arbitrary<{ readonly offsetFrom: number; readonly batches: LogBatch[] }> = fc
  .tuple(position, fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), aTerm, bytes), { maxLength: 6 }))
  .map(([start, parts]) => {
    let next = start;
    const made = parts.map(([count, batchTerm, content]) => {
      const batch = { offsetFrom: offset(next), offsetTo: offset(next + count), term: batchTerm, bytes: content };
      next += count;
      return batch;
    });
    return { offsetFrom: start, batches: made };
  });

export const raftMessage: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(envelope, fc.boolean(), fc.boolean(), anOffset, aTerm)
    .map(
      ([env, preVote, transfer, endOffset, lastTerm]): Message => ({ type: 'requestVote', ...env, preVote, transfer, endOffset, lastTerm }),
    ),
  fc
    .tuple(envelope, fc.boolean(), fc.boolean())
    .map(([env, preVote, granted]): Message => ({ type: 'requestVoteResponse', ...env, preVote, granted })),
  fc.tuple(envelope, batches, aTerm, anOffset, position, position, position, fc.boolean()).map(
    ([env, content, previousTerm, highWatermark, readContext, asOfContext, number, isNews]): Message => ({
      type: 'appendEntries',
      ...env,
      offsetFrom: offset(content.offsetFrom),
      previousTerm,
      batches: content.batches,
      highWatermark,
      readContext,
      asOfContext,
      number,
      isNews,
    }),
  ),
  fc.tuple(envelope, fc.boolean(), anOffset, anOffset, aTerm, anOffset, position, position).map(
    ([env, success, matchOffset, hintOffset, hintTerm, requestOffset, readContext, number]): Message => ({
      type: 'appendEntriesResponse',
      ...env,
      success,
      matchOffset,
      hintOffset,
      hintTerm,
      requestOffset,
      readContext,
      number,
    }),
  ),
  envelope.map((env): Message => ({ type: 'timeoutNow', ...env })),
);

const correlation = position;
const remainingMs = fc.nat({ max: 2 ** 32 - 1 });
const batch = fc.uint8Array({ minLength: 1, maxLength: 200 });
const u32 = fc.nat({ max: 2 ** 32 - 1 });
const freshness = fc.constantFrom('linearizable' as const, 'session' as const, 'local' as const);
/** The highest that fits the field stands for an age that is not known. */
const age = fc.oneof(fc.nat({ max: 2 ** 32 - 2 }), fc.constant(Number.MAX_SAFE_INTEGER));
/** As a reader finds them: whole batches, each with its log time. */
const foundBatches = fc
  .array(fc.tuple(fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 3 }), position), { maxLength: 4 })
  .map((found) => ({ batches: found.map(([values]) => batchOfValues(values)), times: found.map(([, timeMs]) => timeMs) }));

function batchOfValues(values: readonly string[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(1_700_000_000_000, null, simBytes.utf8Encode(value));
  return builder.finish(simBytes);
}

export const peerRequest: fc.Arbitrary<PeerRequest> = fc.oneof(
  fc.record({
    type: fc.constant('append' as const),
    correlation,
    remainingMs,
    level: fc.constantFrom('leader' as const, 'quorum' as const, 'all' as const),
    expectedOffset: fc.option(position),
    triedForMs: fc.option(fc.nat({ max: 2 ** 32 - 2 })),
    deliverAtMs: fc.option(fc.nat({ max: 2 ** 48 - 1 })),
    batch,
  }),
  fc.record({ type: fc.constant('revoke' as const), correlation, remainingMs, requestId: bytes }),
  fc.record({ type: fc.constant('readIndex' as const), correlation }),
  fc.record({ type: fc.constant('nextSequence' as const), correlation, requestId: bytes }),
  fc.record({ type: fc.constant('status' as const), correlation, topics: bytes }),
  fc.tuple(fc.constantFrom('start', 'offset', 'time'), position, correlation, freshness, u32, position, u32).map(
    ([fromWhat, place, number, level, bytesMax, sessionOffset, waitMs]): PeerRequest => ({
      type: 'read',
      correlation: number,
      freshness: level,
      offsetFrom: fromWhat === 'offset' ? place : null,
      sinceMs: fromWhat === 'time' ? place : null,
      bytesMax,
      sessionOffset,
      waitMs,
    }),
  ),
  fc.record({ type: fc.constant('end' as const), correlation, freshness }),
  fc.record({
    type: fc.constant('partitions' as const),
    correlation,
    groups: fc.array(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 20 }),
  }),
  fc.record({ type: fc.constant('claim' as const), correlation }),
);

const text = fc.string({ unit: 'grapheme', maxLength: 40 });

export const peerAnswer: fc.Arbitrary<PeerAnswer> = fc.oneof(
  fc.record({
    type: fc.constant('appended' as const),
    correlation,
    offset: position,
    count: fc.nat({ max: 2 ** 32 - 1 }),
    term: fc.nat({ max: termMax }),
    timestampMs: position,
    committed: fc.boolean(),
    duplicate: fc.boolean(),
    ackedBy: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 8 }),
  }),
  fc.record({ type: fc.constant('number' as const), correlation, value: position }),
  fc.record({ type: fc.constant('status' as const), correlation, json: text }),
  fc.tuple(correlation, position, position, position, position, age, position, foundBatches).map(
    ([number, offsetFrom, offsetNext, highWatermark, logStartOffset, asOfMs, lag, found]): PeerAnswer => ({
      type: 'records',
      correlation: number,
      offsetFrom,
      offsetNext,
      highWatermark,
      logStartOffset,
      asOfMs,
      lag,
      ...found,
    }),
  ),
  fc.record({ type: fc.constant('end' as const), correlation, offset: position, asOfMs: age }),
  fc.record({
    type: fc.constant('error' as const),
    correlation,
    code: fc.constantFrom(...(Object.keys(errorCatalogue) as ErrorCode[])),
    message: text,
    details: fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.stringMatching(/^\w*$/)),
    ),
  }),
);

const someBroker = fc.integer({ min: 1, max: 2 ** 32 - 1 }).map(brokerId);
const hopList = (minLength: number): fc.Arbitrary<HopList> =>
  fc.record({ brokers: fc.array(someBroker, { minLength, maxLength: 16 }), isDirect: fc.boolean() });

export const relayEnvelope = fc.record({
  to: someBroker,
  isLong: fc.boolean(),
  hops: hopList(1),
  asked: fc.option(hopList(1)),
});
