import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { cutMark, LineSplitter } from '../../../src/ingest/line-splitter.ts';

const lineBytesMax = 40;

function linesOf(chunks: readonly (string | Uint8Array)[], { end = false, max = lineBytesMax } = {}): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(max, (bytes, from, to) => lines.push(Buffer.from(bytes.subarray(from, to)).toString('latin1')));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk as Uint8Array));
  if (end) splitter.end();
  return lines;
}

/** The rule, written the plain way. */
function expectedLines(text: string, isEnded: boolean): string[] {
  const parts = text.split('\n');
  const last = parts.pop() ?? '';
  const all = isEnded && last !== '' ? [...parts, last] : last.length > lineBytesMax ? [...parts, last] : parts;
  return all.map((line) => (line.length > lineBytesMax ? line.slice(0, lineBytesMax) + cutMark(lineBytesMax) : line));
}

describe('LineSplitter', () => {
  test('gives the lines of a chunk, empty ones too, and keeps what has no end yet', () => {
    expect(linesOf(['a\n\nbc\nd'])).toEqual(['a', '', 'bc']);
    expect(linesOf(['a\n\nbc\nd'], { end: true })).toEqual(['a', '', 'bc', 'd']);
  });

  test('cuts a line at the cap, marks it, and passes over the rest of it', () => {
    expect(linesOf(['x'.repeat(41), 'x'.repeat(100), 'y\nnext\n'])).toEqual([`${'x'.repeat(40)} [cut at 40 bytes]`, 'next']);
    expect(linesOf([`${'x'.repeat(40)}`, '\nnext\n'])).toEqual(['x'.repeat(40), 'next']);
    expect(linesOf([`${'x'.repeat(50)}\nnext\n`])).toEqual([`${'x'.repeat(40)} [cut at 40 bytes]`, 'next']);
  });

  test.each([
    ['a character of two bytes', `${'x'.repeat(39)}é`, 39],
    ['of three', `${'x'.repeat(38)}€`, 38],
    ['of four, of which three would be left', `${'x'.repeat(37)}😀`, 37],
    ['of two that fits', `${'x'.repeat(38)}éé`, 40],
  ])('does not cut within %s', (_what, text, bytes) => {
    const whole = Buffer.from(text).toString('latin1').slice(0, bytes);
    expect(linesOf([`${text}yyyy\n`])).toEqual([`${whole} [cut at 40 bytes]`]);
    expect(linesOf(Array.from(Buffer.from(`${text}yyyy\n`), (byte) => Uint8Array.of(byte)))).toEqual([`${whole} [cut at 40 bytes]`]);
  });

  test('cuts what is no UTF-8 where the cap is', () => {
    expect(linesOf([Buffer.alloc(50, 0x80), '\n'])).toEqual([`${'\x80'.repeat(40)} [cut at 40 bytes]`]);
  });

  test('gives the cut line at once, not when its end comes', () => {
    expect(linesOf(['x'.repeat(41)])).toHaveLength(1);
  });

  test('keeps every byte, NUL and what is not UTF-8 too', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 0x0a);

    expect(linesOf([bytes, '\n'], { max: 300 })).toEqual([Buffer.from(bytes).toString('latin1')]);
  });

  test('holds no more than the cap and its mark of a line without an end', () => {
    const splitter = new LineSplitter(1000, () => undefined);

    for (let i = 0; i < 10_000; i++) splitter.push(Buffer.alloc(999, 0x78));

    expect(splitter.partialBytes).toBeLessThanOrEqual(1000);
    expect(splitter.cutCount).toBe(1);
  });

  test.each([1, 2, 3])('finds the same lines however the stream is split (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: random.below(12) }, () => 'abc'.charAt(random.below(3)).repeat(random.below(60))).join('\n');
      const chunks: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + random.below(random.chance(0.3) ? 3 : 80);
        chunks.push(text.slice(at, at + size));
        at += size;
      }

      expect(linesOf(chunks, { end: true }), `seed ${seed}, round ${round}`).toEqual(expectedLines(text, true));
    }
  });
});

test('an unfinished line is given up where it stands, marked, and what follows of it is passed over', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter(lineBytesMax, (bytes, from, to) => lines.push(Buffer.from(bytes.subarray(from, to)).toString()));
  splitter.push(Buffer.from('one\nunfin'));
  expect(splitter.heldBytes).toBeGreaterThanOrEqual(5);

  splitter.cut();
  expect(splitter).toMatchObject({ heldBytes: 0, partialBytes: 0, cutCount: 1, isPassingOver: true });
  // Of nothing nothing is given.
  splitter.cut();
  splitter.push(Buffer.from('ished\ntwo\n'));

  expect(lines).toEqual(['one', `unfin${cutMark(5)}`, 'two']);
});
