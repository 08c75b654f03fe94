/** What a line, or a text that was typed, says where it is more than a value: a key in front of it, headers, or a record as JSON. */
import { Buffer } from 'node:buffer';
import { InvalidArgumentError } from 'commander';
import type { ErrorCode } from '../base/errors.ts';
import { lineBytesMax, type LineRecord } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { bytesOfRecord, type NewRecord } from '../library/index.ts';
import { RecordBatchBuilder, recordBytesMax } from '../record/index.ts';

export interface LineOptions {
  /** Of every record. */
  readonly key?: string;
  readonly header?: Headers;
  /** What stands between key and value. */
  readonly keyDelimiter?: string;
  readonly jsonLines?: boolean;
}

type Headers = Readonly<Record<string, string>>;
type Fields = Readonly<Record<string, unknown>>;

export const keyBytesMax = 2048;
/** A record of 1 MiB may be six times as long as JSON. */
const jsonBytesMax = 8 * 1024 * 1024;
/** Of each record: brokers add the request id to it. */
const roomBytes = 1024;

/** So long may a line be. */
export const lineLimit = ({ keyDelimiter, jsonLines = false }: LineOptions): number =>
  jsonLines ? jsonBytesMax : lineBytesMax + (keyDelimiter === undefined ? 0 : keyBytesMax + Buffer.byteLength(keyDelimiter));

/** The line is the value, and nothing else is to be said. */
export const isPlain = ({ header, keyDelimiter, jsonLines = false }: LineOptions): boolean =>
  header === undefined && keyDelimiter === undefined && !jsonLines;

/** @param what how a line is called where it is wrong: `line 3` */
export function parseLine(line: Uint8Array, options: LineOptions, what: string): LineRecord {
  const { key = null, header = {}, keyDelimiter, jsonLines = false } = options;
  const given = jsonLines ? ofJson(line, what) : keyDelimiter === undefined ? { key, value: line } : divided(line, keyDelimiter);
  const record = checked({ ...given, headers: { ...header, ...given.headers } }, what);
  if (RecordBatchBuilder.recordBytesBound(record.key, record.value, record.headers) > recordBytesMax - roomBytes)
    throw refuse(what, `it is longer than a record may be, ${recordBytesMax - roomBytes} bytes with its key and headers`, 'recordTooLarge');
  if (record.key !== null && record.key.length > keyBytesMax) throw refuse(what, `its key is longer than ${keyBytesMax} bytes`);
  return record;
}

function checked(record: NewRecord, what: string): LineRecord {
  try {
    return bytesOfRecord(record, `append ${what}`);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new LogError(error.code, error.message, { ...error.details, line: what }, { cause: error });
  }
}

/** A line without the delimiter has no key. */
function divided(line: Uint8Array, delimiter: string): NewRecord {
  const at = Buffer.from(line.buffer, line.byteOffset, line.byteLength).indexOf(delimiter);
  if (at === -1) return { key: null, value: line };
  return { key: line.subarray(0, at), value: line.subarray(at + Buffer.byteLength(delimiter)) };
}

/** As `read --json` prints it. */
function ofJson(line: Uint8Array, what: string): NewRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8.decode(line));
  } catch (error) {
    throw refuse(what, `it is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw refuse(what, 'it is no JSON object such as {"key":"a","value":"b"}');
  const { keyBase64, valueBase64, headers = null, timestamp, ...rest } = parsed;
  if (headers !== null && !isObject(headers)) throw refuse(what, 'its headers are no object such as {"name":"value"}');
  return {
    ...(rest as unknown as NewRecord),
    ...(keyBase64 === undefined ? {} : { key: base64Of(keyBase64, what) }),
    ...(valueBase64 === undefined ? {} : { value: base64Of(valueBase64, what) }),
    ...(headers === null ? {} : { headers: headersOf(headers, what) }),
    ...(timestamp === undefined || timestamp === null ? {} : { timestamp: timestamp as number }),
  };
}

const headersOf = (headers: Fields, what: string): Record<string, string | Uint8Array | null> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      isObject(value) && 'base64' in value ? base64Of(value['base64'], what) : (value as string | null),
    ]),
  );

function base64Of(value: unknown, what: string): Uint8Array {
  if (typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) return Buffer.from(value, 'base64');
  throw refuse(what, 'what should be base64 is not');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (what: string, why: string, code: ErrorCode = 'invalidRequest'): LogError =>
  new LogError(code, `Cannot append ${what}: ${why}`, { line: what });

export function parseKey(text: string): string {
  if (Buffer.byteLength(text) > keyBytesMax) throw new LogError('usage', `Cannot use this key: it is longer than ${keyBytesMax} bytes`);
  return text;
}

/** Several are gathered. */
export function parseHeader(text: string, before: Headers = {}): Headers {
  const at = text.indexOf('=');
  if (at > 0) return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  throw new InvalidArgumentError('It is a name and a value such as shop=Tromsø.');
}

/** A tab may be written as \t. */
export function parseDelimiter(text: string): string {
  const delimiter = text.replaceAll('\\t', '\t');
  if (delimiter !== '' && !delimiter.includes('\n')) return delimiter;
  throw new InvalidArgumentError('It is at least one character, and no newline.');
}
