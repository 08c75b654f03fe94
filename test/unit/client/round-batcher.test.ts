import { describe, expect, test } from 'vitest';
import { RoundBatcher } from '../../../src/client/index.ts';
import { forEachRecord } from '../../../src/record/index.ts';

const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}`);
const text = Buffer.from(lines.join('\n'));

/** The lines of each partition, from chunks of so many bytes. */
function cut(skips: readonly number[], chunkBytes: number): { readonly values: string[][]; readonly lineCount: number } {
  const batcher = new RoundBatcher({ skips });
  const values = skips.map((): string[] => []);
  const take = (batches: Iterable<{ readonly index: number; readonly batch: Uint8Array }>): void => {
    for (const { index, batch } of batches)
      forEachRecord(batch, (record) => void values[index]?.push(Buffer.from(record.value() ?? []).toString()));
  };
  for (let at = 0; at < text.length; at += chunkBytes) {
    take(batcher.push(text.subarray(at, at + chunkBytes)));
    if (at % 3 === 0) take(batcher.flush());
  }
  take(batcher.end());
  return { values, lineCount: batcher.lineCount };
}

describe('lines for several partitions', () => {
  test('are each for one of them, in order, whatever chunks they come in', () => {
    const whole = cut([0, 0, 0], text.length);
    const inPieces = cut([0, 0, 0], 1000);

    expect(inPieces).toEqual(whole);
    expect(whole.lineCount).toBe(5000);
    expect(whole.values.flat().toSorted()).toEqual(lines.toSorted());
    for (const values of whole.values) {
      expect(values.length).toBeGreaterThan(1000);
      const numbers = values.map((value) => Number(value.slice(5)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  test('that arrived in an earlier run are passed over, in each partition as many as it has', () => {
    const { values } = cut([0, 0, 0], 1000);

    const rest = cut([1500, 0, 7], 333).values;

    expect(rest).toEqual([values[0]?.slice(1500), values[1], values[2]?.slice(7)]);
  });

  test('are all for the only one', () => {
    expect(cut([0], 1000).values).toEqual([lines]);
  });

  test('too long a line is told by its number in the text', () => {
    const batcher = new RoundBatcher({ skips: [0, 0] });
    const long = Buffer.concat([Buffer.from('a\n'.repeat(1500)), Buffer.alloc(2 * 1024 * 1024, 0x61), Buffer.from('\n')]);

    expect(() => [...batcher.push(long)]).toThrow('Cannot append line 1501:');
  });
});
