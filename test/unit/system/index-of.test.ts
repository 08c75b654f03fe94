import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { indexOf } from '../../../src/system/index-of.ts';

test('bytes are found where the machine finds them, however frequent they are', () => {
  const random = new SeededRandom(1);
  const wrong: unknown[] = [];
  for (const letters of ['ab', 'ex', ' e0ta1o2inq', '\u0000\u00ff\u0080e', 'zzzq']) {
    const pick = (): number => (letters[random.below(letters.length)] as string).charCodeAt(0);
    const bytes = Buffer.from(Uint8Array.from({ length: 3000 }, pick));
    for (let i = 0; i < 400; i++) {
      const length = random.below(9);
      const at = random.below(bytes.length);
      const wanted = random.chance(0.5) ? bytes.subarray(at, at + length) : Buffer.from(Uint8Array.from({ length }, pick));
      const from = random.below(bytes.length + 3);
      const [found, expected] = [indexOf(bytes, wanted, from), bytes.indexOf(wanted, from)];
      if (found !== expected) wrong.push({ wanted: wanted.toString('hex'), from, found, expected });
    }
  }

  expect(wrong).toEqual([]);
});
