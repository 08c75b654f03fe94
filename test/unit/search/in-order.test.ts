import { expect, test } from 'vitest';
import { InOrder } from '../../../src/search/ask/in-order.ts';
import type { LinesEvent } from '../../../src/search/ask/turns.ts';

const linesAt = (...timesMs: readonly number[]): LinesEvent => ({
  kind: 'lines',
  heads: [{ name: 'log', label: 'm:log', engine: 'grep', engineReason: null }],
  lines: timesMs.map((timeMs) => ({ part: 0, timeMs, bytes: Buffer.from(`${timeMs}\n`), isBeginning: true, isEnd: true })),
});

test('a machine that gave several pieces while another was waited for is read on', async () => {
  let printed = '';
  const order = new InOrder(2, (_machine, event) => {
    if (event.kind === 'bytes') printed += event.piece.toString();
    return undefined;
  });
  let taken = 0;

  for (const timeMs of [5, 6, 7]) void order.give(1, linesAt(timeMs))?.then(() => taken++);
  void order.give(0, linesAt(1, 9));
  await new Promise(setImmediate);

  expect(printed).toBe('1\n5\n6\n7\n');
  expect(taken).toBe(3);
});
