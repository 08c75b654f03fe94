import type { RecordLog } from './promises.ts';
import type { CancelSignal, Freshness, ReadResult, RecordsOf } from './types.ts';

export interface FollowRequest extends RecordsOf {
  readonly offsetFrom: number;
  readonly bytesMax: number;
  readonly freshness: Freshness;
  /** An answer comes at least this often, empty if nothing was appended: the caller's heartbeat. */
  readonly waitMs: number;
  readonly cancel: CancelSignal;
}

/** Reads for ever from `offsetFrom`, as fast as the consumer asks: a slow consumer slows the reading, nothing is buffered. Ends when cancelled. */
export async function* follow(log: Pick<RecordLog, 'read'>, request: FollowRequest): AsyncGenerator<ReadResult, void, undefined> {
  let offsetFrom = request.offsetFrom;
  while (!request.cancel.cancelled) {
    const result = await log.read({
      topic: request.topic,
      partition: request.partition ?? 0,
      offsetFrom,
      sinceMs: null,
      bytesMax: request.bytesMax,
      freshness: request.freshness,
      sessionOffset: 0,
      waitMs: request.waitMs,
      cancel: request.cancel,
    });
    if (request.cancel.cancelled) return;
    offsetFrom = result.offsetNext;
    yield result;
  }
}
