/** Connections that give nothing, take nothing or never end: none of them keeps its place, and none shuts out others. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { certificate } from '../support/certificate.ts';
import { peerProtocol } from '../../src/wire/index.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { exchange, requestText } from '../support/raw-http.ts';

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

/** A client that hears the end of its connection and does not end its own side; resolves once the server has. */
async function stubborn(port: number, text: string): Promise<{ readonly heard: string; readonly socket: Socket }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  if (text !== '') socket.write(text);
  await once(socket, 'end');
  return { heard, socket };
}

async function noConnections(): Promise<void> {
  await expect.poll(() => gateway.front.connectionCount, { timeout: 4_000 }).toBe(0);
}
const quick = { settings: { headersTimeoutMs: 60, requestTimeoutMs: 60, connectionsCheckingIntervalMs: 20 } };

describe('a client that does not end its side of the connection', () => {
  test.each([
    ['without a byte', ''],
    ['with half a header', 'GET / HTTP/1.1\r\nHost: '],
    ['with something else than HTTP', '\x16\x03\x01garbage\r\n\r\n'],
  ])('loses it all the same, %s', async (_what, text) => {
    const port = await start(quick);

    const { heard } = await stubborn(port, text);

    expect(heard).toMatch(/^HTTP\/1\.1 4\d\d /);
    await noConnections();
  });

  test.each([
    ['another version', { Upgrade: 'cairn-peer/2' }, /^HTTP\/1\.1 426 /],
    ['another host', { Upgrade: peerProtocol, Host: 'evil.example' }, /^HTTP\/1\.1 421 /],
  ])('loses it when its upgrade is refused for %s', async (_what, headers, answer) => {
    const port = await start();

    const { heard, socket } = await stubborn(port, requestText(port, 'GET', '/', { Connection: 'Upgrade', ...headers }));

    expect(heard).toMatch(answer);
    // What is written to a connection that is gone is answered by a reset.
    await expect
      .poll(
        () => {
          socket.write('x');
          return socket.destroyed;
        },
        { timeout: 4_000 },
      )
      .toBe(true);
  });
});

test('a handshake that does not come is ended as a header is', async () => {
  const port = await start({ ...quick, tls: certificate });
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.push(socket);

  await once(socket, 'close');

  const secure = connectTls({ port, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost' });
  sockets.push(secure);
  await once(secure, 'secureConnect');
});

test.each([
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 'secureConnect'],
  // CBC.
  ['ECDHE-ECDSA-AES128-SHA256', 'error'],
])('of the suites of TLS 1.2 those are taken that encrypt and authenticate in one: %s', async (ciphers, event) => {
  const port = await start({ tls: certificate });
  const secure = connectTls({ port, host: '127.0.0.1', ca: certificate.cert, servername: 'localhost', maxVersion: 'TLSv1.2', ciphers });
  sockets.push(secure);

  const first = await new Promise((resolve) => {
    for (const each of ['secureConnect', 'error']) secure.once(each, () => resolve(each));
  });
  expect(first).toBe(event);
});

describe('an address that has as many connections as it may', () => {
  const opened = async (port: number, localAddress: string): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };

  test('gets more, and loses those that have said nothing, the oldest first', async () => {
    const port = await start({ settings: { connectionsPerAddressMax: 3 } });
    const silent = [await opened(port, '127.0.0.1'), await opened(port, '127.0.0.1'), await opened(port, '127.0.0.1')] as const;
    await expect.poll(() => gateway.front.connectionCount).toBe(3);

    const closed = once(silent[0], 'close');
    expect(await exchange(port, requestText(port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
    await closed;

    expect([silent[1].destroyed, silent[2].destroyed]).toEqual([false, false]);
  });

  test('gets none where all of them have asked for something', async () => {
    const port = await start({ settings: { connectionsPerAddressMax: 2 } });
    for (let count = 0; count < 2; count++) {
      const socket = await opened(port, '127.0.0.1');
      socket.write(requestText(port, 'GET', '/healthz', { Connection: 'keep-alive' }));
      await once(socket, 'data');
    }

    expect(await exchange(port, requestText(port, 'GET', '/healthz'))).toBe('');
  });

  test('does not shut out another one, though all places are taken', async () => {
    const port = await start({ settings: { connectionsMax: 3 } });
    const silent = [await opened(port, '127.0.0.2'), await opened(port, '127.0.0.2'), await opened(port, '127.0.0.2')] as const;
    await expect.poll(() => gateway.front.connectionCount).toBe(3);

    expect(await exchange(port, requestText(port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
    expect(silent.filter(({ destroyed }) => !destroyed)).toHaveLength(2);
  });
});

describe('a connection on which much is asked at once', () => {
  test('gets its answers in order', async () => {
    const port = await start();
    await exchange(port, requestText(port, 'POST', '/v1/topics/log/records', { 'Content-Type': 'text/plain' }, 'a\nb\nc'));
    const path = '/v1/topics/log/records?bytesMax=67108864&format=text';
    const asked = Array.from({ length: 90 }, (_, at) => requestText(port, 'GET', path, { Connection: at < 89 ? 'keep-alive' : 'close' }));

    const answers = await exchange(port, asked.join(''));

    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(90);
    expect(answers.match(/\r\n\r\na\nb\nc\n/g)).toHaveLength(90);
  });

  test('is cut off where that is more than it may', async () => {
    const port = await start({ settings: { requestsPerConnectionMax: 5 } });
    gateway.twin.stall();
    const append = requestText(port, 'POST', '/v1/topics/log/records', { Connection: 'keep-alive', 'Content-Type': 'text/plain' }, 'a');

    expect(await exchange(port, append.repeat(7))).toBe('');
    await noConnections();
    gateway.twin.resume();
  });
});

describe('a client that asks again and again and takes nothing', () => {
  /** More than the buffers of the system hold. */
  function askAndTakeNothing(port: number, text: string): Socket {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(text);
    return socket;
  }

  test.each(['/openapi.json', '/metrics'])('loses its connection: %s', async (path) => {
    const port = await start({ settings: { slowReaderTimeoutMs: 200, requestsPerConnectionMax: 10_000 } });
    await exchange(port, requestText(port, 'GET', path));
    askAndTakeNothing(port, requestText(port, 'GET', path, { Connection: 'keep-alive' }).repeat(1_000));
    await expect.poll(() => gateway.front.connectionCount).toBe(1);

    await noConnections();
  });

  test('does not lose it while it waits for an answer', async () => {
    const port = await start({ settings: { slowReaderTimeoutMs: 50 } });
    const path = '/v1/topics/log/records?from=end&waitMs=1000';

    expect(await exchange(port, requestText(port, 'GET', path))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
