/** Connections that ask for an upgrade and break before anybody listens to them: they must not end the broker. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { exchange, requestText } from '../support/raw-http.ts';

let gateway: TestGateway;
afterEach(() => gateway.close());

describe('a connection that asks for an upgrade and is reset', () => {
  it('is let go while a broker that still opens its logs has not looked at it', async () => {
    const handedOver: Duplex[] = [];
    gateway = await startTestGateway({ onPeer: (socket) => void handedOver.push(socket) });

    await askAndReset('cairn-peer/7');

    const [socket] = handedOver as [Duplex];
    // Whether its bytes are being read already is up to Node.
    socket.resume();
    // Not `once`, which listens for errors too.
    if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve));
    expect(await exchange(gateway.front.port, requestText(gateway.front.port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is let go after it was refused', async () => {
    gateway = await startTestGateway();

    for (let count = 0; count < 20; count++) await askAndReset('websocket');

    expect(await exchange(gateway.front.port, requestText(gateway.front.port, 'GET', '/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('of another version is told which one is spoken here', async () => {
    gateway = await startTestGateway();
    const { port } = gateway.front;

    const answer = await exchange(port, requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: 'cairn-peer/2' }));

    expect(answer).toMatch(/^HTTP\/1\.1 426 cairn-peer\/7 is spoken here, not cairn-peer\/2\r\n/);
  });

  async function askAndReset(protocol: string): Promise<void> {
    const client = connect(gateway.front.port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(requestText(gateway.front.port, 'GET', '/', { Connection: 'Upgrade', Upgrade: protocol }));
    await once(client, 'data');
    client.resetAndDestroy();
  }
});
