import { clientBytes, type MergedRecord } from '../client/index.ts';
import { LogError, type PulledPart } from '../eventlog/index.ts';
import { forEachRecord, type RecordCursor } from '../record/index.ts';

/** By name; a name that a record has twice is here once, with its last value. */
export type Headers = Readonly<Record<string, Uint8Array | null>>;

const ownHeaderPrefix = 'cairn.';
const noHeaders: Headers = Object.freeze(Object.create(null) as Record<string, Uint8Array | null>);

/**
 * A record as it was read. Key, value and headers are bytes as they were appended; `text`, `json`, `keyText` and `header` say them as text, where bytes that are
 * not UTF-8 become U+FFFD. The bytes are a part of the answer that they came in: who keeps a few of many for long copies them (`value.slice()`).
 */
export class LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Event time: ms since 1970, as whoever appended it said. */
  readonly timestamp: number;
  /** Log time: when the leader took it, ms since 1970; null where it was not asked for. */
  readonly logTime: number | null;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;

  constructor(fields: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly timestamp: number;
    readonly logTime: number | null;
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly headers: Headers;
  }) {
    this.topic = fields.topic;
    this.partition = fields.partition;
    this.offset = fields.offset;
    this.timestamp = fields.timestamp;
    this.logTime = fields.logTime;
    this.key = fields.key;
    this.value = fields.value;
    this.headers = fields.headers;
  }

  /** The value; '' where it is null. */
  text(): string {
    return this.value === null ? '' : clientBytes.utf8Decode(this.value);
  }

  /** The value as JSON. Throws `invalidRequest` where it is none. */
  json<Value = unknown>(): Value {
    try {
      return JSON.parse(this.text()) as Value;
    } catch (error) {
      const where = `the record at offset ${this.offset} of partition ${this.partition} of topic "${this.topic}"`;
      throw new LogError('invalidRequest', `Cannot read ${where} as JSON: ${(error as Error).message}`, {}, { cause: error });
    }
  }

  keyText(): string | null {
    return this.key === null ? null : clientBytes.utf8Decode(this.key);
  }

  /** The value of a header; null where it has none, or there is no such header. */
  header(name: string): string | null {
    const value = this.headers[name] ?? null;
    return value === null ? null : clientBytes.utf8Decode(value);
  }
}

/** @internal Of a batch that is visited. */
export const recordOf = (topic: string, partition: number, cursor: RecordCursor, logTime: number | null = null): LogRecord =>
  new LogRecord({
    topic,
    partition,
    offset: cursor.offset,
    timestamp: cursor.timestampMs,
    logTime,
    key: cursor.key(),
    value: cursor.value(),
    headers: cursor.headerCount === 0 ? noHeaders : headersOf(cursor),
  });

/** The records of what `client.batches.subscriptions` gave of a partition. */
export function recordsOfPart({ topic, partition, offsetFrom, offsetTo, batches }: PulledPart): readonly LogRecord[] {
  const records: LogRecord[] = [];
  for (const batch of batches) {
    forEachRecord(batch, (cursor) => {
      if (cursor.offset >= offsetFrom && cursor.offset < offsetTo) records.push(recordOf(topic, partition, cursor));
      return cursor.offset < offsetTo;
    });
  }
  return records;
}

function headersOf(cursor: RecordCursor): Headers {
  // Without a prototype: a header may be called `__proto__`.
  const headers = Object.create(null) as Record<string, Uint8Array | null>;
  cursor.forEachHeader((key, value) => {
    const name = clientBytes.utf8Decode(key);
    if (!name.startsWith(ownHeaderPrefix)) headers[name] = value;
  });
  return headers;
}

/** @internal Of an answer in JSON. */
export const recordOfJson = (topic: string, record: Omit<MergedRecord, 'partition'>, partition: number): LogRecord =>
  new LogRecord({
    topic,
    partition,
    offset: record.offset,
    timestamp: record.timestamp,
    logTime: record.logTime ?? null,
    key: bytesOf(record.key, record.keyBase64),
    value: bytesOf(record.value, record.valueBase64),
    headers: headersOfJson(record.headers),
  });

const bytesOf = (text: string | null | undefined, base64: string | undefined): Uint8Array | null =>
  base64 !== undefined
    ? Uint8Array.from(Buffer.from(base64, 'base64'))
    : text === null || text === undefined
      ? null
      : clientBytes.utf8Encode(text);

function headersOfJson(fields: Readonly<Record<string, unknown>>): Headers {
  const headers = Object.create(null) as Record<string, Uint8Array | null>;
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(ownHeaderPrefix)) continue;
    headers[name] =
      typeof value === 'string' ? clientBytes.utf8Encode(value) : bytesOf(null, (value as { readonly base64?: string } | null)?.base64);
  }
  return headers;
}
