/**
 * `<offset to>.state` in a log's folder: the state that was derived from all records below that offset, which are committed. Opaque to storage. As long as the
 * log begins at 0 it can be made again; once records were removed it is all that is left of them, so none is removed above the newest that is durable.
 * Bound to the log by the checksum of the frame that ends at its offset.
 *
 *     0  8  'CAIRNCKP'   8  u32 version, 2   12  u32 group id   16  u64 offset to   24  u32 checksum of the frame before   28  u32 length
 *     32  the state      end  u32 CRC-32C of everything before
 *
 * Version 1, until November 2026, is `<base offset>.checkpoint` beside a sealed segment and of its end, which may not have been committed; the checksum is
 * that of the segment's last frame. It is read where there is no other, and is removed with its segment.
 */
import { offset } from '../base/branded.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import type { StateCheckpoint } from './contract.ts';

const headBytes = 32;
const magicHigh = 0x4341_4952; // 'CAIR'
const magicLow = 0x4e43_4b50; // 'NCKP'
export const stateVersion = 2;
export const segmentStateVersion = 1;

export function encodeCheckpoint(group: number, { offsetTo, checksum, bytes: state }: StateCheckpoint, bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(headBytes + state.length + 4);
  const view = viewOf(encoded);
  view.setUint32(0, magicHigh);
  view.setUint32(4, magicLow);
  view.setUint32(8, stateVersion);
  view.setUint32(12, group);
  writeU64(view, 16, offsetTo);
  view.setUint32(24, checksum);
  view.setUint32(28, state.length);
  encoded.set(state, headBytes);
  view.setUint32(encoded.length - 4, bytes.crc32c(encoded.subarray(0, encoded.length - 4)));
  return encoded;
}

/** The checkpoint if it is intact and of this group, version and place, else null. Whether it is of this very log its checksum tells. */
export function readCheckpoint(source: Uint8Array, group: number, version: number, offsetTo: number, bytes: Bytes): StateCheckpoint | null {
  if (source.length < headBytes + 4) return null;
  const view = viewOf(source);
  if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;
  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow || view.getUint32(8) !== version) return null;
  if (view.getUint32(12) !== group || readU64(view, 16) !== offsetTo) return null;
  if (view.getUint32(28) !== source.length - headBytes - 4) return null;
  return { offsetTo: offset(offsetTo), checksum: view.getUint32(24), bytes: source.slice(headBytes, source.length - 4) };
}
