import { randomBytes, randomFillSync, randomInt } from 'node:crypto';
import type { Random } from '../host/index.ts';

const word = new Uint32Array(1);

/** Randomness that an attacker cannot guess. */
export const systemRandom: Random = {
  next: () => randomFillSync(word)[0] as number,
  below: (limit) => (limit <= 1 ? 0 : randomInt(limit)),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
