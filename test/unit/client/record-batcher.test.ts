import { describe, expect, test } from 'vitest';
import { RecordBatcher } from '../../../src/client/index.ts';
import { forEachRecord } from '../../../src/record/index.ts';

const lines = Array.from({ length: 6000 }, (_, index) => (index % 3 === 0 ? `line ${index}` : `k${index % 7}:line ${index}`));
const text = Buffer.from(lines.join('\n'));
const partitions = 3;

const indexOf = (key: Uint8Array): number => (key[1] ?? 0) % partitions;

function parse(line: Uint8Array) {
  const at = Buffer.from(line).indexOf(':');
  const key = at === -1 ? null : line.slice(0, at);
  return { key, value: line.slice(at + 1), headers: [], timestampMs: null };
}

/** What each partition is given, new or passed over, from chunks of so many bytes. */
function cut(skips: readonly number[], chunkBytes: number) {
  const batcher = new RecordBatcher({ skips, indexOf, parse, lineBytesMax: 100 });
  const given = skips.map((): string[] => []);
  const passedOver = skips.map((): string[] => []);
  const take = (batches: ReturnType<RecordBatcher['end']>): void => {
    for (const { index, batch, isPassedOver } of batches)
      forEachRecord(batch, (record) => {
        const key = record.key();
        const value = Buffer.from(record.value() ?? []).toString();
        (isPassedOver ? passedOver : given)[index]?.push(key === null ? value : `${Buffer.from(key).toString()}:${value}`);
      });
  };
  for (let at = 0; at < text.length; at += chunkBytes) {
    take(batcher.push(text.subarray(at, at + chunkBytes)));
    if (at % 5 === 0) take(batcher.flush());
  }
  take(batcher.end());
  return { given, passedOver, lineCount: batcher.lineCount };
}

describe('records with keys of their own', () => {
  test('are each for the partition of their key, in order, whatever chunks they come in', () => {
    const whole = cut([0, 0, 0], text.length);

    expect(cut([0, 0, 0], 777)).toEqual(whole);
    expect(whole.lineCount).toBe(lines.length);
    expect(whole.given.flat().toSorted()).toEqual(lines.toSorted());
    for (const [index, values] of whole.given.entries()) {
      const keyed = values.filter((value) => value.includes(':'));
      expect(keyed.every((value) => indexOf(Buffer.from(value)) === index)).toBe(true);
      expect(keyed).toEqual(lines.filter((line) => line.includes(':') && indexOf(Buffer.from(line)) === index));
    }
  });

  test('without one go round', () => {
    const keyless = cut([0, 0, 0], 1000).given.map((values) => values.filter((value) => !value.includes(':')).length);

    expect(keyless).toEqual([1024, 976, 0]);
  });

  test('that arrived in an earlier run are given to be compared, and not again', () => {
    const whole = cut([0, 0, 0], 1000).given;

    const { given, passedOver } = cut([10, 0, 2], 333);

    expect(passedOver.map((values) => values.length)).toEqual([10, 0, 2]);
    expect(given.map((values, index) => [...(passedOver[index] ?? []), ...values])).toEqual(whole);
  });

  test('a line that is too long is named', () => {
    const batcher = new RecordBatcher({ skips: [0], indexOf: () => 0, parse, lineBytesMax: 100 });

    expect(() => [...batcher.push(Buffer.from(`a\n${'x'.repeat(101)}\n`))]).toThrow('Cannot append line 2: it is longer than 100 bytes');
    expect([...batcher.flush()].map(({ count }) => count)).toEqual([1]);
  });
});
