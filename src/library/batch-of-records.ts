import { clientBytes, type LineRecord } from '../client/index.ts';
import { LogError } from '../eventlog/index.ts';
import { batchBytesMax, RecordBatchBuilder, recordBytesMax, type RecordHeader, recordsPerBatchMax } from '../record/index.ts';
import { isObject, refuse, shown, time, toMs } from './arguments.ts';

/** A record to append. Text becomes UTF-8. */
export interface NewRecord {
  /** Records of one key keep their order, whatever partitions there are. */
  readonly key?: string | Uint8Array | null | undefined;
  /** Null says that the key has no value any more. */
  readonly value: string | Uint8Array | null;
  /** Their names do not begin with `cairn.`, which are Cairn's own. */
  readonly headers?: Readonly<Record<string, string | Uint8Array | null>> | undefined;
  /** Event time, a Date or milliseconds since 1970; left out, now. */
  readonly timestamp?: Date | number | undefined;
}

/** A value alone is a record without a key. */
export type Appendable = string | Uint8Array | NewRecord;

/** What was read may be appended as it is: where it stood is passed over. */
const fields = new Set(['key', 'value', 'headers', 'timestamp', 'topic', 'partition', 'offset', 'logTime']);
const ownHeaderPrefix = 'cairn.';
/** What the builder reserves for a record beside its body. */
const overheadBytes = RecordBatchBuilder.recordBytesBound(null, null) - 3;
const noHeaders: readonly RecordHeader[] = [];

/** One record, or several that are appended together. */
export function batchOfRecords(what: Appendable | readonly Appendable[], doing: string): Uint8Array {
  const nowMs = Date.now();
  if (!Array.isArray(what)) return batchOfOne(what as Appendable, nowMs, doing);
  const builder = new RecordBatchBuilder();
  const records = what as readonly Appendable[];
  if (records.length === 0) throw refuse(doing, 'there is no record in the array');
  if (records.length > recordsPerBatchMax) throw tooMuch(doing, `${records.length} records`);
  for (let index = 0; index < records.length; index++) {
    addRecord(builder, records[index] as Appendable, nowMs, doing);
    if (builder.sizeBytes > batchBytesMax) throw tooMuch(doing, `more than ${batchBytesMax} bytes`);
  }
  return builder.finish(clientBytes);
}

/** Memory for records that are appended one by one: a buffer for each is what such an append leaves most of to the collector. */
let single = new RecordBatchBuilder();
const singleBytesMax = 64 * 1024;

function batchOfOne(record: Appendable, nowMs: number, doing: string): Uint8Array {
  const builder = single;
  addRecord(builder, record, nowMs, doing);
  if (builder.sizeBytes > singleBytesMax) single = new RecordBatchBuilder();
  return builder.finish(clientBytes);
}

const tooMuch = (doing: string, what: string): LogError =>
  new LogError(
    'recordTooLarge',
    `Cannot ${doing}: ${what} in one array, which is appended all or none; at most ${recordsPerBatchMax} records and ${batchBytesMax} bytes are, a producer takes any number`,
  );

/** Adds one record, or throws and leaves the builder as it was. */
export function addRecord(builder: RecordBatchBuilder, record: Appendable, nowMs: number, doing: string): void {
  if (record instanceof Uint8Array || typeof record === 'string') {
    const value = bytesOf(record, 'its value', doing) as Uint8Array;
    if (RecordBatchBuilder.recordBytesBound(null, value) - overheadBytes > recordBytesMax) throw tooLarge(doing);
    builder.add(nowMs, null, value);
    return;
  }
  const { key, value, headers, timestampMs } = bytesOfRecord(record, doing);
  builder.add(timestampMs ?? nowMs, key, value, headers);
}

/** What is appended of a record, which is looked at first. */
export function bytesOfRecord(record: NewRecord, doing: string): LineRecord {
  if (!isObject(record))
    throw refuse(doing, `a record is ${shown(record)}, it must be text, bytes, or an object with a value (for JSON: JSON.stringify(...))`);
  for (const name of Object.keys(record))
    if (!fields.has(name)) throw refuse(doing, `a record has no field ${shown(name)} (for JSON: {value: JSON.stringify(...)})`);
  const { key: keyGiven, value: valueGiven, headers: headersGiven, timestamp } = record;
  if (valueGiven === undefined) throw refuse(doing, 'a record has no value; null is one');
  const key = bytesOf(keyGiven ?? null, 'its key', doing);
  const value = bytesOf(valueGiven, 'its value', doing);
  const headers = headersGiven === undefined ? noHeaders : headersOf(headersGiven, doing);
  if (timestamp !== undefined && !time.is(timestamp)) throw refuse(doing, `its timestamp is ${shown(timestamp)}, it must be ${time.must}`);
  if (RecordBatchBuilder.recordBytesBound(key, value, headers) - overheadBytes > recordBytesMax) throw tooLarge(doing);
  return { key, value, headers, timestampMs: timestamp === undefined ? null : toMs(timestamp) };
}

const tooLarge = (doing: string): LogError =>
  new LogError('recordTooLarge', `Cannot ${doing}: a record is larger than ${recordBytesMax} bytes, its key and headers included`);

function bytesOf(part: unknown, what: string, doing: string): Uint8Array | null {
  if (part === null || part instanceof Uint8Array) return part;
  if (typeof part !== 'string') throw refuse(doing, `${what} is ${shown(part)}, it must be text, bytes (Uint8Array) or null`);
  if (!part.isWellFormed()) throw refuse(doing, `${what} is text with half of a surrogate pair, which UTF-8 cannot say: give it as bytes`);
  return clientBytes.utf8Encode(part);
}

function headersOf(headers: unknown, doing: string): readonly RecordHeader[] {
  if (!isObject(headers)) throw refuse(doing, `its headers are ${shown(headers)}, they must be an object`);
  return Object.entries(headers).map(([name, value]) => {
    if (name.startsWith(ownHeaderPrefix)) throw refuse(doing, `the header ${shown(name)} has a name that is Cairn's own`);
    return { key: bytesOf(name, 'the name of a header', doing) as Uint8Array, value: bytesOf(value, `the header ${shown(name)}`, doing) };
  });
}
