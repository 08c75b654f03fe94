/** `PUT /` and the fault routes, byte by byte as contract 2 wants them, over the in-memory twin. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LogError, withPromises } from '../../src/eventlog/index.ts';
import { hashToken } from '../../src/gateway/http/index.ts';
import { valuesOf } from '../conformance/event-log.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { allOf, exchange, requestText } from '../support/raw-http.ts';

let gateway: TestGateway;
const folders: string[] = [];

async function start(options: TestGatewayOptions = {}): Promise<number> {
  gateway = await startTestGateway(options);
  return gateway.front.port;
}

afterEach(async () => {
  gateway.twin.resume();
  await gateway.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function logValues(): Promise<string[]> {
  const usual = { topic: 'log', sinceMs: null, bytesMax: 1e6, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
  return valuesOf(await withPromises(gateway.twin).read({ ...usual, offsetFrom: 0 }));
}

const put = (port: number, body: string): Promise<string> => exchange(port, requestText(port, 'PUT', '/', {}, body));
const post = (port: number, route: string): Promise<string> => exchange(port, requestText(port, 'POST', route));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('PUT /', () => {
  test('is answered 200 once its body is a committed record', async () => {
    const port = await start();

    const answer = await put(port, 'lorem1234567');

    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await logValues()).toEqual(['lorem1234567']);
  });

  test('takes any bytes, with and without a Content-Type', async () => {
    const port = await start();
    const bytes = Buffer.from([0, 255, 10, 13, 128]);

    await fetch(gateway.url, { method: 'PUT', body: bytes });
    await exchange(port, requestText(port, 'PUT', '/', { 'Content-Type': 'application/json' }, 'not json'));
    await exchange(port, requestText(port, 'PUT', '/', {}, ''));

    const records = (await (await fetch(`${gateway.url}/v1/topics/log/records`)).json()) as { records: Record<string, string>[] };
    expect(records.records.map(({ value, valueBase64 }) => value ?? Buffer.from(valueBase64 ?? '', 'base64'))).toEqual([
      bytes,
      'not json',
      '',
    ]);
  });

  /** So many appends are answered as by a broker that still opens its logs. */
  function answerStarting(times: number): void {
    const { append } = gateway.twin;
    let startsUntil = times;
    gateway.twin.append = (request, answer) => {
      if (startsUntil-- <= 0) append.call(gateway.twin, request, answer);
      else answer({ ok: false, error: new LogError('starting', 'Cannot append to topic "log": the broker is still opening its logs') });
    };
  }

  test('waits for a broker that still opens its logs', async () => {
    const port = await start({ settings: { putTimeoutMs: 60_000 } });
    answerStarting(3);

    expect(await put(port, 'early')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(await logValues()).toEqual(['early']);
  });

  test('does not wait for ever for a broker that still opens its logs', async () => {
    const port = await start({ settings: { putTimeoutMs: 200 } });
    answerStarting(Number.POSITIVE_INFINITY);

    expect(await put(port, 'never')).toBe('');
    expect(await logValues()).toEqual([]);
  });

  test('that is not committed in time is closed without a byte, and its record never shows', async () => {
    const port = await start({ settings: { putTimeoutMs: 50 } });
    gateway.twin.stall();

    const answer = await put(port, 'late');
    gateway.twin.resume();
    await put(port, 'next');

    expect(answer).toBe('');
    expect(await logValues()).toEqual(['next']);
  });

  test('whose client leaves before the answer is revoked', async () => {
    const port = await start();
    gateway.twin.stall();
    const socket = connect(port, '127.0.0.1');
    socket.write(requestText(port, 'PUT', '/', {}, 'abandoned'));
    await until(() => gateway.front.connectionCount === 1);
    // The append is under way once the request was parsed: another request on a new connection is answered after it.
    await fetch(`${gateway.url}/healthz`);

    socket.destroy();
    await until(() => gateway.front.revokesPending === 1);
    gateway.twin.resume();

    await until(() => gateway.front.revokesPending === 0);
    expect(await logValues()).toEqual([]);
  });

  test('whose append is refused is closed without a byte', async () => {
    const port = await start({ settings: { bodyBytesMax: 100 } });

    expect(await put(port, 'x'.repeat(101))).toBe('');
    expect(await logValues()).toEqual([]);
  });
});

describe('while acting as crashed', () => {
  test('every request but the fault routes is closed without a byte', async () => {
    const port = await start();
    expect(await post(port, '/crash')).toMatch(/^HTTP\/1\.1 200 /);

    const answers = await Promise.all([
      put(port, 'word'),
      exchange(port, requestText(port, 'GET', '/')),
      exchange(port, requestText(port, 'GET', '/healthz')),
      exchange(port, requestText(port, 'GET', '/v1/topics')),
      exchange(port, requestText(port, 'GET', '/', { Host: 'evil' })),
      exchange(port, requestText(port, 'PUT', '/', { Expect: '100-continue' }, 'word')),
      exchange(port, requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: 'cairn-peer/7' })),
      exchange(port, 'this is not HTTP\r\n\r\n'),
    ]);

    expect(answers).toEqual(answers.map(() => ''));
    expect(await post(port, '/crash')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await post(port, '/recover')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await put(port, 'word')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await logValues()).toEqual(['word']);
  });

  test('what was under way is cut off, and a PUT among it never shows after the recovery', async () => {
    const port = await start();
    gateway.twin.stall();
    const underWay = put(port, 'in flight');
    const following = exchange(port, requestText(port, 'GET', '/v1/topics/log/records?follow=true'));
    await until(() => gateway.front.connectionCount === 2);
    await fetch(`${gateway.url}/v1/status`);

    await post(port, '/crash');
    expect(await underWay).toBe('');
    await following;
    expect(gateway.front.revokesPending).toBe(1);
    await post(port, '/recover');

    await until(() => gateway.front.revokesPending === 0);
    await put(port, 'after');
    expect(await logValues()).toEqual(['after']);
  });
});

describe('a connection that has not sent its request when a crash comes', () => {
  /** Connected and taken, with nothing of a request, or with part of one. */
  async function early(port: number, text: string): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
    const socket = connect(port, '127.0.0.1');
    const answer = allOf(socket);
    socket.write(text);
    await until(() => gateway.front.connectionCount === 1);
    // What came before an answered request has been read.
    await fetch(`${gateway.url}/healthz`, { headers: { Connection: 'close' } });
    await until(() => gateway.front.connectionCount === 1);
    return { socket, answer };
  }

  test.each([
    ['/exit', 0],
    ['/exit', 30],
    ['/recover', 0],
    ['/crash', 0],
    ['/crash', 30],
  ])('is kept, and its POST %s is answered (%i bytes of it had come)', async (route, sent) => {
    const port = await start();
    const text = requestText(port, 'POST', route);
    const { socket, answer } = await early(port, text.slice(0, sent));

    expect(await post(port, '/crash')).toMatch(/^HTTP\/1\.1 200 /);
    socket.write(text.slice(sent));

    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(gateway.twin.faults.crashed).toBe(route !== '/recover');
    await until(() => gateway.exits.count === (route === '/exit' ? 1 : 0));
  });

  test('is closed without a byte when what it sends is something else', async () => {
    const port = await start();
    const { socket, answer } = await early(port, '');

    await post(port, '/crash');
    socket.write(requestText(port, 'PUT', '/', {}, 'word'));

    expect(await answer).toBe('');
    await post(port, '/recover');
    expect(await logValues()).toEqual([]);
  });

  test('may have had an answer before', async () => {
    const port = await start();
    const socket = connect(port, '127.0.0.1');
    const answer = allOf(socket);
    socket.write(requestText(port, 'GET', '/healthz', { Connection: 'keep-alive' }));
    await new Promise((resolve) => socket.once('data', resolve));

    await post(port, '/crash');
    socket.write(requestText(port, 'POST', '/recover'));

    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*ok\nHTTP\/1\.1 200 .*"crashed":false/s);
  });
});

describe('a PUT that is refused', () => {
  const evil = { Host: 'evil.example' };

  test.each<[string, (port: number) => string]>([
    ['for its Host', (port) => requestText(port, 'PUT', '/', evil, 'word')],
    ['for its Origin', (port) => requestText(port, 'PUT', '/', { Origin: 'http://evil.example' }, 'word')],
    ['for its path', (port) => requestText(port, 'PUT', '/elsewhere', {}, 'word')],
    ['for a path of the API', (port) => requestText(port, 'PUT', '/v1/topics/log/records', { 'Content-Type': 'text/plain' }, 'word')],
    ['for a path that no URL has', (port) => requestText(port, 'PUT', '/%zz', {}, 'word')],
    ['for its request line', (port) => requestText(port, 'PUT', `http://localhost:${port}/`, {}, 'word')],
    ['before it was told to go on', (port) => requestText(port, 'PUT', '/', { ...evil, Expect: '100-continue' }, 'word')],
    ['for its upgrade', (port) => requestText(port, 'PUT', '/', { Connection: 'Upgrade', Upgrade: 'cairn-peer/2' }, 'word')],
    ['for what it expects', (port) => requestText(port, 'PUT', '/', { Expect: 'wonders' }, 'word')],
    ['for its body', (port) => `PUT / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nword\r\nno length\r\n`],
  ])('%s is closed without a byte: the client would take an answer for success', async (_why, text) => {
    const port = await start();

    expect(await exchange(port, text(port))).toBe('');

    await put(port, 'next');
    expect(await logValues()).toEqual(['next']);
  });

  test('for its token is closed too, and the log of the broker says why', async () => {
    const port = await start({ tokenHash: hashToken('a'.repeat(64)) });

    expect(await put(port, 'word')).toBe('');
    expect(await put(port, 'word')).toBe('');

    const reason = 'Cannot answer: the request has no bearer token';
    expect(gateway.logged.filter(({ event }) => event === 'putRefused')).toEqual([{ event: 'putRefused', fields: { reason } }]);
  });
});

describe('with fault injection off', () => {
  test.each(['/crash', '/recover', '/exit'])('POST %s answers 403', async (route) => {
    const port = await start({ faultInjection: false });

    expect(await post(port, route)).toMatch(/^HTTP\/1\.1 403 .*"code":"faultInjectionOff"/s);
    expect(gateway.exits.count).toBe(0);
  });
});

describe('POST /exit', () => {
  function logFile(): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-exit-'));
    folders.push(folder);
    return path.join(folder, 'log.csv');
  }

  test('leaves the visible records in a file, a line each, then ends', async () => {
    const file = logFile();
    const port = await start({ logFile: file });
    await put(port, 'first');
    await put(port, 'two\nlines\r');
    await put(port, 'last');

    const answer = await post(port, '/exit');

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(readFileSync(file, 'utf8')).toBe('first\ntwo\\nlines\\r\nlast\n');
    await until(() => gateway.exits.count === 1);
  });

  test('works while acting as crashed', async () => {
    const file = logFile();
    const port = await start({ logFile: file });
    await put(port, 'first');
    await post(port, '/crash');

    expect(await post(port, '/exit')).toMatch(/^HTTP\/1\.1 200 /);
    expect(readFileSync(file, 'utf8')).toBe('first\n');
  });

  test('without a file just ends', async () => {
    const port = await start();

    expect(await post(port, '/exit')).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => gateway.exits.count === 1);
  });

  test('says so when the file cannot be written, and ends all the same', async () => {
    const port = await start({ logFile: '/proc/no/such/file.csv' });

    expect(await post(port, '/exit')).toMatch(/^HTTP\/1\.1 503 .*Cannot write the log file/s);
    await until(() => gateway.exits.count === 1);
  });
});
