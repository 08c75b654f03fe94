/** Records as JSON says them, checked and added to a batch. */
import type { ErrorCode } from '../../base/errors.ts';
import type { LogError } from '../../eventlog/index.ts';
import { type RecordBatchBuilder, type RecordHeader, timestampMsMax } from '../../record/index.ts';
import { deliverAtRule, type DeliveryTimes, parseDeliverAt } from './delivery-times.ts';

/** Makes the refusal of a body from the end of its sentence. */
export type Refuse = (code: ErrorCode, reason: string) => LogError;

/** UTF-8 takes at most three bytes for each UTF-16 unit. */
const shortTextMax = 4096;
const scratch = new Uint8Array(3 * shortTextMax);
const encoder = new TextEncoder();

/** Of the names of headers that brokers write. */
export const ownHeaderPrefix = 'cairn.';

type Fields = Readonly<Record<string, unknown>>;

/** `offset` and `logTime` are ignored, so that what was read can be appended again. */
const recordFields = new Set(['key', 'keyBase64', 'value', 'valueBase64', 'headers', 'timestamp', 'logTime', 'offset', 'deliverAt']);

export class RecordJson {
  readonly #builder: RecordBatchBuilder;
  readonly #nowMs: number;
  readonly #refuse: Refuse;
  readonly #deliveryTimes: DeliveryTimes;

  /**
   * @param nowMs time of records that bring none
   * @param deliveryTimes gets when those are due that are to be appended later
   */
  constructor(builder: RecordBatchBuilder, nowMs: number, refuse: Refuse, deliveryTimes: DeliveryTimes) {
    this.#builder = builder;
    this.#nowMs = nowMs;
    this.#refuse = refuse;
    this.#deliveryTimes = deliveryTimes;
  }

  /** Throws a refusal that names the record by `what`. */
  add(record: unknown, what: string): void {
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
    const deliverAt = record['deliverAt'];
    if (deliverAt !== undefined && deliverAt !== null) {
      const deliverAtMs = parseDeliverAt(deliverAt);
      if (deliverAtMs === null) throw this.#refuse('invalidRequest', `deliverAt of ${what} is not ${deliverAtRule}`);
      this.#deliveryTimes.set(this.#builder.recordCount, deliverAtMs);
    }
    if (text === null) this.#builder.add(timestampMs, key, value, headers);
    else if (headers.length > 0) this.#builder.add(timestampMs, key, encoder.encode(text), headers);
    else this.#builder.addSlice(timestampMs, scratch, 0, encoder.encodeInto(text, scratch).written, key);
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
    return encoder.encode(text);
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
      if (name.startsWith(ownHeaderPrefix)) throw this.#refuse('invalidRequest', `${place} has a name that is Cairn's own`);
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
    if (value === undefined || value === null) return this.#nowMs;
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= timestampMsMax) return value as number;
    throw this.#refuse('invalidRequest', `timestamp of ${what} is not a number of milliseconds since 1970`);
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
