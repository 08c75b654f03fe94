import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { SpanExport } from '../../../src/daemon/span-export.ts';
import type { Span } from '../../../src/eventlog/index.ts';
import { problemsOf } from '../../support/otlp-schema.ts';

const span = (name: string, more: Partial<Span> = {}): Span => ({
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: null,
  name,
  process: 'broker-1',
  startMs: 1_767_225_600_123.25,
  durationMs: 1.5,
  fields: { text: 'a', whole: 7, part: 0.5, is: true },
  error: 'timeout',
  ...more,
});

test('a collector gets times to the microsecond, attributes by their types, and what failed', async () => {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const exporting = new SpanExport({ endpoint, broker: 1, version: '1', logger: { log: () => undefined } });

  exporting.add(span('append'));
  await exporting.close(5000);
  server.close();

  expect(exporting).toMatchObject({ exported: 1, dropped: 0 });
  expect(bodies.flatMap((body) => problemsOf(body, 'ExportTraceServiceRequest'))).toEqual([]);
  expect(JSON.stringify(bodies[0])).toContain('"startTimeUnixNano":"1767225600123250000","endTimeUnixNano":"1767225600124750000"');
  expect(JSON.stringify(bodies[0])).toContain(
    '"attributes":[{"key":"cairn.text","value":{"stringValue":"a"}},{"key":"cairn.whole","value":{"intValue":"7"}},' +
      '{"key":"cairn.part","value":{"doubleValue":0.5}},{"key":"cairn.is","value":{"boolValue":true}}],"status":{"code":2,"message":"timeout"}',
  );
});

test('the schema says what is wrong with a request', () => {
  const of = (one: object): string[] => problemsOf({ resourceSpans: [{ scopeSpans: [{ spans: [one] }] }] }, 'ExportTraceServiceRequest');

  expect(of({ traceId: '4BF92F3577B34DA6A3CE929D0E0E4736' })).toHaveLength(1);
  expect(of({ startTimeUnixNano: 5 })).toHaveLength(1);
  expect(of({ kind: 9 })).toHaveLength(1);
  expect(of({ parent_span_id: '00f067aa0ba902b7' })).toHaveLength(1);
  expect(of({ attributes: [{ key: 'a', value: { stringValue: 'x', intValue: '1' } }] })).toHaveLength(1);
  expect(of({ kind: 2, status: { code: 2 } })).toEqual([]);
});

test('what finds no room, and what nobody takes, is dropped and counted', async () => {
  const told: string[] = [];
  const logger = { log: (_level: string, event: string) => void told.push(event) };
  // Nobody listens on port 9 of this machine.
  const exporting = new SpanExport({ endpoint: 'http://127.0.0.1:9', broker: 1, version: '1', logger, queueMax: 3 });

  for (let i = 0; i < 5; i++) exporting.add(span('append'));
  expect(exporting.dropped).toBe(2);
  await exporting.close(5000);

  expect(exporting).toMatchObject({ exported: 0, dropped: 5 });
  expect(told).toEqual(['spansDropped']);
});
