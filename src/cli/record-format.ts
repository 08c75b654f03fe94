/** What `--format` says: a text with fields that begin with %, and the escapes \n, \t, \r, \0, \\ and \xNN. */
import { Buffer } from 'node:buffer';
import { InvalidArgumentError } from 'commander';
import type { LogRecord } from '../library/index.ts';
import { dateOf, headersText, valueBytes } from './record-fields.ts';

type Piece = Uint8Array | ((record: LogRecord, isRaw: boolean) => Uint8Array | string);

export interface RecordTemplate {
  readonly pieces: readonly Piece[];
  /** It says when the leader took a record. */
  readonly tellsLogTime: boolean;
}

const noBytes = new Uint8Array(0);
const length = (bytes: Uint8Array | null): string => String(bytes === null ? -1 : bytes.length);
const bytes = (value: Uint8Array | null, isRaw: boolean): Uint8Array => valueBytes(value ?? noBytes, isRaw);

const fields: Readonly<Record<string, Exclude<Piece, Uint8Array>>> = {
  t: ({ topic }) => topic,
  p: ({ partition }) => String(partition),
  o: ({ offset }) => String(offset),
  T: ({ timestamp }) => String(timestamp),
  d: ({ timestamp }) => dateOf(timestamp),
  L: ({ logTime }) => String(logTime ?? -1),
  l: ({ logTime }) => dateOf(logTime ?? -1),
  k: ({ key }, isRaw) => bytes(key, isRaw),
  K: ({ key }) => length(key),
  v: ({ value }, isRaw) => bytes(value, isRaw),
  V: ({ value }) => length(value),
  s: ({ value }, isRaw) => bytes(value, isRaw),
  S: ({ value }) => length(value),
  h: ({ headers }) => headersText(headers),
  '%': () => '%',
};

export const formatRule =
  '%v value (also %s), %k key, %h headers as JSON, %t topic, %p partition, %o offset, %T event time and %L log time in ms, %d and %l the same as dates, ' +
  '%K and %V lengths, -1 for none, %% a percent sign; \\n \\t \\r \\0 \\\\ \\xNN';

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' };

/** A newline follows each record, unless the format ends in one itself, or in \0. */
export function parseFormat(text: string): RecordTemplate {
  const pieces: Piece[] = [];
  let tellsLogTime = false;
  let isEnded = false;
  for (const [all, field, hex, escape] of text.matchAll(/%(.?)|\\(?:x([0-9a-fA-F]{2})|(.?))|[^%\\]+/gsu)) {
    isEnded = false;
    if (field !== undefined) {
      const piece = fields[field];
      if (piece === undefined) throw new InvalidArgumentError(`There is no field ${all}: ${formatRule}`);
      tellsLogTime ||= field === 'L' || field === 'l';
      pieces.push(piece);
    } else if (hex !== undefined) pieces.push(Uint8Array.of(Number.parseInt(hex, 16)));
    else if (escape !== undefined) {
      const character = escapes[escape];
      if (character === undefined) throw new InvalidArgumentError(`There is no escape ${all}: ${formatRule}`);
      isEnded = escape === 'n' || escape === '0';
      pieces.push(Buffer.from(character));
    } else pieces.push(Buffer.from(all));
  }
  if (!isEnded) pieces.push(Buffer.from('\n'));
  return { pieces, tellsLogTime };
}

export function fillIn({ pieces }: RecordTemplate, record: LogRecord, isRaw: boolean): Uint8Array {
  return Buffer.concat(
    pieces.map((piece) => {
      const text = typeof piece === 'function' ? piece(record, isRaw) : piece;
      return typeof text === 'string' ? Buffer.from(text) : text;
    }),
  );
}
