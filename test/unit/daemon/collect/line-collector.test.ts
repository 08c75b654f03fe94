import { expect, test } from 'vitest';
import { type CollectorOptions, LineBuffer, LineCollector } from '../../../../src/daemon/collect/line-collector.ts';

/** Lines that were given after each chunk, the last of them at the end. */
function collected(
  chunks: readonly string[],
  options: CollectorOptions = {},
): { readonly given: string[][]; readonly lines: LineCollector } {
  const buffer = new LineBuffer();
  const lines = new LineCollector(buffer, options);
  const given: string[][] = [];
  const take = (): void => {
    const text = buffer.take().map((piece) => Buffer.from(piece.lines).toString());
    given.push(text.join('').split('\n').slice(0, -1));
  };
  for (const chunk of chunks) {
    lines.push(Buffer.from(chunk));
    take();
  }
  lines.end();
  take();
  return { given, lines };
}

test('passes over the hole that a cut leaves, however long it is, and loses no line behind it', () => {
  const hole = '\0'.repeat(100_000);

  const { given, lines } = collected([`a\n${hole}`, `${hole}b\nc\n`, '\0\0d'], { skipsHoles: true });

  expect(given).toEqual([['a'], ['b', 'c'], [], ['d']]);
  expect(lines.holeBytes).toBe(200_002);
});

test('keeps NUL within a line, and where nothing says that it is a file', () => {
  expect(collected(['a\0b\n'], { skipsHoles: true }).given).toEqual([['a\0b'], []]);
  expect(collected(['\0b\n']).given).toEqual([['\0b'], []]);
});

test('joins the lines of a record, which a line begins that matches', () => {
  const firstLine = /^\d/u;

  const { given } = collected(['1 error\n  at a\n', '  at b\n2 next\n', '3 la', 'st\n  at c\n'], { firstLine });

  expect(given).toEqual([[], ['1 error\\n  at a\\n  at b'], [], ['2 next'], ['3 last\\n  at c']]);
});

test('says where the record begins that waits for more lines', () => {
  const buffer = new LineBuffer();
  const lines = new LineCollector(buffer, { firstLine: /^\d/u });

  lines.push(Buffer.from('1 a\n  b\n2 '));
  expect([lines.hasRecord, lines.recordBytes, lines.unfinishedBytes]).toEqual([true, 10, 2]);
  lines.push(Buffer.from('c\n  d\n'));
  expect([lines.recordBytes, buffer.take().length]).toEqual([8, 1]);
});

test('begins a record anew where it would be longer than a line may be', () => {
  const line = 'x'.repeat(30_000);

  const { given } = collected([`1\n${line}\n${line}\n${line}\n`], { firstLine: /^1/u });

  expect(given.flat().map(({ length }) => length)).toEqual([60_005, 30_000]);
});
