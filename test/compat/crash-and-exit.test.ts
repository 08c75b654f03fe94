// What contract 2 asks of a server that was told to act as crashed, of real processes behind the launcher.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Children } from '../../src/lab/rig/children.ts';
import { getText } from '../../src/lab/consistency/http-world.ts';
import { type ServerSet, startServers } from '../../src/lab/consistency/servers.ts';
import { needsPrograms } from '../support/needs.ts';

describe('servers behind log-server.py', needsPrograms('python3'), () => {
  let folder: string;
  let children: Children;
  let servers: ServerSet;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-crash-'));
    children = new Children();
    servers = await startServers({ children, folder, outputId: 'crash test', serverCount: 3, serverCommand: null });
    for (const port of servers.ports) {
      while ((await getText(port, '/readyz', 1000)) === null) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  afterEach(async () => {
    await children.end();
    rmSync(folder, { recursive: true });
  });

  it('write what they hold and end with code 0, crashed or not; a crashed one has heard of nothing since', async () => {
    await put(0, 'one');
    await put(1, 'two\nlines\r');
    await everyoneHolds(2);

    expect(await send(2, 'POST', '/crash')).toBe(200);
    expect(await send(2, 'POST', '/crash')).toBe(200);
    expect(await send(2, 'PUT', '/', 'not taken')).toBe(null);
    expect(await send(2, 'GET', '/healthz')).toBe(null);
    await put(0, 'three');
    for (const server of [0, 1, 2]) expect(await send(server, 'POST', '/exit')).toBe(200);

    expect((await servers.ends(100_000)).map((end) => end?.code)).toEqual([0, 0, 0]);
    const all = ['one', String.raw`two\nlines\r`, 'three'];
    expect(servers.readLogs()).toEqual([all, all, all.slice(0, 2)]);
  });

  it('take a put at once when they have recovered, and have what they missed', async () => {
    expect(await send(2, 'POST', '/crash')).toBe(200);
    await put(0, 'meanwhile');

    expect(await send(2, 'POST', '/recover')).toBe(200);
    expect(await send(2, 'PUT', '/', 'after')).toBe(200);

    await everyoneHolds(2);
    for (const server of [0, 1, 2]) expect(await send(server, 'POST', '/exit')).toBe(200);
    await servers.ends(100_000);
    expect(servers.readLogs()).toEqual(Array.from({ length: 3 }, () => ['meanwhile', 'after']));
  });

  it('hear what they missed before they write, when they recover and are told to exit at once', async () => {
    expect(await send(2, 'POST', '/crash')).toBe(200);
    for (let i = 0; i < 20; i++) await put(i % 2, `${i}`);

    expect(await send(2, 'POST', '/recover')).toBe(200);
    expect(await send(2, 'POST', '/exit')).toBe(200);

    await everyoneHolds(20, [0, 1]);
    for (const server of [0, 1]) expect(await send(server, 'POST', '/exit')).toBe(200);
    await servers.ends(100_000);
    const all = Array.from({ length: 20 }, (_, i) => `${i}`);
    expect(servers.readLogs()).toEqual([all, all, all]);
  });

  it('close a connection with its answer: who closes last leaves its port free, for a server of the next run', async () => {
    const port = servers.ports[0] as number;
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const closedByServer = new Promise<void>((resolve) => client.once('end', () => resolve()));
    client.write(`PUT / HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 3\r\n\r\none`);
    const answer = await new Promise<string>((resolve) => client.once('data', (data) => resolve(data.toString('latin1'))));

    expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\nconnection: close\r\n/is);
    await closedByServer;
    client.end();
  });

  /** Followers learn of the commit a moment after the client. */
  async function everyoneHolds(count: number, among = [0, 1, 2]): Promise<void> {
    for (const port of among.map((server) => servers.ports[server] as number)) {
      for (;;) {
        const text = await getText(port, '/v1/topics/log/records?level=local&format=text', 2000);
        if (text !== null && text.split('\n').length > count) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** One that is not committed in time is closed without an answer, and its record never shows: on a machine that is busy it is sent again. */
  async function put(server: number, body: string): Promise<void> {
    while ((await send(server, 'PUT', '/', body)) !== 200);
  }

  /** The status of the answer, or null if the connection was closed without one. */
  function send(server: number, method: string, route: string, body = ''): Promise<number | null> {
    return new Promise((resolve) => {
      const headers = { 'Content-Length': Buffer.byteLength(body) };
      const sent = request({ host: '127.0.0.1', port: servers.ports[server], method, path: route, agent: false, headers });
      sent.on('response', (response) => {
        response.resume();
        response.on('close', () => resolve(response.statusCode ?? null));
      });
      sent.on('error', () => resolve(null));
      sent.end(body);
    });
  }
});
