/** What clients of HTTP do that is their right, and that ours do not do. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { appendDefaults, batchOf, Client } from '../../src/client/index.ts';
import { withPromises } from '../../src/eventlog/index.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { valuesOf } from '../conformance/event-log.ts';
import { testClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { allOf, exchange, requestText } from '../support/raw-http.ts';

let gateway: TestGateway;

async function start(options: TestGatewayOptions = {}): Promise<number> {
  gateway = await startTestGateway(options);
  return gateway.front.port;
}

afterEach(async () => {
  gateway.twin.resume();
  await gateway.close();
});

async function logValues(): Promise<string[]> {
  const usual = { topic: 'log', sinceMs: null, bytesMax: 1e6, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
  return valuesOf(await withPromises(gateway.twin).read({ ...usual, offsetFrom: 0 }));
}

const records = '/v1/topics/log/records';
const text = { 'Content-Type': 'text/plain' };

describe('an upgrade to something else', () => {
  const h2c = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' };

  test.each(['h2c', 'websocket', 'TLS/1.0'])('is left aside: %s', async (protocol) => {
    const port = await start();

    const answer = await exchange(port, requestText(port, 'GET', '/healthz', { ...h2c, Connection: 'Upgrade, close', Upgrade: protocol }));

    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*ok\n$/s);
  });

  test('does not lose the body of its request', async () => {
    const port = await start();
    const socket = connect(port, '127.0.0.1');
    socket.write(requestText(port, 'POST', records, { ...h2c, ...text }, 'one'));
    await once(socket, 'data');
    // The connection goes on as it was.
    socket.write(requestText(port, 'POST', records, { ...h2c, ...text }, 'two'));
    await once(socket, 'data');
    socket.destroy();

    expect(await logValues()).toEqual(['one', 'two']);
  });
});

describe('HEAD', () => {
  test.each(['/', '/healthz', '/readyz', '/metrics', '/openapi.json', '/v1/status', '/v1/topics', '/v1/topics/log', records, '/v1/trace'])(
    'of %s is what GET says, without a body',
    async (path) => {
      const port = await start();

      const answer = await exchange(port, requestText(port, 'HEAD', path));

      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toMatch(/\r\n\r\n$/);
      expect(answer.indexOf('\r\n\r\n')).toBe(answer.length - 4);
    },
  );

  test('of a stream without an end ends', async () => {
    const port = await start();

    expect(await exchange(port, requestText(port, 'HEAD', `${records}?follow=true&format=sse`))).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

describe('a method that a route does not take', () => {
  test.each([
    ['DELETE', '/', 'PUT, GET, HEAD, OPTIONS'],
    ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
    ['GET', '/crash', 'POST, OPTIONS'],
    ['DELETE', records, 'POST, GET, HEAD, OPTIONS'],
    ['POST', '/v1/topics/log', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
  ])('is refused and told which are taken: %s %s', async (method, path, allowed) => {
    const port = await start();

    const refused = await exchange(port, requestText(port, method, path));
    const asked = await exchange(port, requestText(port, 'OPTIONS', path));

    expect(refused).toMatch(/^HTTP\/1\.1 405 .*"code":"methodNotAllowed"/s);
    expect(refused).toContain(`\r\nallow: ${allowed}\r\n`);
    expect(asked).toMatch(/^HTTP\/1\.1 204 /);
    expect(asked).toContain(`\r\nallow: ${allowed}\r\n`);
  });

  test('OPTIONS * is answered, and that of a path that there is not is not', async () => {
    const port = await start();

    expect(await exchange(port, requestText(port, 'OPTIONS', '*'))).toMatch(/^HTTP\/1\.1 204 .*\r\nallow: GET, /s);
    expect(await exchange(port, requestText(port, 'OPTIONS', '/nowhere'))).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('a client that closes its side behind its request', () => {
  function halfClosing(port: number, request: string): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const answer = allOf(socket);
    socket.end(request);
    socket.on('end', () => socket.destroy());
    return answer;
  }

  test('gets its answer', async () => {
    const port = await start();

    expect(await halfClosing(port, requestText(port, 'POST', records, { ...text, Connection: 'keep-alive' }, 'stored'))).toMatch(
      /^HTTP\/1\.1 200 .*"offset":0/s,
    );
    expect(await halfClosing(port, requestText(port, 'GET', records))).toMatch(/^HTTP\/1\.1 200 .*stored/s);
    const two = requestText(port, 'GET', '/healthz', { Connection: 'keep-alive' });
    expect((await halfClosing(port, two.repeat(2))).match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    await expect.poll(() => gateway.front.connectionCount).toBe(0);
  });

  test('ends a stream that has no end', async () => {
    const port = await start();

    await halfClosing(port, requestText(port, 'GET', `${records}?follow=true&format=text`));

    await expect.poll(() => gateway.front.connectionCount).toBe(0);
  });

  test('of PUT is answered, or its record is not seen by anybody', async () => {
    const port = await start();
    const { twin } = gateway;
    const { append } = twin;
    // The answer of the log comes before, with or after the end of the client's side.
    let count = 0;
    twin.append = (request, answer) => {
      let left = count++ % 8;
      const goOn = (): void => void (left-- > 0 ? setImmediate(goOn) : append.call(twin, request, answer));
      goOn();
    };

    const bodies = Array.from({ length: 64 }, (_, at) => `body-${at}`);
    const answers = await Promise.all(bodies.map((body) => halfClosing(port, requestText(port, 'PUT', '/', {}, body))));
    await expect.poll(() => gateway.front.revokesPending).toBe(0);

    const seen = new Set(await logValues());
    const answered = bodies.filter((_, at) => answers[at] !== '');
    expect(bodies.filter((body) => seen.has(body))).toEqual(answered);
  });
});

describe('a client that wants to be asked for its body', () => {
  const expecting = { Expect: '100-continue', ...text };

  async function heads(port: number, request: string): Promise<{ readonly socket: Socket; readonly heard: () => string }> {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.write(request);
    await once(socket, 'data');
    return { socket, heard: () => heard };
  }

  test('is asked, and its body taken', async () => {
    const port = await start();
    const { socket, heard } = await heads(port, requestText(port, 'POST', records, { ...expecting, 'Content-Length': '4' }));
    expect(heard()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('word');
    await once(socket, 'close');

    expect(heard()).toMatch(/HTTP\/1\.1 200 OK/);
    expect(await logValues()).toEqual(['word']);
  });

  test.each([
    [records, '9000000', /^HTTP\/1\.1 413 .*"code":"recordTooLarge"/s],
    [`${records}?partition=x`, '4', /^HTTP\/1\.1 400 /],
    ['/v1/nowhere', '4', /^HTTP\/1\.1 404 /],
  ])('is refused without being asked: %s with %s bytes', async (path, length, answer) => {
    const port = await start();
    const { socket, heard } = await heads(
      port,
      requestText(port, 'POST', path, { ...expecting, Connection: 'keep-alive', 'Content-Length': length }),
    );
    // It cannot be told whether what comes next is the body.
    await once(socket, 'close');

    expect(heard()).toMatch(answer);
  });

  test('for something else is told so in our form', async () => {
    const port = await start();

    expect(await exchange(port, requestText(port, 'GET', '/healthz', { Expect: 'the best' }))).toMatch(
      /^HTTP\/1\.1 417 .*"code":"invalidRequest"/s,
    );
  });
});

describe('a body that is encoded', () => {
  test.each([
    ['Identity', (body: Buffer) => body],
    ['gzip', (body: Buffer) => gzipSync(body)],
    ['X-GZIP', (body: Buffer) => gzipSync(body)],
    ['zstd', (body: Buffer) => zstdCompressSync(body)],
  ])('%s is taken as what it is', async (encoding, encode) => {
    await start();
    const headers = { ...text, 'Content-Encoding': encoding };

    const answer = await fetch(`${gateway.url}${records}`, { method: 'POST', headers, body: encode(Buffer.from('one\ntwo')) });

    expect(answer.status).toBe(200);
    expect(await logValues()).toEqual(['one', 'two']);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('%s that becomes more than a body may have is refused', async (encoding, encode) => {
    await start();
    const bomb = encode(Buffer.alloc(64 * 1024 * 1024));

    const answer = await fetch(`${gateway.url}${records}`, {
      method: 'POST',
      headers: { ...text, 'Content-Encoding': encoding },
      body: bomb,
    });

    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: 'recordTooLarge' } });
  });

  test.each([
    ['gzip', 'no gzip', 400],
    ['zstd', 'no zstd', 400],
    ['br', 'brotli', 415],
    ['gzip, zstd', 'both', 415],
  ])('in a way that is not taken, or not really, is refused: %s', async (encoding, body, status) => {
    await start();

    const answer = await fetch(`${gateway.url}${records}`, { method: 'POST', headers: { ...text, 'Content-Encoding': encoding }, body });

    expect(answer.status).toBe(status);
    expect(await logValues()).toEqual([]);
  });
});

describe('a target with the host in it', () => {
  test('is that path', async () => {
    const port = await start();

    for (const target of [`http://127.0.0.1:${port}/healthz`, `HTTP://127.0.0.1:${port}/healthz`])
      expect(await exchange(port, requestText(port, 'GET', target)), target).toMatch(/^HTTP\/1\.1 200 OK\r\n.*ok\n$/s);
    expect(await exchange(port, requestText(port, 'GET', `http://127.0.0.1:${port}?x=1`))).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const target = `http://127.0.0.1:${port}${records}?level=leader`;
    expect(await exchange(port, requestText(port, 'POST', target, text, 'a'))).toMatch(/^HTTP\/1\.1 200 .*"level":"leader"/s);
  });

  test('that is not the one in Host is refused', async () => {
    const port = await start();

    for (const target of [`http://localhost:${port}/healthz`, `http://x@127.0.0.1:${port}/healthz`, `ftp://127.0.0.1:${port}/healthz`])
      expect(await exchange(port, requestText(port, 'GET', target)), target).toMatch(/^HTTP\/1\.1 421 /);
  });
});

test('a request without Host is refused in our form', async () => {
  const port = await start();

  expect(await exchange(port, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"invalidRequest"/s);
});

test('a time that no calendar has is refused', async () => {
  await start();

  for (const since of ['2026-02-30', '2026-02-29T00:00:00Z', '2026-13-01', '2026-00-10', '2026-04-31T10:00', '2026-11-30T25:00:00Z'])
    expect((await fetch(`${gateway.url}${records}?since=${since}`)).status, since).toBe(400);
  for (const since of ['2028-02-29', '2026-11-30T10:00:00Z', '2026-11-30T10:00:00.123%2B01:00', '1795000000000', '0'])
    expect((await fetch(`${gateway.url}${records}?since=${since}`)).status, since).toBe(200);
});

test('a read by time says where the times of a topic are ahead, and by how much', async () => {
  let aheadMs = 0;
  const clock = { ...testClock(), wallMs: () => Date.now() + aheadMs };
  const broker = new MemoryLog({ clock, bytes: systemBytes });
  await start({ broker });
  const client = new Client({ servers: [gateway.url], discover: false });
  const append = (value: string) => client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value }]) });
  await append('before');
  const ask = async (since: number, more = '') => {
    const answer = await fetch(`${gateway.url}${records}?since=${since}${more}`);
    const ahead = answer.headers.get('cairn-times-ahead-ms');
    await answer.body?.cancel();
    return ahead === null ? null : Math.round(Number(ahead) / 1000);
  };

  aheadMs = 3_600_000;
  await append('from a clock that is an hour ahead');

  const nowMs = Date.now() + 1;
  expect(await ask(nowMs)).toBe(3600);
  expect(await ask(nowMs, '&follow=true&format=ndjson')).toBe(3600);
  // What was appended before the clock was wrong has its own time; what is asked for from the future has been said to be there.
  expect(await ask(0)).toBeNull();
  expect(await ask(nowMs + 1_800_000)).toBeNull();
  const read = { topic: 'log', offsetFrom: null, bytesMax: 1e6, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
  expect((await client.read({ ...read, sinceMs: nowMs })).timesAheadMs).toBeGreaterThan(3_590_000);
  expect((await client.read({ ...read, sinceMs: 0 })).timesAheadMs).toBeUndefined();
  client.close();
});

test('a read by time says nothing of a clock that is ahead as clocks may be', async () => {
  const clock = { ...testClock(), wallMs: () => Date.now() + 400 };
  const broker = new MemoryLog({ clock, bytes: systemBytes });
  await start({ broker });
  await fetch(`${gateway.url}${records}`, { method: 'POST', headers: text, body: 'a' });

  const answer = await fetch(`${gateway.url}${records}?since=${Date.now()}`);

  expect(await answer.json()).toMatchObject({ records: [{ value: 'a' }] });
  expect(answer.headers.get('cairn-times-ahead-ms')).toBeNull();
});

test('numbers are written as such', async () => {
  await start();

  for (const number of ['true', '2.9', '0x3', '', '+1', '1e0', '-0', ' 1', '٣']) {
    const written = encodeURIComponent(number);
    for (const parameter of ['from', 'max', 'bytesMax', 'waitMs', 'session', 'partition'])
      expect((await fetch(`${gateway.url}${records}?${parameter}=${written}`)).status, `${parameter}=${number}`).toBe(400);
    const append = await fetch(`${gateway.url}${records}?expectedOffset=${written}`, { method: 'POST', headers: text, body: 'a' });
    expect(append.status, `expectedOffset=${number}`).toBe(400);
    const inJson = JSON.stringify({ value: 'a', timestamp: number });
    const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: inJson };
    expect((await fetch(`${gateway.url}${records}`, json)).status, inJson).toBe(400);
  }
  expect(await logValues()).toEqual([]);
});
