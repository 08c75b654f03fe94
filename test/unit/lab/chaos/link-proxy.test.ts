// The proxy between brokers, between two plain sockets.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropRule, LinkProxy, openRule } from '../../../../src/lab/chaos/link-proxy.ts';

/** What a socket has received, to be waited for. */
class Inbox {
  text = '';
  ended = false;
  closed = false;
  #changed: (() => void)[] = [];

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#tell();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#tell();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#tell();
    });
  }

  async until(isThere: (inbox: Inbox) => boolean): Promise<void> {
    while (!isThere(this)) await new Promise<void>((resolve) => void this.#changed.push(resolve));
  }

  #tell(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

describe('the proxy between brokers', () => {
  const proxy = new LinkProxy();
  let listener: Server;
  let dialled: Socket;
  let answering: Socket;
  let atDialled: Inbox;
  let atAnswering: Inbox;

  /** Broker 1 dials broker 2. */
  beforeEach(async () => {
    listener = createServer({ allowHalfOpen: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const own = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const route = await proxy.listen(
      new Map([
        [1, '127.0.0.1:1'],
        [2, own],
      ]),
    );
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    dialled = connect({ host: '127.0.0.1', port: Number(route(1, 2).split(':')[1]), allowHalfOpen: true });
    [answering] = await accepted;
    atDialled = new Inbox(dialled);
    atAnswering = new Inbox(answering);
  });

  afterEach(async () => {
    dialled.destroy();
    answering.destroy();
    await proxy.close();
    listener.close();
  });

  it('passes bytes in both directions, and the end of a stream', async () => {
    dialled.write('to two');
    answering.write('to one');
    await atAnswering.until(({ text }) => text === 'to two');
    await atDialled.until(({ text }) => text === 'to one');

    dialled.end();
    await atAnswering.until(({ ended }) => ended);

    expect([proxy.bytes.get('1>2'), proxy.bytes.get('2>1')]).toEqual([6, 6]);
  });

  it('loses one direction only, and lets what has waited arrive late', async () => {
    proxy.set(1, 2, dropRule);
    dialled.write('held up');
    answering.write('gets through');
    await atDialled.until(({ text }) => text === 'gets through');
    expect(atAnswering.text).toBe('');

    proxy.heal();

    await atAnswering.until(({ text }) => text === 'held up');
  });

  it('holds a connection that is dialled while nothing gets through', async () => {
    proxy.set(1, 2, dropRule);
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    const late = connect({ host: '127.0.0.1', port: dialled.remotePort as number });
    await once(late, 'connect');
    late.write('hello');
    const [other] = await accepted;
    const inbox = new Inbox(other);
    answering.write('a turn of everything');
    await atDialled.until(({ text }) => text !== '');
    expect(inbox.text).toBe('');

    proxy.heal();

    await inbox.until(({ text }) => text === 'hello');
    late.destroy();
    other.destroy();
  });

  it('delays and slows down without changing the order', async () => {
    proxy.set(1, 2, { ...openRule, delayMs: 30, bytesPerSecond: 1_000_000 });
    for (let i = 0; i < 50; i++) dialled.write(`${i},`.padStart(1000, '.'));

    await atAnswering.until(({ text }) => text.length === 50_000);

    const order = atAnswering.text.replaceAll('.', '').split(',').slice(0, 50).map(Number);
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('resets both sides', async () => {
    dialled.write('x');
    await atAnswering.until(({ text }) => text === 'x');

    expect(proxy.reset(2, 1)).toBe(1);

    await Promise.all([atDialled.until(({ closed }) => closed), atAnswering.until(({ closed }) => closed)]);
    expect(proxy.connectionCount).toBe(0);
  });

  it('cuts a chunk in the middle', async () => {
    proxy.resetWithinChunk(1, 2);
    dialled.write('0123456789');

    await atAnswering.until(({ closed }) => closed);

    expect(atAnswering.text.length).toBeLessThan(10);
  });

  it('leaves one side with a connection that leads nowhere', async () => {
    expect(proxy.halfOpen(2, 1)).toBe(1);

    await atAnswering.until(({ closed }) => closed);
    dialled.write('into nothing');

    expect([atDialled.closed, atDialled.ended]).toEqual([false, false]);
  });
});
