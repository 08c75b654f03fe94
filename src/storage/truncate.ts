/** Cutting a log back (truncation slot, `segment-format.ts`): in one order, the same for the running log and for recovery after a crash. */
import type { Task } from '../base/task.ts';
import type { Bytes, DiskFile } from '../host/index.ts';
import type { StorageHost } from './host.ts';
import {
  baseOffsetOf,
  segmentStateSuffix,
  encodeTruncation,
  indexSuffix,
  logSuffix,
  markBytes,
  readMark,
  segmentHeaderBytes,
  type SegmentHeader,
  segmentName,
  slotsBytes,
  truncationSlotAt,
} from './segment-format.ts';
import { listNames, readAt, removeIfThere, syncDirectory, syncFile, writeAt, writeZeros } from './steps.ts';

/** Writes down that the log will end at this position of this segment; from here on it will, whatever happens. */
export function* announceTruncation(host: StorageHost, header: SegmentHeader, file: DiskFile, position: number): Task<void> {
  yield* writeAt(file, truncationSlotAt, [encodeTruncation(header, position, host.bytes)]);
  yield* syncFile(file);
}

/** Idempotent. The segment is zeroed in [position, zeroTo). */
export function* carryOutTruncation(
  host: StorageHost,
  directory: string,
  header: SegmentHeader,
  file: DiskFile,
  position: number,
  zeroTo: number,
): Task<void> {
  const { disk } = host;
  const names = yield* listNames(disk, directory);
  // In any order: until the slot is cleared, recovery removes what is left of them before it looks for a gap.
  for (const name of names) {
    const baseOffset = baseOffsetOf(name, logSuffix);
    if (baseOffset === null || baseOffset <= header.baseOffset) continue;
    yield* removeIfThere(disk, `${directory}/${name}`);
    yield* removeDerived(host, directory, baseOffset);
  }
  yield* removeDerived(host, directory, header.baseOffset);
  // Always: the removals may have been made by a process that was killed before it synced them.
  yield* syncDirectory(disk, directory);
  yield* writeZeros(file, position, zeroTo);
  yield* syncFile(file);
  yield* clearTruncation(file);
}

export function* clearTruncation(file: DiskFile): Task<void> {
  yield* writeZeros(file, truncationSlotAt, truncationSlotAt + slotsBytes);
  yield* syncFile(file);
}

/** Whether the log has grown since a truncation to here was carried out, and only its clearing was lost. */
export function* isTruncationOver(header: SegmentHeader, file: DiskFile, position: number, bytes: Bytes): Task<boolean> {
  if (position === segmentHeaderBytes) return false;
  const source = yield* readAt(file, position, markBytes);
  return readMark(header, source, 0, position, bytes) !== null;
}

/** Removes what belongs to a segment. Durable only after a sync of the folder. A state of what is committed stays: no cut goes below it. */
export function* removeDerived(host: StorageHost, directory: string, baseOffset: number): Task<void> {
  yield* removeIfThere(host.disk, `${directory}/${segmentName(baseOffset, indexSuffix)}`);
  yield* removeIfThere(host.disk, `${directory}/${segmentName(baseOffset, segmentStateSuffix)}`);
}
