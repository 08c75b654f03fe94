/**
 * How far a spool's events have come, beside the events: `progress`, two slots in sectors of their own, written in turn where they lie and synced, so that
 * it can be written on a full disk and one slot is always whole.
 *
 *     0  4  "CSPP"
 *     4  4  CRC-32C over what follows, up to 64 bytes
 *     8  8  counts writes: the higher is the newer
 *    16  8  number below which events are known to be stored
 *    24  8  number below which events may have been sent
 *    32  1  1 while more is being sent: all that the spool has may have been
 *
 * The file is never replaced: its inode tells a spool from a copy of it.
 */
import { assert } from '../base/assert.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes, Disk, DiskFile, FileStatus } from '../host/index.ts';
import type { OpenFailure } from '../storage/index.ts';
import {
  closeFile,
  closingOnFailure,
  CorruptionFound,
  createFile,
  guard,
  must,
  openFile,
  readAt,
  removeIfThere,
  syncDirectory,
  syncFile,
  temporarySuffix,
  writeAt,
} from '../storage/steps.ts';

export interface Progress {
  /** Events below this number are stored. */
  readonly acknowledged: number;
  /** Events below this number may have been sent; null: any. */
  readonly sentTo: number | null;
}

export const progressPath = 'progress';
const slotBytes = 64;
const slotDistance = 512;
const magic = Uint8Array.from([0x43, 0x53, 0x50, 0x50]);

interface Host {
  readonly disk: Disk;
  readonly bytes: Bytes;
}

interface Slot {
  readonly count: number;
  readonly saved: Progress;
}

export class ProgressFile {
  readonly #bytes: Bytes;
  readonly #file: DiskFile;
  /** As the machine numbers it. */
  readonly inode: string;
  #count: number;
  #saved: Progress;
  #next: Progress | null = null;
  #isWriting = false;
  #waiting: ((result: Result<undefined, OpenFailure>) => void)[] = [];

  constructor(bytes: Bytes, opened: Slot & { readonly file: DiskFile; readonly inode: string }) {
    this.#bytes = bytes;
    this.#file = opened.file;
    this.inode = opened.inode;
    this.#count = opened.count;
    this.#saved = opened.saved;
  }

  /** What is on the disk, or will be next. */
  get current(): Progress {
    return this.#next ?? this.#saved;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Writes and syncs; what is asked for meanwhile is written together. */
  save(progress: Progress, done: (result: Result<undefined, OpenFailure>) => void): void {
    this.#next = progress;
    this.#waiting.push(done);
    this.#write();
  }

  #write(): void {
    if (this.#isWriting || this.#next === null) return;
    const saving = this.#next;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isWriting = true;
    const count = this.#count + 1;
    runTask(
      () => guard(writeSlot(this.#file, count, saving, this.#bytes)),
      (result) => {
        this.#isWriting = false;
        if (result.ok) {
          this.#count = count;
          this.#saved = saving;
        }
        if (this.#next === saving) this.#next = null;
        for (const done of waiting) done(result);
        this.#write();
      },
    );
  }

  close(done: () => void): void {
    assert(!this.#isWriting, 'what is being written is closed later');
    this.#file.close(done);
  }
}

/** Opens the file, or makes it with `initial`. */
export function* openProgress(host: Host, initial: Progress): Task<ProgressFile> {
  const { disk, bytes } = host;
  const names = yield* must<readonly string[]>((listed) => disk.list('', listed));
  if (!names.includes(progressPath)) yield* make(host, initial);
  const file = yield* openFile(disk, progressPath, 'write');
  return yield* closingOnFailure(
    file,
    (function* (): Task<ProgressFile> {
      const newest = decodeProgress(yield* readAt(file, 0, file.size), bytes);
      if (newest === null)
        throw new CorruptionFound({ path: progressPath, position: 0, expected: 'a slot with its checksum', found: 'other bytes' });
      const { identity } = yield* must<FileStatus>((done) => file.status(done));
      return new ProgressFile(bytes, { file, inode: identity.slice(identity.lastIndexOf(':') + 1), ...newest });
    })(),
  );
}

function* make({ disk, bytes }: Host, initial: Progress): Task<void> {
  const temporary = progressPath + temporarySuffix;
  // Of an attempt that was killed, or that the disk had no room for.
  yield* removeIfThere(disk, temporary);
  const file = yield* createFile(disk, temporary);
  yield* closingOnFailure(
    file,
    (function* (): Task<void> {
      yield* writeAt(file, 0, [new Uint8Array(2 * slotDistance)]);
      yield* writeSlot(file, 0, initial, bytes);
    })(),
  );
  yield* closeFile(file);
  yield* must<undefined>((done) => disk.rename(temporary, progressPath, done));
  yield* syncDirectory(disk, '');
}

function* writeSlot(file: DiskFile, count: number, { acknowledged, sentTo }: Progress, bytes: Bytes): Task<undefined> {
  const slot = new Uint8Array(slotBytes);
  const view = viewOf(slot);
  slot.set(magic);
  writeU64(view, 8, count);
  writeU64(view, 16, acknowledged);
  writeU64(view, 24, sentTo ?? 0);
  slot[32] = sentTo === null ? 1 : 0;
  view.setUint32(4, bytes.crc32c(slot.subarray(8)));
  yield* writeAt(file, (count % 2) * slotDistance, [slot]);
  return yield* syncFile(file);
}

/** The newest slot of the file; null when none is whole. */
export function decodeProgress(stored: Uint8Array, bytes: Bytes): Slot | null {
  const slots = [0, slotDistance].flatMap((at) => decodeSlot(stored.subarray(at, at + slotBytes), bytes) ?? []);
  return slots.sort((a, b) => b.count - a.count)[0] ?? null;
}

function decodeSlot(slot: Uint8Array, bytes: Bytes): Slot | null {
  if (slot.length < slotBytes || magic.some((byte, index) => slot[index] !== byte)) return null;
  const view = viewOf(slot);
  const [count, acknowledged, sentTo] = [readU64(view, 8), readU64(view, 16), readU64(view, 24)];
  if (view.getUint32(4) !== bytes.crc32c(slot.subarray(8)) || count === null || acknowledged === null || sentTo === null) return null;
  return { count, saved: { acknowledged, sentTo: slot[32] === 1 ? null : sentTo } };
}
