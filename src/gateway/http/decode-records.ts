/**
 * Request bodies to one RecordBatch. Lines and bytes go straight from the body into the batch, without an object or string per record.
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../../base/errors.ts';
import { firstOffset, firstTerm } from '../../base/branded.ts';
import { LogError } from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import {
  type BatchLimits,
  type BatchProblem,
  noProducer,
  producerId,
  RecordBatchBuilder,
  type RecordHeader,
  sealForProducer,
  setPlacement,
  timestampMsMax,
  validateBatch,
} from '../../record/index.ts';

export const batchesType = 'application/vnd.cairn.batches';
export const recordTypes = ['application/json', 'application/x-ndjson', 'text/plain', 'application/octet-stream', batchesType] as const;

export interface DecodeOptions {
  /** For the sentence of a refusal. */
  readonly topic: string;
  /** Time of records that bring none. */
  readonly nowMs: number;
  readonly limits: BatchLimits;
  readonly bytes: Bytes;
}

const lineFeed = 0x0a;

/** Gives a batch with base offset 0, or throws a LogError whose sentence says what is wrong with the body. */
export function decodeRecords(contentType: string | undefined, body: Uint8Array, options: DecodeOptions): Uint8Array {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  switch (type) {
    case 'application/json':
      return new Decoder(options, body.length).json(body);
    case 'application/x-ndjson':
      return new Decoder(options, body.length).ndjson(body);
    case 'text/plain':
      return new Decoder(options, body.length).lines(body);
    case 'application/octet-stream':
      return new Decoder(options, body.length).whole(body);
    case batchesType:
      return placed(body, options);
    default:
      throw refusal(
        options.topic,
        'unsupportedMediaType',
        `Content-Type is ${type === undefined || type === '' ? 'missing' : JSON.stringify(type.slice(0, 100))}, it must be one of ${recordTypes.join(', ')}`,
      );
  }
}

/** A body is decoded in one go, so all small ones can share a builder. */
const smallBodyBytesMax = 4096;
const smallBuilder = new RecordBatchBuilder({ capacityBytes: 2 * smallBodyBytesMax });

/** UTF-8 takes at most three bytes for each UTF-16 unit. */
const shortTextMax = 4096;
const scratch = new Uint8Array(3 * shortTextMax);
const encoder = new TextEncoder();

class Decoder {
  readonly #options: DecodeOptions;
  readonly #builder: RecordBatchBuilder;

  /** Room for the body and an eighth more (lines of 64 bytes grow by that) spares most bodies every growth of the builder. */
  constructor(options: DecodeOptions, bodyBytes: number) {
    this.#options = options;
    const isSmall = bodyBytes <= smallBodyBytesMax;
    this.#builder = isSmall ? smallBuilder : new RecordBatchBuilder({ capacityBytes: bodyBytes + (bodyBytes >>> 3) + 128 });
    // A body that was refused half way has left something.
    this.#builder.clear();
  }

  lines(body: Uint8Array): Uint8Array {
    const { nowMs } = this.#options;
    const buffer = asBuffer(body);
    for (let from = 0; from < body.length; ) {
      const found = buffer.indexOf(lineFeed, from);
      const to = found < 0 ? body.length : found;
      const sizeBefore = this.#builder.sizeBytes;
      this.#builder.addSlice(nowMs, body, from, to);
      this.#checkAdded(sizeBefore);
      from = to + 1;
    }
    return this.#finish('the body is empty');
  }

  whole(body: Uint8Array): Uint8Array {
    const sizeBefore = this.#builder.sizeBytes;
    this.#builder.addSlice(this.#options.nowMs, body, 0, body.length);
    this.#checkAdded(sizeBefore);
    return this.#finish('');
  }

  json(body: Uint8Array): Uint8Array {
    const value = this.#parse(body, 'the body');
    const records = Array.isArray(value) ? value : isObject(value) && Array.isArray(value['records']) ? value['records'] : [value];
    const isList = records.length !== 1 || records[0] !== value;
    records.forEach((record, index) => this.#add(record, isList ? `record ${index}` : 'the record'));
    return this.#finish('the body has no record');
  }

  ndjson(body: Uint8Array): Uint8Array {
    const buffer = asBuffer(body);
    let line = 0;
    for (let from = 0; from < body.length; ) {
      const found = buffer.indexOf(lineFeed, from);
      const to = found < 0 ? body.length : found;
      line++;
      const part = buffer.subarray(from, to);
      from = to + 1;
      if (!isBlank(part)) this.#add(this.#parse(part, `line ${line}`), `line ${line}`);
    }
    return this.#finish('the body has no record');
  }

  #parse(part: Uint8Array, what: string): unknown {
    if (!isUtf8(part)) throw this.#refuse('invalidRequest', `${what} is not UTF-8`);
    try {
      return JSON.parse(asBuffer(part).toString('utf8'));
    } catch {
      throw this.#refuse('invalidRequest', `${what} is not JSON`);
    }
  }

  #add(record: unknown, what: string): void {
    if (!isObject(record)) throw this.#refuse('invalidRequest', `${what} is not an object`);
    for (const field of Object.keys(record)) {
      if (!recordFields.has(field))
        throw this.#refuse('invalidRequest', `${what} has the unknown field ${JSON.stringify(field.slice(0, 100))}`);
    }
    if (record['value'] === undefined && record['valueBase64'] === undefined) throw this.#refuse('invalidRequest', `${what} has no value`);
    const key = this.#bytesOf(record, 'key', what);
    const text = this.#shortTextOf(record, what);
    const value = text === null ? this.#bytesOf(record, 'value', what) : null;
    const headers = this.#headersOf(record['headers'], what);
    const timestampMs = this.#timestampOf(record['timestamp'], what);
    const sizeBefore = this.#builder.sizeBytes;
    if (text === null) this.#builder.add(timestampMs, key, value, headers);
    else if (headers.length > 0) this.#builder.add(timestampMs, key, this.#options.bytes.utf8Encode(text), headers);
    else this.#builder.addSlice(timestampMs, scratch, 0, encoder.encodeInto(text, scratch).written, key);
    this.#checkAdded(sizeBefore);
  }

  #bytesOf(record: Fields, field: 'key' | 'value', what: string): Uint8Array | null {
    const text = record[field];
    const base64 = record[`${field}Base64`];
    if (base64 !== undefined && text !== undefined && text !== null) {
      throw this.#refuse('invalidRequest', `${what} has both ${field} and ${field}Base64`);
    }
    if (base64 !== undefined) return this.#base64(base64, `${field}Base64 of ${what}`);
    if (text === undefined || text === null) return null;
    if (typeof text !== 'string') throw this.#refuse('invalidRequest', `${field} of ${what} is not a string`);
    return this.#utf8(text, `${field} of ${what}`);
  }

  /** A value that is encoded without a buffer of its own, which would cost more than all the rest of the record. */
  #shortTextOf(record: Fields, what: string): string | null {
    const text = record['value'];
    if (typeof text !== 'string' || text.length > shortTextMax || record['valueBase64'] !== undefined) return null;
    this.#checkWellFormed(text, `value of ${what}`);
    return text;
  }

  /** Half of a surrogate pair (`"\ud800"`) has no UTF-8: encoding it would keep something else than was sent. */
  #checkWellFormed(text: string, what: string): void {
    if (!text.isWellFormed()) throw this.#refuse('invalidRequest', `${what} has half a character (a lone surrogate)`);
  }

  #utf8(text: string, what: string): Uint8Array {
    this.#checkWellFormed(text, what);
    return this.#options.bytes.utf8Encode(text);
  }

  #base64(value: unknown, what: string): Uint8Array {
    if (typeof value !== 'string' || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
      throw this.#refuse('invalidRequest', `${what} is not base64`);
    }
    return Buffer.from(value, 'base64');
  }

  #headersOf(headers: unknown, what: string): readonly RecordHeader[] {
    if (headers === undefined || headers === null) return [];
    if (!isObject(headers)) throw this.#refuse('invalidRequest', `headers of ${what} is not an object`);
    return Object.entries(headers).map(([name, value]) => {
      const place = `header ${JSON.stringify(name.slice(0, 100))} of ${what}`;
      if (name.startsWith('cairn.')) throw this.#refuse('invalidRequest', `${place} has a name that is Cairn's own`);
      return { key: this.#utf8(name, `the name of ${place}`), value: this.#headerValue(value, place) };
    });
  }

  #headerValue(value: unknown, place: string): Uint8Array | null {
    if (value === null) return null;
    if (typeof value === 'string') return this.#utf8(value, place);
    if (isObject(value) && 'base64' in value) return this.#base64(value['base64'], place);
    throw this.#refuse('invalidRequest', `${place} is neither a string nor null nor {"base64": "..."}`);
  }

  #timestampOf(value: unknown, what: string): number {
    if (value === undefined || value === null) return this.#options.nowMs;
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= timestampMsMax) return value as number;
    throw this.#refuse('invalidRequest', `timestamp of ${what} is not a number of milliseconds since 1970`);
  }

  #checkAdded(sizeBefore: number): void {
    const { recordBytesMax, recordsPerBatchMax, batchBytesMax } = this.#options.limits;
    const { sizeBytes, recordCount } = this.#builder;
    if (sizeBytes - sizeBefore > recordBytesMax) {
      throw this.#refuse('recordTooLarge', `record ${recordCount - 1} has ${sizeBytes - sizeBefore} bytes, the limit is ${recordBytesMax}`);
    }
    if (recordCount > recordsPerBatchMax) throw this.#refuse('recordTooLarge', `a request has at most ${recordsPerBatchMax} records`);
    if (sizeBytes > batchBytesMax) throw this.#refuse('recordTooLarge', `its records have more than ${batchBytesMax} bytes`);
  }

  #finish(emptyReason: string): Uint8Array {
    if (this.#builder.recordCount === 0) throw this.#refuse('invalidRequest', emptyReason);
    return this.#builder.finishUnsealed();
  }

  #refuse(code: ErrorCode, reason: string): LogError {
    return refusal(this.#options.topic, code, reason);
  }
}

/** A batch made by the client: checked byte by byte; place and producer are not the client's to choose. */
function placed(batch: Uint8Array, { topic, limits, bytes }: DecodeOptions): Uint8Array {
  const checked = validateBatch(batch, limits, bytes);
  if (!checked.ok)
    throw refusal(topic, batchProblems[checked.error.problem] ?? 'corruptBatch', `the batch is refused: ${checked.error.reason}`);
  setPlacement(batch, firstOffset, firstTerm);
  if (producerId(batch) !== noProducer.id) sealForProducer(batch, noProducer, bytes);
  return batch;
}

const batchProblems: Partial<Record<BatchProblem, ErrorCode>> = {
  codecUnsupported: 'unsupportedCodec',
  attributesForbidden: 'invalidRequest',
  batchTooLarge: 'recordTooLarge',
  recordTooLarge: 'recordTooLarge',
  tooManyRecords: 'recordTooLarge',
};

type Fields = Readonly<Record<string, unknown>>;

/** `offset` is ignored, so that what was read can be appended again. */
const recordFields = new Set(['key', 'keyBase64', 'value', 'valueBase64', 'headers', 'timestamp', 'offset']);

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBlank(part: Uint8Array): boolean {
  return part.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refusal(topic: string, code: ErrorCode, reason: string): LogError {
  return new LogError(code, `Cannot append to topic "${topic}": ${reason}`);
}
