import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { Spans } from '../../../../src/broker/spans.ts';
import { RequestTraces, traceFields } from '../../../../src/gateway/http/request-traces.ts';

const clock = { monotonicMs: () => 0, wallMs: () => 0 };
const random = { bytes: (length: number) => new Uint8Array(length).fill(1) };

function asked(traces: RequestTraces, path: string, headers: object = {}): boolean {
  const request = { method: 'GET', headers } as unknown as IncomingMessage;
  const response = Object.assign(new EventEmitter(), { setHeader: () => undefined, statusCode: 200, writableFinished: true });
  const isTraced = traces.begin(request, response as unknown as ServerResponse, path);
  expect(traceFields(request).trace !== undefined).toBe(isTraced);
  response.emit('close');
  return isTraced;
}

test('each so many of the requests that do not say is traced, and no probe', () => {
  const spans = new Spans('broker-1', clock, random);
  const traces = new RequestTraces(spans, 3);

  const traced = Array.from({ length: 9 }, () => asked(traces, '/v1/topics/t/records'));

  expect(traced).toEqual([false, false, true, false, false, true, false, false, true]);
  expect(Array.from({ length: 9 }, () => asked(traces, '/healthz')).some(Boolean)).toBe(false);
  expect(Array.from({ length: 9 }, () => asked(traces, `/v1/spans/${'1'.repeat(32)}`)).some(Boolean)).toBe(false);
  expect(spans.count).toBe(3);
});

test('a request that says it is not recorded is never traced', () => {
  const traces = new RequestTraces(new Spans('broker-1', clock, random), 1);

  expect(asked(traces, '/v1/status', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` })).toBe(false);
  expect(asked(traces, '/v1/status', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` })).toBe(true);
  expect(asked(traces, '/v1/status')).toBe(true);
});
