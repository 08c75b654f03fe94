/**
 * An answer on its way to the asking machine: frames in the body of an HTTP response, so that bytes of files travel as they are.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | kind: 1 head, 2 part, 3 bytes, 4 end of the part, 5 end, 6 alive, 7 lines, 8 note, 9 reached |
 * | 4 | length of the payload, big endian |
 * | length | payload: JSON in UTF-8, of kind 3 bytes as they are printed, of kind 6 nothing, of kind 7 as in `timed-lines.ts` |
 *
 * A body that ends without a frame of kind 5 was cut off. Kind 6 is sent while there is nothing else to say.
 */
import { Buffer } from 'node:buffer';
import type { AnswerEnd, AnswerHead, PartEnd, PartHead, Reached } from './answer.ts';
import { type TimedLine, timedLinesBytesMax, unpackLines } from './timed-lines.ts';

const frameKinds = { head: 1, part: 2, bytes: 3, partEnd: 4, end: 5, alive: 6, lines: 7, note: 8, reached: 9 } as const;

const frameHeaderBytes = 5;
/** Of frames that are held until they are whole. */
const jsonBytesMax = 64 * 1024;

export type AnswerFrame =
  | { readonly kind: 'head'; readonly value: AnswerHead }
  | { readonly kind: 'part'; readonly value: PartHead }
  | { readonly kind: 'partEnd'; readonly value: PartEnd }
  | { readonly kind: 'end'; readonly value: AnswerEnd }
  | { readonly kind: 'note'; readonly value: { readonly text: string } }
  | { readonly kind: 'reached'; readonly value: Reached }
  | { readonly kind: 'alive'; readonly value: null };

export function encodeFrame(frame: AnswerFrame): Buffer {
  const payload = frame.value === null ? '' : JSON.stringify(frame.value);
  const length = Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + length);
  writeFrameHeader(bytes, frameKinds[frame.kind], length);
  bytes.write(payload, frameHeaderBytes);
  return bytes;
}

/** In front of the bytes themselves, which are not copied. */
export function bytesFrameHeader(length: number, kind: 'bytes' | 'lines' = 'bytes'): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes);
  writeFrameHeader(bytes, frameKinds[kind], length);
  return bytes;
}

function writeFrameHeader(bytes: Buffer, kind: number, length: number): void {
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(length, 1);
}

export interface FrameHandlers {
  readonly frame: (frame: AnswerFrame) => void;
  /** Bytes of the part that was begun, in pieces as they come. */
  readonly bytes: (piece: Buffer) => void;
  readonly lines: (lines: readonly TimedLine[]) => void;
}

const kindNames = new Map<number, AnswerFrame['kind']>([
  [frameKinds.head, 'head'],
  [frameKinds.part, 'part'],
  [frameKinds.partEnd, 'partEnd'],
  [frameKinds.end, 'end'],
  [frameKinds.alive, 'alive'],
  [frameKinds.note, 'note'],
  [frameKinds.reached, 'reached'],
]);

/** Finds frames in a stream of chunks. */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  /** Header and payload of a frame that has not come whole. */
  #held: Buffer = Buffer.alloc(0);
  /** What is left of a frame of bytes. */
  #bytesLeft = 0;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** Gives why the stream is none of ours, as the end of a sentence, or null. */
  take(chunk: Buffer): string | null {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    for (;;) {
      if (this.#bytesLeft > 0) {
        if (rest.length === 0) return null;
        const piece = rest.subarray(0, this.#bytesLeft);
        this.#bytesLeft -= piece.length;
        rest = rest.subarray(piece.length);
        this.#handlers.bytes(piece);
        continue;
      }
      if (rest.length < frameHeaderBytes) break;
      const kind = rest.readUInt8(0);
      const length = rest.readUInt32BE(1);
      if (kind === frameKinds.bytes) {
        this.#bytesLeft = length;
        rest = rest.subarray(frameHeaderBytes);
        continue;
      }
      if (kind === frameKinds.lines) {
        if (length > timedLinesBytesMax) return 'it does not answer as a machine that searches does';
        if (rest.length < frameHeaderBytes + length) break;
        const lines = unpackLines(rest.subarray(frameHeaderBytes, frameHeaderBytes + length));
        if (lines === null) return 'its answer cannot be read';
        rest = rest.subarray(frameHeaderBytes + length);
        this.#handlers.lines(lines);
        continue;
      }
      const name = kindNames.get(kind);
      if (name === undefined || length > jsonBytesMax) return 'it does not answer as a machine that searches does';
      if (rest.length < frameHeaderBytes + length) break;
      const payload = rest.toString('utf8', frameHeaderBytes, frameHeaderBytes + length);
      rest = rest.subarray(frameHeaderBytes + length);
      try {
        this.#handlers.frame({ kind: name, value: length === 0 ? null : JSON.parse(payload) } as AnswerFrame);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return 'its answer cannot be read';
      }
    }
    this.#held = rest;
    return null;
  }
}
