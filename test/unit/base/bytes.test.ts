import { expect, test } from 'vitest';
import { bytesEqual, concatBytes, readU64, toHex, viewOf, writeU64 } from '../../../src/base/bytes.ts';

test('a 64-bit field keeps every safe integer, at any position of a larger buffer', () => {
  const buffer = new Uint8Array(32).subarray(3, 20);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]) {
    writeU64(viewOf(buffer), 5, value);
    expect(readU64(viewOf(buffer), 5)).toBe(value);
  }
});

test('a 64-bit field beyond the safe integers is not one of ours', () => {
  const buffer = new Uint8Array(8).fill(0xff);
  expect(readU64(viewOf(buffer), 0)).toBeNull();
  expect(() => writeU64(viewOf(buffer), 0, 2 ** 53)).toThrow('64-bit');
  expect(() => writeU64(viewOf(buffer), 0, -1)).toThrow('64-bit');
});

test('bytes are joined, compared and shown as what they are', () => {
  const joined = concatBytes([Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(255)]);

  expect(toHex(joined)).toBe('0102ff');
  expect(bytesEqual(joined, Uint8Array.of(1, 2, 255))).toBe(true);
  expect(bytesEqual(joined, Uint8Array.of(1, 2, 254))).toBe(false);
  expect(bytesEqual(joined, Uint8Array.of(1, 2))).toBe(false);
});
