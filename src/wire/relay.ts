/**
 * A request or an answer on its way over other brokers (docs/decisions/0028): what it is stands in it as it would travel by a link of its own.
 *
 *    112 relay           u32 the broker that it is for, u8 flags (1 long: it goes by the connections for bulk, 2 some hop was by a direct link and along
 *                         no edge), u8 count, then u32 of each broker that it has been at, in order; u8 flags, u8 count and u32s of the request that it
 *                         answers, as it came (0 of them: it is a request); u8 its own kind, then its own body. The group is the frame's.
 */
import { type BrokerId, brokerId } from '../base/branded.ts';
import { checksumThrough } from '../record/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const relayKinds = { relay: 112 } as const;

/** Where a message has been: the brokers in order, and whether a link of its own has stood in for edges that were missing. */
export interface HopList {
  readonly brokers: readonly BrokerId[];
  readonly isDirect: boolean;
}

export interface RelayEnvelope {
  readonly to: BrokerId;
  readonly isLong: boolean;
  readonly hops: HopList;
  /** Of an answer: how its request came. */
  readonly asked: HopList | null;
}

export interface Relay extends RelayEnvelope {
  readonly kind: number;
  readonly body: Uint8Array;
}

const longFlag = 1;
const directFlag = 2;

/** `message` has not been sealed yet: of its head, only what stands behind the room for the header travels. */
export function encodeRelay(envelope: RelayEnvelope, message: Draft): Draft {
  return wrap(envelope, message.group, message.kind, message.head.subarray(wireHeaderBytes), message.tail);
}

/** The same message, one hop on. */
export const passRelay = (relay: Relay, group: number, hops: HopList): Draft => wrap({ ...relay, hops }, group, relay.kind, relay.body, []);

function wrap(
  { to, isLong, hops, asked }: RelayEnvelope,
  group: number,
  kind: number,
  body: Uint8Array,
  tail: readonly Uint8Array[],
): Draft {
  const countAsked = asked?.brokers.length ?? 0;
  const writer = new FieldWriter(headLength(9 + 4 * (hops.brokers.length + countAsked)), wireHeaderBytes)
    .u32(to)
    .u8((isLong ? longFlag : 0) | (hops.isDirect ? directFlag : 0))
    .u8(hops.brokers.length);
  for (const hop of hops.brokers) writer.u32(hop);
  writer.u8(asked?.isDirect === true ? directFlag : 0).u8(countAsked);
  for (const hop of asked?.brokers ?? []) writer.u32(hop);
  writer.u8(kind);
  // Batches know their own checksums; what stands before them is read.
  return draft(relayKinds.relay, group, writer.bytes, [body, ...tail], (chunk, bytes, before) =>
    chunk === body ? bytes.crc32c(chunk, before) : checksumThrough(chunk, bytes, before),
  );
}

/** Null where it is malformed: nothing is said yet of whether these brokers exist. */
export function decodeRelay(body: Uint8Array): Relay | null {
  const reader = new FieldReader(body);
  const to = reader.u32();
  const flags = reader.u8();
  const hops = readHops(reader);
  const flagsAsked = reader.u8();
  const asked = readHops(reader);
  const kind = reader.u8();
  const rest = reader.rest();
  if (!reader.complete || flags > (longFlag | directFlag) || hops.length === 0) return null;
  if (to < 1 || (flagsAsked !== 0 && flagsAsked !== directFlag) || (flagsAsked !== 0 && asked.length === 0)) return null;
  return {
    to: brokerId(to),
    isLong: (flags & longFlag) !== 0,
    hops: { brokers: hops, isDirect: (flags & directFlag) !== 0 },
    asked: asked.length === 0 ? null : { brokers: asked, isDirect: flagsAsked !== 0 },
    kind,
    body: rest,
  };
}

function readHops(reader: FieldReader): BrokerId[] {
  const hops: BrokerId[] = [];
  for (let left = reader.u8(); left > 0 && reader.valid; left--) {
    const id = reader.u32();
    if (id < 1) reader.reject();
    else hops.push(brokerId(id));
  }
  return hops;
}
