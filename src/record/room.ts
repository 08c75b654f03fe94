/**
 * Room for our frame header in front of a batch, left where a large batch's bytes are first laid out in one piece, so that framing need not copy them:
 *
 *     0  the header to come: a mark and zeros until then     48  the batch
 *
 * Room is taken once. A batch that is framed again (its leader changed) is copied then, because the first frame may still be written, sent or read.
 */
import { assert } from '../base/assert.ts';
import { getU32, setU32 } from '../base/bytes.ts';

export const frameHeaderBytes = 48;
/** Copying less costs nothing to speak of. */
export const roomFromBytes = 16 * 1024;
/** No length of a link's frame and no checksum with zeros behind it. */
const mark = 0x524f_4f4d;

/** Keeps room at the start of bytes that nobody else uses, and gives the part behind it. */
export function leaveRoom(bytes: Uint8Array): Uint8Array {
  assert(bytes.byteOffset === 0 && bytes.length >= frameHeaderBytes, 'room is left at the start of bytes');
  bytes.fill(0, 0, frameHeaderBytes);
  setU32(bytes, 0, mark);
  return bytes.subarray(frameHeaderBytes);
}

/** The batch with the room in front of it, all zeros, which is not room any more; null where none is left. */
export function takeRoom(batch: Uint8Array): Uint8Array | null {
  if (batch.byteOffset !== frameHeaderBytes || batch.length < roomFromBytes) return null;
  const whole = new Uint8Array(batch.buffer, 0, frameHeaderBytes + batch.length);
  if (getU32(whole, 0) !== mark) return null;
  for (let i = 4; i < frameHeaderBytes; i++) if (whole[i] !== 0) return null;
  setU32(whole, 0, 0);
  return whole;
}
