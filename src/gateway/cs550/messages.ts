/**
 * What a client publishes, as a record, and back. A text is the record's value in UTF-8, so that every other reader shows it as it is. Anything else that JSON
 * can say, and a text with half a surrogate pair, which UTF-8 cannot, is the value's JSON, and the record has the header `cs550: json`.
 */
import { bytesEqual, noBytes } from '../../base/bytes.ts';
import type { PulledPart, ReadResult } from '../../eventlog/index.ts';
import { baseOffset, forEachRecord, lastOffsetDelta, RecordBatchBuilder, type RecordCursor } from '../../record/index.ts';
import { type JsonValue, parseJson, writeJson } from './python-json.ts';

const jsonHeader = { key: Buffer.from('cs550'), value: Buffer.from('json') };

/** One batch of one record. */
export function encodeMessage(content: JsonValue, nowMs: number): Uint8Array {
  const isText = typeof content === 'string' && content.isWellFormed();
  const value = Buffer.from(isText ? content : writeJson(content), 'utf8');
  const builder = new RecordBatchBuilder({ capacityBytes: value.length + 128 });
  builder.add(nowMs, null, value, isText ? [] : [jsonHeader]);
  return builder.finishUnsealed();
}

/** As it stands in an answer, and when it was written. */
export interface Message {
  readonly json: string;
  readonly timestampMs: number;
}

/** As they stand in an answer, by offset: [offsetFrom, offsetTo) of what is in the batches. */
export function writeMessages({ batches, offsetFrom }: ReadResult | PulledPart, offsetTo: number): Message[] {
  const messages: Message[] = [];
  for (const batch of batches) {
    if (baseOffset(batch) + lastOffsetDelta(batch) < offsetFrom) continue;
    forEachRecord(batch, (record) => {
      if (record.offset >= offsetTo) return false;
      if (record.offset >= offsetFrom) messages.push({ json: writeMessage(record), timestampMs: record.timestampMs });
      return true;
    });
  }
  return messages;
}

/** Records that came another way are texts too, whatever their bytes are; one without a value is `null`. */
function writeMessage(record: RecordCursor): string {
  const value = record.value();
  if (value === null) return 'null';
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
  const isJson = record.headerCount > 0 && bytesEqual(record.header(jsonHeader.key) ?? noBytes, jsonHeader.value);
  const json = isJson ? parseJson(text) : undefined;
  return writeJson(json === undefined ? text : json);
}
