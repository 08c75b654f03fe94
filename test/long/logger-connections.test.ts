import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { launchers } from '../compat/mp0.ts';
import { eventually } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { report } from './budget.ts';

const connectionsMax = 10_000;
const beyond = 500;
const rssMaxMiB = 200;
/** A time of a log, so that it is printed as it came. */
const atS = '1795236273.25';

it(`a logger to which ${connectionsMax + beyond} connections say nothing keeps ${connectionsMax}, little memory, and serves another node`, async () => {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-connections-'));
  const logger = spawn(path.join(launchers, 'logger'), [String(port)], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const sockets = new Set<Socket>();
  try {
    let out = '';
    let err = '';
    logger.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    logger.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const open = (): Promise<Socket> =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket));
        sockets.add(socket);
        socket.on('error', reject);
        socket.once('close', () => sockets.delete(socket));
        socket.resume();
      });
    const node = await eventually(open);
    node.write(`node\n${atS} before\n`);
    await eventually(async () => expect(out).toContain(`${atS} node before\n`));
    const delaysMs: number[] = [];

    // A hundred at a time: the whole flood has to come within the ten seconds that a name may take.
    for (let count = 0; count < connectionsMax + beyond; count += 100) {
      await Promise.all(Array.from({ length: 100 }, open));
      const startedMs = performance.now();
      node.write(`${atS} during ${count}\n`);
      await eventually(async () => expect(out).toContain(`${atS} node during ${count}\n`));
      delaysMs.push(performance.now() - startedMs);
    }
    const peakMiB = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${logger.pid ?? 0}/status`, 'utf8'))?.[1]) / 1024;
    await eventually(async () => expect(sockets.size).toBeLessThanOrEqual(connectionsMax));
    node.write(`${atS} after\n`);
    await eventually(async () => expect(out).toContain(`${atS} node after\n`));

    expect(err).toContain(`there are ${connectionsMax}, and it has not given its name`);
    expect(err.split('\n').length).toBeLessThan(60);
    expect(peakMiB).toBeLessThan(rssMaxMiB);
    report(
      `${connectionsMax + beyond} connections without a name: ${Math.round(peakMiB)} MB at most; another node's lines came within ${Math.round(Math.max(...delaysMs))} ms`,
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    logger.kill('SIGKILL');
    await new Promise((resolve) => logger.once('close', resolve));
    rmSync(folder, { recursive: true });
  }
});
