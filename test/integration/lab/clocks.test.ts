// The scale model in real processes, for a second or two. `npm run test:long -- lab-clocks` takes the minutes that its trials have.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTrace } from '../../../src/clocks/index.ts';
import type { HostPort } from '../../../src/base/host-port.ts';
import type { Role } from '../../../src/lab/clocks/channel.ts';
import { type ClocksLabOptions, runClocksLab } from '../../../src/lab/clocks/index.ts';
import { Machine } from '../../../src/lab/clocks/machine.ts';
import { connectTo, listenOn, takeHello } from '../../../src/lab/clocks/sockets.ts';
import type { LabResult } from '../../../src/lab/report/index.ts';

describe('machines of the scale model, each a process of its own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-clocks-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (options: Partial<ClocksLabOptions>): Promise<LabResult> =>
    runClocksLab({
      machines: 3,
      rates: [20, 30, 10],
      range: 5,
      seconds: 1,
      trials: 1,
      presets: [],
      topology: 'mesh',
      relayRate: null,
      isVirtual: false,
      parallel: 2,
      second: 0,
      addresses: null,
      seed: 1,
      folder,
      say: () => undefined,
      ...options,
    });

  it('make their ticks, and what they log holds together, with pairwise sockets and through a relay', async () => {
    const result = await run({ topology: 'relay' });

    // One correct trial in 250 lies outside of what others gave: tests of simulated time look at that.
    expect(result.checks.filter(({ ok, name }) => !ok && !name.startsWith('clocks and queues outside of what'))).toEqual([]);
    expect(result.results.slice(0, 6).map(({ ticks }) => ticks)).toEqual([20, 30, 10, 20, 30, 10]);
    expect(result.results.slice(6)).toMatchObject([
      { topology: 'mesh', connections: 6, 'writes per message': 1 },
      { topology: 'relay', connections: 3, 'writes per message': 2 },
    ]);
    expect(result.graphs.map(({ name }) => name)).toEqual(
      ['trial-1', 'trial-1-relay'].flatMap((trial) => ['clocks', 'queues', 'second-0'].map((graph) => `${trial}-${graph}`)),
    );

    // The logs, as contract 5 has them, and as everything else of ours can read them.
    const text = readFileSync(path.join(folder, 'trial-1', 'machine-1.txt'), 'utf8');
    const time = 'Global time: \\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z';
    const event = `Message received! ${time}\\nMessage queue length: \\d+|Message sent to (port \\d+|ports \\d+ and \\d+)! ${time}|Internal event! ${time}`;
    expect(text).toMatch(new RegExp(`^((${event})\\nLogical clock time: \\d+\\n){20}$`));
    const trace = parseTrace(readFileSync(path.join(folder, 'trial-1', 'machine-1.ndjson'), 'utf8'));
    expect(trace.ok && new Set(trace.value.map(({ process }) => process))).toEqual(new Set(['machine-1']));
  });

  it('are named when they die, and the others go on', async () => {
    const said: string[] = [];
    const result = await run({
      seconds: 2,
      say: (line) => {
        said.push(line);
        const pid = /machine 2 is process (\d+)/.exec(line)?.[1];
        // Once it has logged something it is in the middle of its trial.
        if (pid !== undefined) killOnceStarted(Number(pid), path.join(folder, 'trial-1', 'machine-2.txt'));
      },
    });

    const failed = result.checks.filter(({ ok, name }) => !ok && !name.startsWith('clocks and queues outside of what'));
    expect(failed).toMatchObject([{ name: 'machines that ended before their trial did' }]);
    expect(failed[0]?.got).toMatch(/^1: trial-1, machine 2 was ended by SIGKILL after [\d.]+ s$/);
    expect(result.results).toMatchObject([
      { ticks: 40, partial: null },
      { partial: expect.stringMatching(/^was ended by SIGKILL/) },
      { ticks: 20, partial: null },
    ]);
    expect(result.results[1]?.['ticks']).toBeLessThan(60);
    expect(readFileSync(path.join(folder, 'trial-1', 'machine-1.txt'), 'utf8')).toContain('the connection from machine 2 has ended');
    expect(said.at(-1)).toMatch(/^trial-1: machine 2 was ended by SIGKILL after [\d.]+ s; the others go on$/);
  });

  it('take nothing for a clock that is none: it is an error in the log', async () => {
    const role: Role = {
      part: 'machine',
      index: 0,
      rates: [1, 1, 1],
      range: 10,
      seconds: 1,
      seed: 1,
      relayRate: null,
      listenOn: { host: '127.0.0.1', port: 0 },
      folder,
      nonce: 'secret',
    };
    const ended = new Promise<void>((resolve) => {
      const machine = new Machine(role, [1, 2, 3], resolve);
      void listenOn(role.listenOn as HostPort, (socket) =>
        takeHello(socket, role, (index, rest) => machine.receiveOn(socket, index, rest)),
      ).then(async ({ server, port }) => {
        const place = { host: '127.0.0.1', port };
        // Whoever does not know the secret is cut off, whatever it sends.
        const stranger = await connectTo(place, { nonce: 'guess', index: 1 });
        stranger.write('1 0 99\n');
        await new Promise((closed) => stranger.once('close', closed).resume());
        const socket = await connectTo(place, { nonce: 'secret', index: 1 });
        socket.end('1 0 12\n\n1 0 -3\n1 0 x\n2 0 7\n1 0 13\n1 0 1');
        await new Promise((closed) => socket.once('close', closed).resume());
        server.close();
        machine.stop();
        expect(machine.report(0)).toMatchObject({ queue: 2, badMessages: 5 });
      });
    });
    await ended;

    const text = readFileSync(path.join(folder, 'machine-1.txt'), 'utf8');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('Error! Global time: '))).toEqual([
      'the message is empty',
      'the clock of the message "1 0 -3" is negative',
      'the clock of the message "1 0 x" is not a number below 10^15',
      'the message "2 0 7" does not belong on this connection',
      'the message is torn: the connection ended after "1 0 1"',
      'the connection from machine 2 has ended',
    ]);
  });
});

function killOnceStarted(pid: number, file: string): void {
  const timer = setInterval(() => {
    let size = 0;
    try {
      size = readFileSync(file).length;
    } catch {
      return;
    }
    if (size === 0) return;
    clearInterval(timer);
    process.kill(pid, 'SIGKILL');
  }, 20);
}
