import { describe, expect, test } from 'vitest';
import { treeLines } from '../../../src/cli/print-trace.ts';
import type { Span } from '../../../src/eventlog/index.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = (spanId: string, parentId: string | null, name: string, startMs: number, more: Partial<Span> = {}): Span => ({
  traceId,
  spanId,
  parentId,
  name,
  process: 'client',
  startMs,
  durationMs: 2,
  fields: {},
  error: null,
  ...more,
});

describe('the tree of a trace', () => {
  test('has what belongs to a span below it, in the order in which it began', () => {
    const lines = treeLines([
      span('c', 'b', 'fsync', 1003, { process: 'broker-1' }),
      span('b', 'a', 'append', 1002, { process: 'broker-1', fields: { offset: 7 }, error: 'timeout' }),
      span('d', 'a', 'queue', 1001, { process: 'broker-2' }),
      span('a', null, 'cairn append', 1000, { durationMs: 10 }),
    ]);

    expect(lines).toEqual([
      `trace ${traceId}: 4 spans of broker-1, broker-2, client; begins and takes, in ms, by each one's own clock`,
      'cairn append      0.00     10.00  client',
      '├─ queue          1.00      2.00  broker-2',
      '└─ append         2.00      2.00  broker-1  offset=7  failed: timeout',
      '   └─ fsync       3.00      2.00  broker-1',
    ]);
  });

  test('has what is of a span that nobody keeps any more at its end', () => {
    const lines = treeLines([span('x', 'gone', 'fsync', 1001), span('a', null, 'cairn read', 1002)]);

    expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/)[0])).toEqual(['cairn read', 'fsync']);
  });
});
