import { crc32c as native } from '@node-rs/crc32';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../../../src/client/plain-crc32c.ts';

test('the check value of CRC-32C', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe306_9283);
});

test('in JavaScript it is what the native one says, in one piece and in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
      expect(crc32c(bytes)).toBe(native(bytes));
      expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(native(bytes));
    }),
  );
});
