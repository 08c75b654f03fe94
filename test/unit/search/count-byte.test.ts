import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { countByte } from '../../../src/search/files/count-byte.ts';

test('counts a byte wherever it stands, and no other', () => {
  const random = new SeededRandom(1);
  const bytes = Uint8Array.from({ length: 5000 }, () => [0, 1, 9, 10, 11, 0x8a, 0x80, 0xff][random.below(8)] as number);
  for (const byte of [0, 10, 0x80, 0xff]) {
    for (const [from, to] of [
      [0, 5000],
      [1, 5000],
      [2, 4999],
      [3, 6],
      [3, 3],
      [5, 8],
    ] as const) {
      const part = bytes.subarray(from, to);
      expect(countByte(part, byte)).toBe(part.filter((each) => each === byte).length);
    }
  }
  // More than one count of four holds.
  expect(countByte(new Uint8Array(70_000).fill(10), 10)).toBe(70_000);
});
