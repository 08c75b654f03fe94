/**
 * Control batches: what brokers say to one another inside the log. Readers skip them; each takes exactly one offset (design, D2).
 *
 * A control batch is a record batch with the control bit and one record, whose key names the type as Kafka's control records do:
 *
 *     key    i16 version, 0     i16 type
 *     value  u8 version         then by type; the version is 1 where no other is named:
 *       0x4301 noOp         version 2: u64 request ids remembered at most, u64 ms of log time that they are remembered; version 1: nothing
 *       0x4302 revoke       i64 producer id, then the request id's text as UTF-8 up to the end
 *       0x4303 membership   three lists (voters, voters outgoing, learners), each u32 count and that many u32 broker ids
 *
 * Types below 0x4300 are Kafka's own (0 abort, 1 commit, 2 leader change, ...) and are not used. A type or version unknown to this program is
 * `unknown`: a reader must not guess, since control batches change what the log means.
 */
import { assert } from '../base/assert.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import { forEachRecord, isControl, RecordBatchBuilder } from './record-batch.ts';

/** Broker ids; the same shape as `Membership` of the consensus core, which this floor does not know. */
export interface MembershipIds {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
}

/** What holds for the request ids of a log from here on. It stands in the log, so that all replicas forget the same at the same offset. */
export interface ProducerLimits {
  readonly requestIdsMax: number;
  /** By log time. */
  readonly requestIdRetentionMs: number;
}

export type Control =
  /** A new leader's first batch (Raft §8), with its limits; null in logs from before they were said there. */
  | { readonly type: 'noOp'; readonly limits: ProducerLimits | null }
  /** From here on this request id is refused, and what it had appended before is skipped by readers (design, D7). */
  | { readonly type: 'revoke'; readonly producerId: number; readonly requestId: Uint8Array }
  /** Who takes part; reserved. */
  | { readonly type: 'membership'; readonly membership: MembershipIds }
  | { readonly type: 'unknown'; readonly code: number };

const keyVersion = 0;
const valueVersion = 1;
const limitsVersion = 2;
const codes = { noOp: 0x4301, revoke: 0x4302, membership: 0x4303 } as const;

export function noOpBatch(timestampMs: number, { requestIdsMax, requestIdRetentionMs }: ProducerLimits, bytes: Bytes): Uint8Array {
  const payload = value(16);
  payload[0] = limitsVersion;
  writeU64(viewOf(payload), 1, requestIdsMax);
  writeU64(viewOf(payload), 9, requestIdRetentionMs);
  return controlBatch(codes.noOp, timestampMs, payload, bytes);
}

/** `requestId` is the text as UTF-8; empty when the producer had none. */
export function revokeBatch(timestampMs: number, producerId: number, requestId: Uint8Array, bytes: Bytes): Uint8Array {
  const payload = value(8 + requestId.length);
  writeU64(viewOf(payload), 1, producerId);
  payload.set(requestId, 9);
  return controlBatch(codes.revoke, timestampMs, payload, bytes);
}

export function membershipBatch(timestampMs: number, membership: MembershipIds, bytes: Bytes): Uint8Array {
  const lists = [membership.voters, membership.votersOutgoing, membership.learners];
  const payload = value(lists.reduce((sum, list) => sum + 4 + list.length * 4, 0));
  const view = viewOf(payload);
  let position = 1;
  for (const list of lists) {
    view.setUint32(position, list.length);
    position += 4;
    for (const id of list) {
      view.setUint32(position, id);
      position += 4;
    }
  }
  return controlBatch(codes.membership, timestampMs, payload, bytes);
}

/** What a control batch says; its checksum has been verified by whoever read it. */
export function readControl(batch: Uint8Array): Control {
  assert(isControl(batch), 'a control batch has the control bit');
  let control: Control = { type: 'unknown', code: -1 };
  forEachRecord(batch, (record) => {
    control = decode(record.key(), record.value());
    return false;
  });
  return control;
}

function decode(key: Uint8Array | null, payload: Uint8Array | null): Control {
  if (key === null || key.length !== 4 || payload === null || payload.length < 1) return { type: 'unknown', code: -1 };
  const keyView = viewOf(key);
  const code = keyView.getInt16(2);
  const unknown: Control = { type: 'unknown', code };
  if (keyView.getInt16(0) !== keyVersion) return unknown;
  if (code === codes.noOp) return decodeNoOp(payload) ?? unknown;
  if (payload[0] !== valueVersion) return unknown;
  if (code === codes.revoke) {
    if (payload.length < 9) return unknown;
    const producerId = readU64(viewOf(payload), 1);
    return producerId === null ? unknown : { type: 'revoke', producerId, requestId: payload.subarray(9) };
  }
  if (code === codes.membership) return decodeMembership(payload) ?? unknown;
  return unknown;
}

function decodeNoOp(payload: Uint8Array): Control | null {
  if (payload[0] === valueVersion && payload.length === 1) return { type: 'noOp', limits: null };
  if (payload[0] !== limitsVersion || payload.length !== 17) return null;
  const requestIdsMax = readU64(viewOf(payload), 1);
  const requestIdRetentionMs = readU64(viewOf(payload), 9);
  if (requestIdsMax === null || requestIdRetentionMs === null) return null;
  return { type: 'noOp', limits: { requestIdsMax, requestIdRetentionMs } };
}

function decodeMembership(payload: Uint8Array): Control | null {
  const view = viewOf(payload);
  const lists: number[][] = [];
  let position = 1;
  for (let i = 0; i < 3; i++) {
    if (position + 4 > payload.length) return null;
    const count = view.getUint32(position);
    position += 4;
    if (position + count * 4 > payload.length) return null;
    const list: number[] = [];
    for (let j = 0; j < count; j++, position += 4) list.push(view.getUint32(position));
    lists.push(list);
  }
  const [voters, votersOutgoing, learners] = lists;
  if (position !== payload.length || voters === undefined || votersOutgoing === undefined || learners === undefined) return null;
  return { type: 'membership', membership: { voters, votersOutgoing, learners } };
}

function value(length: number): Uint8Array {
  const payload = new Uint8Array(1 + length);
  payload[0] = valueVersion;
  return payload;
}

function controlBatch(code: number, timestampMs: number, payload: Uint8Array, bytes: Bytes): Uint8Array {
  const key = new Uint8Array(4);
  viewOf(key).setInt16(0, keyVersion);
  viewOf(key).setInt16(2, code);
  const builder = new RecordBatchBuilder({ control: true, capacityBytes: 128 + payload.length });
  builder.add(timestampMs, key, payload);
  return builder.finish(bytes);
}
