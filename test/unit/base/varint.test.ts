import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VarintReader, varintLength, writeVarint } from '../../../src/base/varint.ts';

test('an integer survives writing and reading, in exactly the announced length', () => {
  const halfSafe = Math.floor(Number.MAX_SAFE_INTEGER / 2);
  fc.assert(
    fc.property(fc.integer({ min: -halfSafe, max: halfSafe }), (value) => {
      const bytes = new Uint8Array(12);
      const end = writeVarint(bytes, 1, value);
      const reader = new VarintReader();
      reader.reset(1);

      expect(end - 1).toBe(varintLength(value));
      expect(reader.read(bytes)).toBe(value);
      expect(reader.position).toBe(end);
      expect(reader.valid).toBe(true);
    }),
  );
});

test('the encoding is that of zigzag base 128', () => {
  const bytes = new Uint8Array(4);
  const encoded = (value: number): number[] => [...bytes.subarray(0, writeVarint(bytes, 0, value))];

  expect(encoded(0)).toEqual([0]);
  expect(encoded(-1)).toEqual([1]);
  expect(encoded(1)).toEqual([2]);
  expect(encoded(-64)).toEqual([127]);
  expect(encoded(64)).toEqual([128, 1]);
  expect(encoded(150)).toEqual([172, 2]);
});

test('an integer that runs past the end or never ends is invalid', () => {
  const reader = new VarintReader();

  reader.reset(0);
  reader.read(Uint8Array.of(0x80));
  expect(reader.valid).toBe(false);

  reader.reset(0);
  reader.read(new Uint8Array(20).fill(0xff));
  expect(reader.valid).toBe(false);
});
