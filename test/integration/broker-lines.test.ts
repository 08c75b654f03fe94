import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { parseTrace, writeLineStamp } from '../../src/clocks/index.ts';
import { startBroker } from '../../src/daemon/broker-daemon.ts';
import { readConfig } from '../../src/daemon/config.ts';
import { eventually, readText } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

test('a broker with lines: in its configuration takes what a logger takes, acknowledges what is stored, and knows the clocks of agents', async () => {
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

    // An agent that is 60 s ahead, and is not followed.
    const stamped = connect(lines, '127.0.0.1');
    let heard = '';
    stamped.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    stamped.write(`agent cairn/2 ${'c'.repeat(32)} 0 5be0c1000001\n`);
    await eventually(async () => expect(heard).toMatch(/^cairn\/2 \S{10} wait\n(.*\n)*cairn\/2 \S{10} ok 0\n$/));
    const aheadMs = Date.now() + 60_000;
    for (const _wait of heard.matchAll(/ wait\n/g)) stamped.write(writeLineStamp({ ms: aheadMs, counter: 0 }, 0, aheadMs));
    stamped.write(Buffer.concat([writeLineStamp({ ms: aheadMs + 1, counter: 0 }, 1, aheadMs + 1), Buffer.from('4 d\n')]));
    await eventually(async () => expect(heard).toContain(' ok 1\n'));

    const { io, out } = fakeIo({ env: { CAIRN_SERVER: `http://127.0.0.1:${http}` } });
    expect(await runCli(['skew', '--json', '--samples', '2'], io)).toBe(0);
    const { agents } = JSON.parse(out()) as {
      agents: { process: string; offsets: { aheadMs: number; errorMs: number }; stampsAhead: number }[];
    };
    expect(agents).toEqual([expect.objectContaining({ process: 'agent-agent-5be0c1', broker: 1 })]);
    const [{ offsets, stampsAhead } = { offsets: { aheadMs: 0, errorMs: 0 }, stampsAhead: 0 }] = agents;
    expect(Math.abs(offsets.aheadMs - 60_000)).toBeLessThanOrEqual(offsets.errorMs + 1);
    expect(stampsAhead).toBeGreaterThanOrEqual(2);
    const exported = fakeIo({ env: { CAIRN_SERVER: `http://127.0.0.1:${http}` } });
    expect(await runCli(['trace', 'export'], exported.io)).toBe(0);
    const events = parseTrace(exported.out());
    const own = (events.ok ? events.value : []).filter(({ process }) => process === 'agent-agent-5be0c1');
    expect(own.map(({ kind, fields }) => `${kind} ${String(fields['message'])}`).slice(-3)).toEqual([
      'receive wait',
      'send here',
      'send lines',
    ]);
    expect(own.some(({ fields }) => fields['unpaired'] === true)).toBe(false);
    expect(exported.out()).toMatch(/"message":"ok".*"unpaired":true/);
    stamped.destroy();

    await eventually(async () =>
      expect((await readText(`http://127.0.0.1:${http}`, 'events')).sort()).toEqual(['1 a', '2 b', '3 c', '4 d']),
    );
    expect(fatal).toEqual([]);
  } finally {
    await new Promise<void>((resolve) => daemon.stop(1_000, resolve));
    rmSync(data, { recursive: true });
  }
});
