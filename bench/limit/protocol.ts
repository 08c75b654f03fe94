/**
 * What the bare loop sends: groups, each a header and its appends one after the other. Answers are 8 bytes: how many appends are synced.
 *
 *     group:   bytes of what follows (u32), appends in it (u32), number of the last append (f64)
 *     append:  length (u32), records (u32), number (f64), time (f64), a spare word, then the records' bytes
 */
export const headerBytes = 16;
export const appendHeaderBytes = 28;

export function writeHeader(group: Buffer, bytes: number, count: number, end: number): void {
  group.writeUInt32LE(bytes, 0);
  group.writeUInt32LE(count, 4);
  group.writeDoubleLE(end, 8);
}

export function readHeader(header: Buffer): { readonly bytes: number; readonly end: number } {
  return { bytes: header.readUInt32LE(0), end: header.readDoubleLE(8) };
}
