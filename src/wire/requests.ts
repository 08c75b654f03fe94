/**
 * What one broker asks another, beside consensus. Every request carries a correlation number of its sender's choice; the answer travels on a link
 * that the answering broker dialled and names it again. Nothing here is answered twice, and an answer may never come: the asker has a deadline.
 *
 *     32 append           u64 correlation, u32 remaining ms, u8 level (0 leader, 1 quorum, 2 all), u64 expected offset + 1 (0 = any), u32 ms since it
 *                         was first tried + 1 (0 = never), then the batch, whose header carries the producer and its sequence; with 128 added to the
 *                         level, u64 before the batch: the log time before which it is not appended
 *     33 revoke           u64 correlation, u32 remaining ms, then the request id as text
 *     34 readIndex        u64 correlation
 *     35 nextSequence     u64 correlation, then the request id as text
 *     36 status           u64 correlation, then which topics as JSON text, nothing for those that the answering broker chooses
 *     37 read             u64 correlation, u8 freshness (0 linearizable, 1 session, 2 local), u8 from what (0 the start of the log, 1 an offset, 2 a log
 *                         time), u64 that offset or time, u32 bytes at most, u64 session offset, u32 ms to wait for the first record
 *     38 end              u64 correlation, u8 freshness
 *     39 partitions       u64 correlation, then u32 group of each that is asked about, at most 1,024
 *     40 claim            u64 correlation: the home of the partition asks its leader for the office
 *     41 subscribers      u64 correlation, then what is asked of the group that keeps publishers and subscribers, as JSON text
 *     64 appendAnswer     u64 correlation, u64 offset, u32 record count, u64 term, u64 log time, u8 flags (1 committed, 2 duplicate),
 *                         u16 count, then that many u32 broker ids
 *     65 numberAnswer     u64 correlation, u64 value: the high watermark, the next sequence, 0 for a revoke
 *     66 statusAnswer     u64 correlation, then the status as JSON text; of partitions a list of theirs
 *     67 errorAnswer      u64 correlation, code, message and details (JSON) as texts, each behind a u16
 *     68 recordsAnswer    u64 correlation, u64 where it begins, u64 where to go on, u64 high watermark, u64 log start, u32 ms as of (the highest: not
 *                         known), u64 lag, u32 count and so many u64 log times of batches, then these one behind the other
 *     69 endAnswer        u64 correlation, u64 end, u32 ms as of
 *     70 subscribersAnswer u64 correlation, the answer as JSON text behind its u32 length, then the record batches that it gives, one behind the other
 */
import { offsetMax } from '../base/branded.ts';
import { type ErrorCode, errorCatalogue } from '../base/errors.ts';
import type { Bytes } from '../host/index.ts';
import { batchHeaderBytes, batchLength, checksumThrough } from '../record/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const requestKinds = {
  append: 32,
  revoke: 33,
  readIndex: 34,
  nextSequence: 35,
  status: 36,
  read: 37,
  end: 38,
  partitions: 39,
  claim: 40,
  subscribers: 41,
} as const;
export const answerKinds = { append: 64, number: 65, status: 66, error: 67, records: 68, end: 69, subscribers: 70 } as const;

/** As in `eventlog/types.ts`, which this floor does not know. */
type WireLevel = 'leader' | 'quorum' | 'all';
const levels: readonly WireLevel[] = ['leader', 'quorum', 'all'];
/** Beside the level of an append that is not to be appended before some log time. */
const laterBit = 128;
type WireFreshness = 'linearizable' | 'session' | 'local';
const freshnesses: readonly WireFreshness[] = ['linearizable', 'session', 'local'];

export type PeerRequest =
  | {
      readonly type: 'append';
      readonly correlation: number;
      readonly remainingMs: number;
      readonly level: WireLevel;
      readonly expectedOffset: number | null;
      /** Since the first attempt; null where this is it. */
      readonly triedForMs: number | null;
      /** Log time before which it is not appended; null where that does not matter. */
      readonly deliverAtMs: number | null;
      readonly batch: Uint8Array;
    }
  | { readonly type: 'revoke'; readonly correlation: number; readonly remainingMs: number; readonly requestId: Uint8Array }
  | { readonly type: 'readIndex'; readonly correlation: number }
  | { readonly type: 'nextSequence'; readonly correlation: number; readonly requestId: Uint8Array }
  | { readonly type: 'status'; readonly correlation: number; readonly topics: Uint8Array }
  | {
      readonly type: 'read';
      readonly correlation: number;
      readonly freshness: WireFreshness;
      /** At most one of the two is given; neither is the start of the log. */
      readonly offsetFrom: number | null;
      readonly sinceMs: number | null;
      readonly bytesMax: number;
      readonly sessionOffset: number;
      readonly waitMs: number;
    }
  | { readonly type: 'end'; readonly correlation: number; readonly freshness: WireFreshness }
  | { readonly type: 'partitions'; readonly correlation: number; readonly groups: readonly number[] }
  | { readonly type: 'claim'; readonly correlation: number }
  | { readonly type: 'subscribers'; readonly correlation: number; readonly json: Uint8Array };

export interface Appended {
  readonly offset: number;
  readonly count: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly committed: boolean;
  readonly duplicate: boolean;
  readonly ackedBy: readonly number[];
}

/** As `ReadResult` of the port has it. */
interface FoundRecords {
  readonly offsetFrom: number;
  readonly offsetNext: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  readonly asOfMs: number;
  readonly lag: number;
  readonly batches: readonly Uint8Array[];
  /** Log time of each. */
  readonly times: readonly number[];
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

export type PeerAnswer =
  | ({ readonly type: 'appended'; readonly correlation: number } & Appended)
  | { readonly type: 'number'; readonly correlation: number; readonly value: number }
  | { readonly type: 'status'; readonly correlation: number; readonly json: string }
  | ({ readonly type: 'records'; readonly correlation: number } & FoundRecords)
  | { readonly type: 'end'; readonly correlation: number; readonly offset: number; readonly asOfMs: number }
  | { readonly type: 'subscribers'; readonly correlation: number; readonly json: string; readonly batches: readonly Uint8Array[] }
  | {
      readonly type: 'error';
      readonly correlation: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };

const fields = (bodyBytes: number): FieldWriter => new FieldWriter(headLength(bodyBytes), wireHeaderBytes);

export const isRequestKind = (kind: number): boolean => kind >= 32 && kind <= 63;
export const isAnswerKind = (kind: number): boolean => kind >= 64 && kind <= 95;

/** By which number its sender knows a request or an answer; null where it is cut. */
export function correlationOf(body: Uint8Array): number | null {
  const reader = new FieldReader(body);
  const correlation = reader.u64();
  return reader.valid ? correlation : null;
}

export function encodeRequest(group: number, request: PeerRequest): Draft {
  switch (request.type) {
    case 'append': {
      const expected = request.expectedOffset === null ? 0 : request.expectedOffset + 1;
      const triedFor = request.triedForMs === null ? 0 : request.triedForMs + 1;
      const { deliverAtMs } = request;
      const writer = fields(deliverAtMs === null ? 25 : 33)
        .u64(request.correlation)
        .u32(clampU32(request.remainingMs))
        .u8(levels.indexOf(request.level) + (deliverAtMs === null ? 0 : laterBit))
        .u64(expected)
        .u32(clampU32(triedFor));
      if (deliverAtMs !== null) writer.u64(deliverAtMs);
      return draft(requestKinds.append, group, writer.bytes, [request.batch], checksumThrough);
    }
    case 'revoke': {
      const writer = fields(12 + request.requestId.length)
        .u64(request.correlation)
        .u32(clampU32(request.remainingMs))
        .put(request.requestId);
      return draft(requestKinds.revoke, group, writer.bytes);
    }
    case 'readIndex':
      return draft(requestKinds.readIndex, group, fields(8).u64(request.correlation).bytes);
    case 'nextSequence': {
      const writer = fields(8 + request.requestId.length)
        .u64(request.correlation)
        .put(request.requestId);
      return draft(requestKinds.nextSequence, group, writer.bytes);
    }
    case 'status': {
      const writer = fields(8 + request.topics.length)
        .u64(request.correlation)
        .put(request.topics);
      return draft(requestKinds.status, group, writer.bytes);
    }
    case 'read': {
      const { offsetFrom, sinceMs } = request;
      const writer = fields(34)
        .u64(request.correlation)
        .u8(freshnesses.indexOf(request.freshness))
        .u8(offsetFrom !== null ? 1 : sinceMs !== null ? 2 : 0)
        .u64(offsetFrom ?? sinceMs ?? 0)
        .u32(clampU32(request.bytesMax))
        .u64(request.sessionOffset)
        .u32(clampU32(request.waitMs));
      return draft(requestKinds.read, group, writer.bytes);
    }
    case 'end':
      return draft(requestKinds.end, group, fields(9).u64(request.correlation).u8(freshnesses.indexOf(request.freshness)).bytes);
    case 'claim':
      return draft(requestKinds.claim, group, fields(8).u64(request.correlation).bytes);
    case 'subscribers': {
      const writer = fields(8 + request.json.length)
        .u64(request.correlation)
        .put(request.json);
      return draft(requestKinds.subscribers, group, writer.bytes);
    }
    case 'partitions': {
      const writer = fields(8 + 4 * request.groups.length).u64(request.correlation);
      for (const each of request.groups) writer.u32(each);
      return draft(requestKinds.partitions, group, writer.bytes);
    }
  }
}

export function decodeRequest(kind: number, body: Uint8Array): PeerRequest | null {
  const reader = new FieldReader(body);
  const correlation = reader.u64();
  switch (kind) {
    case requestKinds.append: {
      const remainingMs = reader.u32();
      const flags = reader.u8();
      const level = levels[flags & ~laterBit];
      const expected = reader.u64();
      if (expected > offsetMax + 1) reader.reject();
      const triedFor = reader.u32();
      const deliverAtMs = (flags & laterBit) === 0 ? null : reader.u64();
      const batch = reader.rest();
      if (!reader.complete || level === undefined || batch.length === 0) return null;
      const expectedOffset = expected === 0 ? null : expected - 1;
      const triedForMs = triedFor === 0 ? null : triedFor - 1;
      return { type: 'append', correlation, remainingMs, level, expectedOffset, triedForMs, deliverAtMs, batch };
    }
    case requestKinds.revoke: {
      const remainingMs = reader.u32();
      const requestId = reader.rest();
      return reader.complete ? { type: 'revoke', correlation, remainingMs, requestId } : null;
    }
    case requestKinds.readIndex:
      return reader.complete ? { type: 'readIndex', correlation } : null;
    case requestKinds.nextSequence: {
      const requestId = reader.rest();
      return reader.complete ? { type: 'nextSequence', correlation, requestId } : null;
    }
    case requestKinds.status: {
      const topics = reader.rest();
      return reader.complete ? { type: 'status', correlation, topics } : null;
    }
    case requestKinds.read: {
      const freshness = freshnesses[reader.u8()];
      const fromWhat = reader.u8();
      const from = reader.u64();
      if (fromWhat > 2 || (fromWhat === 1 && from > offsetMax)) reader.reject();
      const bytesMax = reader.u32();
      const sessionOffset = reader.offset();
      const waitMs = reader.u32();
      if (!reader.complete || freshness === undefined) return null;
      const offsetFrom = fromWhat === 1 ? from : null;
      const sinceMs = fromWhat === 2 ? from : null;
      return { type: 'read', correlation, freshness, offsetFrom, sinceMs, bytesMax, sessionOffset, waitMs };
    }
    case requestKinds.end: {
      const freshness = freshnesses[reader.u8()];
      return reader.complete && freshness !== undefined ? { type: 'end', correlation, freshness } : null;
    }
    case requestKinds.claim:
      return reader.complete ? { type: 'claim', correlation } : null;
    case requestKinds.subscribers: {
      const json = reader.rest();
      return reader.complete ? { type: 'subscribers', correlation, json } : null;
    }
    case requestKinds.partitions: {
      const groups: number[] = [];
      while (reader.left > 0 && reader.valid) {
        const each = reader.u32();
        if (each < 1 || groups.length === askedGroupsMax) reader.reject();
        groups.push(each);
      }
      return reader.complete ? { type: 'partitions', correlation, groups } : null;
    }
    default:
      return null;
  }
}

export function encodeAnswer(group: number, answer: PeerAnswer, bytes: Bytes): Draft {
  switch (answer.type) {
    case 'appended': {
      const writer = fields(39 + answer.ackedBy.length * 4)
        .u64(answer.correlation)
        .u64(answer.offset)
        .u32(answer.count)
        .u64(answer.term);
      writer
        .u64(answer.timestampMs)
        .u8((answer.committed ? 1 : 0) | (answer.duplicate ? 2 : 0))
        .u16(answer.ackedBy.length);
      for (const id of answer.ackedBy) writer.u32(id);
      return draft(answerKinds.append, group, writer.bytes);
    }
    case 'number':
      return draft(answerKinds.number, group, fields(16).u64(answer.correlation).u64(answer.value).bytes);
    case 'status': {
      const json = bytes.utf8Encode(answer.json);
      return draft(
        answerKinds.status,
        group,
        fields(8 + json.length)
          .u64(answer.correlation)
          .put(json).bytes,
      );
    }
    case 'records': {
      const writer = fields(56 + 8 * answer.times.length)
        .u64(answer.correlation)
        .u64(answer.offsetFrom)
        .u64(answer.offsetNext)
        .u64(answer.highWatermark)
        .u64(answer.logStartOffset)
        .u32(clampU32(Math.ceil(answer.asOfMs)))
        .u64(answer.lag)
        .u32(answer.times.length);
      for (const timeMs of answer.times) writer.u64(timeMs);
      return draft(answerKinds.records, group, writer.bytes, answer.batches, checksumThrough);
    }
    case 'end': {
      const writer = fields(20)
        .u64(answer.correlation)
        .u64(answer.offset)
        .u32(clampU32(Math.ceil(answer.asOfMs)));
      return draft(answerKinds.end, group, writer.bytes);
    }
    case 'subscribers': {
      const json = bytes.utf8Encode(answer.json);
      const writer = fields(12 + json.length)
        .u64(answer.correlation)
        .u32(json.length)
        .put(json);
      return draft(answerKinds.subscribers, group, writer.bytes, answer.batches, checksumThrough);
    }
    case 'error': {
      const code = bytes.utf8Encode(answer.code);
      const message = bytes.utf8Encode(answer.message.slice(0, textLengthMax));
      const details = bytes.utf8Encode(JSON.stringify(answer.details));
      const writer = fields(8 + 6 + code.length + message.length + details.length).u64(answer.correlation);
      return draft(answerKinds.error, group, writer.short(code).short(message).short(details).bytes);
    }
  }
}

export function decodeAnswer(kind: number, body: Uint8Array, bytes: Bytes): PeerAnswer | null {
  const reader = new FieldReader(body);
  const correlation = reader.u64();
  switch (kind) {
    case answerKinds.append: {
      const offset = reader.offset();
      const count = reader.u32();
      const term = reader.term();
      const timestampMs = reader.u64();
      const flags = reader.u8();
      const ackedBy: number[] = [];
      for (let left = reader.u16(); left > 0 && reader.valid; left--) ackedBy.push(reader.u32());
      if (!reader.complete || flags > 3) return null;
      const committed = (flags & 1) !== 0;
      return { type: 'appended', correlation, offset, count, term, timestampMs, committed, duplicate: (flags & 2) !== 0, ackedBy };
    }
    case answerKinds.number: {
      const value = reader.u64();
      return reader.complete ? { type: 'number', correlation, value } : null;
    }
    case answerKinds.status: {
      const json = bytes.utf8Decode(reader.rest());
      return reader.complete ? { type: 'status', correlation, json } : null;
    }
    case answerKinds.records: {
      const found = {
        offsetFrom: reader.offset(),
        offsetNext: reader.offset(),
        highWatermark: reader.offset(),
        logStartOffset: reader.offset(),
        asOfMs: ageOf(reader.u32()),
        lag: reader.u64(),
      };
      const times: number[] = [];
      for (let left = reader.u32(); left > 0 && reader.valid; left--) times.push(reader.u64());
      const batches = cutBatches(reader.rest());
      if (!reader.complete || batches === null || batches.length !== times.length) return null;
      return { type: 'records', correlation, ...found, batches, times };
    }
    case answerKinds.end: {
      const end = reader.offset();
      const asOfMs = ageOf(reader.u32());
      return reader.complete ? { type: 'end', correlation, offset: end, asOfMs } : null;
    }
    case answerKinds.subscribers: {
      const json = bytes.utf8Decode(reader.long());
      const batches = cutBatches(reader.rest());
      return reader.complete && batches !== null ? { type: 'subscribers', correlation, json, batches } : null;
    }
    case answerKinds.error: {
      const code = bytes.utf8Decode(reader.short());
      const message = bytes.utf8Decode(reader.short());
      const details = parseDetails(bytes.utf8Decode(reader.short()));
      if (!reader.complete || details === null) return null;
      // A code of a newer broker: nothing is known about it, least of all that it is definite.
      return { type: 'error', correlation, code: isErrorCode(code) ? code : 'internal', message, details };
    }
    default:
      return null;
  }
}

/** Null where the last one is cut. What is in them is for whoever reads them to judge. */
function cutBatches(bytes: Uint8Array): Uint8Array[] | null {
  const batches: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < batchHeaderBytes) return null;
    const length = batchLength(bytes.subarray(at));
    if (length < batchHeaderBytes || length > bytes.length - at) return null;
    batches.push(bytes.subarray(at, at + length));
    at += length;
  }
  return batches;
}

/** Of one question about partitions, so that its answer fits a frame. */
export const askedGroupsMax = 1024;
const textLengthMax = 8192;
const u32Max = 0xffff_ffff;
const clampU32 = (value: number): number => Math.max(0, Math.min(u32Max, Math.floor(value)));
/** What its field does not hold is of no known age. */
const ageOf = (ms: number): number => (ms === u32Max ? Number.MAX_SAFE_INTEGER : ms);
const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCatalogue, code);

function parseDetails(text: string): ErrorDetails | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const details: Record<string, string | number | boolean | null> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === null || typeof field === 'string' || typeof field === 'number' || typeof field === 'boolean') details[key] = field;
  }
  return details;
}
