import type { Bytes } from '../../host/index.ts';
import type { RecordCursor } from '../../record/index.ts';

/**
 * A record as a line of NDJSON, in the words of `GET /v1/topics/{topic}/records`: bytes that are not UTF-8 as base64. `spans` are positions in its value, in bytes.
 */
export function writeJson(kind: 'selected' | 'context', record: RecordCursor, spans: readonly number[], bytes: Bytes): string {
  const headers: [string, unknown][] = [];
  record.forEachHeader((key, value) => headers.push([bytes.utf8Decode(key), value === null ? null : textOrBase64(value, bytes)]));
  const from = Math.max(record.valueFrom, 0);
  const matches: number[][] = [];
  for (let i = 0; i < spans.length; i += 2) matches.push([(spans[i] as number) - from, (spans[i + 1] as number) - from]);
  return JSON.stringify({
    type: kind === 'selected' ? 'match' : 'context',
    offset: record.offset,
    timestamp: record.timestampMs,
    ...field('key', record.key(), bytes),
    ...field('value', record.value(), bytes),
    headers: Object.fromEntries(headers),
    matches,
  });
}

function field(name: string, value: Uint8Array | null, bytes: Bytes): Record<string, unknown> {
  if (value === null) return { [name]: null };
  const shown = textOrBase64(value, bytes);
  return typeof shown === 'string' ? { [name]: shown } : { [`${name}Base64`]: shown.base64 };
}

function textOrBase64(value: Uint8Array, bytes: Bytes): string | { readonly base64: string } {
  const text = bytes.utf8Decode(value);
  // A replacement character may stand in the bytes or come from broken ones: only then are they looked at again.
  return text.includes('\uFFFD') && !isSame(bytes.utf8Encode(text), value) ? { base64: base64Of(value) } : text;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64Of(value: Uint8Array): string {
  let text = '';
  for (let at = 0; at < value.length; at += 3) {
    const group = ((value[at] as number) << 16) | ((value[at + 1] ?? 0) << 8) | (value[at + 2] ?? 0);
    const left = value.length - at;
    text += digits[group >> 18];
    text += digits[(group >> 12) & 63];
    text += left > 1 ? digits[(group >> 6) & 63] : '=';
    text += left > 2 ? digits[group & 63] : '=';
  }
  return text;
}
