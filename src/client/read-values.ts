import type { ReadResult } from '../eventlog/index.ts';
import { baseOffset, forEachRecord, lastOffsetDelta, type RecordCursor } from '../record/index.ts';

/**
 * Visits the records that a read was asked for: a first batch that begins below them is cut. `visit` is told the log time too where the
 * answer says it, and returns false to stop.
 */
export function forEachRead(result: ReadResult, visit: (record: RecordCursor, logTime: number | null) => boolean | void): void {
  let stopped = false;
  for (const [index, batch] of result.batches.entries()) {
    if (stopped) return;
    if (baseOffset(batch) + lastOffsetDelta(batch) < result.offsetFrom) continue;
    const logTime = result.times?.[index] ?? null;
    forEachRecord(batch, (record) => {
      if (record.offset < result.offsetFrom) return true;
      stopped = visit(record, logTime) === false;
      return !stopped;
    });
  }
}
