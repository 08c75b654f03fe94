/**
 * A text that people can read, in a file that needs no new space when it changes (`twin-file.ts`):
 *
 *     cairn identity 3
 *     sequence 12
 *     ... lines of the file's own
 *     crc32c 9ac3c25b
 *
 * and zeros up to the end of a page. The checksum covers all lines before its own. A new text goes to the half that does not hold the newest, with a
 * sequence number that is one higher, so that the file holds the old or the new text whatever happens; the intact text with the highest number counts.
 * One intact copy is enough. None is corruption, and so is a missing file where there must be one.
 *
 * Plain, as earlier versions wrote it: the same without the line `sequence`, the whole file, replaced by a new one whenever it changed. It is replaced
 * by a twin file when it is stored next; where there is no space for that it stays plain.
 */
import type { Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { StorageHost } from './host.ts';
import { closing, CorruptionFound, guard, hex, openFile, replaceWhole, rethrow, syncDirectory } from './steps.ts';
import { copyStartsOf, halfBytesOf, readWhatIsReadable, twinContent, twinFileBytes, wholePages, writeTwice } from './twin-file.ts';
import { parentOf } from './disk-path.ts';

export interface TextFile {
  readonly path: string;
  /** In its first line. */
  readonly name: string;
  /** Of the twin file. */
  readonly version: number;
  /** The newest that was plain; earlier ones are read too. */
  readonly plainVersion: number;
  /** The end of "expected ..." where it is damaged. */
  readonly expected: string;
}

export interface StoredText {
  readonly version: number;
  /** The file's own lines. */
  readonly body: string;
  /** Where it stands; null for a plain file. */
  readonly place: { readonly sequence: number; readonly half: number; readonly fileBytes: number } | null;
}

/** The text as it stands, or null if there is no file. */
export function* loadText({ disk, bytes }: StorageHost, file: TextFile): Task<StoredText | null> {
  const stored = yield* readWhatIsReadable(disk, file.path);
  if (stored === null) return null;
  const text = newestIn(stored, file, bytes);
  if (text === null) throw new CorruptionFound({ path: file.path, position: 0, expected: file.expected, found: 'other bytes' });
  // Its name may be in memory only, if the process that wrote it was killed before it synced the folder.
  yield* syncDirectory(disk, parentOf(file.path));
  return text;
}

/** Puts a text in the place of the one that was loaded; durable when it is done. */
export function* storeText({ disk, bytes }: StorageHost, file: TextFile, body: string, previous: StoredText | null): Task<void> {
  const place = previous?.place ?? null;
  const encoded = encode(file, file.version, (place?.sequence ?? 0) + 1, body, bytes);
  if (place !== null && encoded.length <= halfBytesOf(place.fileBytes)) {
    const opened = yield* openFile(disk, file.path, 'write');
    yield* closing(opened, writeTwice(opened, (1 - place.half) * halfBytesOf(place.fileBytes), encoded));
    return;
  }
  // Room for twice as much, so that a text which grows line by line does not need a new file for each.
  const replaced = yield* guard(replaceWhole(disk, file.path, twinContent(twinFileBytes(encoded.length * 2), encoded)));
  if (replaced.ok) return;
  const isPlain = previous !== null && place === null;
  if (!isPlain || replaced.error.kind !== 'disk' || replaced.error.error.code !== 'noSpace') rethrow(replaced.error);
  yield* replaceWhole(disk, file.path, trimmed(encode(file, file.plainVersion, null, body, bytes)));
}

function encode({ name }: TextFile, version: number, sequence: number | null, body: string, bytes: Bytes): Uint8Array {
  const text = `cairn ${name} ${version}\n${sequence === null ? '' : `sequence ${sequence}\n`}${body}`;
  const encoded = bytes.utf8Encode(`${text}crc32c ${hex(bytes.crc32c(bytes.utf8Encode(text)))}\n`);
  // At least one zero tells where it ends: a longer text may have stood there.
  const padded = new Uint8Array(wholePages(encoded.length + 1));
  padded.set(encoded);
  return padded;
}

const trimmed = (source: Uint8Array): Uint8Array => {
  const end = source.indexOf(0);
  return end < 0 ? source : source.subarray(0, end);
};

function newestIn(stored: Uint8Array, file: TextFile, bytes: Bytes): StoredText | null {
  const fileBytes = stored.length;
  let newest: StoredText | null = null;
  for (const start of copyStartsOf(fileBytes)) {
    for (const half of [0, 1]) {
      const text = parse(stored.subarray(start + half * halfBytesOf(fileBytes)), file, bytes);
      if (text === null || text.sequence === null || text.version !== file.version) continue;
      if ((newest?.place?.sequence ?? 0) >= text.sequence) continue;
      newest = { version: text.version, body: text.body, place: { sequence: text.sequence, half, fileBytes } };
    }
  }
  if (newest !== null) return newest;
  const plain = stored.includes(0) ? null : parse(stored, file, bytes);
  if (plain === null || plain.sequence !== null || plain.version > file.plainVersion) return null;
  return { version: plain.version, body: plain.body, place: null };
}

function parse(
  stored: Uint8Array,
  { name }: TextFile,
  bytes: Bytes,
): { readonly version: number; readonly sequence: number | null; readonly body: string } | null {
  const source = trimmed(stored);
  const match = /^cairn (\w+) ([1-9]\d*)\n(?:sequence ([1-9]\d*)\n)?((?:.*\n)*)crc32c ([0-9a-f]{8})\n$/.exec(bytes.utf8Decode(source));
  if (match === null || match[1] !== name) return null;
  const [, , version, sequence, body = '', checksum] = match;
  const covered = source.subarray(0, source.length - 'crc32c 01234567\n'.length);
  if (hex(bytes.crc32c(covered)) !== checksum) return null;
  return { version: Number(version), sequence: sequence === undefined ? null : Number(sequence), body };
}
