/** Three brokers on real disks and sockets whose wall clocks are 10 s apart: what they tell of cause and effect does not rest on clocks. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { orderTrace, parseTrace, skewOf } from '../../src/clocks/index.ts';
import { appendDefaults, batchOf, Client } from '../../src/client/index.ts';
import { readConfig } from '../../src/daemon/config.ts';
import { type RunningDaemon, startBroker } from '../../src/daemon/broker-daemon.ts';
import { stderrLogger } from '../../src/daemon/logging.ts';
import { SystemClock } from '../../src/system/clock.ts';
import { freePorts } from '../support/free-ports.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const apartMs = 10_000;
let folder: string;
let servers: string;
let daemons: RunningDaemon[];

beforeAll(async () => {
  // Each broker has a clock of its own; each next one that is seen is 10 s ahead of the one before.
  const seen: SystemClock[] = [];
  vi.spyOn(SystemClock.prototype, 'wallMs').mockImplementation(function (this: SystemClock) {
    if (!seen.includes(this)) seen.push(this);
    return Date.now() + seen.indexOf(this) * apartMs;
  });
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-trace-'));
  const ports = await freePorts(3);
  const brokers = ports.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join(',');
  servers = ports.map((port) => `http://127.0.0.1:${port}`).join(',');
  daemons = await Promise.all(['1', '2', '3'].map((broker) => started(broker, brokers, path.join(folder, broker))));
});
afterAll(async () => {
  await Promise.all(daemons.map((daemon) => new Promise<void>((resolve) => daemon.stop(2000, resolve))));
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
});

function started(broker: string, brokers: string, data: string): Promise<RunningDaemon> {
  const config = readConfig({ file: null, env: {}, flags: { broker, brokers, data } });
  return new Promise((resolve, reject) => {
    const daemon = startBroker(config, stderrLogger('error'), {
      onReady: () => void daemon.then(resolve, reject),
      onFatal: reject,
      onExit: () => undefined,
    });
    daemon.catch(reject);
  });
}

async function type(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { io, out, err } = fakeIo({ env: { CAIRN_SERVER: servers } });
  const code = await runCli(args, io);
  return { code, out: out(), err: err() };
}

test('nothing is received before it was sent, and what is drawn is corrected by the measured skew', async () => {
  const client = new Client({ servers: servers.split(',') });
  for (let i = 0; i < 5; i++) await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value: `line ${i}` }]) });
  const told = await client.brokers();
  client.close();

  const exported = await type('trace', 'export');
  const drawn = await type('trace', 'diagram', '--topic', 'log', '-o', path.join(folder, 'trace.svg'));
  const measured = await type('skew', '--samples', '5', '--json');

  expect([exported.code, drawn.code, measured.code]).toEqual([0, 0, 0]);
  const parsed = parseTrace(exported.out);
  const ordered = orderTrace(parsed.ok ? parsed.value : []);
  if (!ordered.ok) throw new Error(ordered.error);
  const { events, sendOf, processes } = ordered.value;
  expect(processes).toEqual(['broker-1', 'broker-2', 'broker-3']);
  const pairs = events.flatMap((event, index) => ((sendOf[index] as number) < 0 ? [] : [{ event, send: events[sendOf[index] as number] }]));
  expect(pairs.length).toBeGreaterThan(20);
  // By the clocks themselves half of them would be.
  expect(pairs.some(({ event, send }) => event.atMs < (send?.atMs ?? 0))).toBe(true);
  const lines = exported.out.trimEnd().split('\n');
  for (const { event, send } of pairs) {
    const placeOf = (one: unknown): number => events.indexOf(one as never);
    expect(placeOf(send)).toBeLessThan(placeOf(event));
  }
  expect(lines.length).toBe(events.length);

  const apart = skewOf(ordered.value)
    .skews.map(({ aheadMs }) => Math.round((aheadMs ?? Number.NaN) / apartMs))
    .sort((a, b) => a - b);
  expect(apart.map((each) => each - (apart[0] ?? 0))).toEqual([0, 1, 2]);
  const { brokers } = JSON.parse(measured.out) as { brokers: { aheadMs: number; errorMs: number }[] };
  for (const { aheadMs, errorMs } of brokers)
    expect(Math.abs(aheadMs - Math.round(aheadMs / apartMs) * apartMs)).toBeLessThanOrEqual(errorMs);
  // The brokers themselves say the same of one another.
  for (const { clock } of told) {
    const { aheadMs, errorMs } = clock ?? { aheadMs: Number.NaN, errorMs: 0 };
    expect(Math.abs(aheadMs - Math.round(aheadMs / apartMs) * apartMs)).toBeLessThanOrEqual(errorMs);
  }
  expect(new Set(told.map(({ clock }) => Math.round((clock?.aheadMs ?? 0) / apartMs))).size).toBe(3);
  const svg = readFileSync(path.join(folder, 'trace.svg'), 'utf8');
  expect(svg).toContain('corrected by the measured skew');
});

test('a broker that is missing is named, and the rest is exported all the same', async () => {
  const [gone] = daemons.splice(2, 1);
  await new Promise<void>((resolve) => gone?.stop(2000, resolve));

  const { code, out, err } = await type('trace', 'export', '--format', 'shiviz', '--last', '60');

  expect(code).toBe(1);
  expect(err).toContain('broker 3 is missing');
  expect(out).toMatch(/^broker-[12] \{"broker-[12]":1\}\n/m);
});

test('`cairn explain` says over HTTP where a topic is, from any of them', async () => {
  const client = new Client({ servers: servers.split(',') });
  await client.createTopic('orders', { retentionBytes: null });
  client.close();
  const io = fakeIo();

  expect(await runCli(['explain', 'orders', '--server', servers], io.io)).toBe(0);

  // "orders" is at home on the second of three brokers.
  expect(io.out()).toContain('It is kept by broker 2 (01), its home');
  expect(io.out()).toContain('It survives the loss of ');
  const unknown = fakeIo();
  expect(await runCli(['explain', 'nothing', '--server', servers], unknown.io)).not.toBe(0);
  expect(unknown.err()).toContain('there is no such topic');
});
