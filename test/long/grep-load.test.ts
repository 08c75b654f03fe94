// Much that is found, readers that stop, and askers that go away: what machines and askers hold is bounded, and nothing is left at work. By counting and by
// events; memory is what the kernel says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CairnProcess, ended, startCairn } from '../support/cairn.ts';
import { needsLinux } from '../support/needs.ts';
import {
  forgetPeak,
  killed,
  memoryOf,
  searchPrograms,
  type SearchProcesses,
  startSearchProcesses,
  workerOf,
} from '../support/search-processes.ts';
import { report } from './budget.ts';

const linesEach = 300_000;
const machineCount = 10;
const line = `2026-11-30T04:00:00Z level=info everywhere ${'x'.repeat(150)}\n`;
/** What each side may hold above rest, in MB. */
const aboveRestMax = 60;
const stopMs = 10_000;

let machines: SearchProcesses;
let shared: string;

/** Ten processes start; a machine may be busy. */
const startMsMax = 600_000;

beforeAll(async () => {
  shared = mkdtempSync(path.join(tmpdir(), 'cairn-grep-test-'));
  // One log for all: what is read of it is not what is measured.
  writeFileSync(path.join(shared, 'shared.log'), line.repeat(linesEach));
  machines = await startSearchProcesses(
    Array.from({ length: machineCount }, () => ({})),
    ['--files', `shared=${shared}/*.log`],
  );
}, startMsMax);
afterAll(async () => {
  await machines.end();
  rmSync(shared, { recursive: true });
});

const ask = (...args: readonly string[]): CairnProcess => startCairn(['grep', ...args, '--files', 'shared', '--on', machines.on]);

/** Takes some of what it prints, and no more. */
function beginReading(child: CairnProcess): Promise<void> {
  child.stdin.end();
  child.stderr.resume();
  return new Promise((resolve) => {
    child.stdout.once('data', () => {
      child.stdout.pause();
      resolve();
    });
  });
}

const atWork = (): string[] => machines.all.flatMap(({ process: server }) => searchPrograms(server.pid as number));

describe('nothing is left at work', needsLinux, () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('when who asked is ended by %s', async (signal) => {
    const asker = ask('every');
    await beginReading(asker);
    await expect.poll(atWork).not.toEqual([]);

    await killed(asker, signal);

    await expect.poll(atWork).toEqual([]);
  });

  test('when what prints its answer goes away', async () => {
    const asker = ask('every');
    await beginReading(asker);

    asker.stdout.destroy();

    await expect.poll(atWork).toEqual([]);
  });
});

test('300,000 lines of each of ten machines, read with a stop in the middle, pass through little memory', needsLinux, async () => {
  const idle = ask('--follow', 'nothing has this');
  idle.stdout.resume();
  await new Promise<void>((resolve) => {
    idle.stderr.once('data', () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const restOfAsker = memoryOf(workerOf(idle)).now;
  await killed(idle);
  const servers = machines.all.map(({ process: server }) => workerOf(server));
  const restOfServers = servers.map((pid) => memoryOf(pid).now);
  for (const pid of servers) forgetPeak(pid);

  const asker = ask('every');
  asker.stdin.end();
  let said = '';
  asker.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  let lines = 0;
  let peakOfAsker = 0;
  let hasStopped = false;
  const look = (): void => {
    try {
      peakOfAsker = Math.max(peakOfAsker, memoryOf(workerOf(asker)).peak);
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, 50);
  asker.stdout.on('data', (chunk: Buffer) => {
    for (let from = chunk.indexOf(10); from >= 0; from = chunk.indexOf(10, from + 1)) lines++;
    if (hasStopped || lines < (linesEach * machineCount) / 2) return;
    hasStopped = true;
    asker.stdout.pause();
    setTimeout(() => asker.stdout.resume(), stopMs);
  });
  const code = await new Promise<number | null>((resolve) => {
    asker.once('close', resolve);
  });
  clearInterval(timer);

  const aboveOfAsker = peakOfAsker - restOfAsker;
  const aboveOfServers = servers.map((pid, index) => memoryOf(pid).peak - (restOfServers[index] as number));
  report(
    `${lines} lines: the asker ${aboveOfAsker.toFixed(0)} MB above its rest of ${restOfAsker.toFixed(0)} MB, a machine at most ${Math.max(...aboveOfServers).toFixed(0)} MB`,
  );
  expect([lines, code, hasStopped]).toEqual([linesEach * machineCount, 0, true]);
  expect(said).toContain(`total: ${linesEach * machineCount} lines on ${machineCount} machines`);
  expect(aboveOfAsker).toBeLessThan(aboveRestMax);
  expect(Math.max(...aboveOfServers)).toBeLessThan(aboveRestMax);
});

test(
  'of 80 at once that do not read, one machine takes the 64 that it may, each in its turn, and refuses the others with the reason',
  needsLinux,
  async () => {
    const [first] = machines.all;
    if (first === undefined) throw new Error('there is a machine');
    const pid = workerOf(first.process);
    const rest = memoryOf(pid).now;
    forgetPeak(pid);
    const body = JSON.stringify({ source: { kind: 'files', name: 'shared' }, match: { patterns: ['every'] } });
    const requests: http.ClientRequest[] = [];
    const answers = await Promise.all(
      Array.from(
        { length: 80 },
        () =>
          new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
            const request = http.request(`http://${first.address}/v1/grep/local`, { method: 'POST', agent: false });
            requests.push(request);
            request.on('error', reject);
            request.on('response', (response) => {
              if (response.statusCode === 200) {
                // The beginning only.
                response.once('data', () => {
                  response.pause();
                  resolve({ status: 200, text: '' });
                });
                response.on('error', () => undefined);
                return;
              }
              let text = '';
              response.on('data', (chunk: Buffer) => (text += chunk.toString()));
              response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
            });
            request.end(body);
          }),
      ),
    );

    expect(answers.filter(({ status }) => status === 200).length).toBe(64);
    expect(answers.filter(({ text }) => text.includes('64 searches are under way, the limit')).length).toBe(16);
    // Nobody reads, so that everyone lets the next one begin.
    await expect.poll(() => searchPrograms(first.process.pid as number).length, { timeout: 120_000 }).toBe(64);
    const above = memoryOf(pid).peak - rest;
    report(`64 searches that nobody reads: ${above.toFixed(0)} MB above rest`);
    expect(above).toBeLessThan(2 * aboveRestMax);
    for (const request of requests) request.destroy();
    await expect.poll(() => searchPrograms(first.process.pid as number)).toEqual([]);
    const again = startCairn(['grep', '-c', 'every', '--files', 'shared', '--on', first.address]);
    expect((await ended(again)).out).toBe(`${first.name}:shared.log:${linesEach}\n`);
  },
);
