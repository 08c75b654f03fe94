import type { GroupId } from '../../base/branded.ts';
import type { Bytes } from '../../host/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import { batchChecksumMatches, batchOf, readFrame } from '../../record/index.ts';

/**
 * What is wrong with batches that a leader sent, as the end of a sentence, or null. Checked before they may enter the log: every checksum, the place
 * that the frame itself names, and the chain: each frame names the checksum of the one before it, the first that of the log here where that is known
 * (`previousChecksum` is null where it is not).
 */
export function findFrameProblem(
  batches: readonly LogBatch[],
  group: GroupId,
  previousChecksum: number | null,
  bytes: Bytes,
): string | null {
  let previous = previousChecksum;
  for (const batch of batches) {
    const read = readFrame(batch.bytes, 0, bytes);
    if (read.kind !== 'ok' || read.frame.bytes.length !== batch.bytes.length || !batchChecksumMatches(batchOf(batch.bytes), bytes)) {
      return `the batch at ${batch.offsetFrom} is damaged`;
    }
    const { frame } = read;
    const isInPlace = frame.group === group && frame.offsetFrom === batch.offsetFrom && frame.offsetTo === batch.offsetTo;
    if (!isInPlace || frame.term !== batch.term) return `the batch at ${batch.offsetFrom} was made for another place`;
    if (previous !== null && frame.previousChecksum !== previous) {
      return `the batch at ${batch.offsetFrom} continues a log whose last checksum is ${hex(frame.previousChecksum)}, not ${hex(previous)}`;
    }
    previous = frame.checksum;
  }
  return null;
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');
