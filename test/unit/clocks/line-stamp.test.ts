import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { formatStamp, parseStamp, readLineStamp, stampedLinesMax, writeLineStamp } from '../../../src/clocks/line-stamp.ts';

const read = (bytes: Uint8Array): ReturnType<typeof readLineStamp> => readLineStamp(bytes, 0, bytes.length);
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

describe('a stamp in a line', () => {
  test('is 16 bytes with its newline, and is read as it was written', () => {
    const random = new SeededRandom(1);
    for (let i = 0; i < 2000; i++) {
      const stamp = { ms: 1.7e12 + random.below(2 ** 31) * 400, counter: random.below(0x1_0000) };
      const lines = random.below(stampedLinesMax + 1);
      const behindMs = random.below(4095);

      const bytes = writeLineStamp(stamp, lines, stamp.ms - behindMs);

      expect(bytes.length).toBe(16);
      expect(bytes.indexOf(0x0a)).toBe(15);
      expect(readLineStamp(bytes, 0, 15)).toEqual({ stamp, lines, wallMs: stamp.ms - behindMs });
      expect(parseStamp(formatStamp(stamp))).toEqual(stamp);
    }
  });

  test('does not say a wall clock that is too far behind, or ahead of it', () => {
    const wallOf = (wallMs: number): number | null | undefined =>
      readLineStamp(writeLineStamp({ ms: 1_000_000, counter: 1 }, 3, wallMs), 0, 15)?.wallMs;

    expect([wallOf(1_000_000), wallOf(999_500.7), wallOf(1_000_000 - 4094), wallOf(1_000_000 - 4095), wallOf(1_000_001)]).toEqual([
      1_000_000,
      999_500,
      1_000_000 - 4094,
      null,
      null,
    ]);
  });

  test('beyond the year 2109 stands there, which is too far ahead to be followed', () => {
    const stamp = readLineStamp(writeLineStamp({ ms: 2 ** 47, counter: 5 }, 0, 2 ** 47), 0, 15)?.stamp;

    expect(new Date(stamp?.ms ?? 0).getUTCFullYear()).toBe(2109);
  });

  test.each(['', 'AAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAA', 'AAAAAAA AAAAAAA', 'AAAAAAAAAAAAAA=', 'AAAAAAAAAAAAAA\xff', 'AAAAAAA___AAAAA'])(
    '%j is none',
    (text) => {
      expect(read(bytesOf(text))).toBeNull();
    },
  );

  test.each(['', 'AAAAAAAAA', 'AAAAAAAAAAA', 'AAAAAAAAA ', 'AAAAAAA___', 'AAAAAAA\u0100AA'])("%j is none in a gateway's line", (text) => {
    expect(parseStamp(text)).toBeNull();
  });
});
