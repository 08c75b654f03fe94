/** What Unix does to a process: readers that go away, disks that are full, terminals that hang up, folders that cannot be made. */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CairnProcess, cairnHere, ended, program, startCairn } from '../support/cairn.ts';
import { freePorts } from '../support/free-ports.ts';
import { needsFullDevice, needsLinux } from '../support/needs.ts';

let folder: string;
const running = new Set<CairnProcess>();

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-unix-'));
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  rmSync(folder, { recursive: true });
});

function start(...args: string[]): CairnProcess {
  const child = startCairn(args, { cwd: folder });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

/** Resolves once the process has printed this. */
function printed(child: CairnProcess, what: string): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(what)) resolve();
    });
    child.on('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
}

test('output that cannot be written is a failure', needsFullDevice, async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [program, '--version'], { stdio: ['ignore', full, 'pipe'] });
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  closeSync(full);

  expect(await code).toBe(74);
});

test('a folder that cannot be made is said, where the system says that it is there and not there', needsLinux, async () => {
  const timeline = path.join(folder, 'timeline.ndjson');
  writeFileSync(timeline, '{"cairn":"timeline","version":1,"start":1610688413.7,"port":1,"scenario":null}\n');

  for (const args of [
    ['plot', timeline, '-o', '/proc/cairn'],
    ['lab', 'placement', '--quick', '-o', '/proc/cairn/below'],
  ]) {
    expect(await cairnHere(args), args.join(' ')).toMatchObject({
      code: 73,
      err: expect.stringMatching(/^Cannot write .* to \/proc\/cairn.*\n$/),
    });
  }
});

test('a broker away from a terminal goes on when that hangs up, in a new log file', async () => {
  const [port = 0] = await freePorts(1);
  const log = path.join(folder, 'broker.log');
  const child = start('serve', '--port', String(port), '--disk', 'memory', '--log-file', log);
  await printed(child, 'is ready');
  expect(statSync(log).mode & 0o777).toBe(0o640);
  const exit = ended(child);

  // As logrotate does it.
  renameSync(log, `${log}.1`);
  child.kill('SIGHUP');
  await expect.poll(() => statSync(log, { throwIfNoEntry: false })?.size ?? 0, { timeout: 5_000 }).toBeGreaterThan(0);
  expect(readFileSync(log, 'utf8')).toContain('"event":"reopened"');
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  // Whoever is stopped before his end says which signal it was.
  await fetch(`http://127.0.0.1:${port}/v1/topics/log/records`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain' },
    body: 'a line',
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const reader = start('read', 'log', '--follow', '--server', `http://127.0.0.1:${port}`);
    await printed(reader, 'a line');
    const end = ended(reader);
    reader.kill(signal);
    expect((await end).code).toBe(code);
  }
  // Nobody reads what it says, and that is no reason to end either.
  child.stdout.destroy();
  child.stderr.destroy();
  child.kill('SIGHUP');
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  child.kill('SIGTERM');

  expect((await exit).code).toBe(0);
});

test('brokers whose starter nobody hears go on, and are started again', needsLinux, async () => {
  const [port = 0] = await freePorts(1);
  const up = start('up', '--brokers', '1', '--port', String(port), '--data', path.join(folder, 'data'));
  await printed(up, 'ready');
  const exit = ended(up);
  up.stdout.destroy();
  up.stderr.destroy();
  const pidOfBroker = (): number => Number(readFileSync(`/proc/${up.pid}/task/${up.pid}/children`, 'utf8').split(' ')[0]);
  const before = pidOfBroker();
  // What there is to say of that nobody hears.
  process.kill(before, 'SIGKILL');
  await expect.poll(() => pidOfBroker(), { timeout: 30_000 }).not.toBe(before);
  const isReady = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
  up.kill('SIGTERM');

  expect((await exit).code).toBe(0);
});

describe('a logger', () => {
  /** Until it listens. */
  function send(port: number, text: string): void {
    const socket = connect(port, '127.0.0.1', () => socket.end(text));
    socket.on('error', () => setTimeout(() => send(port, text), 20));
  }

  test('whose output nobody reads says so and ends', async () => {
    const [port = 0] = await freePorts(1);
    const child = start('logger', String(port), '--no-timeline');
    child.stdout.destroy();
    const errors: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    send(port, 'web1\n12.5 a line\n');

    expect(await exit).toBe(74);
    expect(Buffer.concat(errors).toString()).toBe(
      'Cannot write the output: nobody reads it any more (diskFailed). Start it again with an output that takes what it prints.\n',
    );
  });

  test('away from a terminal goes on when that hangs up, whoever hears what else it says', async () => {
    const [port = 0] = await freePorts(1);
    const child = start('logger', String(port), '--no-timeline');
    const goodbye = printed(child, 'web1 disconnected');
    child.stderr.destroy();
    send(port, 'web0\n');
    await printed(child, 'web0 disconnected');
    child.kill('SIGHUP');
    send(port, 'web1\n12.5 a line\n');
    await goodbye;
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');

    expect(await exit).toBe(0);
  });
});

test('an agent that nobody hears goes on, and ends once everything is stored', async () => {
  const [port = 0, lines = 0] = await freePorts(2);
  const agent = start('node', 'web1', '127.0.0.1', String(lines), '--spool', path.join(folder, 'spool'));
  const exit = new Promise<number | null>((resolve) => agent.once('close', resolve));
  // That nobody listens there is the last that somebody hears.
  await new Promise<void>((resolve) => agent.stderr.once('data', () => resolve()));
  agent.stdout.destroy();
  agent.stderr.destroy();
  agent.stdin.end('a line\n');
  const broker = start('serve', '--port', String(port), '--disk', 'memory', '--lines-listen', `127.0.0.1:${lines}`);
  await printed(broker, 'is ready');

  expect(await exit).toBe(0);
});

test('an agent that follows files has no end but to be told to stop; one that reads standard input has', async () => {
  const [port = 0] = await freePorts(1);
  const file = path.join(folder, 'app.log');
  writeFileSync(file, 'a line\n');
  for (const [more, code] of [
    [['--tail', file], 0],
    [[], 143],
  ] as const) {
    const child = start('node', 'web1', '127.0.0.1', String(port), '--spool', path.join(folder, `spool-${code}`), ...more);
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    // Nobody listens there: once it has said so, it has taken its signals over.
    await new Promise<void>((resolve) => child.stderr.once('data', () => resolve()));
    child.kill('SIGHUP');
    child.kill('SIGTERM');

    expect(await exit).toBe(code);
  }
});
