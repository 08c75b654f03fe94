/** A search request as it is sent; `decode-request.ts` reads it, and is not loaded by who only asks. */
import { Buffer } from 'node:buffer';
import type { SearchRequest, TopicSource } from '../query/index.ts';

export type PatternJson = string | { readonly base64: string };

/** Bytes that are UTF-8 as text, others in base 64. */
export function encodeRequest(request: SearchRequest): object {
  const { match, source } = request;
  return {
    ...request,
    source: source.kind === 'topic' ? encodeTopic(source) : source,
    match: { ...match, patterns: match.patterns.map(encodePattern) },
  };
}

/** What is not said is not sent: a broker from before it would refuse it. */
function encodeTopic({ partition, partitions, ...source }: TopicSource): object {
  return { ...source, ...(partition === null ? {} : { partition }), ...(partitions === null ? {} : { partitions }) };
}

function encodePattern(pattern: Uint8Array): PatternJson {
  const bytes = Buffer.from(pattern.buffer, pattern.byteOffset, pattern.byteLength);
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
}

/** Each line is a pattern of its own, the one behind the last line feed too. */
export function splitPatterns(bytes: Buffer): Uint8Array[] {
  const patterns: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const to = bytes.indexOf(0x0a, from);
    patterns.push(bytes.subarray(from, to < 0 ? bytes.length : to));
    if (to < 0) return patterns;
    from = to + 1;
  }
}
