/**
 * Everything of a second look at the edges at once, against three real brokers that somebody appends to meanwhile: nobody dies, no leader changes, memory stays
 * bounded, and what was acknowledged is there once. Attackers are bounded: each kind sends one after another, and holds so many connections at most. They have
 * the token where that is what lets them do harm. Delays are reported, not asserted: the attackers share the machine with the brokers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { appendDefaults, batchOf, type Client, forEachRead } from '../../src/client/index.ts';
import { LabBrokers } from '../../src/lab/rig/index.ts';
import { peerProtocol } from '../../src/wire/index.ts';
import { needsLinux } from '../support/needs.ts';
import { requestText } from '../support/raw-http.ts';
import { memoryOf } from '../support/search-processes.ts';
import { report, timeLeftMs } from './budget.ts';

const memoryMaxMB = 400;
const attackMsMax = 60_000;
/**
 * Five times the usual: attackers, brokers and whoever else is there share the cores, and what is looked for is a loop that is held. Requests of before the
 * bounds held it for one to sixty seconds.
 */
const electionTimeoutMs = 1_500;
/** Of each kind, between two. */
const pauseMs = 500;
/** Connections of one kind at once, to one broker. */
const heldMax = 150;
const bodyBytesMax = 8 * 1024 * 1024;
const token = 'an-attack-is-a-test-of-what-is-bounded';

let folder = '';
let brokers: LabBrokers | null = null;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await brokers?.end();
  rmSync(folder, { recursive: true, force: true });
});

function open(port: number): Socket {
  // It does not end its own side when the other one ends.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
  socket.resume();
  return socket;
}

/** Sends as the other side takes it, and waits for the first word of an answer, the end, or some seconds. */
async function send(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  const socket = open(port);
  const over = new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('end', () => resolve());
    socket.once('close', () => resolve());
    setTimeout(resolve, 5_000).unref();
  });
  for (const part of parts) {
    if (socket.destroyed) break;
    if (!socket.write(part)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
  }
  await over;
  socket.destroy();
}

const authorized = { Authorization: `Bearer ${token}` };
const json = { ...authorized, 'Content-Type': 'application/json' };
const records = '/v1/topics/log/records';
const post = (port: number, headers: Readonly<Record<string, string>>, body: string, where = records): Promise<void> =>
  send(port, requestText(port, 'POST', where, headers), body).catch(() => undefined);
const headOf = (port: number, headers: Readonly<Record<string, string>>, bytes: number, where = records): string =>
  requestText(port, 'POST', where, { ...headers, 'Content-Length': String(bytes) });

type Attack = (port: number, random: SeededRandom) => Promise<void>;

/** A body is made once: what making it costs is no attack. */
function withBody(headers: Readonly<Record<string, string>>, bodyOf: () => string | Uint8Array, where = records): Attack {
  const body = Buffer.from(bodyOf());
  return (port) => send(port, headOf(port, headers, body.length, where), body);
}

/** Connections that say so much and then nothing, for as long as the attack lasts. */
const holding =
  (text: (port: number) => string): Attack =>
  async (port) => {
    const held = Array.from({ length: heldMax }, () => open(port));
    for (const socket of held) socket.write(text(port));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const socket of held.slice(0, heldMax / 2)) socket.destroy();
  };

const attacks: Readonly<Record<string, Attack>> = {
  'numbers that are none': async (port, random) => {
    const value = random.pick(['true', '2.9', '0x3', '', '-1', '1e400', '9007199254740993', '%00', '٣']);
    const name = random.pick(['from', 'bytesMax', 'waitMs', 'session', 'since', 'partition', 'limit']);
    await send(port, requestText(port, 'GET', `${records}?${name}=${encodeURIComponent(value)}`, authorized));
    await post(port, { ...json, 'Cairn-Sequence': value }, '{"value":"x"}', `${records}?expectedOffset=${encodeURIComponent(value)}`);
  },
  newlines: withBody({ ...authorized, 'Content-Type': 'application/x-ndjson' }, () => '\n'.repeat(bodyBytesMax)),
  'keys of headers': withBody(
    json,
    () => `{"value":"x","headers":{${Array.from({ length: 400_000 }, (_, at) => `"${at}":""`).join(',')}}}`,
  ),
  depth: withBody(json, () => '['.repeat(bodyBytesMax)),
  'empty lists': withBody(json, () => `[${'[],'.repeat(2_700_000)}[]]`),
  'honest records, many': withBody(json, () => JSON.stringify({ records: Array.from({ length: 65_536 }, () => ({ value: 'x' })) })),
  'depth elsewhere': withBody(json, () => '['.repeat(900_000), '/v1/grep'),
  'pipelined reads of everything': (port) => {
    const one = requestText(port, 'GET', `${records}?bytesMax=67108864&format=text`, { ...authorized, Connection: 'keep-alive' });
    return send(port, one.repeat(90));
  },
  'a body in chunks of one byte': (port) => {
    const head = requestText(port, 'POST', records, { ...authorized, 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' });
    const chunks = '1\r\nx\r\n'.repeat(20_000);
    return send(port, head.replace('Content-Length: 0\r\n', ''), ...Array.from({ length: 40 }, () => chunks));
  },
  'bodies that are held open': async (port) => {
    const part = 'x'.repeat(64 * 1024);
    const held = Array.from({ length: 40 }, () => open(port));
    for (const socket of held) socket.write(headOf(port, { ...authorized, 'Content-Type': 'text/plain' }, bodyBytesMax));
    for (let piece = 0; piece < 100; piece++) {
      for (const socket of held) if (!socket.destroyed && socket.writableLength === 0) socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const socket of held) socket.destroy();
  },
  'a body that unpacks to much': withBody({ ...authorized, 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }, () =>
    gzipSync(Buffer.alloc(64 * 1024 * 1024)),
  ),
  silence: holding(() => ''),
  'half a header': holding((port) => `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-`),
  'a refused upgrade': holding((port) => requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: 'cairn-peer/999' })),
  'a peer under another host': holding((port) =>
    requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: peerProtocol, Host: 'evil.example' }),
  ),
  'a peer that is none': async (port, random) => {
    const noise = Buffer.alloc(random.below(4_000));
    for (let at = 0; at < noise.length; at++) noise[at] = random.below(256);
    await send(port, requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: peerProtocol }), noise);
  },
  'wrong tokens': (port) => post(port, { ...json, Authorization: 'Bearer wrong' }, '{"value":"x"}'),
  'pages of other origins': (port) => send(port, requestText(port, 'GET', records, { ...authorized, Origin: 'http://evil.example' })),
  'no HTTP': (port) => send(port, '\x16\x03\x01\x02\x00garbage\r\n\r\n'),
};

interface Honest {
  readonly acknowledged: string[];
  readonly delaysMs: number[];
  stop(): Promise<void>;
}

/** One record after another, each to be answered in time. */
function appendSteadily(client: Client, name: string): Honest {
  const acknowledged: string[] = [];
  const delaysMs: number[] = [];
  let isStopped = false;
  const running = (async (): Promise<void> => {
    for (let count = 0; !isStopped; count++) {
      const value = `${name} ${count} ${'h'.repeat(200)}`;
      const beganMs = performance.now();
      await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value }]), timeoutMs: 30_000 });
      delaysMs.push(performance.now() - beganMs);
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

test('all attacks at once on three brokers that are appended to', { ...needsLinux, timeout: 600_000 }, async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-attack-'));
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const started = await LabBrokers.start({ count: 3, flags: { tokenFile }, settings: { electionTimeoutMs } });
  brokers = started;
  const pids = started.ids.map((id) => started.pid(id) as number);
  const clients = started.ids.map((id) => started.client([id, ...started.ids.filter((other) => other !== id)], { token }));
  const [client] = clients as [Client];
  await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value: 'first' }]) });
  await expect.poll(() => terms(client)).toHaveLength(2);
  const termsBefore = await terms(client);
  const honest = clients.map((each, index) => appendSteadily(each, `honest-${index}`));

  const untilMs = Date.now() + Math.min(attackMsMax, Math.max(10_000, timeLeftMs() * 0.6));
  const counts = new Map<string, number>();
  await Promise.all(
    Object.entries(attacks).map(async ([name, attack], kind) => {
      const random = new SeededRandom(kind + 1);
      while (Date.now() < untilMs) {
        const url = new URL(started.url(random.pick(started.ids)));
        await attack(Number(url.port), random);
        counts.set(name, (counts.get(name) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }),
  );
  for (const each of honest) await each.stop();

  const termsAfter = await terms(client);
  const memory = pids.map((pid) => Math.round(memoryOf(pid).peak));
  const delays = honest.flatMap(({ delaysMs }) => delaysMs);
  report(
    `attack: ${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')}; ${delays.length} honest appends, p99 ${Math.round(p99(delays))} ms; peaks ${memory.join(', ')} MB; ${termsAfter.join(', ')}`,
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
