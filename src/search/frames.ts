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

/** Where a promise is given what comes behind is not looked at before it is kept. */
export interface FrameHandlers {
  readonly frame: (frame: AnswerFrame) => Promise<void> | undefined;
  /** Bytes of the part that was begun, in pieces as they come. They are there as long as the chunk is: whoever keeps them copies them. */
  readonly bytes: (piece: Buffer) => Promise<void> | undefined;
  readonly lines: (lines: readonly TimedLine[]) => Promise<void> | undefined;
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

const nothing: Buffer = Buffer.alloc(0);

/** Finds frames in a stream of chunks. */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  /** Header and payload of a frame that has not come whole. */
  #held = nothing;
  /** What is left of a frame of bytes. */
  #bytesLeft = 0;
  #problem: string | null = null;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** Why the stream is none of ours, as the end of a sentence; null as long as it is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Where a promise is given the rest of the chunk is taken when it is kept; it must not change before. */
  take(chunk: Buffer): Promise<void> | undefined {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = nothing;
    while (this.#problem === null) {
      const before = rest.length;
      const { wait, left } = this.#takeOne(rest);
      rest = left;
      if (wait !== undefined) return wait.then(() => this.take(rest));
      if (rest.length === before) break;
    }
    // The chunk is somebody else's buffer.
    if (rest.length > 0) this.#held = Buffer.from(rest);
    return undefined;
  }

  /** One frame, or what there is of one of bytes; nothing where a frame is not whole. */
  #takeOne(rest: Buffer): { readonly wait: Promise<void> | undefined; readonly left: Buffer } {
    if (this.#bytesLeft > 0 && rest.length > 0) {
      const piece = rest.subarray(0, this.#bytesLeft);
      this.#bytesLeft -= piece.length;
      return { wait: this.#handlers.bytes(piece), left: rest.subarray(piece.length) };
    }
    if (rest.length < frameHeaderBytes) return { wait: undefined, left: rest };
    const kind = rest.readUInt8(0);
    const length = rest.readUInt32BE(1);
    if (kind === frameKinds.bytes) {
      this.#bytesLeft = length;
      return { wait: undefined, left: rest.subarray(frameHeaderBytes) };
    }
    const name = kindNames.get(kind);
    const isLines = kind === frameKinds.lines;
    if ((!isLines && name === undefined) || length > (isLines ? timedLinesBytesMax : jsonBytesMax)) {
      return this.#refuse('it does not answer as a machine that searches does');
    }
    if (rest.length < frameHeaderBytes + length) return { wait: undefined, left: rest };
    const payload = rest.subarray(frameHeaderBytes, frameHeaderBytes + length);
    const left = rest.subarray(frameHeaderBytes + length);
    if (isLines) {
      // Lines wait for those of other machines.
      const lines = unpackLines(Buffer.from(payload));
      return lines === null ? this.#refuse('its answer cannot be read') : { wait: this.#handlers.lines(lines), left };
    }
    let value: unknown = null;
    try {
      if (length > 0) value = JSON.parse(payload.toString('utf8'));
    } catch {
      return this.#refuse('its answer cannot be read');
    }
    return { wait: this.#handlers.frame({ kind: name, value } as AnswerFrame), left };
  }

  #refuse(problem: string): { readonly wait: undefined; readonly left: Buffer } {
    this.#problem = problem;
    return { wait: undefined, left: nothing };
  }
}
