/** A traced append over real brokers: the tree that a user sees, and what a collector is sent. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendDefaults, batchOf, Client } from '../../src/client/index.ts';
import { readConfig } from '../../src/daemon/config.ts';
import { type RunningDaemon, startBroker } from '../../src/daemon/broker-daemon.ts';
import { stderrLogger } from '../../src/daemon/logging.ts';
import { cairnHere } from '../support/cairn.ts';
import { freePorts } from '../support/free-ports.ts';
import { startMachine } from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';
import { problemsOf } from '../support/otlp-schema.ts';

interface SentSpan {
  readonly traceId: string;
  readonly name: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface Sent {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[] }[];
}

let folder: string;
let servers: readonly string[];
let daemons: RunningDaemon[];
let collector: Server;
const requests: { readonly path: string; readonly type: string; readonly body: Sent }[] = [];

beforeAll(async () => {
  collector = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      requests.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', body: JSON.parse(text) as Sent });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-tracing-'));
  const ports = await freePorts(3);
  const brokers = ports.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(',');
  servers = ports.map((port) => `http://127.0.0.1:${port}`);
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  daemons = await Promise.all(['1', '2', '3'].map((broker) => started(broker, brokers, endpoint)));
});
afterAll(async () => {
  await Promise.all(daemons.map((daemon) => new Promise<void>((resolve) => daemon.stop(2000, resolve))));
  collector.close();
  rmSync(folder, { recursive: true });
});

function started(broker: string, brokers: string, endpoint: string): Promise<RunningDaemon> {
  const flags = { broker, brokers, data: path.join(folder, broker), 'tracing.endpoint': endpoint };
  return new Promise((resolve, reject) => {
    const daemon = startBroker(readConfig({ file: null, env: {}, flags }), stderrLogger('error'), {
      onReady: () => void daemon.then(resolve, reject),
      onFatal: reject,
      onExit: () => undefined,
    });
    daemon.catch(reject);
  });
}

const env = (): { readonly CAIRN_SERVER: string } => ({ CAIRN_SERVER: servers.join(',') });
const sentSpans = (): readonly SentSpan[] =>
  requests.flatMap(({ body }) => body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
const metric = async (server: string, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${server}/metrics`)).text())?.[1]);

describe('--trace', () => {
  test('prints where an append was, and how long, as a tree on stderr', async () => {
    const { code, out, err } = await cairnHere(['append', 'log', '--trace'], { input: 'hello\n', env: env() });

    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).not.toContain('trace');
    const lines = err.slice(err.indexOf('trace ')).split('\n');
    expect(lines[0]).toMatch(/^trace [0-9a-f]{32}: \d+ spans of broker-1, broker-2, broker-3, client; /);
    expect(lines[1]).toMatch(/^cairn append {2,}0\.00/);
    const named = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    expect(named(/─ POST \/v1\/topics\/log\/records.* client/)).toBe(1);
    expect(named(/─ request .*broker-\d.*method=POST.*status=200/)).toBe(1);
    expect(named(/─ queue .*broker-\d/)).toBe(1);
    expect(named(/─ append .*broker-\d.*offset=\d/)).toBe(1);
    expect(named(/─ replicate .*broker-\d/)).toBe(2);
    expect(named(/─ fsync .*broker-\d/)).toBe(3);
    // A child is behind its parent, and further in.
    const indent = (pattern: RegExp): number => (lines.find((line) => pattern.test(line)) ?? '').search(/[a-zA-Z]/);
    expect(indent(/─ append/)).toBeGreaterThan(indent(/─ request/));
    expect(indent(/─ fsync/)).toBeGreaterThan(indent(/─ append/));
  });

  test('prints how a search was done where it was, on brokers and on machines that only search', needsPrograms('grep'), async () => {
    const machine = await startMachine('m1', { 'a.log': 'hello\nother\n' });

    const sources = ['--topic', 'log', '--files', 'app'];
    const { code, err } = await cairnHere(['grep', '--trace', ...sources, '--on', `${machine.address},${servers[0]}`, 'hello'], {
      env: env(),
    });

    await machine.close();
    // The broker has no such files, and the machine no topics.
    expect(code).toBe(2);
    const lines = err.slice(err.indexOf('trace ')).split('\n');
    expect(lines[0]).toMatch(/^trace [0-9a-f]{32}: \d+ spans of broker-1, client, m1; /);
    const named = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    expect(named(/─ POST \/v1\/grep\/local .* client .*status=200/)).toBeGreaterThanOrEqual(2);
    expect(named(/─ request .* m1 .*path=\/v1\/grep\/local status=200/)).toBe(1);
    expect(named(/─ program .* m1 {2}file=a\.log engine=(ripgrep|grep) bytes=12 selected=1$/)).toBe(1);
    expect(named(/─ scan .* broker-1 {2}topic=log partition=0 offsetFrom=0 offsetTo=\d+ selected=1 engine=text bytesRead=\d+/)).toBe(1);
    expect(named(/─ wait .* (m1|broker-1)$/)).toBe(2);
  });

  test('is there for every command that asks brokers', async () => {
    for (const args of [['status'], ['topic', 'list'], ['read', 'log'], ['explain', 'log'], ['grep', 'hello', '--topic', 'log']]) {
      const { code, err } = await cairnHere([...args, '--trace'], { env: env() });

      // That of a status tells of the brokers: 1 where one comes late on a busy machine.
      expect({ args, isFine: code === 0 || (args[0] === 'status' && code === 1) }).toEqual({ args, isFine: true });
      expect(err, args.join(' ')).toMatch(/─ request .*broker-\d.*status=200/);
    }
  });
});

test('a request that brings its own trace is told of it, and one without is not traced', async () => {
  const [server = ''] = servers;
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const before = await metric(server, 'cairn_spans_total');

  const traced = await fetch(`${server}/v1/topics/log/end`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  const unsampled = await fetch(`${server}/v1/topics/log/end`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-00` } });
  const malformed = await fetch(`${server}/v1/topics/log/end`, { headers: { traceparent: 'nonsense' } });

  expect([traced, unsampled, malformed].map((answer) => answer.headers.get('cairn-trace'))).toEqual([traceId, null, null]);
  expect([unsampled.status, malformed.status]).toEqual([200, 200]);
  await expect.poll(() => metric(server, 'cairn_spans_total')).toBe(before + 1);
  const { spans } = (await (await fetch(`${server}/v1/spans/${traceId}`)).json()) as { spans: { name: string; parentId: string }[] };
  expect(spans).toMatchObject([{ name: 'request', parentId: 'b7ad6b7169203331' }]);
  expect((await fetch(`${server}/v1/spans/x`)).status).toBe(400);
});

describe('a collector', () => {
  test('is sent what the published schema of OTLP says, once, by each broker', async () => {
    const client = new Client({ servers, discover: false });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    await fetch(`${servers[0]}/v1/topics/log/records`, {
      method: 'POST',
      headers: { traceparent, 'content-type': 'text/plain' },
      body: 'traced',
    });
    await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value: 'untraced' }]) });
    client.close();
    const own = (): readonly SentSpan[] => sentSpans().filter((span) => span.traceId === traceId);
    const names = (): readonly string[] => own().map(({ name }) => name);

    await expect.poll(() => names().filter((name) => name === 'fsync').length, { timeout: 10_000 }).toBe(3);

    expect(requests.flatMap(({ body }) => problemsOf(body, 'ExportTraceServiceRequest'))).toEqual([]);
    expect(new Set(requests.map(({ path: at, type }) => `${at} ${type}`))).toEqual(new Set(['/v1/traces application/json']));
    expect(names().filter((name) => name === 'request')).toHaveLength(1);
    expect(own().find(({ name }) => name === 'request')?.parentSpanId).toBe('00f067aa0ba902b7');
    for (const { startTimeUnixNano, endTimeUnixNano } of own())
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  });

  test('that is away costs spans that are counted, and nothing else', async () => {
    const [server = ''] = servers;
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
    const before = await metric(server, 'cairn_spans_dropped_total');

    const answer = await fetch(`${server}/v1/topics/log/end`, { headers: { traceparent: `00-${'5'.repeat(32)}-b7ad6b7169203331-01` } });

    expect(answer.status).toBe(200);
    await expect.poll(() => metric(server, 'cairn_spans_dropped_total'), { timeout: 10_000 }).toBeGreaterThan(before);
  });
});
