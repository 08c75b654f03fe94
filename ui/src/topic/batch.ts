/** The record batch that a record came in: what the log says of it beside the record itself. */
import {
  baseOffset,
  baseSequence,
  batchHeaderBytes,
  batchLength,
  lastOffsetDelta,
  leaderEpoch,
  producerEpoch,
  producerId,
  recordCount,
} from '../../../src/record/index.ts';
import { request, TIMEOUT_MS } from '../api.ts';

export interface BatchFacts {
  /** Of its first and its last record. */
  readonly offsetFirst: number;
  readonly offsetLast: number;
  readonly count: number;
  readonly bytes: number;
  /** In which its leader took it. */
  readonly term: number;
  /** When its leader took it, ms since 1970. */
  readonly logTimeMs: number;
  /** Who appended it, for idempotence; null where nobody said. */
  readonly producer: { readonly id: number; readonly epoch: number; readonly sequence: number } | null;
}

/** Its log time stands before a batch. */
const TIME_BYTES = 8;

/** The first batch that ends at this offset or behind it; null where there is none. Only its header is waited for: all of it may be megabytes. */
export async function fetchBatch(topic: string, partition: number, offset: number): Promise<BatchFacts | null> {
  const query = `partition=${partition}&from=${offset}&bytesMax=1&level=local&format=batches&logTime=true`;
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const head = await firstBytes(response, TIME_BYTES + batchHeaderBytes);
  return head === null ? null : factsOf(head);
}

async function firstBytes(response: Response, count: number): Promise<Uint8Array | null> {
  const reader = response.body?.getReader();
  if (reader === undefined) return null;
  const head = new Uint8Array(count);
  let length = 0;
  while (length < count) {
    const { done, value } = await reader.read();
    if (done) return null;
    const part = value.subarray(0, count - length);
    head.set(part, length);
    length += part.length;
  }
  await reader.cancel();
  return head;
}

function factsOf(head: Uint8Array): BatchFacts {
  const batch = head.subarray(TIME_BYTES);
  const logTimeMs = Number(new DataView(head.buffer).getBigUint64(0));
  const id = producerId(batch);
  return {
    offsetFirst: baseOffset(batch),
    offsetLast: baseOffset(batch) + lastOffsetDelta(batch),
    count: recordCount(batch),
    bytes: batchLength(batch),
    term: leaderEpoch(batch),
    logTimeMs,
    producer: id === -1 ? null : { id, epoch: producerEpoch(batch), sequence: baseSequence(batch) },
  };
}
