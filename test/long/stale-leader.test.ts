// A leader that slept while others went on has requests in its sockets when it wakes up, and a log that is not the group's any more. Nothing that it says of
// it may be definite: neither "the end is another one" nor "that request id is not known" (docs/decisions/0016). The simulated twin of this is
// test/unit/broker/refusals.test.ts.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dropRule, LinkProxy } from '../../src/lab/chaos/link-proxy.ts';
import { LabBrokers } from '../../src/lab/rig/index.ts';
import { eventually, statusOf } from '../support/curl.ts';
import { report, seedsWithinBudget } from './budget.ts';

const STREAMS = 8;
/** How long the one that wakes up has for its answers; cut off from the others it cannot but let it pass. */
const TIMEOUT_MS = 2000;

const proxy = new LinkProxy();
let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3, route: (addresses) => proxy.listen(addresses) });
});
afterAll(async () => {
  await brokers.end();
  await proxy.close();
});

interface Sent {
  /** All of it is in the kernel's hands. */
  readonly written: Promise<void>;
  readonly answer: Promise<{ readonly status: number; readonly body: string }>;
}

function post(id: number, parameters: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Sent {
  const query = new URLSearchParams({ ...parameters, timeoutMs: String(TIMEOUT_MS) });
  const request = httpRequest(`${brokers.url(id)}/v1/topics/log/records?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', ...headers },
    agent: false,
  });
  const answer = new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
  const written = new Promise<void>((resolve) => void request.on('finish', () => resolve()));
  request.end('a record\n');
  return { written, answer };
}

const streamHeaders = (id: string, sequence: number): Readonly<Record<string, string>> => ({
  'cairn-request-id': id,
  'cairn-sequence': String(sequence),
});

/** Tried again until it is there: under one request id that does no harm. */
const stored = (id: number, name: string, sequence: number): Promise<void> =>
  eventually(async () => {
    const { status, body } = await post(id, {}, streamHeaders(name, sequence)).answer;
    expect(status, body).toBe(200);
  });

async function leaderSeenBy(ids: readonly number[]): Promise<number> {
  return eventually(async () => {
    const seen = await Promise.all(
      ids.map(async (id) => (await statusOf(brokers.url(id))).partitions.find(({ topic }) => topic === 'log')?.leader ?? null),
    );
    const [leader] = seen;
    expect(leader).not.toBeNull();
    expect(new Set(seen).size).toBe(1);
    return leader as number;
  });
}

/** One leader put to sleep; the statuses of what was in its sockets when it woke up. */
async function round(seed: number, isCut: boolean, isConditional: boolean): Promise<number[]> {
  const old = await leaderSeenBy(brokers.ids);
  const others = brokers.ids.filter((id) => id !== old);
  const known = Array.from({ length: STREAMS }, (_, i) => `known-${seed}-${i}`);
  const unknown = Array.from({ length: STREAMS }, (_, i) => `unknown-${seed}-${i}`);
  for (const name of known) await stored(old, name, 0);
  brokers.signal(old, 'SIGSTOP');
  const cut = (): void => {
    for (const other of others) {
      proxy.set(old, other, dropRule);
      proxy.set(other, old, dropRule);
    }
  };
  if (isCut) cut();
  await eventually(async () => expect(await leaderSeenBy(others)).not.toBe(old));
  const [other = 0] = others;
  for (const name of known) await stored(other, name, 1);
  for (const name of unknown) await stored(other, name, 0);
  const client = brokers.client(others);
  const { offset } = await client.end({ topic: 'log', freshness: 'linearizable' });
  client.close();

  const sent = isConditional
    ? [post(old, { expectedOffset: String(offset) })]
    : [...known.map((name) => post(old, {}, streamHeaders(name, 2))), ...unknown.map((name) => post(old, {}, streamHeaders(name, 1)))];
  await Promise.all(sent.map(({ written }) => written));
  brokers.signal(old, 'SIGCONT');
  const answers = await Promise.all(sent.map(({ answer }) => answer));
  proxy.heal();

  // Each of them could be appended by a leader that knows all of the log.
  const definite = answers.filter(({ status }) => status !== 200 && status < 500).map(({ status, body }) => `${status} ${body}`);
  expect(definite, `round ${seed}, ${isCut ? 'cut off' : 'reachable'}`).toEqual([]);
  return answers.map(({ status }) => status);
}

test('a leader that slept says nothing definite of a log that went on without it', async () => {
  const counts = new Map<number, number>();
  let rounds = 0;
  for (const seed of seedsWithinBudget({ countMax: 20 })) {
    const statuses = [...(await round(seed * 2, seed % 2 === 0, true)), ...(await round(seed * 2 + 1, seed % 2 === 0, false))];
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
    rounds += 2;
  }
  const told = [...counts].map(([status, count]) => `${count} x ${status}`).join(', ');
  report(`${rounds} leaders that slept: ${told}`);
});
