/**
 * The messages of the consensus core as frame bodies; the group stands in the frame header, sender and receiver are those of the link.
 *
 *     16 requestVote             u64 term, u8 flags (1 pre-vote, 2 transfer), u64 end offset, u64 last term
 *     17 requestVoteResponse     u64 term, u8 flags (1 pre-vote, 2 granted)
 *     18 appendEntries           u64 term, u64 offset from, u64 previous term, u64 high watermark, u64 read context, u64 as-of context, u64 number,
 *                                u8 flags (1 news only), u32 batch count, then for each batch u64 offset from, u64 offset to, u64 term, u32 length,
 *                                then all batches' bytes one after another
 *     19 appendEntriesResponse   u64 term, u8 flags (1 success), u64 match offset, u64 hint offset, u64 hint term, u64 request offset, u64 read context,
 *                                u64 number
 *     20 timeoutNow              u64 term
 *     21 joined                  for each of several of the above without batches, of any groups: u8 kind, u32 group, u16 length, its body; the frame is of
 *                                group 0
 *
 * Batches are passed on as they are, without copying, in both directions. A decoder gives null for a body that no broker would send,
 * numbers included that the core could not go on from (`base/branded.ts`).
 */
import type { BrokerId } from '../base/branded.ts';
import type { LogBatch, Message } from '../raft/index.ts';
import { checksumThroughFrame } from '../record/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const raftKinds = {
  requestVote: 16,
  requestVoteResponse: 17,
  appendEntries: 18,
  appendEntriesResponse: 19,
  timeoutNow: 20,
  joined: 21,
} as const;

const batchFieldsBytes = 28;
const fields = (bodyBytes: number): FieldWriter => new FieldWriter(headLength(bodyBytes), wireHeaderBytes);

export const isRaftKind = (kind: number): boolean => kind >= 16 && kind <= 31;

export function encodeRaftMessage(group: number, message: Message): Draft {
  switch (message.type) {
    case 'requestVote': {
      const flags = (message.preVote ? 1 : 0) | (message.transfer ? 2 : 0);
      const writer = fields(25).u64(message.term).u8(flags).u64(message.endOffset).u64(message.lastTerm);
      return draft(raftKinds.requestVote, group, writer.bytes);
    }
    case 'requestVoteResponse': {
      const flags = (message.preVote ? 1 : 0) | (message.granted ? 2 : 0);
      return draft(raftKinds.requestVoteResponse, group, fields(9).u64(message.term).u8(flags).bytes);
    }
    case 'appendEntries': {
      const batches = message.batches;
      const writer = fields(61 + batches.length * batchFieldsBytes);
      writer.u64(message.term).u64(message.offsetFrom).u64(message.previousTerm).u64(message.highWatermark);
      writer
        .u64(message.readContext)
        .u64(message.asOfContext)
        .u64(message.number)
        .u8(message.isNews ? 1 : 0)
        .u32(batches.length);
      const tail: Uint8Array[] = [];
      for (const batch of batches) {
        writer.u64(batch.offsetFrom).u64(batch.offsetTo).u64(batch.term).u32(batch.bytes.length);
        tail.push(batch.bytes);
      }
      return draft(raftKinds.appendEntries, group, writer.bytes, tail, checksumThroughFrame);
    }
    case 'appendEntriesResponse': {
      const writer = fields(57)
        .u64(message.term)
        .u8(message.success ? 1 : 0);
      writer.u64(message.matchOffset).u64(message.hintOffset).u64(message.hintTerm).u64(message.requestOffset);
      writer.u64(message.readContext).u64(message.number);
      return draft(raftKinds.appendEntriesResponse, group, writer.bytes);
    }
    case 'timeoutNow':
      return draft(raftKinds.timeoutNow, group, fields(8).u64(message.term).bytes);
  }
}

/** What may travel in one frame with others: heartbeats, their answers, votes. */
export const isJoinable = ({ kind, tail }: Draft): boolean => isRaftKind(kind) && tail.length === 0;

const joinedFieldsBytes = 7;

/** Several joinable messages as one, in their order. */
export function joinMessages(messages: readonly Draft[]): Draft {
  const bodyOf = ({ head }: Draft): Uint8Array => head.subarray(wireHeaderBytes);
  let length = 0;
  for (const message of messages) length += joinedFieldsBytes + bodyOf(message).length;
  const writer = fields(length);
  for (const message of messages) {
    const body = bodyOf(message);
    writer.u8(message.kind).u32(message.group).u16(body.length).put(body);
  }
  return draft(raftKinds.joined, 0, writer.bytes);
}

export interface JoinedMessage {
  readonly kind: number;
  readonly group: number;
  readonly body: Uint8Array;
}

/** Null for a body that no broker would send. */
export function splitJoined(body: Uint8Array): JoinedMessage[] | null {
  const reader = new FieldReader(body);
  const messages: JoinedMessage[] = [];
  while (reader.valid && reader.left > 0) {
    const kind = reader.u8();
    const message = { kind, group: reader.u32(), body: reader.short() };
    if (!isRaftKind(kind) || kind === raftKinds.joined) return null;
    messages.push(message);
  }
  return reader.valid ? messages : null;
}

export function decodeRaftMessage(kind: number, body: Uint8Array, from: BrokerId, to: BrokerId): Message | null {
  const reader = new FieldReader(body);
  const messageTerm = reader.term();
  const envelope = { from, to, term: messageTerm };
  switch (kind) {
    case raftKinds.requestVote: {
      const flags = reader.u8();
      const endOffset = reader.offset();
      const lastTerm = reader.term();
      if (!reader.complete || flags > 3) return null;
      return { type: 'requestVote', ...envelope, preVote: (flags & 1) !== 0, transfer: (flags & 2) !== 0, endOffset, lastTerm };
    }
    case raftKinds.requestVoteResponse: {
      const flags = reader.u8();
      if (!reader.complete || flags > 3) return null;
      return { type: 'requestVoteResponse', ...envelope, preVote: (flags & 1) !== 0, granted: (flags & 2) !== 0 };
    }
    case raftKinds.appendEntries: {
      const offsetFrom = reader.offset();
      const previousTerm = reader.term();
      const highWatermark = reader.offset();
      const readContext = reader.u64();
      const asOfContext = reader.u64();
      const number = reader.u64();
      const flags = reader.u8();
      const batches = decodeBatches(body, reader, offsetFrom);
      if (batches === null || flags > 1) return null;
      const position = { offsetFrom, previousTerm, highWatermark, readContext, asOfContext, number, isNews: flags === 1 };
      return { type: 'appendEntries', ...envelope, ...position, batches };
    }
    case raftKinds.appendEntriesResponse: {
      const flags = reader.u8();
      const matchOffset = reader.offset();
      const hintOffset = reader.offset();
      const hintTerm = reader.term();
      const requestOffset = reader.offset();
      const readContext = reader.u64();
      const number = reader.u64();
      if (!reader.complete || flags > 1) return null;
      return {
        type: 'appendEntriesResponse',
        from,
        to,
        term: messageTerm,
        success: flags === 1,
        matchOffset,
        hintOffset,
        hintTerm,
        requestOffset,
        readContext,
        number,
      };
    }
    case raftKinds.timeoutNow:
      return reader.complete ? { type: 'timeoutNow', ...envelope } : null;
    default:
      return null;
  }
}

function decodeBatches(body: Uint8Array, reader: FieldReader, offsetFrom: number): LogBatch[] | null {
  const count = reader.u32();
  // The count is only believed as far as its fields are really there.
  if (!reader.valid || count * batchFieldsBytes > reader.left) return null;
  const batches: LogBatch[] = [];
  let next: number = offsetFrom;
  let at = body.length - reader.left + count * batchFieldsBytes;
  for (let i = 0; i < count; i++) {
    const from = reader.offset();
    const to = reader.offset();
    const batchTerm = reader.term();
    const end = at + reader.u32();
    if (!reader.valid || from !== next || to <= from || end > body.length) return null;
    batches.push({ offsetFrom: from, offsetTo: to, term: batchTerm, bytes: body.subarray(at, end) });
    next = to;
    at = end;
  }
  return at === body.length ? batches : null;
}
