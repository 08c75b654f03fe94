/**
 * `<base offset>.checkpoint` beside a sealed segment: the state that was derived from all records up to the segment's end. Opaque to storage,
 * always replaceable by replaying the log. Bound to the log by the checksum of the segment's last frame, so that the checkpoint of a log that
 * was cut and written anew cannot be taken for this one's.
 *
 *     0  8  'CAIRNCKP'   8  u32 version, 1   12  u32 group id   16  u64 offset to   24  u32 checksum of the last frame   28  u32 length
 *     32  the state      end  u32 CRC-32C of everything before
 */
import { offset } from '../base/branded.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import type { StateCheckpoint } from './contract.ts';

const headBytes = 32;
const magicHigh = 0x4341_4952; // 'CAIR'
const magicLow = 0x4e43_4b50; // 'NCKP'

export function encodeCheckpoint(group: number, checkpoint: StateCheckpoint, lastChecksum: number, bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(headBytes + checkpoint.bytes.length + 4);
  const view = viewOf(encoded);
  view.setUint32(0, magicHigh);
  view.setUint32(4, magicLow);
  view.setUint32(8, 1);
  view.setUint32(12, group);
  writeU64(view, 16, checkpoint.offsetTo);
  view.setUint32(24, lastChecksum);
  view.setUint32(28, checkpoint.bytes.length);
  encoded.set(checkpoint.bytes, headBytes);
  view.setUint32(encoded.length - 4, bytes.crc32c(encoded.subarray(0, encoded.length - 4)));
  return encoded;
}

/** The checkpoint if it is intact and belongs to this group and this log, else null. */
export function readCheckpoint(
  source: Uint8Array,
  group: number,
  offsetTo: number,
  lastChecksum: number,
  bytes: Bytes,
): StateCheckpoint | null {
  if (source.length < headBytes + 4) return null;
  const view = viewOf(source);
  if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;
  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow || view.getUint32(8) !== 1) return null;
  if (view.getUint32(12) !== group || readU64(view, 16) !== offsetTo || view.getUint32(24) !== lastChecksum) return null;
  if (view.getUint32(28) !== source.length - headBytes - 4) return null;
  return { offsetTo: offset(offsetTo), bytes: source.slice(headBytes, source.length - 4) };
}
