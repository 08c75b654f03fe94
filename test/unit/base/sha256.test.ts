import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { hmacSha256, sha256 } from '../../../src/base/sha256.ts';

const randomBytes = (random: SeededRandom, length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

test('SHA-256 agrees with the machine for every length around the block size', () => {
  const random = new SeededRandom(1);
  for (let length = 0; length <= 200; length++) {
    const message = randomBytes(random, length);
    expect(toHex(sha256(message))).toBe(createHash('sha256').update(message).digest('hex'));
  }
});

test('HMAC-SHA-256 agrees with the machine for short, block-long and longer keys', () => {
  const random = new SeededRandom(2);
  for (const keyLength of [0, 1, 32, 63, 64, 65, 200]) {
    const key = randomBytes(random, keyLength);
    const message = randomBytes(random, 77);
    expect(toHex(hmacSha256(key, message))).toBe(createHmac('sha256', key).update(message).digest('hex'));
  }
});
