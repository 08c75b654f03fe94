/**
 * What one broker asks another, beside consensus. Every request carries a correlation number of its sender's choice; the answer travels on a link
 * that the answering broker dialled and names it again. Nothing here is answered twice, and an answer may never come: the asker has a deadline.
 *
 *     32 append           u64 correlation, u32 remaining ms, u8 level (0 leader, 1 quorum, 2 all), u64 expected offset + 1 (0 = any), u32 ms since it
 *                         was first tried + 1 (0 = never), then the batch, whose header carries the producer and its sequence
 *     33 revoke           u64 correlation, u32 remaining ms, then the request id as text
 *     34 readIndex        u64 correlation
 *     35 nextSequence     u64 correlation, then the request id as text
 *     36 status           u64 correlation
 *     64 appendAnswer     u64 correlation, u64 offset, u32 record count, u64 term, u64 log time, u8 flags (1 committed, 2 duplicate),
 *                         u16 count, then that many u32 broker ids
 *     65 numberAnswer     u64 correlation, u64 value: the high watermark, the next sequence, 0 for a revoke
 *     66 statusAnswer     u64 correlation, then the status as JSON text
 *     67 errorAnswer      u64 correlation, code, message and details (JSON) as texts, each behind a u16
 */
import { offsetMax } from '../base/branded.ts';
import { type ErrorCode, errorCatalogue } from '../base/errors.ts';
import type { Bytes } from '../host/index.ts';
import { checksumThrough } from '../record/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const requestKinds = { append: 32, revoke: 33, readIndex: 34, nextSequence: 35, status: 36 } as const;
export const answerKinds = { append: 64, number: 65, status: 66, error: 67 } as const;

/** As in `eventlog/types.ts`, which this floor does not know. */
type WireLevel = 'leader' | 'quorum' | 'all';
const levels: readonly WireLevel[] = ['leader', 'quorum', 'all'];

export type PeerRequest =
  | {
      readonly type: 'append';
      readonly correlation: number;
      readonly remainingMs: number;
      readonly level: WireLevel;
      readonly expectedOffset: number | null;
      /** Since the first attempt; null where this is it. */
      readonly triedForMs: number | null;
      readonly batch: Uint8Array;
    }
  | { readonly type: 'revoke'; readonly correlation: number; readonly remainingMs: number; readonly requestId: Uint8Array }
  | { readonly type: 'readIndex'; readonly correlation: number }
  | { readonly type: 'nextSequence'; readonly correlation: number; readonly requestId: Uint8Array }
  | { readonly type: 'status'; readonly correlation: number };

export interface Appended {
  readonly offset: number;
  readonly count: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly committed: boolean;
  readonly duplicate: boolean;
  readonly ackedBy: readonly number[];
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

export type PeerAnswer =
  | ({ readonly type: 'appended'; readonly correlation: number } & Appended)
  | { readonly type: 'number'; readonly correlation: number; readonly value: number }
  | { readonly type: 'status'; readonly correlation: number; readonly json: string }
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

export function encodeRequest(group: number, request: PeerRequest): Draft {
  switch (request.type) {
    case 'append': {
      const expected = request.expectedOffset === null ? 0 : request.expectedOffset + 1;
      const triedFor = request.triedForMs === null ? 0 : request.triedForMs + 1;
      const writer = fields(25)
        .u64(request.correlation)
        .u32(clampU32(request.remainingMs))
        .u8(levels.indexOf(request.level))
        .u64(expected)
        .u32(clampU32(triedFor));
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
    case 'status':
      return draft(requestKinds.status, group, fields(8).u64(request.correlation).bytes);
  }
}

export function decodeRequest(kind: number, body: Uint8Array): PeerRequest | null {
  const reader = new FieldReader(body);
  const correlation = reader.u64();
  switch (kind) {
    case requestKinds.append: {
      const remainingMs = reader.u32();
      const level = levels[reader.u8()];
      const expected = reader.u64();
      if (expected > offsetMax + 1) reader.reject();
      const triedFor = reader.u32();
      const batch = reader.rest();
      if (!reader.complete || level === undefined || batch.length === 0) return null;
      const expectedOffset = expected === 0 ? null : expected - 1;
      return { type: 'append', correlation, remainingMs, level, expectedOffset, triedForMs: triedFor === 0 ? null : triedFor - 1, batch };
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
    case requestKinds.status:
      return reader.complete ? { type: 'status', correlation } : null;
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

const textLengthMax = 8192;
const clampU32 = (value: number): number => Math.max(0, Math.min(0xffff_ffff, Math.floor(value)));
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
