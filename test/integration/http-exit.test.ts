/** `POST /exit` while other things happen: the log is written, the process told to end, whatever comes meanwhile. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayBroker } from '../../src/gateway/http/front.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { exchange, requestText } from '../support/raw-http.ts';

describe('POST /exit', () => {
  let folder: string;
  let gateway: TestGateway;
  /** Lets the reading of the log go on. */
  let letRead: () => void;
  let exited: Promise<void>;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-exit-'));
    const first = await startTestGateway();
    await exchange(first.front.port, requestText(first.front.port, 'PUT', '/', {}, 'an entry'));
    const { twin } = first;
    await first.close();
    let onExit = (): void => undefined;
    exited = new Promise((resolve) => {
      onExit = resolve;
    });
    const mayRead = new Promise<void>((resolve) => {
      letRead = resolve;
    });
    const slowBroker = new Proxy<GatewayBroker>(twin, {
      get(target, name) {
        if (name === 'read') {
          return (...args: Parameters<GatewayBroker['read']>) => void mayRead.then(() => target.read(...args));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    gateway = await startTestGateway({ broker: slowBroker, logFile: path.join(folder, 'log.csv'), onExit });
  });
  afterEach(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  it('is answered and obeyed although a crash comes while the log is being read', async () => {
    const { port } = gateway.front;
    const exit = exchange(port, requestText(port, 'POST', '/exit'));
    await nextRequest();

    const crash = await exchange(port, requestText(port, 'POST', '/crash'));
    letRead();

    expect(crash).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exit).toMatch(/^HTTP\/1\.1 200 /);
    await exited;
    expect(readFileSync(path.join(folder, 'log.csv'), 'utf8')).toBe('an entry\n');
  });

  it('is obeyed although whoever asked has gone', async () => {
    const { port } = gateway.front;
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(requestText(port, 'POST', '/exit'));
    await nextRequest();

    client.resetAndDestroy();
    await nextRequest();
    letRead();

    await exited;
    expect(readFileSync(path.join(folder, 'log.csv'), 'utf8')).toBe('an entry\n');
  });

  /** A request on a connection of its own that was answered: what came before it has been taken in. */
  async function nextRequest(): Promise<void> {
    const { port } = gateway.front;
    for (let count = 0; count < 3; count++) await exchange(port, requestText(port, 'GET', '/healthz'));
  }
});
