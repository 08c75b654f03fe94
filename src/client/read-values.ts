import type { ReadResult } from '../eventlog/index.ts';
import { baseOffset, forEachRecord, lastOffsetDelta, type RecordCursor } from '../record/index.ts';

/** Visits the records that a read was asked for: a first batch that begins below them is cut. `visit` returns false to stop. */
export function forEachRead(result: ReadResult, visit: (record: RecordCursor) => boolean | void): void {
  let stopped = false;
  for (const batch of result.batches) {
    if (stopped) return;
    if (baseOffset(batch) + lastOffsetDelta(batch) < result.offsetFrom) continue;
    forEachRecord(batch, (record) => {
      if (record.offset < result.offsetFrom) return true;
      stopped = visit(record) === false;
      return !stopped;
    });
  }
}
