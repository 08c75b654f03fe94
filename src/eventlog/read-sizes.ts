/** A guess: what is too little is read on from, four times as much with each further read. */
const recordBytesUsual = 1024;

/** What to read at first for so many records: batches come whole, and what is read beyond is read for nothing. All of it where that is not much more. */
export function readBytesFor(recordsMax: number, bytesMax: number): number {
  const bytes = recordsMax * recordBytesUsual;
  return bytes * 2 > bytesMax ? bytesMax : bytes;
}

export const readMore = 4;
