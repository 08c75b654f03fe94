/** Record batches to the forms that people and programs read, in slices of a few milliseconds each. */
import { isUtf8 } from 'node:buffer';
import { baseOffset, lastOffsetDelta, type RecordCursor, RecordReader } from '../../../../record/index.ts';

export type TextFormat = 'json' | 'ndjson' | 'text' | 'sse';

/** Of a topic of several partitions: which one it is, and the id of an event behind a record. */
export interface RecordPlace {
  readonly partition: number;
  readonly idOf: (offset: number) => string;
}

/** Which records: at most `max` from `offsetFrom` on and below `offsetTo`, which is left out where all there are are meant. */
export interface EncodeOrder {
  readonly offsetFrom: number;
  readonly offsetTo?: number;
  readonly max?: number;
  readonly format: TextFormat;
  readonly place?: RecordPlace;
  /** Log time of each batch, to be said of each record; left out where nobody asked. */
  readonly times?: readonly number[] | undefined;
}

const requestIdHeaderName = 'cairn.request-id';
const lineFeed = Buffer.of(0x0a);

/** Of a slice: its records' bytes, and something for each of them however short it is. */
const sliceWork = 256 * 1024;
const recordWork = 128;

/** JSON records are joined by commas; the other forms end each record themselves. */
export class RecordEncoder {
  readonly #batches: readonly Uint8Array[];
  readonly #offsetFrom: number;
  readonly #format: TextFormat;
  readonly #place: RecordPlace | null;
  readonly #times: readonly number[] | undefined;
  /** What stands before an offset. */
  readonly #of: string;
  #left: number;
  #index = 0;
  #reader: RecordReader | null = null;
  #isFirst = true;
  /** How many there are. */
  readonly count: number;
  /** Where to go on when `max` cuts them short, else null. */
  readonly cutAt: number | null;

  constructor(batches: readonly Uint8Array[], order: EncodeOrder) {
    const { offsetFrom, offsetTo = Number.POSITIVE_INFINITY, max = Number.POSITIVE_INFINITY, format, place = null, times } = order;
    this.#batches = batches;
    this.#offsetFrom = offsetFrom;
    this.#format = format;
    this.#place = place;
    this.#times = times;
    this.#of = place === null ? '' : `"partition":${place.partition},`;
    let count = 0;
    let cutAt: number | null = null;
    for (const batch of batches) {
      const from = Math.max(baseOffset(batch), offsetFrom);
      const behind = Math.max(from, Math.min(offsetTo, baseOffset(batch) + lastOffsetDelta(batch) + 1));
      if (count + (behind - from) > max) {
        cutAt = from + (max - count);
        count = max;
        break;
      }
      count += behind - from;
    }
    this.count = count;
    this.cutAt = cutAt;
    this.#left = count;
  }

  /** All of it is given. */
  get isOver(): boolean {
    return this.#left === 0;
  }

  /** The next slice. */
  next(): string | Uint8Array {
    const texts: string[] = [];
    const pieces: Uint8Array[] = [];
    for (let work = 0; work < sliceWork && this.#left > 0; ) {
      const batch = this.#batches[this.#index] as Uint8Array;
      this.#reader ??= new RecordReader(batch);
      const record = this.#reader.next();
      if (record === null) {
        this.#index++;
        this.#reader = null;
        continue;
      }
      work += recordWork;
      if (record.offset < this.#offsetFrom) continue;
      work += record.recordTo - record.recordFrom;
      this.#left--;
      if (this.#format === 'text') {
        const value = record.value();
        if (value !== null) pieces.push(value);
        pieces.push(lineFeed);
      } else {
        texts.push(this.#textOf(record, batch));
      }
    }
    return this.#format === 'text' ? Buffer.concat(pieces) : texts.join('');
  }

  #textOf(record: RecordCursor, batch: Uint8Array): string {
    const json = recordJson(record, Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), this.#of, this.#times?.[this.#index]);
    if (this.#format === 'ndjson') return `${json}\n`;
    if (this.#format === 'sse')
      return `id: ${this.#place === null ? record.offset : this.#place.idOf(record.offset + 1)}\ndata: ${json}\n\n`;
    if (!this.#isFirst) return `,${json}`;
    this.#isFirst = false;
    return json;
  }
}

/** One record as JSON; bytes that are not UTF-8 as base64. `of` is what stands before its offset. */
function recordJson(record: RecordCursor, buffer: Buffer, of: string, logTime: number | undefined): string {
  const key = fieldJson('key', buffer, record.keyFrom, record.keyTo);
  const value = fieldJson('value', buffer, record.valueFrom, record.valueTo);
  const headers = record.headerCount === 0 ? '{}' : headersJson(record);
  const time = logTime === undefined ? '' : `"logTime":${Math.floor(logTime)},`;
  return `{${of}"offset":${record.offset},"timestamp":${record.timestampMs},${time}${key},${value},"headers":${headers}}`;
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
