import { bytesEqual, toHex } from '../base/bytes.ts';
import type { Task } from '../base/task.ts';
import type { Bytes, DiskFile, FileStatus } from '../host/index.ts';
import { must } from '../storage/steps.ts';

/** By these a file is known again, however it is called and whoever copied it: as many as were read, at most. */
const firstBytesMax = 1024;
/** Of those as they are, for a copy that is shorter. */
const headBytesMax = 64;
/** As much of what was read last is compared before more is read: a file that was cut and grew again past this place has other bytes there. */
const witnessBytesMax = 256;

/** How far a file was read, and what it is known by there: its identity, its first bytes, and those just before. */
export interface Place {
  readonly identity: string;
  readonly offset: number;
  /** The first bytes, at most 64, in hexadecimal; null in a place that an agent of before November 2026 kept. */
  readonly head: string | null;
  /** CRC-32C of the first bytes, at most 1,024 and at most `offset`. */
  readonly first: number;
  /** CRC-32C of the last bytes before `offset`, at most 256. */
  readonly witness: number;
}

/** A file beside the followed one that is not read any more, or never was. */
export interface KnownFile {
  readonly identity: string;
  /** How far it was read; null for one that is none of what is followed. */
  readonly offset: number | null;
  /** How many of its first bytes are known, and their CRC-32C. */
  readonly firstBytes: number;
  readonly first: number;
  /** As in a place; 0 for one that was not read. */
  readonly witness: number;
}

export type Checksums = Pick<Bytes, 'crc32c'>;

/** A file that is open, and how far it was read. Invariant: `witness` is what stood before `offset` when that was read. */
export class OpenFile {
  readonly file: DiskFile;
  /** As the disk names it when it was opened. */
  readonly path: string;
  readonly identity: string;
  /** Counts what is read as one: a copy that goes on in place of its original has the original's. */
  readonly source: number;
  offset: number;
  /** As of the last look. */
  modifiedMs: number;
  /** When it was last seen to grow, by a clock that only counts. */
  quietSinceMs = 0;
  /** Up to where what was given is taken. */
  taken: Place;
  /** It was looked for files that came before this one. */
  isPlaced = false;
  readonly #bytes: Checksums;
  #first: Uint8Array;
  #witness: Uint8Array;

  constructor(
    opened: { file: DiskFile; status: FileStatus; source: number; offset: number; first: Uint8Array; witness: Uint8Array },
    bytes: Checksums,
  ) {
    this.file = opened.file;
    this.path = opened.file.path;
    this.identity = opened.status.identity;
    this.modifiedMs = opened.status.modifiedMs;
    this.source = opened.source;
    this.offset = opened.offset;
    this.#first = opened.first;
    this.#witness = opened.witness;
    this.#bytes = bytes;
    this.taken = this.place;
  }

  get place(): Place {
    return placeOf(this.identity, this.offset, this.#first, this.#witness, this.#bytes);
  }

  get known(): KnownFile {
    return knownOfPlace(this.place);
  }

  /** Whether it still begins as it did. */
  *hasFirst(): Task<boolean> {
    const head = this.#first.subarray(0, headBytesMax);
    const read = yield* readRange(this.file, 0, head.length);
    return bytesEqual(read, head);
  }

  /** Reads so many bytes behind `offset`; null when what was read last is not there any more. */
  *readOn(bytesMax: number): Task<Reading | null> {
    const witnessBytes = this.#witness.length;
    const read = yield* must<Uint8Array>((done) => this.file.read(this.offset - witnessBytes, witnessBytes + bytesMax, done));
    for (let i = 0; i < witnessBytes; i++) if (read[i] !== this.#witness[i]) return null;
    const chunk = read.subarray(witnessBytes);
    const from = this.offset;
    if (from < firstBytesMax && chunk.length > 0) this.#first = joined(this.#first, chunk, firstBytesMax);
    const first = this.#first;
    this.offset += chunk.length;
    // A copy: it must not hold on to the whole chunk.
    this.#witness = read.slice(Math.max(0, read.length - witnessBytesMax));
    const placeAt = (to: number): Place => {
      const offset = from + to;
      const end = witnessBytes + to;
      const witness = read.subarray(Math.max(0, end - witnessBytesMax), end);
      return placeOf(this.identity, offset, first.subarray(0, Math.min(offset, firstBytesMax)), witness, this.#bytes);
    };
    return { chunk, placeAt };
  }
}

interface Reading {
  readonly chunk: Uint8Array;
  /** The place behind the first `to` bytes of the chunk. */
  readonly placeAt: (to: number) => Place;
}

function placeOf(identity: string, offset: number, first: Uint8Array, witness: Uint8Array, bytes: Checksums): Place {
  return { identity, offset, head: toHex(first.subarray(0, headBytesMax)), first: bytes.crc32c(first), witness: bytes.crc32c(witness) };
}

/** An open file whose reading begins at `offset`, which is not beyond its end. */
export function* beginAt(file: DiskFile, status: FileStatus, offset: number, source: number, bytes: Checksums): Task<OpenFile> {
  const first = yield* readRange(file, 0, Math.min(offset, firstBytesMax));
  return yield* beginBehind(first, file, status, offset, source, bytes);
}

function* beginBehind(
  first: Uint8Array,
  file: DiskFile,
  status: FileStatus,
  offset: number,
  source: number,
  bytes: Checksums,
): Task<OpenFile> {
  const witness = yield* readRange(file, Math.max(0, offset - witnessBytesMax), offset);
  return new OpenFile({ file, status, source, offset, first, witness }, bytes);
}

/** Goes on at a place, if the file has there the bytes that the place knows: it is the same, or a copy of it. Null, with the file still open, if not. */
export function* beginAtPlace(file: DiskFile, status: FileStatus, place: Place, source: number, bytes: Checksums): Task<OpenFile | null> {
  if (file.size < place.offset) return null;
  const first = yield* readRange(file, 0, Math.min(place.offset, firstBytesMax));
  // Most are told by these, and where it was compressed the others are far.
  if (place.head !== null && bytes.crc32c(first) !== place.first) return null;
  const begun = yield* beginBehind(first, file, status, place.offset, source, bytes);
  return begun.place.witness === place.witness ? begun : null;
}

/** Whether a file that is shorter than the place still has all of the first bytes that are known of it: it was shortened, not begun anew. */
export function* isShortened(file: DiskFile, { offset, head, first }: Place, bytes: Checksums): Task<boolean> {
  if (head === null || offset < firstBytesMax || file.size < firstBytesMax || file.size >= offset) return false;
  return bytes.crc32c(yield* readRange(file, 0, firstBytesMax)) === first;
}

/** Whether all of a short file was read as the beginning of that one: a copy that was made before the rest was written. */
export function* isBeginningOf(file: DiskFile, { offset, head, first }: Place, bytes: Checksums): Task<boolean> {
  if (head === null || file.size === 0 || file.size >= offset) return false;
  const start = yield* readRange(file, 0, Math.min(file.size, firstBytesMax));
  if (start.length === firstBytesMax) return bytes.crc32c(start) === first;
  const known = head.length / 2;
  return toHex(start.subarray(0, known)) === head.slice(0, 2 * start.length);
}

/** Nothing more is there now. */
export function* isAtEnd({ file, offset }: OpenFile): Task<boolean> {
  return (yield* readRange(file, offset, offset + 1)).length === 0;
}

export function knownOfPlace({ identity, offset, first, witness }: Place): KnownFile {
  return { identity, offset, firstBytes: Math.min(offset, firstBytesMax), first, witness };
}

/** What is noted of a file that is not read. */
export function* knownOf(file: DiskFile, identity: string, bytes: Checksums): Task<KnownFile> {
  const start = yield* readRange(file, 0, Math.min(file.size, firstBytesMax));
  return { identity, offset: null, firstBytes: start.length, first: bytes.crc32c(start), witness: 0 };
}

/** Whether a file under a known identity is the known one: another one may have its number once it is gone. */
export function* isKnown(file: DiskFile, { firstBytes, first }: KnownFile, bytes: Checksums): Task<boolean> {
  if (firstBytes === 0 || file.size < firstBytes) return false;
  return bytes.crc32c(yield* readRange(file, 0, firstBytes)) === first;
}

function* readRange(file: DiskFile, from: number, to: number): Task<Uint8Array> {
  if (to <= from) return new Uint8Array(0);
  return yield* must<Uint8Array>((done) => file.read(from, to - from, done));
}

/** At most `bytesMax` of both; what is kept must not hold on to a whole chunk. */
function joined(first: Uint8Array, second: Uint8Array, bytesMax: number): Uint8Array {
  const both = new Uint8Array(Math.min(bytesMax, first.length + second.length));
  both.set(first);
  both.set(second.subarray(0, both.length - first.length), first.length);
  return both;
}
