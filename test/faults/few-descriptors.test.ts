import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Client, clientBytes } from '../../src/client/index.ts';
import { RecordBatchBuilder } from '../../src/record/index.ts';
import { freePorts } from '../support/free-ports.ts';

const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'cairn-descriptors-'));
const ends: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** A broker that may have so many file descriptors and not one more. */
async function serve(descriptors: number): Promise<number> {
  const [port = 0] = await freePorts(1);
  const args = [program, 'serve', '--port', String(port), '--data', path.join(folder, 'data'), '--log-file', path.join(folder, 'log')];
  const child = spawn('sh', ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  ends.push(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => text.includes('is ready') && resolve());
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
  return port;
}

function append(client: Client, valueBytes: number): Promise<unknown> {
  const builder = new RecordBatchBuilder({ capacityBytes: valueBytes + 128 });
  builder.add(Date.now(), null, new Uint8Array(valueBytes).fill(0x78));
  const batch = builder.finish(clientBytes);
  return client.append({ topic: 'log', batch, timeoutMs: 5_000, level: 'quorum', requestId: null, sequence: 0, expectedOffset: null });
}

test('clients that leak connections shut out new ones, and keep no segment from being begun', async () => {
  const port = await serve(100);
  const client = new Client({ servers: [`http://127.0.0.1:${port}`], discover: false });
  ends.push(() => client.close());
  await client.end({ topic: 'log', freshness: 'linearizable' });

  const leaked: Socket[] = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  ends.push(() => {
    for (const socket of leaked) socket.destroy();
  });
  await Promise.all(leaked.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))));
  for (let count = 0; count < 20; count++) await append(client, 20_000);

  const { partitions } = await client.status();
  const log = partitions.find(({ topic }) => topic === 'log');
  expect(log?.highWatermark).toBe(21);
  expect(log?.segmentCount).toBeGreaterThan(2);
});
