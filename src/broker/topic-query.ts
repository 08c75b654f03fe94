/** Which topics a status is to show, as brokers ask one another: JSON text, nothing where that is left to whoever answers. */
import type { TopicQuery } from '../eventlog/index.ts';
import type { Bytes } from '../host/index.ts';

const nothing = new Uint8Array(0);

export const encodeTopicQuery = (query: TopicQuery | null, bytes: Bytes): Uint8Array =>
  query === null ? nothing : bytes.utf8Encode(JSON.stringify(query));

/** What is no query is none: the answer is bounded whatever was asked. */
export function decodeTopicQuery(asked: Uint8Array, bytes: Bytes): TopicQuery | null {
  if (asked.length === 0) return null;
  try {
    const { prefix, after, limit } = JSON.parse(bytes.utf8Decode(asked)) as Partial<Record<keyof TopicQuery, unknown>>;
    if (typeof prefix !== 'string' || typeof after !== 'string' || typeof limit !== 'number') return null;
    return Number.isSafeInteger(limit) && limit > 0 ? { prefix, after, limit } : null;
  } catch {
    return null;
  }
}
