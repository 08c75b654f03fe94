/** What a record says of itself, as text that cannot be mistaken. */
import { Buffer } from 'node:buffer';
import { escapeBytes, escapeJson, escapeText } from '../base/escape.ts';
import type { Headers, LogRecord } from '../library/index.ts';

/** `isRaw`: as they are. */
export function valueBytes(value: Uint8Array, isRaw: boolean): Uint8Array {
  if (isRaw) return value;
  const { text, valid } = decode(value);
  return Buffer.from(valid ? escapeText(text) : escapeBytes(value, (bytes) => lenient.decode(bytes)));
}

/** `-` where there is none. */
export const dateOf = (ms: number): string => (ms < 0 ? '-' : new Date(ms).toISOString());

/** As it is where it is one word; else, and where it could be mistaken, as JSON. No key is `-`. */
export function keyText(key: Uint8Array | null): string {
  if (key === null) return '-';
  const { text, valid } = decode(key);
  if (!valid) return `base64:${JSON.stringify(Buffer.from(key).toString('base64'))}`;
  return /^[^\s"\\\p{C}]+$/u.test(text) && text !== '-' && !text.startsWith('base64:') ? text : escapeJson(JSON.stringify(text));
}

export const headersText = (headers: Headers): string => escapeJson(JSON.stringify(headersJson(headers)));

/** As the HTTP gateway writes a record, behind `about`. */
export function recordJson(record: LogRecord, about: Readonly<Record<string, unknown>>): string {
  const { offset, timestamp, logTime, key, value, headers } = record;
  const time = logTime === null ? {} : { logTime };
  const fields = { ...about, offset, timestamp, ...time, ...field('key', key), ...field('value', value), headers: headersJson(headers) };
  return escapeJson(JSON.stringify(fields));
}

function headersJson(headers: Headers): Readonly<Record<string, unknown>> {
  // Without a prototype: a header may be called `__proto__`.
  const shown = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(headers)) {
    const text = value === null ? null : decode(value);
    shown[name] = text === null ? null : text.valid ? text.text : { base64: Buffer.from(value as Uint8Array).toString('base64') };
  }
  return shown;
}

function field(name: string, bytes: Uint8Array | null): Readonly<Record<string, string | null>> {
  if (bytes === null) return { [name]: null };
  const { text, valid } = decode(bytes);
  return valid ? { [name]: text } : { [`${name}Base64`]: Buffer.from(bytes).toString('base64') };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

function decode(bytes: Uint8Array): { readonly text: string; readonly valid: boolean } {
  try {
    return { text: strict.decode(bytes), valid: true };
  } catch {
    return { text: '', valid: false };
  }
}
