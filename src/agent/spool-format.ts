/**
 * The files of a spool. `events-<number of the first event, 16 digits>` are its segments, each a row of frames, one frame for what was written at once:
 *
 *     0  4  "CSP1"
 *     4  4  length of the lines in bytes
 *     8  4  how many lines
 *    12  8  number of the first of them
 *    20  4  length of the notes
 *    24  4  CRC-32C over everything else
 *    28     notes: rows of JSON, `["key","value"]` and \n; then the lines, each with its \n
 *
 * Notes say where the input of these lines ends (opaque here); a later note of a key takes the place of an earlier one, an empty one removes it. Before
 * December 2026 they were one position, of no key. A segment begins with frames without lines that repeat all notes, so that they outlive the segments
 * before; where such a beginning was cut off, or may have been, they are repeated again. Frames are numbered without a gap. Recovery: each frame was synced
 * before the next was written, so a frame that does not fit can only be the last; it is cut off. Followed by a whole frame it is damage, and the spool is
 * refused. An agent that was killed may have written a frame, or made a file, and not synced it: what is found is synced, names too, before anything of it
 * is shown.
 */
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';

const frameHeaderBytes = 28;
/** The most lines in one frame, in bytes. */
export const frameLinesBytesMax = 256 * 1024;
/** The most notes in one frame, in bytes. */
export const frameNotesBytesMax = 128 * 1024;
export const frameBytesMax = frameHeaderBytes + frameNotesBytesMax + frameLinesBytesMax;

export const frameMagic = Uint8Array.from([0x43, 0x53, 0x50, 0x31]);

export interface SpoolFrame {
  readonly first: number;
  readonly count: number;
  readonly notes: Uint8Array;
  readonly lines: Uint8Array;
  /** Of the whole frame. */
  readonly bytes: number;
}

export function encodeFrame(first: number, count: number, notes: Uint8Array, lines: Uint8Array, bytes: Bytes): readonly Uint8Array[] {
  const header = new Uint8Array(frameHeaderBytes);
  const view = viewOf(header);
  header.set(frameMagic);
  view.setUint32(4, lines.length);
  view.setUint32(8, count);
  writeU64(view, 12, first);
  view.setUint32(20, notes.length);
  view.setUint32(24, checksumOf(header, notes, lines, bytes));
  return [header, notes, lines];
}

/** The frame at `at`, or null if there is none that is whole. */
export function decodeFrame(source: Uint8Array, at: number, bytes: Bytes): SpoolFrame | null {
  if (source.length - at < frameHeaderBytes) return null;
  const header = source.subarray(at, at + frameHeaderBytes);
  for (let i = 0; i < frameMagic.length; i++) if (header[i] !== frameMagic[i]) return null;
  const view = viewOf(header);
  const linesBytes = view.getUint32(4);
  const notesBytes = view.getUint32(20);
  const first = readU64(view, 12);
  const length = frameHeaderBytes + notesBytes + linesBytes;
  if (first === null || linesBytes > frameLinesBytesMax || notesBytes > frameNotesBytesMax || source.length - at < length) return null;
  const notes = source.subarray(at + frameHeaderBytes, at + frameHeaderBytes + notesBytes);
  const lines = source.subarray(at + frameHeaderBytes + notesBytes, at + length);
  if (view.getUint32(24) !== checksumOf(header, notes, lines, bytes)) return null;
  return { first, count: view.getUint32(8), notes, lines, bytes: length };
}

function checksumOf(header: Uint8Array, notes: Uint8Array, lines: Uint8Array, bytes: Bytes): number {
  const covered = bytes.crc32c(header.subarray(0, 24));
  return bytes.crc32c(lines, bytes.crc32c(notes, covered));
}

/** What of the input outlives the process: a key, and what is noted of it; an empty value removes it. */
export type Note = readonly [key: string, value: string];

export function encodeNotes(notes: Iterable<Note>, bytes: Bytes): Uint8Array {
  let text = '';
  for (const note of notes) text += `${JSON.stringify(note)}\n`;
  return bytes.utf8Encode(text);
}

/** The position of no key is of before December 2026. */
export function decodeNotes(encoded: Uint8Array, bytes: Bytes): readonly Note[] {
  if (encoded.length === 0) return [];
  const text = bytes.utf8Decode(encoded);
  if (!text.startsWith('[')) return [['', text]];
  return text
    .split('\n')
    .slice(0, -1)
    .map((row) => JSON.parse(row) as Note);
}

/** A later note takes the place of an earlier one. */
export function takeNotes(notes: Map<string, string>, taken: readonly Note[]): void {
  for (const [key, value] of taken) {
    if (value === '') notes.delete(key);
    else notes.set(key, value);
  }
}

const namePattern = /^events-(\d{16})$/;
export const segmentName = (first: number): string => `events-${String(first).padStart(16, '0')}`;

/** Number of the first event of the segment of that name; null for another file. */
export function firstOfName(name: string): number | null {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Who a spool belongs to. Events are numbered from the spool's beginning on; those of a session from `base`. */
export interface SpoolSession {
  readonly name: Uint8Array;
  readonly session: string;
  readonly base: number;
  /** What a copy would not have; null in a spool of before December 2026. */
  readonly home: SpoolHome | null;
}

/** Where a spool was begun. */
export interface SpoolHome {
  /** In hexadecimal; empty where the machine has no name that lasts. */
  readonly machine: string;
  /** The number of a file in the spool that is never replaced: a copy has another one. */
  readonly inode: string;
}

export const sessionPath = 'session';

/** A text that people can read, checked by a checksum in its last line. */
export function encodeSession({ name, session, base, home }: SpoolSession, bytes: Bytes): Uint8Array {
  const where = home === null ? '' : `home ${home.machine}:${home.inode}\n`;
  const text = `cairn spool ${home === null ? 1 : 2}\nname ${hexOf(name)}\nsession ${session}\nbase ${base}\n${where}`;
  const checksum = bytes.crc32c(bytes.utf8Encode(text)).toString(16).padStart(8, '0');
  return bytes.utf8Encode(`${text}crc32c ${checksum}\n`);
}

export function decodeSession(stored: Uint8Array, bytes: Bytes): SpoolSession | null {
  const text = bytes.utf8Decode(stored);
  const match =
    /^cairn spool [12]\nname ([0-9a-f]+)\nsession ([0-9a-f]{32})\nbase (\d{1,16})\n(?:home ([0-9a-f]*):(\w+)\n)?crc32c [0-9a-f]{8}\n$/.exec(
      text,
    );
  if (match === null) return null;
  const [, name = '', session = '', base = '', machine = '', inode] = match;
  const decoded = { name: bytesOfHex(name), session, base: Number(base), home: inode === undefined ? null : { machine, inode } };
  return bytes.utf8Decode(encodeSession(decoded, bytes)) === text ? decoded : null;
}

export function hexOf(source: Uint8Array): string {
  let text = '';
  for (const byte of source) text += byte.toString(16).padStart(2, '0');
  return text;
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
}
