/** Requests over connections that are kept, against servers that do what servers do. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Transport, type TransportAnswer, TransportError } from '../../../src/client/transport.ts';

interface Peer {
  readonly url: string;
  /** What came over each connection, in their order. */
  readonly heard: string[];
}

const servers: Server[] = [];
const transports: Transport[] = [];
afterEach(() => {
  for (const transport of transports.splice(0)) transport.close();
  for (const server of servers.splice(0)) server.close();
});

/** Does this with each request, a head with its body, that comes over a connection. */
async function serve(onRequest: (socket: Socket, count: number) => void): Promise<Peer> {
  const heard: string[] = [];
  let count = 0;
  const server = createServer((socket) => {
    const at = heard.push('') - 1;
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      heard[at] += chunk.toString('latin1');
      text += chunk.toString('latin1');
      const [head = ''] = /^[^]*?\r\n\r\n/.exec(text) ?? [];
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (head === '' || text.length < head.length + length) return;
      text = text.slice(head.length + length);
      onRequest(socket, ++count);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

function transport(token: string | null = null): Transport {
  const made = new Transport({ token, ca: null });
  transports.push(made);
  return made;
}

const get = (path = '/'): Parameters<Transport['send']>[1] => ({ method: 'GET', path, timeoutMs: 20_000 });
const textOf = ({ body }: TransportAnswer): string => Buffer.from(body).toString();
const fixed = (text: string, more = ''): string => `HTTP/1.1 200 OK\r\n${more}Content-Length: ${text.length}\r\n\r\n${text}`;

test('a request says what it is, and its answer is whole', async () => {
  const { url, heard } = await serve((socket) => socket.write('HTTP/1.1 201 Created\r\nX: 1\r\nx: two \r\nContent-Length: 2\r\n\r\nok'));
  const headers = { 'cairn-request-id': Buffer.from('ä').toString('latin1') };

  const answer = await transport('secret').send(url, { ...get('/a?b=%20'), method: 'POST', headers, body: Buffer.from('body') });

  expect([answer.status, answer.headers['x'], answer.headers['y'], textOf(answer)]).toEqual([201, '1, two', undefined, 'ok']);
  const [head, ...lines] = heard[0]?.split('\r\n') ?? [];
  expect(head).toBe('POST /a?b=%20 HTTP/1.1');
  expect(lines).toEqual([
    `Host: ${new URL(url).host}`,
    `cairn-request-id: ${headers['cairn-request-id']}`,
    'Authorization: Bearer secret',
    'Content-Length: 4',
    '',
    'body',
  ]);
});

test.each([
  ['GET', '/a\r\nEvil: 1', {}],
  ['GET', '/a b', {}],
  ['POST', '/a', { 'cairn-request-id': 'x\r\nEvil: 1' }],
  ['POST', '/a', { 'cairn-request-id': 'x\u2028' }],
] as const)('nothing is sent that would be another request: %s %j %j', async (method, path, headers) => {
  const { url, heard } = await serve((socket) => socket.write(fixed('')));

  const sending = transport().send(url, { ...get(path), method, headers });

  await expect(sending).rejects.toMatchObject({ connected: false });
  expect(heard.join('')).toBe('');
});

describe('a connection is kept', () => {
  test('for the next request, one at a time', async () => {
    const { url, heard } = await serve((socket, count) => socket.write(fixed(`${count}`)));
    const sender = transport();

    const one = textOf(await sender.send(url, get()));
    const two = textOf(await sender.send(url, get()));
    const both = await Promise.all([sender.send(url, get()), sender.send(url, get())]);

    expect([one, two, ...both.map(textOf).toSorted()]).toEqual(['1', '2', '3', '4']);
    expect(heard).toHaveLength(2);
  });

  test.each([
    ['says that it closes', (socket: Socket): unknown => socket.write(fixed('a', 'Connection: close\r\n'))],
    ['closes while it is idle', (socket: Socket): unknown => socket.end(fixed('a'))],
    ['keeps it for less than a second', (socket: Socket): unknown => socket.write(fixed('a', 'Keep-Alive: timeout=1\r\n'))],
    ['says more than was asked', (socket: Socket): unknown => socket.write(`${fixed('a')}more`)],
    ['answers without a length', (socket: Socket): unknown => socket.end('HTTP/1.1 200 OK\r\n\r\na')],
  ])('but not where the server %s', async (_title, answer) => {
    const { url, heard } = await serve((socket) => void answer(socket));
    const sender = transport();

    const one = await sender.send(url, get());
    await new Promise((resolve) => setTimeout(resolve, 50));
    const two = await sender.send(url, get());

    expect([textOf(one), textOf(two), heard.length]).toEqual(['a', 'a', 2]);
  });

  test('nor where it answers before it has taken the whole body', async () => {
    let connections = 0;
    const refusing = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      socket.pause();
      socket.write('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n');
    });
    servers.push(refusing);
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
    const large = { ...get(), method: 'POST', body: new Uint8Array(32 * 1024 * 1024) } as const;
    const sender = transport();

    const answers = [await sender.send(url, large), await sender.send(url, large)];

    expect([...answers.map(({ status }) => status), connections]).toEqual([413, 413, 2]);
  });
});

describe('an answer is read', () => {
  test.each([
    ['of known length', fixed('hello world'), 'hello world'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world'],
    ['behind one that only says that it comes', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${fixed('hello world')}`, 'hello world'],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  ])('%s, byte by byte', async (_title, answer, text) => {
    const { url, heard } = await serve((socket) => {
      socket.setNoDelay(true);
      void (async () => {
        for (const byte of answer) {
          socket.write(byte, 'latin1');
          await new Promise(setImmediate);
        }
      })();
    });
    const sender = transport();

    expect(textOf(await sender.send(url, get()))).toBe(text);
    expect(textOf(await sender.send(url, get()))).toBe(text);
    expect(heard).toHaveLength(1);
  });

  test.each([
    [
      'is cut off in its body',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      'the connection was closed in the middle of the answer',
    ],
    [
      'is cut off in a chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe',
      'the connection was closed in the middle of the answer',
    ],
    ['is none of HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'it does not speak HTTP, or wants https'],
    ['has a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc', 'it does not speak HTTP, or wants https'],
    ['does not come', '', 'the connection broke before the answer came'],
  ])('but one that %s is none', async (_title, answer, reason) => {
    const { url } = await serve((socket) => socket.end(answer));

    await expect(transport().send(url, get())).rejects.toMatchObject({ connected: true, reason });
  });
});

describe('who waits', () => {
  test('is told after its time', async () => {
    const { url } = await serve(() => undefined);

    const sending = transport().send(url, { ...get(), timeoutMs: 100 });

    await expect(sending).rejects.toMatchObject({ connected: true, reason: 'no answer within 0.1 s' });
  });

  test('is told at once by its signal, before and after it asked', async () => {
    const { url } = await serve(() => undefined);
    const ending = new AbortController();
    const sender = transport();

    const before = sender.send(url, { ...get(), signal: AbortSignal.abort() });
    const after = sender.send(url, { ...get(), signal: ending.signal });
    ending.abort();

    await expect(before).rejects.toBeInstanceOf(TransportError);
    await expect(after).rejects.toBeInstanceOf(TransportError);
  });

  test('is told when the client is closed', async () => {
    const { url } = await serve((_socket, count) => void (count === 1 && sender.close()));
    const sender = transport();

    await expect(sender.send(url, get())).rejects.toMatchObject({ reason: 'the client was closed' });
  });
});
