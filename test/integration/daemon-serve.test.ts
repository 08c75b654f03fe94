/** `cairn serve` as a user runs it: one broker, its data, its exit codes. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CairnProcess, cairn, program, startCairn } from '../support/cairn.ts';
import { putText, readText } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { needs, needsFullDevice, needsIpv6 } from '../support/needs.ts';

let folder: string;
let port: number;
let url: string;
const running = new Set<CairnProcess>();

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-serve-'));
  [port = 0] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  await Promise.all([...running].map((child) => endNow(child, 'SIGKILL')));
  rmSync(folder, { recursive: true });
});

const data = (): string => path.join(folder, 'data');

/** Starts a broker and waits until it says that it is ready. */
const serve = (...args: string[]): Promise<CairnProcess> => start('--port', String(port), ...args);

async function start(...args: string[]): Promise<CairnProcess> {
  const child = startCairn(['serve', '--data', data(), ...args]);
  running.add(child);
  child.on('exit', () => running.delete(child));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('is ready')) resolve();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.on('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
  return child;
}

async function endNow(child: CairnProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return exit;
}

test('a broker whose diagnostics nobody can take goes on, and counts what is lost', needsFullDevice, async () => {
  const full = openSync('/dev/full', 'w');
  const args = ['serve', '--port', String(port), '--data', data(), '--log-file', '/dev/full'];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', full, full] });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    await expect.poll(() => child.exitCode ?? isReady()).toBe(true);
    await putText(url, 'one');

    expect(await readText(url)).toContain('one');
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^cairn_log_lines_dropped_total [1-9]/m);
  } finally {
    child.kill('SIGTERM');
    closeSync(full);
  }
  expect(await exit).toBe(0);
});

async function isReady(): Promise<boolean> {
  const response = await fetch(`${url}/readyz`).catch(() => null);
  return response?.ok === true;
}

describe('one broker', () => {
  test('keeps what it acknowledged, ended gently or not', async () => {
    let child = await serve();
    await putText(url, 'one');
    expect(await endNow(child, 'SIGTERM')).toBe(0);
    child = await serve();
    await putText(url, 'two');
    await endNow(child, 'SIGKILL');
    child = await serve();

    expect(await readText(url)).toEqual(['one', 'two']);
    expect(await endNow(child, 'SIGINT')).toBe(0);
  });

  test('ends with 73 and one sentence when another one uses the data', async () => {
    await serve();
    const [other = 0] = await freePorts(1);

    const second = await cairn(['serve', '--port', String(other), '--data', data(), '--log-file', path.join(folder, 'log')]);

    expect(second.code).toBe(73);
    expect(second.err).toBe(
      `Cannot use the data directory ${data()}: another broker uses it (dataInUse). Stop it, or name another directory with --data.\n`,
    );
    await putText(url, 'undisturbed');
  });
});

test('a broker on an IPv6 address says it as whoever is told it can use it', needsIpv6, async () => {
  const address = `[::1]:${port}`;
  await start('--listen', address);

  const { brokers } = (await (await fetch(`http://${address}/v1/brokers`)).json()) as { brokers: { address: string }[] };
  expect(brokers.map((broker) => broker.address)).toEqual([address]);
  for (const server of [address, `http://${address}`]) {
    expect(await cairn(['append', 'log', 'a line', '--server', server])).toMatchObject({ code: 0, err: '' });
    // A topic of Cairn's own may be being made.
    await expect
      .poll(() => cairn(['status', '--server', server]), { timeout: 30_000 })
      .toMatchObject({
        code: 0,
        err: '',
        out: expect.stringContaining(address) as string,
      });
  }
  const away = await cairn(['status', '--server', '[::1]:9']);
  expect([away.code, away.err]).toEqual([69, expect.stringContaining('[::1]:9')]);
});

describe('a broker that cannot start says why in one sentence:', () => {
  test('a port in use, 69', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const taken = (server.address() as AddressInfo).port;

    const { code, err } = await cairn(['serve', '--port', String(taken), '--data', data(), '--log-file', path.join(folder, 'log')]);
    server.close();

    expect(err).toBe(`Cannot listen on 127.0.0.1:${taken}: another program listens there (portInUse). Choose another with --port.\n`);
    expect(code).toBe(69);
  });

  test('a data directory that is a file, 73', async () => {
    writeFileSync(data(), 'not a folder');

    const { code, err } = await cairn(['serve', '--port', String(port), '--data', data(), '--log-file', path.join(folder, 'log')]);

    expect(err).toBe(`Cannot use the data directory ${data()}: it is a file (dataUnusable). Check its path and permissions.\n`);
    expect(code).toBe(73);
  });

  test.each([
    [
      ['--listen', '0.0.0.0:8000'],
      78,
      'Cannot listen on 0.0.0.0:8000: that is beyond loopback and no token file is configured: give one, or use --insecure-listen (insecureListen). Give a token file, or --insecure-listen.\n',
    ],
    [['--prot', '8000'], 2, "Cannot run cairn serve: unknown option '--prot', did you mean --port? (usage). See `cairn serve --help`.\n"],
    [['--port', '70000'], 2, expect.stringMatching(/^Cannot run cairn serve: .*--port.*\n$/)],
  ])('%j', async (args, code, sentence) => {
    const run = await cairn(['serve', ...args]);

    expect(run.err).toEqual(sentence);
    expect(run.code).toBe(code);
  });
});

/** Only root may mount; the check that this is so is the mount itself. */
const mayMount = ((): boolean => {
  const probe = mkdtempSync(path.join(tmpdir(), 'cairn-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
})();

describe('on a file system of its own', needs(mayMount ? null : 'a file system cannot be mounted here, which root may'), () => {
  afterEach(() => execFileSync('umount', ['-l', data()]));

  function mount(options: string): void {
    mkdirSync(data());
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', data()]);
  }

  test('a full disk of 1 MB refuses appends definitely, serves reads, loses nothing, and goes on by itself when there is room again', async () => {
    mount('size=1500k');
    const inTheWay = path.join(data(), 'in-the-way');
    writeFileSync(inTheWay, Buffer.alloc(500_000));
    let child = await serve();
    const acknowledged: string[] = [];

    let error: { readonly code: string; readonly definite: boolean; readonly message: string } | null = null;
    async function append(value: string): Promise<void> {
      const answer = await fetch(`${url}/v1/topics/log/records`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: value,
      });
      if (answer.ok) acknowledged.push(value);
      error = answer.ok ? null : ((await answer.json()) as { error: typeof error }).error;
    }
    // An append may have to wait while a segment is prepared: full is what refuses for longer than that.
    for (let i = 0, refused = 0; refused < 30 && i < 1000; i++) {
      await append(`${i} ${'x'.repeat(8000)}`);
      refused = error === null ? 0 : refused + 1;
      if (error !== null) await new Promise((resolve) => setTimeout(resolve, 100));
    }

    expect(error).toMatchObject({ code: 'diskFull', definite: true, message: expect.stringMatching(/^Cannot append to topic "log": /) });
    expect(acknowledged.length).toBeGreaterThan(5);
    expect(await readText(url)).toEqual(acknowledged);

    rmSync(inTheWay);
    await expect.poll(async () => (await append('first'), error)).toBeNull();
    // More than what was left of the disk that was full.
    for (let i = 0; i < 30; i++) await append(`again ${i} ${'x'.repeat(8000)}`);

    expect(error).toBeNull();
    expect(await readText(url)).toEqual(acknowledged);
    await endNow(child, 'SIGKILL');
    child = await serve();
    expect(await readText(url)).toEqual(acknowledged);
    expect(await endNow(child, 'SIGTERM')).toBe(0);
  });

  test('a read-only one is unusable data, 73', async () => {
    mount('size=1m,ro');

    const { code, err } = await cairn(['serve', '--port', String(port), '--data', data(), '--log-file', path.join(folder, 'log')]);

    expect(err).toMatch(/^Cannot use the data directory .*read-only.*\n$/);
    expect(code).toBe(73);
  });
});
