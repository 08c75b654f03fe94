/** A broker that comes back on an empty data directory, after all brokers were ended: the others remember it, as processes on a real disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CairnProcess, type CairnRun, ended, startCairn } from '../support/cairn.ts';
import { eventually, putText, readText, statusOf } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';

let folder: string;
let ports: number[];
const running = new Map<CairnProcess, Promise<CairnRun>>();

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-wiped-'));
  ports = await freePorts(3);
});

afterEach(async () => {
  await endAll();
  rmSync(folder, { recursive: true });
});

const data = (id: number): string => path.join(folder, `data-${id}`);
const url = (id: number): string => `http://127.0.0.1:${ports[id - 1]}`;

function serve(id: number): Promise<CairnRun> {
  const cluster = ports.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(',');
  const child = startCairn(['serve', '--broker', String(id), '--cluster', cluster, '--data', data(id)]);
  const end = ended(child);
  running.set(child, end);
  return end;
}

async function endAll(): Promise<void> {
  for (const child of running.keys()) child.kill('SIGKILL');
  await Promise.all(running.values());
  running.clear();
}

const leader = (id: number): Promise<number> =>
  eventually(async () => {
    const found = (await statusOf(url(id))).partitions.find(({ topic }) => topic === 'log')?.leader ?? null;
    if (found === null) throw new Error('no leader yet');
    return found;
  });

/** A broker that is slow to start may be killed before anybody has met it, and then nobody can know it again. */
const haveMet = (id: number, by: readonly number[]): Promise<void> =>
  eventually(async () => {
    for (const other of by) {
      const peer = (await statusOf(url(other))).peers.find((each) => each.id === id);
      if (peer?.connected !== true) throw new Error(`broker ${other} has not met broker ${id}`);
    }
  });

test('is refused by those that have met it, ends with exit code 78 and their sentence, and nothing acknowledged is lost', async () => {
  for (const id of [1, 2, 3]) void serve(id);
  await leader(1);
  await haveMet(3, [1, 2]);
  const values = Array.from({ length: 5 }, (_, i) => `value ${i}`);
  for (const value of values) await putText(url(1), value);
  await endAll();
  rmSync(data(3), { recursive: true });

  const [, , wiped] = [1, 2, 3].map((id) => serve(id));
  const { code, err } = (await wiped) as CairnRun;

  expect(code).toBe(78);
  expect(err).toMatch(
    /^Cannot take part with this data directory: broker [12] says that broker 3 was here with disk [0-9a-f]{8} and comes with disk [0-9a-f]{8}, so it has lost its data or has another's \(wrongIdentity\)\. /m,
  );
  await leader(1);
  expect(await readText(url(1))).toEqual(values);
  await eventually(async () => putText(url(2), 'two are a majority'));
  expect(await readText(url(2))).toEqual([...values, 'two are a majority']);
});
