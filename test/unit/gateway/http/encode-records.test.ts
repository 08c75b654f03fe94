import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { offset, term } from '../../../../src/base/branded.ts';
import { RecordEncoder, type TextFormat } from '../../../../src/gateway/http/api/records/encode-records.ts';
import { RecordBatchBuilder, setPlacement } from '../../../../src/record/index.ts';
import { systemBytes as bytes } from '../../../../src/system/bytes.ts';

/** Batches one behind another from an offset on. */
function batchesOf(values: readonly (readonly string[])[], from: number): Uint8Array[] {
  let next = from;
  return values.map((each) => {
    const builder = new RecordBatchBuilder();
    for (const value of each) builder.add(5, null, bytes.utf8Encode(value));
    const batch = builder.finish(bytes);
    setPlacement(batch, offset(next), term(1));
    next += each.length;
    return batch;
  });
}

function encoded(encoder: RecordEncoder): { readonly text: string; readonly slices: number } {
  let text = '';
  let slices = 0;
  while (!encoder.isOver) {
    const slice = encoder.next();
    text += typeof slice === 'string' ? slice : Buffer.from(slice).toString('utf8');
    slices++;
  }
  return { text, slices };
}

const jsonOf = (value: string, at: number): string =>
  `{"offset":${at},"timestamp":5,"key":null,"value":${JSON.stringify(value)},"headers":{}}`;
const wanted: Readonly<Record<TextFormat, (records: readonly (readonly [string, number])[]) => string>> = {
  json: (records) => records.map(([value, at]) => jsonOf(value, at)).join(','),
  ndjson: (records) => records.map(([value, at]) => `${jsonOf(value, at)}\n`).join(''),
  text: (records) => records.map(([value]) => `${value}\n`).join(''),
  sse: (records) => records.map(([value, at]) => `id: ${at}\ndata: ${jsonOf(value, at)}\n\n`).join(''),
};

test('gives the records that are asked for, and says where they end', () => {
  const values = fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), { maxLength: 5 });
  fc.assert(
    fc.property(values, fc.nat(9), fc.nat(12), fc.integer({ min: 1, max: 12 }), (all, from, skipped, max) => {
      const records = all.flat().map((value, at) => [value, from + at] as const);
      const offsetFrom = from + skipped;
      const shown = records.filter(([, at]) => at >= offsetFrom);
      for (const format of Object.keys(wanted) as TextFormat[]) {
        const encoder = new RecordEncoder(batchesOf(all, from), { offsetFrom, max, format });

        expect(encoder.count).toBe(Math.min(max, shown.length));
        expect(encoder.cutAt).toBe(shown[max]?.[1] ?? null);
        expect(encoded(encoder).text).toBe(wanted[format](shown.slice(0, max)));
      }
    }),
  );
});

test('works in slices, however the records lie', () => {
  const short = batchesOf([Array.from({ length: 65_536 }, () => '')], 0);
  expect(encoded(new RecordEncoder(short, { offsetFrom: 0, format: 'json' })).slices).toBeGreaterThanOrEqual(65_536 / 2048);
  // As many as overflowed the stack, and came to nothing, when each was a piece of its own.
  const many = batchesOf(
    Array.from({ length: 10 }, () => Array.from({ length: 60_000 }, () => '')),
    0,
  );
  expect(encoded(new RecordEncoder(many, { offsetFrom: 0, format: 'text' })).text).toBe('\n'.repeat(600_000));
  const long = batchesOf(
    Array.from({ length: 8 }, () => ['x'.repeat(1_000_000)]),
    0,
  );
  expect(encoded(new RecordEncoder(long, { offsetFrom: 0, format: 'ndjson' })).slices).toBe(8);
});
