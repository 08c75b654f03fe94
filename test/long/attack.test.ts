/**
 * Everything of a second look at the edges at once (`test/support/attacks.ts`), against three real brokers that somebody appends to meanwhile: nobody dies, no
 * leader changes, memory stays bounded, what was acknowledged is there once. Attackers share the machine with the brokers, so what honest appends wait is
 * compared with what they wait beside harmless requests that take as much processor time: in turns, in the same run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { appendDefaults, batchOf, type Client, forEachRead } from '../../src/client/index.ts';
import { LabBrokers } from '../../src/lab/rig/index.ts';
import type { LoadDone, LoadOf, LoadOrder } from '../support/attack-load.ts';
import { attacks, attackToken } from '../support/attacks.ts';
import { needsLinux } from '../support/needs.ts';
import { memoryOf } from '../support/search-processes.ts';
import { report, timeLeftMs } from './budget.ts';

const memoryMaxMB = 400;
/** All attacks and all harmless turns together. */
const runMsMax = 120_000;
const turnMs = 15_000;
const restMs = 5_000;
/** Attackers at a time, each of which rests as long as it has attacked, at least so long. */
const attackersMax = 4;
const pauseMsMin = 200;

let folder = '';
let brokers: LabBrokers | null = null;
let load: Worker | null = null;

afterEach(async () => {
  await load?.terminate();
  await brokers?.end();
  rmSync(folder, { recursive: true, force: true });
});

type Turn = LoadOrder['kind'];

interface Honest {
  readonly acknowledged: string[];
  /** Of those that began in a turn of its kind. */
  readonly delaysMs: Readonly<Record<Turn, number[]>>;
  stop(): Promise<void>;
}

/** One record after another, each to be answered in time. */
function appendSteadily(client: Client, name: string, turn: () => Turn | null): Honest {
  const acknowledged: string[] = [];
  const delaysMs: Record<Turn, number[]> = { attack: [], harmless: [] };
  let isStopped = false;
  const running = (async (): Promise<void> => {
    for (let count = 0; !isStopped; count++) {
      const value = `${name} ${count} ${'h'.repeat(200)}`;
      const began = turn();
      const beganMs = performance.now();
      await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value }]), timeoutMs: 30_000 });
      if (began !== null) delaysMs[began].push(performance.now() - beganMs);
      acknowledged.push(value);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  })();
  // What it fails with is told by `stop`.
  running.catch(() => undefined);
  return {
    acknowledged,
    delaysMs,
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
}

async function terms(client: Client): Promise<readonly string[]> {
  const all = await client.brokers();
  const lines = all.flatMap(({ status }) =>
    (status?.partitions ?? [])
      .filter(({ role }) => role === 'leader')
      .map(({ topic, partition, term }) => `${topic}/${partition ?? 0} term ${term}`),
  );
  return [...new Set(lines)].sort();
}

async function valuesOf(client: Client): Promise<string[]> {
  const values: string[] = [];
  for (let offsetFrom = 0; ; ) {
    const read = await client.read({
      topic: 'log',
      offsetFrom,
      sinceMs: null,
      bytesMax: 1024 * 1024,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
    });
    forEachRead(read, (record) => void values.push(Buffer.from(record.value() ?? []).toString('latin1')));
    if (read.offsetNext <= offsetFrom) return values;
    offsetFrom = read.offsetNext;
  }
}

const p99 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;

function askLoad(worker: Worker, order: LoadOrder): Promise<LoadDone> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.postMessage(order);
  });
}

test('all attacks at once on three brokers that are appended to', { ...needsLinux, timeout: 600_000 }, async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-attack-'));
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, attackToken, { mode: 0o600 });
  const started = await LabBrokers.start({ count: 3, flags: { tokenFile } });
  brokers = started;
  const pids = started.ids.map((id) => started.pid(id) as number);
  const clients = started.ids.map((id) => started.client([id, ...started.ids.filter((other) => other !== id)], { token: attackToken }));
  const [client] = clients as [Client];
  await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value: 'first' }]) });
  await expect.poll(() => terms(client)).toHaveLength(2);
  const termsBefore = await terms(client);
  let turn: Turn | null = null;
  const honest = clients.map((each, index) => appendSteadily(each, `honest-${index}`, () => turn));

  const ports = started.ids.map((id) => Number(new URL(started.url(id)).port));
  const workerData: LoadOf = { ports, pids, attackersMax, pauseMsMin };
  load = new Worker(new URL('../support/attack-load.ts', import.meta.url), { workerData });
  const counts = new Map<string, number>();
  const cpuMs = { attack: 0, harmless: 0 };
  const untilMs = Date.now() + Math.min(runMsMax, Math.max(20_000, timeLeftMs() * 0.6));
  do {
    // Attacks that have begun are brought to their end, so a turn takes longer than it is told to.
    const beganMs = performance.now();
    turn = 'attack';
    const attacked = await askLoad(load, { kind: 'attack', forMs: turnMs });
    const forMs = performance.now() - beganMs;
    turn = null;
    // What attacks leave behind, on the disks too, is not the harmless load's.
    await new Promise((resolve) => setTimeout(resolve, restMs));
    turn = 'harmless';
    const usual = await askLoad(load, { kind: 'harmless', forMs, cpuMs: attacked.cpuMs });
    turn = null;
    for (const [name, count] of Object.entries(attacked.counts)) counts.set(name, (counts.get(name) ?? 0) + count);
    cpuMs.attack += attacked.cpuMs;
    cpuMs.harmless += usual.cpuMs;
  } while (Date.now() + 2 * turnMs < untilMs);
  for (const each of honest) await each.stop();

  const termsAfter = await terms(client);
  const memory = pids.map((pid) => Math.round(memoryOf(pid).peak));
  const [attackP99, harmlessP99] = (['attack', 'harmless'] as const).map((kind) => p99(honest.flatMap(({ delaysMs }) => delaysMs[kind])));
  const appended = honest.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  report(
    [
      `attack: ${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      `${appended} honest appends, p99 ${attackP99?.toFixed(1)} ms under attack (${Math.round(cpuMs.attack / 1000)} s of processor), ${harmlessP99?.toFixed(1)} ms beside harmless load (${Math.round(cpuMs.harmless / 1000)} s)`,
      `peaks ${memory.join(', ')} MB; before ${termsBefore.join(', ')}; after ${termsAfter.join(', ')}`,
    ].join('; '),
  );
  expect(started.ids.map((id) => started.isRunning(id) && started.pid(id) === pids[id - 1])).toEqual([true, true, true]);
  expect(termsAfter, started.ids.map((id) => started.output(id).slice(-2_000)).join('\n')).toEqual(termsBefore);
  expect(Math.max(...memory)).toBeLessThanOrEqual(memoryMaxMB);
  expect([...counts.keys()].sort()).toEqual(Object.keys(attacks).sort());

  const found = new Map<string, number>();
  for (const value of await valuesOf(client)) if (value.startsWith('honest-')) found.set(value, (found.get(value) ?? 0) + 1);
  const acknowledged = honest.flatMap((each) => each.acknowledged);
  expect(acknowledged.filter((value) => found.get(value) !== 1)).toEqual([]);
  expect(found.size).toBe(acknowledged.length);
  for (const each of clients) each.close();
});
