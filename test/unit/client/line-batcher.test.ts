import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineBatcher, type LineBatch, lineBytesMax } from '../../../src/client/index.ts';
import type { LineBatcherOptions } from '../../../src/client/line-batcher.ts';
import { LogError } from '../../../src/eventlog/index.ts';
import { defaultBatchLimits, forEachRecord, recordCount, validateBatch } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

const now = (): number => 1_700_000_000_000;

/** The batches of a text that arrives cut at these lengths, over and over. */
function batchesOf(text: Uint8Array, cuts: readonly number[], options: LineBatcherOptions = {}): LineBatch[] {
  const batcher = new LineBatcher({ now, ...options });
  const batches: LineBatch[] = [];
  for (let from = 0, i = 0; from < text.length; i++) {
    const to = Math.min(text.length, from + (cuts[i % cuts.length] as number));
    batches.push(...batcher.push(text.subarray(from, to)));
    from = to;
  }
  return [...batches, ...batcher.end()];
}

function drain(batches: Iterable<LineBatch>): void {
  for (const batch of batches) void batch;
}

function valuesOf(batches: readonly LineBatch[]): Buffer[] {
  const values: Buffer[] = [];
  for (const { batch } of batches) forEachRecord(batch, (record) => void values.push(Buffer.from(record.value() ?? new Uint8Array(0))));
  return values;
}

const linesOf = (text: string, options?: LineBatcherOptions): string[] =>
  valuesOf(batchesOf(Buffer.from(text, 'latin1'), [64], options)).map((value) => value.toString('latin1'));

describe('a text becomes records', () => {
  test.each([
    ['a line each', 'a\nbc\n', ['a', 'bc']],
    ['a last line without a newline counts', 'a\nb', ['a', 'b']],
    ['an empty line is an empty record', 'a\n\n\nb\n', ['a', '', '', 'b']],
    ['a lone newline is one empty record', '\n', ['']],
    ['nothing is no record', '', []],
    ['a carriage return is kept', 'a\r\nb\r\n', ['a\r', 'b\r']],
    ['bytes that are no text are kept', '\x00\xff\xfe\n\x80', ['\x00\xff\xfe', '\x80']],
  ])('%s', (_title, text, lines) => {
    expect(linesOf(text)).toEqual(lines);
  });

  test('the lines of an earlier run are passed over', () => {
    expect(linesOf('a\nb\nc\nd', { skip: 3 })).toEqual(['d']);
    expect(linesOf('a\nb', { skip: 5 })).toEqual([]);
  });

  test('a chunk may be written over once it has been pushed', () => {
    const batcher = new LineBatcher();
    const chunk = Buffer.from('one\ntw');
    drain(batcher.push(chunk));
    chunk.fill('!');

    drain(batcher.push(Buffer.from('o\n')));

    expect(valuesOf([...batcher.end()]).map(String)).toEqual(['one', 'two']);
  });

  test('every record gets the key', () => {
    const [batch] = batchesOf(Buffer.from('a\nb\n'), [10], { key: Buffer.from('k') });

    const keys: string[] = [];
    forEachRecord((batch as LineBatch).batch, (record) => void keys.push(Buffer.from(record.key() ?? []).toString()));
    expect(keys).toEqual(['k', 'k']);
  });
});

test('the batches depend on the lines only, not on how the text was cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 200 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }),
      (lines, cuts) => {
        const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
        const small = { batchBytes: 300, recordsMax: 20 };

        const whole = batchesOf(text, [Math.max(text.length, 1)], small);
        expect(batchesOf(text, cuts, small)).toEqual(whole);
        for (const { batch, count } of whole) {
          expect(recordCount(batch)).toBe(count);
          expect(validateBatch(batch, defaultBatchLimits, systemBytes).ok).toBe(true);
        }
      },
    ),
  );
});

test('a second run that passes over whole batches makes the same rest', () => {
  const text = Buffer.from(Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join(''));
  const first = batchesOf(text, [77], { batchBytes: 1000 });

  const skip = (first[0] as LineBatch).count + (first[1] as LineBatch).count;
  expect(batchesOf(text, [13], { batchBytes: 1000, skip })).toEqual(first.slice(2));
});

describe('a line above the limit', () => {
  test('at the limit it is taken and its batch is valid', () => {
    const [batch] = batchesOf(Buffer.alloc(lineBytesMax, 'x'), [65_536], { key: Buffer.alloc(2048) });

    expect(validateBatch((batch as LineBatch).batch, defaultBatchLimits, systemBytes)).toMatchObject({ ok: true });
  });

  test.each([
    ['in one piece', [lineBytesMax * 2]],
    ['in many', [65_536]],
  ])('is refused with its number, and the lines before it are kept: %s', (_title, cuts) => {
    const text = Buffer.concat([Buffer.from('a\nb\n'), Buffer.alloc(lineBytesMax + 1, 'x'), Buffer.from('\nc\n')]);
    const batcher = new LineBatcher();

    let error: unknown;
    try {
      for (let from = 0; from < text.length; from += cuts[0] as number)
        drain(batcher.push(text.subarray(from, from + (cuts[0] as number))));
    } catch (thrown) {
      error = thrown;
    }

    expect(error).toBeInstanceOf(LogError);
    expect(error).toMatchObject({ code: 'recordTooLarge', message: `Cannot append line 3: it is longer than ${lineBytesMax} bytes` });
    expect(valuesOf([...batcher.flush()]).map(String)).toEqual(['a', 'b']);
  });

  test('without an end does not fill the memory', () => {
    const batcher = new LineBatcher();
    const chunk = Buffer.alloc(65_536, 'x');

    expect(() => {
      for (let i = 0; i < 1000; i++) drain(batcher.push(chunk));
    }).toThrow('Cannot append line 1: it is longer');
  });
});
