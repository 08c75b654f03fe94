/**
 * Who a batch is from, as the number in its header (design, D7). Three disjoint ranges of safe integers:
 *
 *     [0, 2^51)      given out to clients that speak a producer protocol of their own
 *     [2^51, 2^52)   brokers, for the batches that they pack: 2^51 + broker id * 2^31 + incarnation
 *     [2^52, 2^53)   textual request ids: 2^52 + 52 bits of the SHA-256 of the text
 *
 * Two texts can meet in one number, so the full text travels as the header `cairn.request-id` of the first record, and a hit is a hit only if
 * the texts are equal too.
 */
import { assert } from '../base/assert.ts';
import { viewOf } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';
import { forEachRecord, type RecordHeader } from './record-batch.ts';

const brokerRange = 2 ** 51;
const textRange = 2 ** 52;
/** Broker ids have 20 bits in the number of a producer. */
export const brokerIdMax = 2 ** 20 - 1;
/** 'cairn.request-id' in ASCII; this floor has no text encoder. */
const requestIdHeaderKey = Uint8Array.from('cairn.request-id', (character) => character.charCodeAt(0));

export type ProducerKind = 'none' | 'client' | 'broker' | 'requestId';

export function producerKind(id: number): ProducerKind {
  if (id < 0) return 'none';
  if (id < brokerRange) return 'client';
  return id < textRange ? 'broker' : 'requestId';
}

/** Producer id of a textual request id, given as UTF-8. */
export function producerIdOf(requestId: Uint8Array): number {
  const view = viewOf(sha256(requestId));
  return textRange + (view.getUint32(0) & 0xf_ffff) * 0x1_0000_0000 + view.getUint32(4);
}

/** Producer id under which a broker packs; a new incarnation is a new producer, so its sequences may start again. */
export function brokerProducerId(brokerId: number, incarnation: number): number {
  assert(Number.isInteger(brokerId) && brokerId >= 1 && brokerId <= brokerIdMax, 'a broker id has at most 20 bits');
  assert(Number.isInteger(incarnation) && incarnation >= 0 && incarnation < 2 ** 31, 'an incarnation has at most 31 bits');
  return brokerRange + brokerId * 2 ** 31 + incarnation;
}

/** The header that the first record of a batch with a request id carries. */
export const requestIdHeader = (requestId: Uint8Array): RecordHeader => ({ key: requestIdHeaderKey, value: requestId });

/** Full text (UTF-8) of a batch's request id, or null if its first record carries none. */
export function requestIdOf(batch: Uint8Array): Uint8Array | null {
  let text: Uint8Array | null = null;
  forEachRecord(batch, (record) => {
    text = record.header(requestIdHeaderKey) ?? null;
    return false;
  });
  return text;
}
