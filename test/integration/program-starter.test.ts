// The process that starts programs for one that wants them: what they print, how they end, and that nothing is left of either.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ProgramStarter } from '../../src/search/start/index.ts';
import { ownModule } from '../../src/system/package.ts';
import { needsLinux } from '../support/needs.ts';
import { killed, startSearchProcesses } from '../support/search-processes.ts';
import { starter } from '../support/starter.ts';

const never = new AbortController().signal;
const pauses = (): Promise<void> => new Promise(() => undefined);

const node = (
  script: string,
): { readonly program: string; readonly arguments: readonly string[]; readonly env: Record<string, string>; readonly folder: string } => ({
  program: process.execPath,
  arguments: ['-e', script],
  env: {},
  folder: '/',
});

/** A program that says its process id and waits. */
const waiting = { ...node('console.log(process.pid); setInterval(() => 0, 1000)'), input: 'stream' } as const;
const quick = { program: '/bin/true', arguments: [], env: {}, folder: '/' } as const;
const empty = (): Readable => Readable.from([]);

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

async function outputOf(
  order: Parameters<ProgramStarter['start']>[0],
  stream: Readable | null = null,
): Promise<readonly [string, unknown]> {
  const chunks: Buffer[] = [];
  const outcome = await starter.start(order, { stream, signal: never }).consume((chunk) => void chunks.push(chunk));
  return [Buffer.concat(chunks).toString(), outcome];
}

/** Its process id, as it says it. */
const pidOf = (program: ReturnType<ProgramStarter['start']>): Promise<number> =>
  new Promise((resolve) => {
    void program.consume((chunk) => {
      resolve(Number(chunk.toString()));
      return undefined;
    });
  });

describe('a program', () => {
  test('gives what it prints, how it ended and what it said', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.stdin.on("end", () => { console.error("trouble"); process.exitCode = 2 })';

    const [output, outcome] = await outputOf(
      { ...node(script), input: 'stream' },
      Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]),
    );

    expect(output).toBe('one\ntwo\n');
    expect(outcome).toEqual({ status: 2, said: 'trouble\n', problem: null, bytes: 0 });
  });

  test('reads the file that is named, and nothing where the file is none', async () => {
    const folder = await starter.folder();
    const file = path.join(folder, 'read');
    writeFileSync(file, 'in the file\n');

    const [output, outcome] = await outputOf({ ...node('process.stdin.pipe(process.stdout)'), input: { name: 'read', path: file } });
    const [, refused] = await outputOf({ ...node('0'), input: { name: 'folder', path: folder } });

    expect([output, outcome]).toEqual(['in the file\n', { status: 0, said: '', problem: null, bytes: 12 }]);
    expect(refused).toEqual({ status: null, said: '', problem: 'it is a folder', bytes: 0 });
  });

  test('that there is not says so', async () => {
    const [output, outcome] = await outputOf({ ...node('0'), program: '/no/such/program', input: 'stream' }, empty());

    expect([output, outcome]).toEqual(['', { status: null, said: '', problem: 'the program cannot be started: ENOENT', bytes: 0 }]);
  });

  test('writes no faster than it is read', async () => {
    const stop = new AbortController();
    // It says on standard error how much it has written; a write that waits says nothing.
    const script =
      'let n = 0; for (;;) { require("fs").writeSync(1, "x".repeat(65536)); require("fs").writeSync(2, "."); if (++n === 3000) break }';
    let taken = 0;
    const program = starter.start({ ...node(script), input: 'stream' }, { stream: empty(), signal: stop.signal });
    let first = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => {
      first = resolve;
    });

    const ended = program.consume((chunk) => {
      taken += chunk.length;
      first();
      return pauses();
    });
    await hasBegun;
    await new Promise((resolve) => setTimeout(resolve, 300));
    stop.abort();

    const { status, said } = await ended;
    expect(status).toBeNull();
    expect(taken).toBeLessThan(1_000_000);
    expect(said.length * 65_536).toBeLessThan(2_000_000);
  });

  test('is gone when it is not wanted any more', needsLinux, async () => {
    const stop = new AbortController();
    const program = starter.start(waiting, { stream: empty(), signal: stop.signal });
    const pid = await pidOf(program);
    expect(isAlive(pid)).toBe(true);

    stop.abort();

    expect(await program.ended).toMatchObject({ status: null, problem: null });
    expect(isAlive(pid)).toBe(false);
  });

  test('that was not begun when it was not wanted any more is not begun', async () => {
    const program = starter.start(waiting, { stream: empty(), signal: AbortSignal.abort() });

    expect(await program.consume(() => expect.fail('it was begun'))).toEqual({ status: null, said: '', problem: null, bytes: 0 });
  });
});

describe('the process that starts programs', needsLinux, () => {
  const folderOf = (pid: number): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith(`cairn-grep-${pid}-`));

  test('that is killed takes its programs with it, says so, and is begun again', async () => {
    const own = new ProgramStarter(ownModule('search/start/starter-process'));
    const folder = await own.folder();
    const program = own.start(waiting, { stream: empty(), signal: never });
    const pid = await pidOf(program);

    process.kill(parentOf(pid), 'SIGKILL');

    expect(await program.ended).toMatchObject({ status: null, problem: 'the process that starts programs was lost' });
    await expect.poll(() => isAlive(pid)).toBe(false);
    await expect.poll(() => existsSync(folder)).toBe(false);
    const next = own.start({ ...node('console.log(1)'), input: 'stream' }, { stream: empty(), signal: never });
    expect(await next.consume(() => undefined)).toMatchObject({ status: 0, problem: null });
    own.close();
  });

  test('hears a program to its end that does not look at what it is to read', async () => {
    const ended = await Promise.all(
      Array.from({ length: 40 }, () => starter.start({ ...quick, input: 'stream' }, { stream: empty(), signal: never }).ended),
    );

    expect(ended).toEqual(Array.from({ length: 40 }, () => expect.objectContaining({ status: 0, problem: null })));
  });

  test('ends a program that waits for what has turned out to be spoilt', async () => {
    const spoilt = Readable.from([]);
    spoilt.on('error', () => undefined);
    spoilt.destroy(new Error('incorrect header check'));

    const { problem } = await starter.start(
      { ...quick, program: 'cat', env: { PATH: '/bin:/usr/bin' }, input: 'stream' },
      { stream: spoilt, signal: never },
    ).ended;

    expect(problem).toBe('it cannot be unpacked: incorrect header check');
  });

  test('ends with its folder when it is closed', async () => {
    const own = new ProgramStarter(ownModule('search/start/starter-process'));
    const folder = await own.folder();
    expect(existsSync(folder)).toBe(true);

    own.close();

    await expect.poll(() => existsSync(folder)).toBe(false);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('goes with all that it has made when its server is ended by %s', async (signal) => {
    const machines = await startSearchProcesses([{ 'a.log': 'everywhere\n'.repeat(1_000_000) }]);
    const [server] = machines.all;
    if (server === undefined) throw new Error('there is a server');
    await beginSearch(server.address);
    let program = 0;
    const look = (): number => {
      program = searchPids(server.process.pid as number)[0] ?? 0;
      return program;
    };
    await expect.poll(look).not.toBe(0);
    const pid = parentOf(parentOf(program));
    expect(pid).not.toBe(process.pid);
    expect(folderOf(pid)).toHaveLength(1);

    process.kill(pid, signal);

    await expect.poll(() => isAlive(program)).toBe(false);
    await expect.poll(() => folderOf(pid)).toEqual([]);
    await killed(server.process);
    await machines.end();
  });

  test('removes what one has left that was killed together with its server', async () => {
    const own = new ProgramStarter(ownModule('search/start/starter-process'));
    const parent = path.dirname(await own.folder());
    own.close();
    const gone = path.join(parent, `cairn-grep-999999999-${'0'.repeat(32)}`);
    writeFileSync(gone, '');

    own.prepare();

    await expect.poll(() => existsSync(gone)).toBe(false);
    own.close();
  });
});

const parentOf = (pid: number): number => Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

/** Of all programs below a process that its starter has started; to learn which there are it starts one itself. */
function searchPids(pid: number): number[] {
  const below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  if (commandOf(pid) === 'cairn programs') return below.filter((each) => /^(rg|grep)$/.test(commandOf(each)));
  return below.flatMap((each) => searchPids(each));
}

/** Somebody asks, and takes no more than the first bytes. */
async function beginSearch(address: string): Promise<void> {
  const body = JSON.stringify({ source: { kind: 'files', name: 'app' }, match: { patterns: ['every'] } });
  const request = http.request(`http://${address}/v1/grep/local`, { method: 'POST', agent: false });
  request.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.once('data', () => {
        response.pause();
        resolve();
      });
    });
    request.end(body);
  });
}
