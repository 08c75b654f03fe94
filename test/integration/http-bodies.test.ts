/** What bodies of requests hold in memory while they come, and what answers do while they go. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { withPromises } from '../../src/eventlog/index.ts';
import { valuesOf } from '../conformance/event-log.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { allOf, exchange, requestText } from '../support/raw-http.ts';

let gateway: TestGateway;
const sockets: Socket[] = [];

async function start(options: TestGatewayOptions = {}): Promise<number> {
  gateway = await startTestGateway(options);
  return gateway.front.port;
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  return gateway.close();
});

const records = '/v1/topics/log/records';
const plain = { 'Content-Type': 'text/plain' };
const KiB = 1024;

async function logValues(): Promise<string[]> {
  const usual = { topic: 'log', sinceMs: null, bytesMax: 1e8, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
  return valuesOf(await withPromises(gateway.twin).read({ ...usual, offsetFrom: 0 }));
}

describe('a body in chunks of one byte', () => {
  const chunked = (text: string): string =>
    text
      .split('')
      .map((letter) => `1\r\n${letter}\r\n`)
      .join('');

  test('is put together', async () => {
    const port = await start();
    const text = Array.from({ length: 20_000 }, (_, at) => 'abcdefghij'[at % 10]).join('');
    const head = requestText(port, 'POST', records, { ...plain, 'Transfer-Encoding': 'chunked' }).replace('Content-Length: 0\r\n', '');

    expect(await exchange(port, `${head}${chunked(text)}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await logValues()).toEqual([text]);
  });

  test('is refused as soon as it is too large', async () => {
    const port = await start({ settings: { bodyBytesMax: 1000 } });
    const head = requestText(port, 'POST', records, { ...plain, 'Transfer-Encoding': 'chunked' }).replace('Content-Length: 0\r\n', '');
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    const answered = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1'))));
    socket.write(`${head}${chunked('x'.repeat(1001))}`);

    expect(await answered).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('bodies that are not ended', () => {
  /** Sends a part of a large body and keeps it open. */
  function hold(port: number, bytes: number): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.write(requestText(port, 'POST', records, { ...plain, 'Content-Length': '1000000' }, 'x'.repeat(bytes)));
    return allOf(socket);
  }
  const settings = { bodiesBytesMax: 1000 * KiB };

  test('leave no room for more such, and all that there was when they are gone', async () => {
    const port = await start({ settings });
    const held = Array.from({ length: 4 }, () => hold(port, 300 * KiB));
    // The last of them found no room.
    expect(await Promise.race(held)).toMatch(/^HTTP\/1\.1 429 .*"code":"overloaded"/s);

    expect(await exchange(port, requestText(port, 'POST', records, plain, 'small'))).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of sockets.splice(0)) socket.destroy();
    const large = requestText(port, 'POST', records, plain, 'y'.repeat(900 * KiB));
    await expect.poll(() => exchange(port, large)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('are given up when nobody takes them any more', async () => {
    const port = await start({ settings });
    for (let count = 0; count < 5; count++) {
      const body = 'z'.repeat(900 * KiB);
      // A record of that size, one that is refused, and a topic that there is not.
      expect(await exchange(port, requestText(port, 'POST', records, plain, body))).toMatch(/^HTTP\/1\.1 200 /);
      expect(await exchange(port, requestText(port, 'POST', records, { 'Content-Type': 'application/json' }, body))).toMatch(
        /^HTTP\/1\.1 400 /,
      );
      expect(await exchange(port, requestText(port, 'POST', '/v1/topics/none/records', plain, body))).toMatch(/^HTTP\/1\.1 404 /);
      expect(await exchange(port, requestText(port, 'PUT', '/', {}, body))).toMatch(/^HTTP\/1\.1 200 /);
      expect(await exchange(port, requestText(port, 'POST', `${records}?level=leader`, plain, body))).toMatch(/^HTTP\/1\.1 200 /);
    }
  });
});

test('JSON that is no records is bounded before it is parsed', async () => {
  const port = await start();
  const json = { 'Content-Type': 'application/json' };

  expect(await exchange(port, requestText(port, 'POST', '/v1/topics', json, '['.repeat(60_000)))).toMatch(/^HTTP\/1\.1 400 .*64 deep/s);
  expect(await exchange(port, requestText(port, 'POST', '/v1/topics', json, `{"name":"${'x'.repeat(70_000)}"}`))).toMatch(
    /^HTTP\/1\.1 413 /,
  );
  expect(await exchange(port, requestText(port, 'POST', '/v1/faults', json, `[${'[],'.repeat(2000)}[]]`))).toMatch(
    /^HTTP\/1\.1 400 .*more keys/s,
  );
  expect(await exchange(port, requestText(port, 'POST', '/v1/grep', json, '['.repeat(900_000)))).toMatch(/^HTTP\/1\.1 400 .*64 deep/s);
});

test('a read of very many records is answered whole', async () => {
  const port = await start();
  const lines = '\n'.repeat(65_536);
  for (let count = 0; count < 9; count++) expect(await exchange(port, requestText(port, 'POST', records, plain, lines))).toMatch(/ 200 /);

  const response = await fetch(`${gateway.url}${records}?max=1000000&bytesMax=67108864&format=text`);

  expect(await response.text()).toBe(lines.repeat(9));
  expect(response.headers.get('cairn-offset-next')).toBe(String(9 * 65_536));
});
