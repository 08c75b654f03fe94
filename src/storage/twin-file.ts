/**
 * A file of a fixed size that holds everything twice and never needs new space (docs/decisions/0013). What a broker must know to take part in an
 * election stands in such files: `votes`, `identity`, `peers`.
 *
 *     0         first copy of the content: half 0, then half 1
 *     size / 2  second copy: the same bytes
 *
 * The copies lie at least 64 KiB apart, so that whatever a disk loses, tears or refuses to read at once reaches one of them: sectors of 4 KiB, and 64 KiB
 * at most where it keeps account of larger units. A write takes whole pages of 4 KiB that hold nothing else, so that a disk which damages the page that it
 * is writing damages nothing older; and what is in force stays where it is until what replaces it is synced, because new content goes behind it or to
 * the other half.
 */
import type { Task } from '../base/task.ts';
import type { Disk, DiskFile } from '../host/index.ts';
import { closing, guard, openFile, readAt, readWhole, rethrow, syncFile, Unreadable, writeAt } from './steps.ts';

const pageBytes = 4096;
const copiesApartMin = 64 * 1024;

export const wholePages = (length: number): number => Math.ceil(length / pageBytes) * pageBytes;

/** Size of a file whose halves hold at least so many bytes. */
export const twinFileBytes = (halfBytes: number): number => Math.max(copiesApartMin, wholePages(halfBytes) * 2) * 2;

/** Bytes of one half in a file of this size. */
export const halfBytesOf = (fileBytes: number): number => Math.floor(fileBytes / 4 / pageBytes) * pageBytes;

/** Where each copy of the content begins. */
export const copyStartsOf = (fileBytes: number): readonly [number, number] => [0, fileBytes / 2];

/** The content of a new file: these bytes at the start of both copies, zeros behind them. */
export function twinContent(fileBytes: number, bytes: Uint8Array): Uint8Array {
  const content = new Uint8Array(fileBytes);
  for (const start of copyStartsOf(fileBytes)) content.set(bytes, start);
  return content;
}

/** Writes whole pages at a position of both copies, with one sync. */
export function* writeTwice(file: DiskFile, position: number, bytes: Uint8Array): Task<void> {
  for (const start of copyStartsOf(file.size)) yield* writeAt(file, start + position, [bytes]);
  yield* syncFile(file);
}

/**
 * All bytes of a file, or null if there is none. Pages that the disk refuses to read are zeros: whether the rest is enough is seen by whoever looks at
 * it. A file of which no page can be read is a failure.
 */
export function* readWhatIsReadable(disk: Disk, path: string): Task<Uint8Array | null> {
  const whole = yield* guard(readWhole(disk, path));
  if (whole.ok) return whole.value;
  if (whole.error.kind !== 'unreadable' || whole.error.error.operation !== 'read') return rethrow(whole.error);
  const file = yield* openFile(disk, path, 'read');
  return yield* closing(file, readPageByPage(file, new Unreadable(whole.error.error)));
}

function* readPageByPage(file: DiskFile, failure: Unreadable): Task<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  let readable = 0;
  for (let at = 0; at < bytes.length; at += pageBytes) {
    const page = yield* guard(readAt(file, at, Math.min(pageBytes, bytes.length - at)));
    if (!page.ok) continue;
    bytes.set(page.value, at);
    readable++;
  }
  if (readable === 0) throw failure;
  return bytes;
}
