import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32cBehind, joinCrc32c } from '../../../src/base/crc32c.ts';
import { concatBytes } from '../../../src/base/bytes.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

const part = fc.uint8Array({ maxLength: 300 });

test.each([
  ['native code', systemBytes],
  ['plain code', simBytes],
])('two checksums and a length give the third, as %s computes them', (_name, bytes) => {
  fc.assert(
    fc.property(part, part, (first, second) => {
      const both = bytes.crc32c(concatBytes([first, second]));

      expect(joinCrc32c(bytes.crc32c(first), bytes.crc32c(second), second.length)).toBe(both);
      expect(crc32cBehind(bytes.crc32c(first), both, second.length)).toBe(bytes.crc32c(second));
    }),
  );
});

test('the second part may be as long as a frame', () => {
  const first = Uint8Array.of(1, 2, 3);
  for (const length of [65_535, 65_536, 110_061, 16 * 1024 * 1024]) {
    const second = new Uint8Array(length).map((_, index) => index * 7);

    expect(joinCrc32c(systemBytes.crc32c(first), systemBytes.crc32c(second), length)).toBe(
      systemBytes.crc32c(second, systemBytes.crc32c(first)),
    );
  }
});
