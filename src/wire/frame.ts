/**
 * The frames between brokers (design, D10). A link is a stream of frames in both directions; all integers are big endian:
 *
 *     at  type  field
 *      0  u32   length of what follows this field
 *      4  u32   the same with every bit inverted
 *      8  u32   checksum: CRC-32C of everything from 12 to the end
 *     12  u8    version, 2
 *     13  u8    kind (`handshake.ts` 1-15, `raft-messages.ts` 16-31, `requests.ts` 32-95, `pulses.ts` 96-97, `relay.ts` 112)
 *     14  u16   length of the optional fields
 *     16  u32   group id, 0 = the broker as a whole
 *     20  u64   link sequence: 1, 2, 3, ... in the order of sending on this link
 *     28  u48   hybrid stamp of the sender: ms since 1970 ...
 *     34  u16   ... and a counter
 *     36        optional fields, each u8 tag, u8 length, value; a tag that is not known is skipped
 *               tag 2: trace id, 16 bytes, and span, 8 bytes, of the request that this is about (docs/decisions/0033)
 *               tag 3: the same of a batch in this frame, behind its offset, u64; at most 8
 *               then the body, by kind
 *
 * The length stands twice, because a checksum behind it tells nothing until as many bytes have come as a damaged one asks for: on a quiet link never.
 *
 * A frame that is too long, of another version, or fails its checksum closes the link: after damage nothing tells where the next frame starts.
 * An unknown kind is skipped, so that a newer broker can speak to an older one. The link sequence shows a frame that came twice or late, which a
 * stream socket never does and the simulator's network may: requests are taken in rising order only.
 */
import { fromHex, getU16, getU32, getU64, setU16, setU32, setU64, toHex } from '../base/bytes.ts';
import type { TraceContext } from '../base/trace-context.ts';
import type { Stamp } from '../clocks/index.ts';
import type { Bytes } from '../host/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';

const wireVersion = 2;
export const wireHeaderBytes = 36;
/** A largest batch, its frame header, and what an append or an entry adds. */
export const wireFrameBytesMax = 16 * 1024 * 1024;
/** Until the peer has proven itself it may send no more than this in one frame. */
export const handshakeFrameBytesMax = 8192;
const traceTag = 2;
const batchTraceTag = 3;
const contextBytes = 24;
/** Of more traced batches in one frame the traces of the others do not travel. */
export const batchTracesMax = 8;
const lengthsBytes = 8;
const checksumFrom = 12;

/** A message ready for its header: `head` starts with room for the header, `tail` is passed on without copying. */
export interface Draft {
  readonly kind: number;
  /** 0 for the broker as a whole. */
  readonly group: number;
  readonly head: Uint8Array;
  readonly tail: readonly Uint8Array[];
  /** How a checksum goes on over a chunk of the tail. */
  readonly checksumThrough: ChecksumThrough;
  readonly lengthBytes: number;
  /** Bytes of optional fields between the header and the body, in `head`. */
  readonly optionalBytes: number;
}

/** The trace of a batch within a frame: where it stands, and what its way to a follower is part of. */
export interface BatchTrace {
  readonly offsetFrom: number;
  readonly context: TraceContext;
}

/** What a frame says of traces. */
interface FrameTraces {
  /** Of the request that it brings; null where it is not traced. */
  readonly context: TraceContext | null;
  readonly batches: readonly BatchTrace[];
}

type ChecksumThrough = (chunk: Uint8Array, bytes: Bytes, before: number) => number;
const readThrough: ChecksumThrough = (chunk, bytes, before) => bytes.crc32c(chunk, before);

/** `checksumThrough` may know a chunk's checksum without reading it. */
export function draft(
  kind: number,
  group: number,
  head: Uint8Array,
  tail: readonly Uint8Array[] = [],
  checksumThrough: ChecksumThrough = readThrough,
): Draft {
  let lengthBytes = head.length;
  for (const chunk of tail) lengthBytes += chunk.length;
  return { kind, group, head, tail, checksumThrough, lengthBytes, optionalBytes: 0 };
}

/** The same message with what is said of its traces; brokers from before skip that. */
export function withTraces(frame: Draft, context: TraceContext | null, batches: readonly BatchTrace[] = []): Draft {
  const optionalBytes = (context === null ? 0 : 2 + contextBytes) + batches.length * (2 + 8 + contextBytes);
  const body = frame.head.subarray(wireHeaderBytes + frame.optionalBytes);
  const writer = new FieldWriter(wireHeaderBytes + optionalBytes + body.length, wireHeaderBytes);
  if (context !== null) putContext(writer.u8(traceTag).u8(contextBytes), context);
  for (const batch of batches) {
    writer
      .u8(batchTraceTag)
      .u8(8 + contextBytes)
      .u64(batch.offsetFrom);
    putContext(writer, batch.context);
  }
  const head = writer.put(body).bytes;
  return { ...frame, head, optionalBytes, lengthBytes: frame.lengthBytes + head.length - frame.head.length };
}

const putContext = (writer: FieldWriter, { traceId, spanId }: TraceContext): FieldWriter =>
  writer.put(fromHex(traceId)).put(fromHex(spanId));

/** Fills in the header in place and appends the frame's chunks to `chunks`; a draft is sealed and sent once. */
export function sealFrame(frame: Draft, sequence: number, stamp: Stamp, bytes: Bytes, chunks: Uint8Array[]): void {
  const head = frame.head;
  setU32(head, 0, frame.lengthBytes - 4);
  setU32(head, 4, ~(frame.lengthBytes - 4));
  head[12] = wireVersion;
  head[13] = frame.kind;
  setU16(head, 14, frame.optionalBytes);
  setU32(head, 16, frame.group);
  setU64(head, 20, sequence);
  setU16(head, 28, Math.floor(stamp.ms / 0x1_0000_0000));
  setU32(head, 30, stamp.ms);
  setU16(head, 34, stamp.counter);
  let checksum = bytes.crc32c(head.subarray(checksumFrom));
  for (const chunk of frame.tail) checksum = frame.checksumThrough(chunk, bytes, checksum);
  setU32(head, 8, checksum);
  chunks.push(head);
  for (const chunk of frame.tail) chunks.push(chunk);
}

export interface WireFrame {
  readonly kind: number;
  readonly group: number;
  readonly sequence: number;
  readonly stamp: Stamp;
  /** Null for all but those of traced requests. */
  readonly traces: FrameTraces | null;
  readonly body: Uint8Array;
  readonly lengthBytes: number;
}

/**
 * Cuts a stream into frames, however it was split. Holds at most one unfinished frame, in the pieces as they came: a length is only believed as far
 * as bytes have really arrived. After damage it gives nothing any more.
 */
export class FrameReader {
  readonly #bytes: Bytes;
  #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes of the first unfinished frame, 0 while its length is not known. */
  #needed = 0;
  /** Why the link must be closed, or null. */
  damage: string | null = null;

  constructor(bytes: Bytes, bytesMax: number) {
    this.#bytes = bytes;
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** Raised once the peer has proven itself. */
  allow(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Calls `found` for each frame that is now whole, until it returns false or damage is met. Bodies are parts of `chunk` where possible. */
  push(chunk: Uint8Array, found: (frame: WireFrame) => boolean | void): void {
    if (this.damage !== null) return;
    let rest = chunk;
    while (this.damage === null) {
      if (this.#held > 0) {
        const wanted = this.#needed > 0 ? this.#needed : lengthsBytes;
        const taken = Math.min(wanted - this.#held, rest.length);
        if (taken > 0) {
          this.#pieces.push(rest.subarray(0, taken));
          this.#held += taken;
          rest = rest.subarray(taken);
        }
        if (this.#held < wanted) return;
        const joined = this.#join();
        if (this.#needed === 0) {
          if (!this.#measure(joined)) return;
          this.#pieces = [joined];
          this.#held = joined.length;
          continue;
        }
        this.#needed = 0;
        if (!this.#deliver(joined, found)) return;
        continue;
      }
      if (rest.length === 0) return;
      if (rest.length < lengthsBytes) {
        this.#hold(rest);
        return;
      }
      if (!this.#measure(rest)) return;
      if (rest.length < this.#needed) {
        this.#hold(rest);
        return;
      }
      const whole = rest.subarray(0, this.#needed);
      rest = rest.subarray(this.#needed);
      this.#needed = 0;
      if (!this.#deliver(whole, found)) return;
    }
  }

  #hold(piece: Uint8Array): void {
    this.#pieces = [piece];
    this.#held = piece.length;
  }

  #join(): Uint8Array {
    const pieces = this.#pieces;
    this.#pieces = [];
    const length = this.#held;
    this.#held = 0;
    if (pieces.length === 1) return pieces[0] as Uint8Array;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }

  /** Learns the length of the frame that starts these bytes. */
  #measure(start: Uint8Array): boolean {
    const length = getU32(start, 0) + 4;
    if (~getU32(start, 0) >>> 0 !== getU32(start, 4)) return this.#fail('a frame whose two lengths differ');
    if (length < wireHeaderBytes || length > this.#bytesMax) {
      return this.#fail(`a frame of ${length} bytes, ${wireHeaderBytes} to ${this.#bytesMax} are allowed`);
    }
    this.#needed = length;
    return true;
  }

  #deliver(frame: Uint8Array, found: (frame: WireFrame) => boolean | void): boolean {
    const expected = getU32(frame, 8);
    const actual = this.#bytes.crc32c(frame.subarray(checksumFrom));
    if (expected !== actual) return this.#fail(`a frame with checksum ${hex(expected)} whose bytes have ${hex(actual)}`);
    const version = frame[12] as number;
    if (version !== wireVersion) return this.#fail(`a frame of version ${version}, only ${wireVersion} is understood`);
    const optionalTo = wireHeaderBytes + getU16(frame, 14);
    if (optionalTo > frame.length) return this.#fail('optional fields longer than their frame');
    const traces = optionalTo === wireHeaderBytes ? null : readTraces(frame.subarray(wireHeaderBytes, optionalTo));
    if (traces === undefined) return this.#fail('malformed optional fields');
    const sequence = getU64(frame, 20);
    if (sequence === null) return this.#fail('a link sequence out of range');
    const goOn = found({
      kind: frame[13] as number,
      group: getU32(frame, 16),
      sequence,
      stamp: { ms: getU16(frame, 28) * 0x1_0000_0000 + getU32(frame, 30), counter: getU16(frame, 34) },
      traces,
      body: frame.subarray(optionalTo),
      lengthBytes: frame.length,
    });
    return goOn !== false;
  }

  #fail(damage: string): false {
    this.damage = damage;
    this.#pieces = [];
    this.#held = 0;
    return false;
  }
}

/** Null without one, undefined when the fields do not add up. */
function readTraces(optional: Uint8Array): FrameTraces | null | undefined {
  const fields = new FieldReader(optional);
  let context: TraceContext | null = null;
  const batches: BatchTrace[] = [];
  while (fields.valid && fields.left > 0) {
    const tag = fields.u8();
    const value = new FieldReader(fields.bytes(fields.u8()));
    if (tag === traceTag && value.left === contextBytes) context = readContext(value);
    else if (tag === batchTraceTag && value.left === 8 + contextBytes && batches.length < batchTracesMax)
      batches.push({ offsetFrom: value.offset(), context: readContext(value) });
  }
  if (!fields.valid) return undefined;
  return context === null && batches.length === 0 ? null : { context, batches };
}

const readContext = (value: FieldReader): TraceContext => ({ traceId: toHex(value.bytes(16)), spanId: toHex(value.bytes(8)) });

/** Room for the header in front of a body of `bodyBytes`. */
export const headLength = (bodyBytes: number): number => wireHeaderBytes + bodyBytes;

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');
