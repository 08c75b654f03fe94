/** Record batches to the forms that people and programs read. */
import { isUtf8 } from 'node:buffer';
import { forEachRecord, type RecordCursor } from '../../../../record/index.ts';

export type TextFormat = 'json' | 'ndjson' | 'text' | 'sse';

/** What one pass over some batches gave. */
export interface Encoded {
  readonly chunks: readonly (string | Uint8Array)[];
  readonly count: number;
  /** Where to go on when `max` cut the pass short, else null. */
  readonly cutAt: number | null;
}

/** Of a topic of several partitions: which one it is, and the id of an event behind a record. */
export interface RecordPlace {
  readonly partition: number;
  readonly idOf: (offset: number) => string;
}

const requestIdHeaderName = 'cairn.request-id';

/** Encodes the records from `offsetFrom` on and below `offsetTo`, at most `max`. JSON records are joined by commas; the other forms end each record themselves. */
export function encodeRecords(
  batches: readonly Uint8Array[],
  offsetFrom: number,
  max: number,
  format: TextFormat,
  offsetTo = Number.POSITIVE_INFINITY,
  place: RecordPlace | null = null,
): Encoded {
  const of = place === null ? '' : `"partition":${place.partition},`;
  const chunks: (string | Uint8Array)[] = [];
  let count = 0;
  let cutAt: number | null = null;
  for (const batch of batches) {
    const buffer = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
    let text = '';
    forEachRecord(batch, (record) => {
      if (record.offset < offsetFrom) return true;
      if (record.offset >= offsetTo) return false;
      if (count === max) {
        cutAt = record.offset;
        return false;
      }
      if (format === 'text') {
        if (record.valueFrom >= 0) chunks.push(buffer.subarray(record.valueFrom, record.valueTo));
        chunks.push('\n');
      } else if (format === 'json') {
        text += count === 0 ? recordJson(record, buffer, of) : `,${recordJson(record, buffer, of)}`;
      } else if (format === 'ndjson') {
        text += `${recordJson(record, buffer, of)}\n`;
      } else {
        text += `id: ${place === null ? record.offset : place.idOf(record.offset + 1)}\ndata: ${recordJson(record, buffer, of)}\n\n`;
      }
      count++;
      return true;
    });
    if (text !== '') chunks.push(text);
    if (cutAt !== null) break;
  }
  return { chunks, count, cutAt };
}

/** One record as JSON; bytes that are not UTF-8 as base64. `of` is what stands before its offset. */
function recordJson(record: RecordCursor, buffer: Buffer, of: string): string {
  const key = fieldJson('key', buffer, record.keyFrom, record.keyTo);
  const value = fieldJson('value', buffer, record.valueFrom, record.valueTo);
  const headers = record.headerCount === 0 ? '{}' : headersJson(record);
  return `{${of}"offset":${record.offset},"timestamp":${record.timestampMs},${key},${value},"headers":${headers}}`;
}

function fieldJson(name: 'key' | 'value', buffer: Buffer, from: number, to: number): string {
  if (from < 0) return `"${name}":null`;
  const text = utf8OrNull(buffer.subarray(from, to));
  return text === null ? `"${name}Base64":"${buffer.toString('base64', from, to)}"` : `"${name}":${JSON.stringify(text)}`;
}

function headersJson(record: RecordCursor): string {
  const parts: string[] = [];
  record.forEachHeader((key, value) => {
    const name = Buffer.from(key).toString('utf8');
    if (name === requestIdHeaderName) return;
    const text = value === null ? null : utf8OrNull(value);
    const shown = value !== null && text === null ? { base64: Buffer.from(value).toString('base64') } : text;
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(shown)}`);
  });
  return `{${parts.join(',')}}`;
}

/** A replacement character may stand in the bytes or come from broken ones: only then are they looked at again. */
function utf8OrNull(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes('\uFFFD') && !isUtf8(bytes) ? null : text;
}
