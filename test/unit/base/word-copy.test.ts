import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { WordCopy } from '../../../src/base/word-copy.ts';

const randomBytes = (random: SeededRandom, length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));

test('a piece of any length arrives byte for byte, and nothing beside it is touched', () => {
  const random = new SeededRandom(1);
  // A view into a larger memory, as the chunks of a socket may be.
  const source = randomBytes(random, 4_096).subarray(3);
  const target = Buffer.alloc(4_096);
  const copier = new WordCopy(target);

  for (const length of [...Array.from({ length: 80 }, (_, index) => index), 1_000, 1_023, 1_024, 1_025, 2_000]) {
    for (const from of [0, 1, 7, source.length - length]) {
      const at = random.below(target.length - length);
      target.fill(0xee);
      const end = copier.copy(source, from, from + length, at);

      const expected = Buffer.alloc(target.length, 0xee);
      source.copy(expected, at, from, from + length);
      expect(end).toBe(at + length);
      expect(target.equals(expected), `${length} bytes from ${from} to ${at}`).toBe(true);
    }
  }
});

test('bytes that would be a NaN as a number keep every bit', () => {
  const source = Buffer.from('fff0000000000001fff8000000000000ffffffffffffffff7ff0000000000001', 'hex');
  const target = Buffer.alloc(source.length);

  for (let round = 0; round < 2_000; round++) new WordCopy(target).copy(source, 0, source.length, 0);

  expect(target.equals(source)).toBe(true);
});

test('pieces of several sources in turn go one behind the other', () => {
  const sources = ['1610688413.782391', 'the name of a node', 'a third that is long', 'short'].map((text) => Buffer.from(text));
  const target = Buffer.alloc(4_096);
  const copier = new WordCopy(target);

  let end = 0;
  let expected = '';
  for (const index of [0, 1, 0, 1, 2, 0, 3, 1, 1, 2, 0, 3, 2, 1, 0]) {
    const source = sources[index] as Buffer;
    end = copier.copy(source, 1, source.length, end);
    expected += source.toString('latin1', 1);
  }

  expect(target.toString('latin1', 0, end)).toBe(expected);
});
