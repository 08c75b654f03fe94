import type { Bytes } from '../host/index.ts';
import {
  baseOffset,
  forEachRecord,
  isControl,
  RecordBatchBuilder,
  type RecordCursor,
  type RecordHeader,
  resealBatch,
  setPlacement,
} from '../record/index.ts';
import { offset as toOffset, term } from '../base/branded.ts';

/** Where a parked record is from, and why it is parked: headers behind its own. */
interface ParkedFrom {
  readonly subscriber: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly tries: number;
  readonly reason: string;
}

/** Of all headers that parking adds. No header of a record that is replayed begins so. */
const prefix = 'cairn-parked-';
/** The record was not there any more: there is nothing but these headers. */
const goneHeader = `${prefix}gone`;

/** A batch of one record: the parked one with its own key, value, headers and time, or without all of that where it is gone. */
export function parkedBatch(record: RecordCursor | null, from: ParkedFrom, nowMs: number, bytes: Bytes): Uint8Array {
  const headers: RecordHeader[] = [];
  record?.forEachHeader((key, value) => void headers.push({ key, value }));
  for (const [name, value] of Object.entries(from)) headers.push(textHeader(`${prefix}${name}`, String(value), bytes));
  if (record === null) headers.push(textHeader(goneHeader, 'true', bytes));
  const builder = new RecordBatchBuilder();
  builder.add(record?.timestampMs ?? nowMs, record?.key() ?? null, record?.value() ?? null, headers);
  return builder.finish(bytes);
}

const textHeader = (key: string, value: string, bytes: Bytes): RecordHeader => ({
  key: bytes.utf8Encode(key),
  value: bytes.utf8Encode(value),
});

/** The record as it was, in a batch of its own at the offset that it had; null where the parked one is of a record that was gone. */
export function unparkedBatch(parked: RecordCursor, offset: number, bytes: Bytes): Uint8Array | null {
  const headers: RecordHeader[] = [];
  let isGone = false;
  parked.forEachHeader((key, value) => {
    const name = bytes.utf8Decode(key);
    isGone ||= name === goneHeader;
    if (!name.startsWith(prefix)) headers.push({ key, value });
  });
  if (isGone) return null;
  const builder = new RecordBatchBuilder();
  builder.add(parked.timestampMs, parked.key(), parked.value(), headers);
  const batch = builder.finish(bytes);
  setPlacement(batch, toOffset(offset), term(0));
  resealBatch(batch, bytes);
  return batch;
}

/** The record at an offset; null where no batch has it. */
export function recordIn(batches: readonly Uint8Array[], offset: number): RecordCursor | null {
  let found: RecordCursor | null = null;
  for (const batch of batches) {
    if (isControl(batch) || baseOffset(batch) > offset) continue;
    forEachRecord(batch, (record) => {
      if (record.offset === offset) found = record;
      return record.offset < offset;
    });
  }
  return found;
}
