/**
 * Following a file that grows (`cairn node --tail`): from where it was left, through rotation (renamed, and a new one under the name) and truncation.
 *
 * Where it stands is kept with the events themselves (`SpoolFrame.position`), so that after a kill no line is taken twice or left out: the file's device
 * and inode, the place behind the last line taken, and a checksum of the bytes before it. A file that was truncated and has grown again past that place has
 * other bytes there. A renamed file is looked for beside its old name, and read to its end first.
 */
import fs from 'node:fs';
import path from 'node:path';
import { crc32c } from '@node-rs/crc32';

export interface TailPosition {
  readonly device: number;
  readonly inode: number;
  readonly offset: number;
  /** CRC-32C of up to `witnessBytes` before the offset. */
  readonly witness: number;
  /** The line there was taken, cut, and its rest is passed over. */
  readonly isWithinCutLine: boolean;
}

export interface TailEvents {
  /** Bytes of the file, any split. */
  bytes(chunk: Buffer): void;
  /** The file is over (rotated away or truncated): a line without its end ends here. `why` is for a person, null for a plain rotation. */
  fileEnded(why: string | null): void;
}

const witnessBytes = 256;
/** So little that what it brings fits one frame of the spool, with an unfinished line before it. */
const readBytes = 64 * 1024;

export class Tail {
  readonly #file: string;
  readonly #events: TailEvents;
  #descriptor: number | null = null;
  #device = 0;
  #inode = 0;
  /** Where the next read begins. */
  #offset = 0;
  readonly #buffer = Buffer.allocUnsafe(readBytes);

  /** Goes on at a position of an earlier run, else at the beginning of the file. */
  constructor(file: string, from: TailPosition | null, events: TailEvents) {
    this.#file = path.resolve(file);
    this.#events = events;
    if (from !== null) this.#resume(from);
  }

  /** Where the reading stands, less the bytes that do not make a whole line yet. */
  positionBefore(unfinishedBytes: number, isWithinCutLine: boolean): TailPosition {
    const offset = this.#offset - unfinishedBytes;
    const witness = this.#descriptor === null ? 0 : witnessOf(this.#descriptor, offset);
    return { device: this.#device, inode: this.#inode, offset, witness, isWithinCutLine };
  }

  /** Reads one piece. False when there is nothing more now. */
  step(): boolean {
    if (this.#descriptor === null && !this.#open(this.#file, 0)) return false;
    const descriptor = this.#descriptor as unknown as number;
    const read = fs.readSync(descriptor, this.#buffer, 0, readBytes, this.#offset);
    if (read > 0) {
      this.#offset += read;
      this.#events.bytes(this.#buffer.subarray(0, read));
      return true;
    }
    return this.#atEnd(descriptor);
  }

  close(): void {
    if (this.#descriptor !== null) fs.closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  /** At the end of the open file: has it been truncated, or is there another one under the name? */
  #atEnd(descriptor: number): boolean {
    const stat = fs.fstatSync(descriptor);
    if (stat.size < this.#offset) {
      this.#events.fileEnded('it was truncated');
      this.#offset = 0;
      return true;
    }
    const named = fs.statSync(this.#file, { throwIfNoEntry: false });
    if (named === undefined || (named.ino === this.#inode && named.dev === this.#device)) return false;
    // Whoever writes may go on with the renamed file for a while; the new one is begun when there is something in it.
    if (named.size === 0) return false;
    // Written to the old one between the read and the look at the name.
    if (fs.fstatSync(descriptor).size > this.#offset) return true;
    const next = this.#following(stat);
    this.#events.fileEnded(null);
    this.close();
    return this.#open(next, 0);
  }

  /** What was begun after this file: a file that was renamed too meanwhile, or the one under the name. */
  #following(old: fs.Stats): string {
    const between = this.#rotated().flatMap((file) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      const isOther = stat !== undefined && stat.isFile() && (stat.ino !== old.ino || stat.dev !== old.dev);
      return isOther && stat.mtimeMs > old.mtimeMs ? [{ file, changedMs: stat.mtimeMs }] : [];
    });
    between.sort((a, b) => a.changedMs - b.changedMs);
    return between[0]?.file ?? this.#file;
  }

  /** Files in the same folder that are called after this one, as rotation calls them; compressed ones are not lines. */
  #rotated(): readonly string[] {
    const folder = path.dirname(this.#file);
    const base = path.basename(this.#file);
    const isRotated = (name: string): boolean => /^[.-]/.test(name.slice(base.length)) && !/\.(gz|bz2|xz|zst|lz4)$/.test(name);
    return fs
      .readdirSync(folder)
      .filter((name) => name.startsWith(base) && isRotated(name))
      .map((name) => path.join(folder, name));
  }

  #resume(from: TailPosition): void {
    const found = this.#find(from);
    if (found === null) {
      this.#events.fileEnded('the file that was read last is not there any more, what was not read of it is left out');
      return;
    }
    if (!this.#open(found, from.offset)) return;
    const descriptor = this.#descriptor as unknown as number;
    const isSame = fs.fstatSync(descriptor).size >= from.offset && witnessOf(descriptor, from.offset) === from.witness;
    if (isSame) return;
    this.#events.fileEnded('it was truncated');
    this.#offset = 0;
  }

  /** The file of that inode: under its name, or renamed in the same folder. */
  #find({ device, inode }: TailPosition): string | null {
    for (const file of [this.#file, ...this.#rotated()]) {
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      if (stat !== undefined && stat.ino === inode && stat.dev === device) return file;
    }
    return null;
  }

  #open(file: string, offset: number): boolean {
    try {
      this.#descriptor = fs.openSync(file, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    const stat = fs.fstatSync(this.#descriptor);
    this.#device = stat.dev;
    this.#inode = stat.ino;
    this.#offset = offset;
    return true;
  }
}

function witnessOf(descriptor: number, offset: number): number {
  const length = Math.min(witnessBytes, offset);
  const bytes = Buffer.alloc(length);
  const read = fs.readSync(descriptor, bytes, 0, length, offset - length);
  return crc32c(bytes.subarray(0, read));
}

export const encodePosition = (position: TailPosition): Uint8Array => new Uint8Array(Buffer.from(JSON.stringify(position)));

export function decodePosition(bytes: Uint8Array): TailPosition | null {
  if (bytes.length === 0) return null;
  return JSON.parse(Buffer.from(bytes).toString()) as TailPosition;
}
