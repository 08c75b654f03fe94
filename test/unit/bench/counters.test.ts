import { describe, expect, test } from 'vitest';
import { BatchCounter, JsonCounter, type RecordCounter } from '../../../bench/reading/counters.ts';
import { makeBatch } from '../../../src/lab/bench/append-request.ts';

function countIn(counter: RecordCounter, body: Buffer, partBytes: number): number {
  counter.begin();
  for (let at = 0; at < body.length; at += partBytes) counter.take(body.subarray(at, at + partBytes));
  return counter.records;
}

describe('records counted in what is read', () => {
  test('batches, however the bytes are cut', () => {
    const body = Buffer.concat([makeBatch(['a', 'b']), makeBatch(['c'.repeat(300)]), makeBatch(['d', 'e', 'f'])]);

    for (const partBytes of [1, 7, 60, 61, 62, 100, body.length]) expect(countIn(new BatchCounter(), body, partBytes)).toBe(6);
  });

  test('records of JSON and where to go on, however the bytes are cut', () => {
    const records = Array.from({ length: 5 }, (_, offset) => ({ offset, value: `{"offset":${offset}` }));
    const body = Buffer.from(JSON.stringify({ topic: 'x', offsetFrom: 0, offsetNext: 5, records }));

    for (const partBytes of [60, 100, 150, body.length]) {
      const counter = new JsonCounter();
      expect({ partBytes, records: countIn(counter, body, partBytes), next: counter.offsetNext }).toEqual({
        partBytes,
        records: 5,
        next: 5,
      });
    }
  });
});
