/** Links over real sockets, with the gateway's front door at the other end. */
import { execFile } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { brokerId } from '../../../src/base/branded.ts';
import type { Link, LinkHandlers } from '../../../src/host/index.ts';
import { type PeerTls, SystemNetwork } from '../../../src/system/network.ts';
import { certificate } from '../../support/certificate.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { needsPrograms, needsLinux } from '../../support/needs.ts';

const [self, peer] = [brokerId(1), brokerId(2)];
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Handlers that note what happened, in order, and let a test wait for it. */
class Notes implements LinkHandlers {
  readonly events: string[] = [];
  bytes = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  opened(): void {
    this.#note('opened');
  }

  received(bytes: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    this.#note('received');
  }

  closed(reason: string, isDistrusted = false): void {
    this.#note(`${isDistrusted ? 'distrusted' : 'closed'}: ${reason}`);
  }

  async until(condition: (notes: Notes) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #note(event: string): void {
    this.events.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

interface Ends {
  readonly network: SystemNetwork;
  readonly gateway: TestGateway;
  readonly accepted: { readonly link: Link; readonly notes: Notes }[];
}

async function bothEnds(options: { readonly acceptLater?: boolean } = {}): Promise<Ends & { readonly listen: () => void }> {
  const listening = new SystemNetwork({ self: peer, brokers: [{ id: peer, host: '127.0.0.1', port: 1 }], tls: null });
  const gateway = await startTestGateway({ onPeer: (socket, head) => listening.takeIncoming(socket, head) });
  const accepted: { link: Link; notes: Notes }[] = [];
  const listen = (): void =>
    listening.accept((link) => {
      const notes = new Notes();
      accepted.push({ link, notes });
      return notes;
    });
  if (options.acceptLater !== true) listen();
  const network = networkTo(gateway.front.port);
  closers.push(
    () => gateway.close(),
    () => listening.close(),
  );
  return { network, gateway, accepted, listen };
}

function networkTo(port: number): SystemNetwork {
  const network = new SystemNetwork({ self, brokers: [{ id: peer, host: '127.0.0.1', port }], tls: null });
  closers.push(() => network.close());
  return network;
}

/** A server that answers each connection with `answer`, and gives its port. */
async function strangeServer(answer: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('a link', () => {
  test('carries bytes in order, those sent before it opened too', async () => {
    const { network, accepted } = await bothEnds();
    const notes = new Notes();

    const link = network.dial(peer, 'consensus', notes);
    link.send([Buffer.from('ab'), Buffer.from('c')]);
    await notes.until(({ events }) => events.includes('opened'));
    link.send([Buffer.from('d')]);
    link.send([Buffer.from('e'.repeat(300_000))]);
    await expect.poll(() => accepted[0]?.notes.bytes.length).toBe(300_004);

    expect(accepted[0]?.notes.bytes.toString()).toBe(`abcd${'e'.repeat(300_000)}`);
    expect(link.bytesQueued).toBe(0);
    expect(notes.events).toEqual(['opened']);
  });

  test('on loopback takes no port of 127.0.0.1, where a broker that starts next may have to listen', needsLinux, async () => {
    let remoteAddress: string | undefined;
    const port = await strangeServer((socket) => {
      ({ remoteAddress } = socket);
    });

    networkTo(port).dial(peer, 'consensus', new Notes());

    await expect.poll(() => remoteAddress).toBe('127.0.0.2');
  });

  test('carries bytes back to the one who dialled', async () => {
    const { network, accepted } = await bothEnds();
    const notes = new Notes();
    network.dial(peer, 'bulk', notes);
    await expect.poll(() => accepted.length).toBe(1);

    accepted[0]?.link.send([Buffer.from('hello')]);
    await notes.until(({ bytes }) => bytes.length === 5);

    expect(notes.bytes.toString()).toBe('hello');
  });

  test('that arrives before the broker accepts waits for it, with its bytes', async () => {
    const { network, accepted, listen } = await bothEnds({ acceptLater: true });
    const notes = new Notes();
    network.dial(peer, 'consensus', notes).send([Buffer.from('early')]);
    await notes.until(({ events }) => events.includes('opened'));

    listen();

    await expect.poll(() => accepted[0]?.notes.bytes.toString()).toBe('early');
  });

  test('calls no handler during a call', async () => {
    const network = networkTo(1);
    const notes = new Notes();

    const link = network.dial(peer, 'consensus', notes);
    link.close('not wanted');
    expect(notes.events).toEqual([]);

    await notes.until(({ events }) => events.length > 0);
    expect(notes.events).toEqual(['closed: not wanted']);
  });

  test('closed by us is told closed to both, once each', async () => {
    const { network, accepted } = await bothEnds();
    const notes = new Notes();
    const link = network.dial(peer, 'consensus', notes);
    await expect.poll(() => accepted[0]?.notes.events).toEqual(['opened']);

    link.close('enough');
    link.close('again');
    link.send([Buffer.from('ignored')]);

    await notes.until(({ events }) => events.length === 2);
    await accepted[0]?.notes.until(({ events }) => events.length === 2);
    expect(notes.events).toEqual(['opened', 'closed: enough']);
    expect(accepted[0]?.notes.events[1]).toMatch(/^closed: /);
    expect(accepted[0]?.notes.bytes.length).toBe(0);
  });

  test('counts what the peer does not take', async () => {
    const port = await strangeServer((socket) => {
      socket.pause();
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: cairn-peer/7\r\n\r\n');
    });
    const notes = new Notes();
    const link = networkTo(port).dial(peer, 'consensus', notes);
    await notes.until(({ events }) => events.includes('opened'));

    for (let i = 0; i < 100; i++) link.send([new Uint8Array(1_000_000)]);

    expect(link.bytesQueued).toBeGreaterThan(50_000_000);
  });
});

describe('a dial', () => {
  test('to a port where nobody listens is told closed', async () => {
    const port = await strangeServer(() => undefined);
    for (const close of closers.splice(0)) close();
    const notes = new Notes();

    networkTo(port).dial(peer, 'consensus', notes);

    await notes.until(({ events }) => events.length > 0);
    expect(notes.events).toEqual([expect.stringMatching(/^closed: .*ECONNREFUSED/)]);
  });

  test('to one who says nothing is given up', async () => {
    const port = await strangeServer(() => undefined);
    const notes = new Notes();

    networkTo(port).dial(peer, 'consensus', notes);

    await notes.until(({ events }) => events.length > 0);
    expect(notes.events).toEqual(['closed: no connection within 1000 ms']);
  });

  test.each([
    ['HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n', 'closed: the upgrade was refused: 421 Misdirected Request'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', 'closed: the upgrade was refused: 101 Switching Protocols'],
    ['x'.repeat(10_000), 'closed: the answer to the upgrade is no answer of a broker'],
  ])('to one who answers %j is refused', async (answer, event) => {
    const port = await strangeServer((socket) => socket.write(answer));
    const notes = new Notes();

    networkTo(port).dial(peer, 'consensus', notes);

    await notes.until(({ events }) => events.length > 0);
    expect(notes.events).toEqual([event]);
  });

  test('to a broker that is not configured is told closed', async () => {
    const notes = new Notes();

    networkTo(1).dial(brokerId(7), 'consensus', notes);

    await notes.until(({ events }) => events.length > 0);
    expect(notes.events).toEqual(['closed: broker 7 is not configured']);
  });
});

describe('over TLS', () => {
  const trusting: PeerTls = { ca: certificate.cert, cert: certificate.cert, key: certificate.key };

  /** Broker 2 behind its gateway, with a certificate for "localhost"; what it hears of those who do not accept that. */
  async function secureBroker(): Promise<{
    readonly gateway: TestGateway;
    readonly accepted: Notes[];
    readonly distrusted: string[];
    dial(host: string, tls: PeerTls): Notes;
  }> {
    const listening = new SystemNetwork({ self: peer, brokers: [], tls: trusting });
    const gateway = await startTestGateway({
      tls: certificate,
      onPeer: (socket, head) => listening.takeIncoming(socket, head),
      onDistrusted: (distrust) => listening.distrusted(distrust),
    });
    closers.push(
      () => gateway.close(),
      () => listening.close(),
    );
    const accepted: Notes[] = [];
    const distrusted: string[] = [];
    listening.accept(
      () => {
        const notes = new Notes();
        accepted.push(notes);
        return notes;
      },
      (by, reason) => distrusted.push(`${by}: ${reason}`),
    );
    const dial = (host: string, tls: PeerTls): Notes => {
      const network = new SystemNetwork({ self, brokers: [{ id: peer, host, port: gateway.front.port }], tls });
      closers.push(() => network.close());
      const notes = new Notes();
      network.dial(peer, 'consensus', notes).send([Buffer.from('for nobody else')]);
      return notes;
    };
    return { gateway, accepted, distrusted, dial };
  }

  test('a link carries bytes to one whose certificate is right', async () => {
    const { accepted, distrusted, dial } = await secureBroker();

    const notes = dial('localhost', trusting);
    await expect.poll(() => accepted[0]?.bytes.toString()).toBe('for nobody else');

    expect(notes.events).toEqual(['opened']);
    expect(distrusted).toEqual([]);
  });

  test.each([
    ['for another name', '127.0.0.1', certificate.cert, 'its certificate is for another name'],
    ['of somebody unknown', 'localhost', rootCertificates[0] as string, 'its certificate is signed by itself'],
  ])('a certificate %s is told of on both sides, and nothing else crosses', async (_title, host, ca, reason) => {
    const { gateway, accepted, distrusted, dial } = await secureBroker();

    const notes = dial(host, { ...trusting, ca });
    await expect.poll(() => distrusted).toEqual([`1: ${reason}`]);

    expect(notes.events).toEqual([`distrusted: ${reason}`]);
    expect(accepted).toEqual([]);
    expect(gateway.front.distrustCount).toBe(1);
  });

  test('a client that refuses the certificate by an alert is told of once', needsPrograms('curl'), async () => {
    const { gateway } = await secureBroker();
    const askTrustingNobody = (): Promise<unknown> =>
      new Promise((resolve) => void execFile('curl', ['-s', '-m', '10', `https://localhost:${gateway.front.port}/healthz`], resolve));

    await askTrustingNobody();
    await askTrustingNobody();
    await expect.poll(() => gateway.front.distrustCount).toBe(2);

    const reason = "whoever connected does not accept this broker's certificate: unknown ca";
    const told = gateway.logged.filter(({ event }) => event === 'certificateRefused');
    expect(told).toEqual([{ event: 'certificateRefused', fields: { address: expect.toBeOneOf(['127.0.0.1', null]), reason } }]);
  });
});
