import { Buffer } from 'node:buffer';
import { escapeControls, escapeJson } from '../base/escape.ts';
import type { RecordCursor } from '../record/index.ts';

export interface RecordFormat {
  /** The bytes as they are. */
  readonly raw?: boolean;
  readonly json?: boolean;
}

export const newline = Buffer.from('\n');

/** `about` stands in front of the fields of JSON. */
export function formatRecord(record: RecordCursor, options: RecordFormat, about: Readonly<Record<string, unknown>>): Uint8Array {
  if (options.json === true && options.raw !== true) return Buffer.from(escapeJson(JSON.stringify({ ...about, ...toJson(record) })));
  return formatValue(record.value() ?? new Uint8Array(0), options);
}

export const formatValue = (value: Uint8Array, { raw = false }: RecordFormat): Uint8Array =>
  raw ? value : Buffer.from(escapeControls(decode(value).text));

/** As the HTTP gateway writes a record. */
function toJson(record: RecordCursor): Readonly<Record<string, unknown>> {
  // Without a prototype: a header may be called `__proto__`.
  const headers = Object.create(null) as Record<string, unknown>;
  record.forEachHeader((key, value) => {
    const name = decode(key).text;
    if (name.startsWith('cairn.')) return;
    const text = value === null ? null : decode(value);
    headers[name] = text === null ? null : text.valid ? text.text : { base64: Buffer.from(value as Uint8Array).toString('base64') };
  });
  return {
    offset: record.offset,
    timestamp: record.timestampMs,
    ...field('key', record.key()),
    ...field('value', record.value()),
    headers,
  };
}

function field(name: string, bytes: Uint8Array | null): Readonly<Record<string, string | null>> {
  if (bytes === null) return { [name]: null };
  const { text, valid } = decode(bytes);
  return valid ? { [name]: text } : { [`${name}Base64`]: Buffer.from(bytes).toString('base64') };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that are not UTF-8 are shown as U+FFFD. */
function decode(bytes: Uint8Array): { readonly text: string; readonly valid: boolean } {
  try {
    return { text: strict.decode(bytes), valid: true };
  } catch {
    return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'), valid: false };
  }
}
