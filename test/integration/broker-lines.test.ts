import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startBroker } from '../../src/daemon/broker-daemon.ts';
import { readConfig } from '../../src/daemon/config.ts';
import { eventually, readText } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';

test('a broker with lines: in its configuration takes what a logger takes, and acknowledges what is stored', async () => {
  const [http = 0, lines = 0] = await freePorts(2);
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-lines-'));
  const config = readConfig({
    file: null,
    env: {},
    flags: { listen: `127.0.0.1:${http}`, data, 'lines.listen': `127.0.0.1:${lines}`, 'lines.topic': 'events' },
  });
  const fatal: string[] = [];
  const daemon = await startBroker(
    config,
    { log: () => undefined },
    { onFatal: (error) => void fatal.push(error.message), onExit: () => undefined },
  );
  try {
    await eventually(
      () =>
        new Promise<void>((resolve, reject) => {
          const plain = connect(lines, '127.0.0.1', () => plain.end('plain\n1 a\n2 b\n'));
          plain.on('error', reject);
          plain.resume().on('close', () => resolve());
        }),
    );
    const spooling = connect(lines, '127.0.0.1');
    let said = '';
    spooling.on('data', (chunk: Buffer) => (said += chunk.toString()));
    spooling.write(`agent cairn/1 ${'b'.repeat(32)} 0\n`);
    await eventually(async () => expect(said).toContain('cairn/1 ok 0\n'));
    spooling.write('3 c\n');
    await eventually(async () => expect(said).toContain('cairn/1 ok 1\n'));
    spooling.destroy();

    await eventually(async () => expect((await readText(`http://127.0.0.1:${http}`, 'events')).sort()).toEqual(['1 a', '2 b', '3 c']));
    expect(fatal).toEqual([]);
  } finally {
    await new Promise<void>((resolve) => daemon.stop(1_000, resolve));
    rmSync(data, { recursive: true });
  }
});
