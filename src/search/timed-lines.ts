/**
 * Lines of several parts of an answer with their times, one behind the other, as the payload of a frame:
 *
 * | bytes | field |
 * |---|---|
 * | 2 | which part, by the order in which the parts were begun, from 0 |
 * | 1 | flags: 1 a line begins, 2 a line ends |
 * | 8 | time in milliseconds since 1970, a double, big endian; -Infinity where none is known |
 * | 4 | length |
 * | length | bytes as they are printed, with the end of the line |
 *
 * A line that is longer than a frame comes in pieces, none of which has both flags.
 */
import { Buffer } from 'node:buffer';
import type { TimedPiece } from '../query/index.ts';

export interface TimedLine extends TimedPiece {
  readonly part: number;
}

const headerBytes = 15;
const pieceBytesMax = 64 * 1024;
/** Of a payload: one that is longer is none of ours. */
export const timedLinesBytesMax = 256 * 1024;

const beginning = 1;
const ending = 2;

/** Collects lines for the next frame. */
export class LinePacker {
  #chunks: Buffer[] = [];

  add({ part, timeMs, bytes, isBeginning, isEnd }: TimedLine): void {
    for (let from = 0; from === 0 || from < bytes.length; from += pieceBytesMax) {
      const piece = bytes.subarray(from, from + pieceBytesMax);
      const flags = (isBeginning && from === 0 ? beginning : 0) | (isEnd && from + pieceBytesMax >= bytes.length ? ending : 0);
      const header = Buffer.allocUnsafe(headerBytes);
      header.writeUInt16BE(part, 0);
      header.writeUInt8(flags, 2);
      header.writeDoubleBE(timeMs, 3);
      header.writeUInt32BE(piece.length, 11);
      this.#chunks.push(header, Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    }
  }

  /** Payloads, none longer than may be sent. */
  take(): Buffer[] {
    const payloads: Buffer[] = [];
    let held: Buffer[] = [];
    let length = 0;
    for (let at = 0; at < this.#chunks.length; at += 2) {
      const [header, bytes] = [this.#chunks[at] as Buffer, this.#chunks[at + 1] as Buffer];
      if (length > 0 && length + header.length + bytes.length > timedLinesBytesMax) {
        payloads.push(Buffer.concat(held));
        held = [];
        length = 0;
      }
      held.push(header, bytes);
      length += header.length + bytes.length;
    }
    if (length > 0) payloads.push(Buffer.concat(held));
    this.#chunks = [];
    return payloads;
  }
}

/** The lines of a payload, where they lie in it; null when it is none of ours. */
export function unpackLines(payload: Buffer): TimedLine[] | null {
  const lines: TimedLine[] = [];
  for (let at = 0; at < payload.length; ) {
    if (payload.length - at < headerBytes) return null;
    const flags = payload.readUInt8(at + 2);
    const timeMs = payload.readDoubleBE(at + 3);
    const from = at + headerBytes;
    const to = from + payload.readUInt32BE(at + 11);
    if (to > payload.length || flags > 3 || Number.isNaN(timeMs)) return null;
    const bytes = payload.subarray(from, to);
    lines.push({ part: payload.readUInt16BE(at), timeMs, bytes, isBeginning: (flags & beginning) !== 0, isEnd: (flags & ending) !== 0 });
    at = to;
  }
  return lines;
}
