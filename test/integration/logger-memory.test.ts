import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { launchers } from '../compat/mp0.ts';
import { eventually } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { needsLinux } from '../support/needs.ts';

const nodes = 1_000;
const rssMaxMiB = 150;

test(`a logger with ${nodes} nodes that send needs at most ${rssMaxMiB} MB`, needsLinux, async () => {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-memory-'));
  const logger = spawn(path.join(launchers, 'logger'), [String(port)], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  try {
    let printed = 0;
    logger.stdout.on('data', (chunk: Buffer) => {
      for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, end + 1)) printed++;
    });
    const open = (name: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => {
          sockets.push(socket);
          socket.write(`${name}\n`);
          resolve();
        });
        socket.on('error', reject);
        socket.resume();
      });
    await eventually(() => open('node0'));
    for (let i = sockets.length; sockets.length < nodes; i++) await open(`node${i}`);

    for (let round = 0; round < 10; round++) for (const socket of sockets) socket.write(`1610688413.5 event ${round} ${'x'.repeat(60)}\n`);
    await eventually(async () => expect(printed).toBeGreaterThanOrEqual(nodes * 11));

    const peakKiB = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${logger.pid ?? 0}/status`, 'utf8'))?.[1]);
    process.stdout.write(`a logger with ${nodes} nodes that send: ${Math.round(peakKiB / 1024)} MB at most\n`);
    expect(peakKiB / 1024).toBeLessThan(rssMaxMiB);
  } finally {
    for (const socket of sockets) socket.destroy();
    logger.kill('SIGKILL');
    await new Promise((resolve) => logger.once('close', resolve));
    rmSync(folder, { recursive: true });
  }
});
