import { expect, test } from 'vitest';
import { LinePacker, timedLinesBytesMax, type TimedLine, unpackLines } from '../../../src/search/timed-lines.ts';

const line = (part: number, timeMs: number, text: string, { isBeginning = true, isEnd = true } = {}): TimedLine => ({
  part,
  timeMs,
  bytes: Buffer.from(text),
  isBeginning,
  isEnd,
});

/** Lines as they were before they were cut in pieces. */
function joined(lines: readonly TimedLine[]): { readonly part: number; readonly timeMs: number; text: string }[] {
  const whole: { readonly part: number; readonly timeMs: number; text: string }[] = [];
  for (const { part, timeMs, bytes, isBeginning } of lines) {
    if (isBeginning) whole.push({ part, timeMs, text: '' });
    (whole.at(-1) as { text: string }).text += Buffer.from(bytes).toString();
  }
  return whole;
}

test('lines come out as they went in, whatever their length', () => {
  const packer = new LinePacker();
  const long = `${'x'.repeat(700_000)}\n`;
  packer.add(line(0, 1732940000123.25, 'a\n'));
  packer.add(line(3, Number.NEGATIVE_INFINITY, long));
  packer.add(line(1, 5, 'begun', { isEnd: false }));
  packer.add(line(1, 5, ' and ended\n', { isBeginning: false }));

  const payloads = packer.take();

  expect(payloads.length).toBeGreaterThan(1);
  expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(timedLinesBytesMax);
  const lines = payloads.flatMap((payload) => unpackLines(payload) ?? []);
  expect(joined(lines)).toEqual([
    { part: 0, timeMs: 1732940000123.25, text: 'a\n' },
    { part: 3, timeMs: Number.NEGATIVE_INFINITY, text: long },
    { part: 1, timeMs: 5, text: 'begun and ended\n' },
  ]);
  expect(lines.filter(({ isEnd }) => isEnd)).toHaveLength(3);
  expect(packer.take()).toEqual([]);
});

test('what is cut off, or is no such payload, is refused', () => {
  const packer = new LinePacker();
  packer.add(line(0, 1, 'abc\n'));
  const [payload] = packer.take() as [Buffer];

  for (let length = 1; length < payload.length; length++) expect(unpackLines(payload.subarray(0, length)), `${length} bytes`).toBeNull();
  expect(unpackLines(Buffer.alloc(40, 0xff))).toBeNull();
  expect(unpackLines(Buffer.alloc(0))).toEqual([]);
});
