/**
 * What brokers tell one another of all their quiet groups at once (docs/decisions/0022), in frames of group 0:
 *
 *     96 pulse        u64 round, u64 as-of round, u32 how many groups are quiet under the sender once this is taken up,
 *                     u32 count of those that woke, each u32 group, then for each that went quiet u32 group, u64 term, u64 end offset
 *     97 pulseAnswer  u64 round, u32 how many groups the receiver holds to be quiet under the sender of the pulse, then each of them that it does not let
 *                     rest: u32 group
 */
import { type GroupId, groupId, type Offset, type Term } from '../base/branded.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const pulseKinds = { pulse: 96, pulseAnswer: 97 } as const;

export const isPulseKind = (kind: number): boolean => kind === pulseKinds.pulse || kind === pulseKinds.pulseAnswer;

/** A group that went quiet: what its leader has, and so everybody. */
export interface QuietGroup {
  readonly group: GroupId;
  readonly term: Term;
  readonly endOffset: Offset;
}

export interface Pulse {
  readonly type: 'pulse';
  /** Rises by one with every pulse of this life of the sender. */
  readonly round: number;
  /** The newest round that the receiver had answered when the newest round began that everybody has answered since; 0 where there is none. */
  readonly asOfRound: number;
  readonly quietCount: number;
  readonly woken: readonly GroupId[];
  readonly quiet: readonly QuietGroup[];
}

export interface PulseAnswer {
  readonly type: 'pulseAnswer';
  readonly round: number;
  readonly quietCount: number;
  readonly awake: readonly GroupId[];
}

const quietBytes = 20;
const fields = (bodyBytes: number): FieldWriter => new FieldWriter(headLength(bodyBytes), wireHeaderBytes);

export function encodePulse({ round, asOfRound, quietCount, woken, quiet }: Omit<Pulse, 'type'>): Draft {
  const writer = fields(24 + 4 * woken.length + quietBytes * quiet.length)
    .u64(round)
    .u64(asOfRound)
    .u32(quietCount)
    .u32(woken.length);
  for (const group of woken) writer.u32(group);
  for (const { group, term, endOffset } of quiet) writer.u32(group).u64(term).u64(endOffset);
  return draft(pulseKinds.pulse, 0, writer.bytes);
}

export function encodePulseAnswer({ round, quietCount, awake }: Omit<PulseAnswer, 'type'>): Draft {
  const writer = fields(12 + 4 * awake.length)
    .u64(round)
    .u32(quietCount);
  for (const group of awake) writer.u32(group);
  return draft(pulseKinds.pulseAnswer, 0, writer.bytes);
}

/** Null for a body that no broker would send. */
export function decodePulse(kind: number, body: Uint8Array): Pulse | PulseAnswer | null {
  const reader = new FieldReader(body);
  const round = reader.u64();
  if (kind === pulseKinds.pulseAnswer) {
    const quietCount = reader.u32();
    const awake = takeGroups(reader, (body.length - 12) / 4);
    return awake === null || !reader.complete ? null : { type: 'pulseAnswer', round, quietCount, awake };
  }
  const asOfRound = reader.u64();
  const quietCount = reader.u32();
  const wokenCount = reader.u32();
  const woken = wokenCount * 4 > body.length ? null : takeGroups(reader, wokenCount);
  const count = (body.length - 24 - wokenCount * 4) / quietBytes;
  if (woken === null || !Number.isInteger(count) || count < 0) return null;
  const quiet: QuietGroup[] = [];
  for (let i = 0; i < count; i++) {
    const group = reader.u32();
    if (group < 1) return null;
    quiet.push({ group: groupId(group), term: reader.term(), endOffset: reader.offset() });
  }
  return reader.complete ? { type: 'pulse', round, asOfRound, quietCount, woken, quiet } : null;
}

function takeGroups(reader: FieldReader, count: number): GroupId[] | null {
  if (!Number.isInteger(count) || count < 0) return null;
  const groups: GroupId[] = [];
  for (let i = 0; i < count; i++) {
    const group = reader.u32();
    if (group < 1) return null;
    groups.push(groupId(group));
  }
  return groups;
}
