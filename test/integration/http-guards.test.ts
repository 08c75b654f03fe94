/** Who is let in: hosts, origins, tokens, slow and many clients. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { withPromises } from '../../src/eventlog/index.ts';
import { hashToken } from '../../src/gateway/http/index.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { exchange, requestText } from '../support/raw-http.ts';

let gateway: TestGateway;

async function start(options: TestGatewayOptions = {}): Promise<number> {
  gateway = await startTestGateway(options);
  return gateway.front.port;
}

afterEach(() => gateway.close());

/** The end of `log`: 0 as long as nobody wrote. */
async function endOfLog(): Promise<number> {
  return (await withPromises(gateway.twin).end({ topic: 'log', freshness: 'linearizable' })).offset;
}

const routes = [
  ['GET', '/'],
  ['PUT', '/'],
  ['POST', '/crash'],
  ['POST', '/recover'],
  ['POST', '/exit'],
  ['GET', '/healthz'],
  ['GET', '/readyz'],
  ['GET', '/metrics'],
  ['GET', '/openapi.json'],
  ['GET', '/v1/status'],
  ['GET', '/v1/topics/log/records'],
  ['POST', '/v1/topics/log/records'],
  ['GET', '/nowhere'],
] as const;

/** How a refusal begins: a PUT is closed without a byte (contract 2), all else is answered. */
const refusedWith = (status: number, method: string): RegExp => (method === 'PUT' ? /^$/ : new RegExp(`^HTTP/1\\.1 ${status} `));

describe('a Host header', () => {
  test('that names somebody else is refused on every route', async () => {
    const port = await start();

    for (const [method, path] of routes) {
      for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', '127.0.0.1:1', `localhost.evil:${port}`]) {
        const answer = await exchange(port, requestText(port, method, path, { Host: host }));

        expect(answer, `${method} ${path} with ${host}`).toMatch(refusedWith(421, method));
      }
    }
    expect(gateway.exits.count).toBe(0);
    expect(await endOfLog()).toBe(0);
  });

  test('of loopback, of the configured address or of a configured proxy is taken', async () => {
    const port = await start({ ownNames: ['Broker-1.example'], extraHosts: ['logs.example'] });

    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `broker-1.example:${port}`, 'logs.example']) {
      const answer = await exchange(port, requestText(port, 'GET', '/healthz', { Host: host }));

      expect(answer.slice(0, 15), `Host: ${host}`).toBe('HTTP/1.1 200 OK');
    }
  });

  test('that is not the only name of a host is refused', async () => {
    const port = await start();
    const host = `Host: 127.0.0.1:${port}\r\n`;

    for (const head of [`GET /healthz HTTP/1.1\r\n${host}host: evil.example\r\n`, `GET http://evil.example/healthz HTTP/1.1\r\n${host}`]) {
      expect(await exchange(port, `${head}Connection: close\r\n\r\n`), head).toMatch(/^HTTP\/1\.1 421 .*hostNotAllowed/s);
    }
  });

  test('that is wrong keeps a peer out too', async () => {
    let peers = 0;
    const port = await start({ onPeer: () => peers++ });
    const upgrade = { Connection: 'Upgrade', Upgrade: 'cairn-peer/7', Host: 'evil.example' };

    expect(await exchange(port, requestText(port, 'GET', '/', upgrade))).toMatch(/^HTTP\/1\.1 421 /);
    expect(peers).toBe(0);
  });

  test('that is right lets no peer in from where none is expected, which is told once', async () => {
    let peers = 0;
    const port = await start({ onPeer: () => peers++, takesPeersFrom: (address) => address !== '127.0.0.1' });
    const upgrade = { Connection: 'Upgrade', Upgrade: 'cairn-peer/7' };

    for (let count = 0; count < 3; count++)
      expect(await exchange(port, requestText(port, 'GET', '/', upgrade))).toMatch(/^HTTP\/1\.1 403 /);
    expect(peers).toBe(0);
    expect(gateway.logged).toEqual([{ event: 'peerRefused', fields: expect.objectContaining({ address: '127.0.0.1' }) }]);
    expect(await exchange(port, requestText(port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a page of another origin', () => {
  test.each([
    [{ Origin: 'http://evil.example' }],
    [{ Origin: 'null' }],
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ 'Sec-Fetch-Site': 'same-site' }],
  ])('changes nothing: %j', async (headers) => {
    const port = await start();

    for (const [method, path] of routes.filter(([name]) => name !== 'GET')) {
      expect(await exchange(port, requestText(port, method, path, headers)), `${method} ${path}`).toMatch(refusedWith(403, method));
    }
    expect(await endOfLog()).toBe(0);
    expect(gateway.twin.faults.crashed).toBe(false);
  });

  test('is told from our own', async () => {
    const port = await start();
    const headers = { Origin: `http://127.0.0.1:${port}`, 'Sec-Fetch-Site': 'same-origin' };

    expect(await exchange(port, requestText(port, 'PUT', '/', headers, 'word'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('cannot post a form as JSON', async () => {
    const port = await start();

    const answer = await exchange(port, requestText(port, 'POST', '/v1/topics', { 'Content-Type': 'text/plain' }, '{"name":"a"}'));

    expect(answer).toMatch(/^HTTP\/1\.1 415 /);
  });
});

describe('with a token', () => {
  const token = 'a'.repeat(64);
  const open = ['GET /', 'GET /healthz', 'GET /readyz'];

  test('every route but the page and the probes wants it', async () => {
    const port = await start({ tokenHash: hashToken(token) });

    for (const [method, path] of routes) {
      const isOpen = open.includes(`${method} ${path}`);
      const without = await exchange(port, requestText(port, method, path));
      const wrong = await exchange(port, requestText(port, method, path, { Authorization: `Bearer ${'b'.repeat(64)}` }));

      expect(refusedWith(401, method).test(without), `${method} ${path}`).toBe(!isOpen);
      expect(refusedWith(401, method).test(wrong), `${method} ${path}`).toBe(!isOpen);
    }
    expect(await endOfLog()).toBe(0);
  });

  test.each(['Bearer', 'bearer', 'BEARER'])('the right one opens, as %s', async (scheme) => {
    const port = await start({ tokenHash: hashToken(token) });

    const answer = await exchange(port, requestText(port, 'PUT', '/', { Authorization: `${scheme} ${token}` }, 'word'));

    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a client', () => {
  test('that never ends its header is closed', async () => {
    const port = await start({ settings: { headersTimeoutMs: 100, connectionsCheckingIntervalMs: 20 } });

    const answer = await exchange(port, 'GET / HTTP/1.1\r\nHost: ');

    expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"invalidRequest"/s);
  });

  test('that never ends its body is closed', async () => {
    const port = await start({ settings: { requestTimeoutMs: 100, headersTimeoutMs: 100, connectionsCheckingIntervalMs: 20 } });
    const headers = { 'Content-Type': 'text/plain', 'Content-Length': '10' };

    const answer = await exchange(port, requestText(port, 'POST', '/v1/topics/log/records', headers, 'half'));

    expect(answer).toMatch(/^HTTP\/1\.1 408 |^$/);
  });

  test('that speaks no HTTP is told so', async () => {
    const port = await start();

    expect(await exchange(port, '\x16\x03\x01\x02garbage\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 .*"message":"Cannot read the request: bad request"/s,
    );
  });

  test('with more connections than one address may have is turned away, and only with those', async () => {
    const port = await start({ settings: { connectionsPerAddressMax: 3 } });
    const held = [1, 2, 3].map(() => connect(port, '127.0.0.1'));
    for (const socket of held) socket.write(requestText(port, 'GET', '/healthz', { Connection: 'keep-alive' }));
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('data', resolve))));

    expect(await exchange(port, requestText(port, 'GET', '/healthz'))).toBe('');
    await new Promise((resolve) => {
      held[0]?.on('close', resolve);
      held[0]?.end();
    });

    await expect.poll(() => exchange(port, requestText(port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of held) socket.destroy();
  });
});

describe('a port in use', () => {
  test('is refused at once, or waited for where that was asked', async () => {
    const first = await startTestGateway();
    const { port } = first.front;

    await expect(startTestGateway({ port })).rejects.toMatchObject({ code: 'portInUse', details: { port } });
    const waiting = startTestGateway({ port, listenRetryMs: 10_000 });
    await first.close();

    gateway = await waiting;
    expect(gateway.front.port).toBe(port);
  });
});
