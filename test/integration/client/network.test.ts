import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect as dial, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { appendDefaults, batchOf, Client } from '../../../src/client/index.ts';
import { certificate } from '../../support/certificate.ts';
import { type MemoryBroker, startMemoryBroker } from '../../support/memory-broker.ts';

const servers: Server[] = [];
const clients: Client[] = [];
const brokers: MemoryBroker[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) server.close();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

/** A server that does this to every connection. */
function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

function connect(urls: string[], attemptMs = 5000, timeoutMs = 10_000): Client {
  const client = new Client({ servers: urls, discover: false, attemptMs, timeoutMs });
  clients.push(client);
  return client;
}

async function startBroker(): Promise<MemoryBroker> {
  const broker = await startMemoryBroker();
  brokers.push(broker);
  return broker;
}

const hello = { ...appendDefaults, topic: 'log', batch: batchOf([{ value: 'hello' }]) };

test('a broker that takes the request and never answers does not use up the whole time', async () => {
  const broker = await startBroker();
  const silent = await listen((socket) => void socket.resume());

  const result = await connect([silent, broker.url], 1_000).append(hello);

  // On a machine that is busy the answer may come after it was given up, and the next attempt finds the append there.
  expect(result.offset).toBe(0);
  expect((await broker.log.end({ topic: 'log', freshness: 'local' })).offset).toBe(1);
});

test('a lost answer is asked for again, and nothing is doubled', async () => {
  const broker = await startBroker();
  // Passes the request on and cuts the answer off.
  const cutting = await listen((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const [, port] = /:(\d+)$/.exec(broker.url) as RegExpExecArray;
      const text = bytes.toString('latin1').replace(/host: .*/i, `host: 127.0.0.1:${port}`);
      const onward = dial(Number(port), '127.0.0.1', () => void onward.write(text, 'latin1'));
      onward.once('data', () => {
        onward.destroy();
        socket.destroy();
      });
    });
  });

  const result = await connect([cutting, broker.url]).append(hello);

  expect(result).toMatchObject({ offset: 0, duplicate: true });
  expect((await broker.log.end({ topic: 'log', freshness: 'local' })).offset).toBe(1);
});

test.each([
  ['in the middle of the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['in the middle of the body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"offset":'],
  ['before anything', ''],
])('an answer that is cut off %s is no answer', async (_title, answer) => {
  const url = await listen((socket) => void socket.once('data', () => socket.end(answer)));

  await expect(connect([url]).append({ ...hello, timeoutMs: 200 })).rejects.toMatchObject({ code: 'connectionLost', definite: false });
});

test('a server that speaks no HTTP is told apart from a broker', async () => {
  const url = await listen((socket) => void socket.end('220 mail.example ESMTP\r\n'));

  await expect(connect([url], 1000, 200).status()).rejects.toMatchObject({ code: 'unreachable' });
});

test('https to a port that speaks http has sent nothing, and is told so', async () => {
  const broker = await startBroker();
  const url = broker.url.replace('http:', 'https:');

  const appending = connect([url]).append({ ...hello, timeoutMs: 1_500 });

  await expect(appending).rejects.toMatchObject({
    code: 'unreachable',
    definite: true,
    message: expect.stringMatching(/is it http\?$/) as string,
  });
  expect((await broker.log.end({ topic: 'log', freshness: 'local' })).offset).toBe(0);
});

test('a certificate that is not trusted is told from a broker that is away', async () => {
  const server = createTlsServer(certificate, (_request, response) => void response.end());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const asking = connect([`https://127.0.0.1:${port}`], 1000, 200).status();

  await expect(asking).rejects.toMatchObject({
    code: 'unreachable',
    message: `Cannot ask for the status: https://127.0.0.1:${port}: its certificate is signed by itself`,
    cause: { connected: false, failure: 'untrusted' },
  });
});

test('a name that nobody knows is said so', async () => {
  await expect(connect(['http://no-such-name.invalid:8000']).status()).rejects.toThrow(
    /^Cannot ask for the status: http:\/\/no-such-name\.invalid:8000: the name /,
  );
});

test('a reader that waits is told at once when it is cancelled', async () => {
  const broker = await startBroker();
  const client = connect([broker.url]);
  const cancel: { cancelled: boolean; onCancel: (() => void) | null } = { cancelled: false, onCancel: null };
  const usual = {
    topic: 'log',
    offsetFrom: 0,
    sinceMs: null,
    bytesMax: 100,
    freshness: 'local',
    sessionOffset: 0,
    waitMs: 20_000,
  } as const;
  const reading = client.read({ ...usual, cancel });
  await new Promise((resolve) => setTimeout(resolve, 50));

  cancel.cancelled = true;
  cancel.onCancel?.();

  expect((await reading).batches).toEqual([]);
});
