/** `cairn up` as a user runs it: the supervisor, its brokers as processes, and everything that may go wrong with them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CairnProcess, cairn, startCairn } from '../support/cairn.ts';
import { eventually, putText, readText, statusOf } from '../support/curl.ts';
import { freePortsInARow } from '../support/free-ports.ts';
import { needsLinux } from '../support/needs.ts';

let folder: string;
let port: number;
const running = new Set<Up>();

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-up-'));
  port = await freePortsInARow(3);
});

afterEach(async () => {
  for (const up of running) await up.end('SIGINT');
  rmSync(folder, { recursive: true });
});

interface Up {
  readonly child: CairnProcess;
  readonly said: { out: string; err: string };
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const data = (): string => path.join(folder, 'data');
const url = (vertex: number): string => `http://127.0.0.1:${port + vertex}`;

/** What it says where a machine is so busy that the brokers take long to be ready is no matter of these tests. */
const withoutWaiting = (said: string): string => said.replace(/^Still waiting for the brokers to be ready, .*\n/m, '');

/** Starts three brokers and waits for the welcome. */
async function up(...args: string[]): Promise<Up> {
  const child = startCairn(['up', '--port', String(port), '--data', data(), ...args]);
  const said = { out: '', err: '' };
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const started: Up = {
    child,
    said,
    end(signal) {
      running.delete(started);
      child.kill(signal);
      return exit;
    },
  };
  running.add(started);
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += withoutWaiting(chunk.toString());
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said.out += chunk.toString();
      if (said.out.includes('Ctrl-C')) resolve();
    });
    void exit.then((code) => reject(new Error(`cairn up ended with ${code}: ${said.err}`)));
  });
  return started;
}

/** Process ids of the brokers, by id: the children of the supervisor, each of which titles itself. */
function pids(supervisor: CairnProcess): Map<number, number> {
  const children = readFileSync(`/proc/${supervisor.pid}/task/${supervisor.pid}/children`, 'utf8').trim().split(' ');
  return new Map(
    children
      .filter((pid) => pid !== '')
      .map((pid) => {
        const [, id] = /cairn broker (\d+)/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? [];
        return [Number(id), Number(pid)];
      }),
  );
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

describe('cairn up', () => {
  test('welcomes with the page and three commands, survives the kill of a leader, ends by Ctrl-C, and resumes', async () => {
    const first = await up();
    expect(first.said.out).toContain(`The page: ${url(0)}\n`);
    expect(first.said.out).toContain(`  npx cairn read cairn.events --follow --server ${url(0)}\n`);
    expect(first.said.out).toMatch(/^ {2}npx cairn append log - .* < \S+$/m);
    expect(first.said.out).toContain('  npx cairn tour\n');
    const [, file = ''] = /^ {2}npx cairn append log - .* < (\S+)$/m.exec(first.said.out) ?? [];
    expect(existsSync(path.resolve(import.meta.dirname, '..', 'support', file)) || existsSync(file)).toBe(true);

    await putText(url(0), 'one');
    const { partitions } = await statusOf(url(1));
    const leader = partitions.find(({ topic }) => topic === 'log')?.leader as number;
    process.kill(pids(first.child).get(leader) as number, 'SIGKILL');
    const alive = [1, 2, 3].find((id) => id !== leader) as number;
    await eventually(() => putText(url(alive - 1), 'two'));
    await eventually(() => putText(url(leader - 1), 'three'));
    expect(first.said.err).toContain(`broker ${leader} is started again in 0.2 s: it was ended by SIGKILL\n`);

    const children = [...pids(first.child).values()];
    expect(await first.end('SIGINT')).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);

    await up();
    for (const vertex of [0, 1, 2]) expect(await readText(url(vertex))).toEqual(['one', 'two', 'three']);
  });

  test('goes on when nobody hears what it says, and starts brokers again', async () => {
    const { child, end } = await up();
    child.stdout.destroy();
    child.stderr.destroy();
    const before = pids(child).get(2) as number;

    process.kill(before, 'SIGKILL');

    await eventually(async () => expect(pids(child).get(2)).not.toBe(before));
    await eventually(() => putText(url(1), 'heard'));
    expect(await end('SIGINT')).toBe(0);
  });

  test('with --no-restart leaves a broker down that has died, and takes the others with it when it is killed', async () => {
    const { child, said, end } = await up('--no-restart');
    const brokers = pids(child);
    expect(brokers.size).toBe(3);

    process.kill(brokers.get(2) as number, 'SIGKILL');
    await expect.poll(() => said.err).toBe('broker 2 is down and stays down: it was ended by SIGKILL\n');
    expect([...pids(child).keys()].toSorted((a, b) => a - b)).toEqual([1, 3]);

    await end('SIGKILL');
    await expect.poll(() => [...brokers.values()].filter(isAlive)).toEqual([]);
  });

  test('on data that another one uses, or another number of brokers, says so, ends with 73 or 78, and disturbs nobody', async () => {
    const { end } = await up();
    const other = await freePortsInARow(3);

    const second = await cairn(['up', '--port', String(other), '--data', data()]);
    const five = await cairn(['up', '--brokers', '5', '--port', String(other), '--data', data()]);

    expect(withoutWaiting(second.err)).toMatch(
      /^Cannot use the data directory .*data\/broker-\d: another broker uses it \(dataInUse\)\. .*\n$/,
    );
    expect(second.code).toBe(73);
    expect(five).toMatchObject({ code: 78, err: numberRefused() });
    await putText(url(0), 'undisturbed');

    await end('SIGINT');
    expect(await cairn(['up', '--brokers', '5', '--port', String(port), '--data', data()])).toMatchObject({
      code: 78,
      err: numberRefused(),
    });
  });

  const numberRefused = (): string =>
    `Cannot start 5 brokers on ${data()}: it holds a cluster of 3, say --brokers 3 or name another directory with --data (invalidConfig). Mend the path that the message names.\n`;
});

describe('cairn up that cannot start says why in one sentence:', () => {
  test('a port in use, 69, and leaves no broker behind', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port + 1, '127.0.0.1', resolve));

    const { code, err, out } = await cairn(['up', '--port', String(port), '--data', data()]);
    server.close();

    expect(withoutWaiting(err)).toBe(
      `Cannot listen on 127.0.0.1:${port + 1}: another program listens there (portInUse). Choose another with --port.\n`,
    );
    expect(code).toBe(69);
    expect(out).toBe('');
    await expect(fetch(`${url(0)}/healthz`)).rejects.toThrow('fetch failed');
  });

  test('a data directory that is a file, 73', async () => {
    writeFileSync(data(), '');

    const { code, err } = await cairn(['up', '--port', String(port), '--data', data()]);

    expect(withoutWaiting(err)).toBe(
      `Cannot use the data directory ${data()}: it is a file (dataUnusable). Check its path and permissions.\n`,
    );
    expect(code).toBe(73);
  });

  // Also for root, whom the permissions of a folder do not stop.
  test('a data directory that cannot be made, 73', needsLinux, async () => {
    for (const command of ['up', 'serve']) {
      const { code, err } = await cairn([command, '--port', String(port), '--data', '/proc/cairn/data']);

      expect(err).toContain('Cannot use the data directory /proc/cairn/data');
      expect(err).toContain(': a folder cannot be made there (dataUnusable). ');
      expect(code).toBe(73);
    }
  });

  test('an unknown flag, 2', async () => {
    const { code, err } = await cairn(['up', '--broker', '3']);

    expect(err).toBe("Cannot run cairn up: unknown option '--broker', did you mean --brokers? (usage). See `cairn up --help`.\n");
    expect(code).toBe(2);
  });
});
