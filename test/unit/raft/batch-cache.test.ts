import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offset, term } from '../../../src/base/branded.ts';
import { BatchCache } from '../../../src/raft/batch-cache.ts';
import type { LogBatch } from '../../../src/raft/messages.ts';

function makeBatch(from: number, to: number, bytes = 10): LogBatch {
  return { offsetFrom: offset(from), offsetTo: offset(to), term: term(1), bytes: new Uint8Array(bytes) };
}

/** Batches [0,2) [2,5) [5,6) of 10 bytes each. */
function makeCache(): BatchCache {
  const cache = new BatchCache(offset(0));
  for (const batch of [makeBatch(0, 2), makeBatch(2, 5), makeBatch(5, 6)]) cache.append(batch);
  return cache;
}

const ranges = (batches: readonly LogBatch[]): number[][] => batches.map(({ offsetFrom, offsetTo }) => [offsetFrom, offsetTo]);

describe('BatchCache', () => {
  it('gives whole batches from the one that contains the start', () => {
    expect(ranges(makeCache().slice(offset(3), offset(6), 1000))).toEqual([
      [2, 5],
      [5, 6],
    ]);
  });

  it('gives at least one, then as many as fit', () => {
    expect(ranges(makeCache().slice(offset(0), offset(6), 5))).toEqual([[0, 2]]);
    expect(ranges(makeCache().slice(offset(0), offset(6), 20))).toEqual([
      [0, 2],
      [2, 5],
    ]);
  });

  it('gives none that ends above the end', () => {
    expect(ranges(makeCache().slice(offset(0), offset(4), 1000))).toEqual([[0, 2]]);
  });

  it('gives nothing at its end', () => {
    expect(makeCache().slice(offset(6), offset(6), 1000)).toEqual([]);
  });

  it('drops the oldest until the rest fits, but none above the limit', () => {
    const cache = makeCache();

    cache.shrink(0, offset(4));

    expect([cache.offsetFrom, cache.bytes]).toEqual([2, 20]);
  });

  it('cuts between batches, and not inside of one', () => {
    const cache = makeCache();
    expect(() => cache.truncate(offset(3))).toThrow('the log is cut between batches');

    const other = makeCache();
    other.truncate(offset(2));

    expect([other.offsetFrom, other.offsetTo, other.bytes]).toEqual([0, 2, 10]);
  });

  it('can be cut below what it holds', () => {
    const cache = new BatchCache(offset(9));
    cache.append(makeBatch(9, 10));

    cache.truncate(offset(4));
    cache.append(makeBatch(4, 5));

    expect([cache.offsetFrom, cache.offsetTo]).toEqual([4, 5]);
  });

  it('refuses a gap and an empty batch', () => {
    expect(() => makeCache().append(makeBatch(7, 8))).toThrow('a batch continues the log at 6, not at 7');
    expect(() => makeCache().append(makeBatch(6, 6))).toThrow('a batch holds at least one record');
  });

  it('finds the boundary at or below an offset', () => {
    const cache = makeCache();

    expect([0, 1, 2, 3, 4, 5, 6].map((at) => cache.boundaryAtOrBelow(offset(at)))).toEqual([0, 0, 2, 2, 2, 5, 6]);
  });

  it('is a suffix of the log without gaps, whatever is done to it', () => {
    const steps = fc.array(fc.record({ kind: fc.constantFrom('append', 'cut', 'shrink'), amount: fc.integer({ min: 1, max: 5 }) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const cache = new BatchCache(offset(0));
        let log: LogBatch[] = [];
        for (const { kind, amount } of all) {
          if (kind === 'append') {
            const batch = makeBatch(cache.offsetTo, cache.offsetTo + amount, amount);
            log.push(batch);
            cache.append(batch);
          } else if (kind === 'cut') {
            log = log.slice(0, Math.max(0, log.length - amount));
            cache.truncate(offset(log.at(-1)?.offsetTo ?? 0));
          } else {
            cache.shrink(amount * 4, cache.offsetTo);
          }

          const kept = log.filter((batch) => batch.offsetFrom >= cache.offsetFrom);
          expect(cache.slice(cache.offsetFrom, cache.offsetTo, Number.POSITIVE_INFINITY)).toEqual(kept);
          expect(cache.bytes).toBe(kept.reduce((sum, batch) => sum + batch.bytes.length, 0));
        }
      }),
    );
  });
});
