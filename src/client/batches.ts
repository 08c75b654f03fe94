import { crc32c } from '@node-rs/crc32';
import { LogError } from '../eventlog/index.ts';
import type { Bytes } from '../host/index.ts';
import { batchChecksumMatches, batchHeaderBytes, batchLength, RecordBatchBuilder, type RecordHeader } from '../record/index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Work on bytes for building and checking batches outside a broker. */
export const clientBytes: Bytes = {
  utf8Encode: (text) => encoder.encode(text),
  utf8Decode: (bytes) => decoder.decode(bytes),
  indexOf: (bytes, wanted, from = 0) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(wanted, from),
  crc32c: (bytes, seed = 0) => crc32c(bytes, seed),
};

export interface PlainRecord {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  /** Milliseconds since 1970; now if left out. */
  readonly timestampMs?: number;
  readonly headers?: readonly RecordHeader[];
}

/** Records that are appended together: all or none, with consecutive offsets. */
export function batchOf(records: readonly PlainRecord[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  const nowMs = Date.now();
  for (const { key, value, timestampMs, headers } of records)
    builder.add(timestampMs ?? nowMs, bytesOf(key ?? null), bytesOf(value), headers);
  return builder.finish(clientBytes);
}

const bytesOf = (part: string | Uint8Array | null): Uint8Array | null => (typeof part === 'string' ? encoder.encode(part) : part);

/** What an append usually asks for; the client makes up a request id. */
export const appendDefaults = { level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;

/** Cuts an answer into its batches, each verified: what the wire or a proxy changed is not shown. */
export function splitBatches(answer: Uint8Array, action: string): readonly Uint8Array[] {
  const batches: Uint8Array[] = [];
  // Plain arrays of bytes, whatever the machine handed us.
  const body = new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength);
  for (let from = 0; from < body.length; ) {
    const rest = body.subarray(from);
    const length = rest.length < batchHeaderBytes ? Number.POSITIVE_INFINITY : batchLength(rest);
    if (length < batchHeaderBytes || length > rest.length) throw damaged(action, from, 'its length does not fit the answer');
    const batch = rest.subarray(0, length);
    if (!batchChecksumMatches(batch, clientBytes)) throw damaged(action, from, 'its checksum does not match its bytes');
    batches.push(batch);
    from += length;
  }
  return batches;
}

/** The same of an answer in which each batch stands behind its log time (8 bytes). */
export function splitTimedBatches(
  answer: Uint8Array,
  action: string,
): { readonly batches: readonly Uint8Array[]; readonly times: readonly number[] } {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const batches: Uint8Array[] = [];
  const times: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const head = from + timeBytes;
    const length = bytes.length - head < batchHeaderBytes ? Number.POSITIVE_INFINITY : batchLength(bytes.subarray(head));
    if (length > bytes.length - head) throw damaged(action, from, 'its length does not fit the answer');
    times.push(Number(bytes.readBigUInt64BE(from)));
    batches.push(...splitBatches(bytes.subarray(head, head + length), action));
    from = head + length;
  }
  return { batches, times };
}

const timeBytes = 8;

const damaged = (action: string, position: number, why: string): LogError =>
  new LogError('corruptBatch', `${action}: the batch at byte ${position} of the answer is damaged: ${why}`);
