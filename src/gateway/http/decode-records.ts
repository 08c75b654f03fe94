/**
 * Request bodies to one RecordBatch. Lines and bytes go straight from the body into the batch, without an object or string per record. JSON is parsed a few
 * records at a time, and no more is parsed than `json-bounds.ts` lets through. What takes longer than a few milliseconds is done in slices (`OneATurn`), and
 * one record that alone takes long in another thread (`large-records.ts`).
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../../base/errors.ts';
import { firstOffset, firstTerm } from '../../base/branded.ts';
import { type Answer, LogError, type Outcome } from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import {
  type BatchLimits,
  type BatchProblem,
  forEachRecord,
  noProducer,
  producerId,
  RecordBatchBuilder,
  type RecordHeader,
  sealForProducer,
  setPlacement,
  validateBatch,
} from '../../record/index.ts';
import { asLogError } from './error-answer.ts';
import { JsonRecords, problemAt, problemOfJson, sayProblem, ValueWalk } from './json-bounds.ts';
import type { DeliveryTimes } from './delivery-times.ts';
import type { DecodedRecord, LargeRecords } from './large-records.ts';
import { ownHeaderPrefix, type Refuse, RecordJson } from './record-json.ts';
import type { OneATurn } from '../../search/index.ts';

export const batchesType = 'application/vnd.cairn.batches';
/** Each behind its log time. */
export const timedBatchesType = 'application/vnd.cairn.timed-batches';
export const recordTypes = ['application/json', 'application/x-ndjson', 'text/plain', 'application/octet-stream', batchesType] as const;

export interface DecodeOptions {
  /** For the sentence of a refusal. */
  readonly topic: string;
  /** Time of records that bring none. */
  readonly nowMs: number;
  readonly limits: BatchLimits;
  readonly bytes: Bytes;
  readonly turns: OneATurn;
  readonly large: LargeRecords;
  /** Gets when records of JSON are due that are to be appended later. */
  readonly deliveryTimes: DeliveryTimes;
}

const lineFeed = 0x0a;
/** A body is decoded in one go where it is small, so all small ones can share a builder. */
const smallBodyBytesMax = 4096;
const smallBuilder = new RecordBatchBuilder({ capacityBytes: 2 * smallBodyBytesMax });

/** JSON that is parsed in one slice, and records: a few milliseconds, whether they are short or long. */
const parsedAtOnce = 128 * 1024;
const recordsAtOnce = 1500;
/** A piece of that, which ends with a whole record, in brackets. */
const listText = Buffer.alloc(parsedAtOnce + 64 * 1024 + 2, '[');
/** Lines taken in one slice, and their bytes. */
const linesAtOnce = 4096;
const lineBytesAtOnce = 256 * 1024;
/** JSON of one record: parsing more than this is left to another thread. */
const largeBytes = 64 * 1024;

/** Gives a batch with base offset 0, or a refusal whose sentence says what is wrong with the body. */
export function decodeRecords(contentType: string | undefined, body: Uint8Array, options: DecodeOptions, done: Answer<Uint8Array>): void {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === batchesType || type === 'application/octet-stream' || body.length <= smallBodyBytesMax)
    done(tried(() => atOnce(type, body, options)));
  else inSlices(type, body, options, done);
}

function tried<Value>(run: () => Value): Outcome<Value> {
  try {
    return { ok: true, value: run() };
  } catch (thrown) {
    return { ok: false, error: asLogError(thrown) };
  }
}

function atOnce(type: string | undefined, body: Uint8Array, options: DecodeOptions): Uint8Array {
  if (type === batchesType) return placed(body, options);
  const decoder = decoderFor(type, body, options);
  while (decoder.slice() !== true);
  return decoder.finish();
}

function inSlices(type: string | undefined, body: Uint8Array, options: DecodeOptions, done: Answer<Uint8Array>): void {
  const { turns, large } = options;
  // What waits for its turn holds no more than its body.
  let begun: Decoder | null = null;
  const goOn = (): void => {
    const prepared = tried(() => (begun ??= decoderFor(type, body, options)));
    if (!prepared.ok) {
      done(prepared);
      return;
    }
    const decoder = prepared.value;
    const slice = tried(() => decoder.slice());
    if (!slice.ok) done(slice);
    else if (slice.value === true) done(tried(() => decoder.finish()));
    else if (slice.value === false) turns.take(goOn);
    else {
      const { json, what } = slice.value;
      large.decode({ json, what, topic: options.topic, nowMs: options.nowMs }, (outcome) => {
        const added = outcome.ok ? tried(() => decoder.addFrom(outcome.value)) : outcome;
        if (added.ok) turns.take(goOn);
        else done(added);
      });
    }
  };
  // One slice of most bodies is all of them, and a turn of the loop for each costs more than it.
  if (body.length <= parsedAtOnce) goOn();
  else turns.take(goOn);
}

function decoderFor(type: string | undefined, body: Uint8Array, options: DecodeOptions): Decoder {
  switch (type) {
    case 'application/json':
      return new JsonDecoder(body, options);
    case 'application/x-ndjson':
      return new NdjsonDecoder(body, options);
    case 'text/plain':
      return new LinesDecoder(body, options);
    case 'application/octet-stream':
      return new WholeDecoder(body, options);
    default:
      throw refusal(
        options.topic,
        'unsupportedMediaType',
        `Content-Type is ${type === undefined || type === '' ? 'missing' : JSON.stringify(type.slice(0, 100))}, it must be one of ${recordTypes.join(', ')}`,
      );
  }
}

/** A record that is decoded elsewhere; `what` names it. */
interface LargeRecord {
  readonly json: Uint8Array;
  readonly what: string;
}

abstract class Decoder {
  protected readonly body: Buffer;
  protected readonly builder: RecordBatchBuilder;
  readonly #options: DecodeOptions;

  /** Room for the body and an eighth more (lines of 64 bytes grow by that) spares most bodies every growth of the builder. */
  constructor(body: Uint8Array, options: DecodeOptions) {
    this.#options = options;
    this.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const isSmall = body.length <= smallBodyBytesMax;
    this.builder = isSmall ? smallBuilder : new RecordBatchBuilder({ capacityBytes: body.length + (body.length >>> 3) + 128 });
    // A body that was refused half way has left something.
    this.builder.clear();
  }

  /** Goes on for a few milliseconds: true once all is taken, false where there is more, or a record that is to be decoded elsewhere first. */
  abstract slice(): boolean | LargeRecord;

  finish(): Uint8Array {
    if (this.builder.recordCount === 0) throw this.refuse('invalidRequest', this.emptyReason);
    return this.builder.finishUnsealed();
  }

  protected abstract readonly emptyReason: string;

  /** Adds the one record of a batch that was made elsewhere. */
  addFrom({ batch, deliverAtMs }: DecodedRecord): void {
    const sizeBefore = this.builder.sizeBytes;
    if (deliverAtMs !== null) this.deliveryTimes.set(this.builder.recordCount, deliverAtMs);
    forEachRecord(batch, (record) => {
      const headers: RecordHeader[] = [];
      record.forEachHeader((key, value) => headers.push({ key, value }));
      this.builder.add(record.timestampMs, record.key(), record.value(), headers);
    });
    this.checkAdded(sizeBefore);
  }

  protected get nowMs(): number {
    return this.#options.nowMs;
  }

  protected get deliveryTimes(): DeliveryTimes {
    return this.#options.deliveryTimes;
  }

  protected get recordsMax(): number {
    return this.#options.limits.recordsPerBatchMax;
  }

  protected checkAdded(sizeBefore: number): void {
    const { recordBytesMax, recordsPerBatchMax, batchBytesMax } = this.#options.limits;
    const { sizeBytes, recordCount } = this.builder;
    if (sizeBytes - sizeBefore > recordBytesMax) {
      throw this.refuse('recordTooLarge', `record ${recordCount - 1} has ${sizeBytes - sizeBefore} bytes, the limit is ${recordBytesMax}`);
    }
    if (recordCount > recordsPerBatchMax) throw this.refuse('recordTooLarge', `a request has at most ${recordsPerBatchMax} records`);
    if (sizeBytes > batchBytesMax) throw this.refuse('recordTooLarge', `its records have more than ${batchBytesMax} bytes`);
  }

  protected readonly refuse: Refuse = (code, reason) => refusal(this.#options.topic, code, reason);
}

class LinesDecoder extends Decoder {
  protected readonly emptyReason = 'the body is empty';
  #from = 0;

  slice(): boolean {
    const { body, builder, nowMs } = this;
    const until = Math.min(body.length, this.#from + lineBytesAtOnce);
    let from = this.#from;
    for (let left = linesAtOnce; left > 0 && from < until; left--) {
      const found = body.indexOf(lineFeed, from);
      const to = found < 0 ? body.length : found;
      const sizeBefore = builder.sizeBytes;
      builder.addSlice(nowMs, body, from, to);
      this.checkAdded(sizeBefore);
      from = to + 1;
    }
    this.#from = from;
    return from >= body.length;
  }
}

class WholeDecoder extends Decoder {
  protected readonly emptyReason = '';

  slice(): boolean {
    const sizeBefore = this.builder.sizeBytes;
    this.builder.addSlice(this.nowMs, this.body, 0, this.body.length);
    this.checkAdded(sizeBefore);
    return true;
  }
}

abstract class ParsingDecoder extends Decoder {
  protected readonly emptyReason = 'the body has no record';
  readonly #records = new RecordJson(this.builder, this.nowMs, this.refuse, this.deliveryTimes);

  protected add(record: unknown, what: string): void {
    const sizeBefore = this.builder.sizeBytes;
    this.#records.add(record, what);
    this.checkAdded(sizeBefore);
  }

  protected parse(from: number, to: number, what: string): unknown {
    if (!isUtf8(this.body.subarray(from, to))) throw this.refuse('invalidRequest', `${what} is not UTF-8`);
    try {
      return JSON.parse(this.body.toString('utf8', from, to));
    } catch {
      throw this.refuse('invalidRequest', sayProblem('notJson', what));
    }
  }
}

class JsonDecoder extends ParsingDecoder {
  readonly #found = new JsonRecords(this.body);
  /** Where the records begin and end that are parsed next, all together. */
  #bounds: number[] = [];
  #added = 0;
  #large: LargeRecord | null = null;

  slice(): boolean | LargeRecord {
    const large = this.#large;
    this.#large = null;
    if (large !== null) return this.#elsewhere(large);
    const { body } = this;
    for (;;) {
      const found = this.#found.next();
      if (found === 'end' || found === 'more') {
        this.#addFound();
        return found === 'end';
      }
      if (found !== 'record') {
        // What is wrong with a record before it comes first.
        this.#addFound();
        const isOfBody = this.#found.isWhole || this.#found.isOutside;
        throw this.refuse('invalidRequest', sayProblem(found, isOfBody ? 'the body' : `record ${this.#added}`));
      }
      const { from, to } = this.#found;
      if (to - from > largeBytes) {
        const count = this.#bounds.length / 2;
        const next = { json: body.subarray(from, to), what: this.#nameOf(this.#added + count) };
        if (count === 0) return this.#elsewhere(next);
        this.#addFound();
        this.#large = next;
        return false;
      }
      this.#bounds.push(from, to);
      if (this.#added + this.#bounds.length / 2 > this.recordsMax)
        throw this.refuse('recordTooLarge', `a request has at most ${this.recordsMax} records`);
      if (to - (this.#bounds[0] as number) >= parsedAtOnce || this.#bounds.length >= 2 * recordsAtOnce) {
        this.#addFound();
        return false;
      }
    }
  }

  #elsewhere(large: LargeRecord): LargeRecord {
    this.#added++;
    return large;
  }

  #nameOf(index: number): string {
    return this.#found.isWhole ? 'the record' : `record ${index}`;
  }

  /** Parses what was found in one go, which is twice as quick as one after another. */
  #addFound(): void {
    const bounds = this.#bounds;
    if (bounds.length === 0) return;
    this.#bounds = [];
    const records = this.#parseAll(bounds);
    for (const record of records) this.add(record, this.#nameOf(this.#added++));
  }

  /** In brackets, as one text from the start: one that is put together of three is copied once more before it is parsed. */
  #asList(from: number, to: number): string {
    const end = 1 + this.body.copy(listText, 1, from, to);
    listText[end] = 0x5d;
    return listText.toString('utf8', 0, end + 1);
  }

  #parseAll(bounds: readonly number[]): readonly unknown[] {
    const from = bounds[0] as number;
    const to = bounds.at(-1) as number;
    if (isUtf8(this.body.subarray(from, to))) {
      try {
        const length = to - from;
        return JSON.parse(length <= listText.length - 2 ? this.#asList(from, to) : `[${this.body.toString('utf8', from, to)}]`);
      } catch {
        // It is found out below which it is.
      }
    }
    const what = (index: number): string => (this.#found.isWhole ? 'the body' : `record ${this.#added + index}`);
    return Array.from({ length: bounds.length / 2 }, (_, index) =>
      this.parse(bounds[2 * index] as number, bounds[2 * index + 1] as number, what(index)),
    );
  }
}

class NdjsonDecoder extends ParsingDecoder {
  #from = 0;
  #line = 0;
  /** Over a line that is long. */
  #walk: ValueWalk | null = null;

  slice(): boolean | LargeRecord {
    const { body } = this;
    const until = this.#from + parsedAtOnce;
    const recordsUntil = this.builder.recordCount + recordsAtOnce;
    for (let left = linesAtOnce; left > 0 && this.#from < Math.min(until, body.length); left--) {
      if (this.builder.recordCount >= recordsUntil) return false;
      const found = body.indexOf(lineFeed, this.#from);
      const from = this.#from;
      const to = found < 0 ? body.length : found;
      const what = `line ${this.#line + 1}`;
      if (to - from > largeBytes) {
        const json = body.subarray(from, to);
        this.#walk ??= new ValueWalk(json);
        const walked = this.#walk.go();
        if (walked === 'more') return false;
        const problem = problemAt(walked, this.#walk.position, json.length);
        this.#walk = null;
        if (problem !== null) throw this.refuse('invalidRequest', sayProblem(problem, what));
        this.#behind(to);
        return { json, what };
      }
      this.#behind(to);
      if (isBlank(body, from, to)) continue;
      const problem = problemOfJson(body.subarray(from, to));
      // That it is no JSON is for the parser to say.
      if (problem !== null && problem !== 'notJson') throw this.refuse('invalidRequest', sayProblem(problem, what));
      this.add(this.parse(from, to, what), what);
    }
    return this.#from >= body.length;
  }

  #behind(to: number): void {
    this.#from = to + 1;
    // As many blank ones are more than anybody sends.
    if (++this.#line > 2 * this.recordsMax) throw this.refuse('recordTooLarge', `a request has at most ${2 * this.recordsMax} lines`);
  }
}

function isBlank(body: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

/** A batch made by the client: checked byte by byte; place and producer are not the client's to choose. */
function placed(batch: Uint8Array, { topic, limits, bytes }: DecodeOptions): Uint8Array {
  const checked = validateBatch(batch, limits, bytes);
  if (!checked.ok)
    throw refusal(topic, batchProblems[checked.error.problem] ?? 'corruptBatch', `the batch is refused: ${checked.error.reason}`);
  const header = ownHeaderOf(batch);
  if (header !== null)
    throw refusal(topic, 'invalidRequest', `the batch is refused: its header ${JSON.stringify(header)} has a name that is Cairn's own`);
  setPlacement(batch, firstOffset, firstTerm);
  if (producerId(batch) !== noProducer.id) sealForProducer(batch, noProducer, bytes);
  return batch;
}

/** The name of a header that only brokers may give, or null. It is looked for where those bytes are at all: they hardly ever are. */
function ownHeaderOf(batch: Uint8Array): string | null {
  if (!Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength).includes(ownHeaderPrefix)) return null;
  let found: string | null = null;
  forEachRecord(batch, (record) => {
    record.forEachHeader((key) => {
      const name = Buffer.from(key).toString('latin1');
      if (name.startsWith(ownHeaderPrefix)) found ??= name.slice(0, 100);
    });
    return found === null;
  });
  return found;
}

const batchProblems: Partial<Record<BatchProblem, ErrorCode>> = {
  codecUnsupported: 'unsupportedCodec',
  attributesForbidden: 'invalidRequest',
  batchTooLarge: 'recordTooLarge',
  recordTooLarge: 'recordTooLarge',
  tooManyRecords: 'recordTooLarge',
};

function refusal(topic: string, code: ErrorCode, reason: string): LogError {
  return new LogError(code, `Cannot append to topic "${topic}": ${reason}`);
}
