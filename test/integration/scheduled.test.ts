/** Appending later at three real brokers: as curl, the command line and the library ask for it, and with the leaders killed as it is due. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { CairnClient } from '../../src/library/index.ts';
import { cairnHere } from '../support/cairn.ts';

let brokers: LabBrokers;
let client: CairnClient;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
  client = new CairnClient({ servers: brokers.urls, timeoutMs: 60_000 });
  for (const [name, partitions] of [
    ['orders', 1],
    ['many', 3],
    ['killed', 1],
  ] as const)
    await client.topics.create(name, { partitions });
});
afterAll(async () => {
  await client.close();
  await brokers.end();
});

const hourMs = 3_600_000;

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const request = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
  const answer = await fetch(`${brokers.url(1)}${path}`, request);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

interface Shown {
  readonly value: string;
  readonly logTime: number;
}

async function shown(topic: string, broker = 1): Promise<readonly Shown[]> {
  const answer = await fetch(`${brokers.url(broker)}/v1/topics/${topic}/records?from=0&logTime=true&bytesMax=1000000`);
  return ((await answer.json()) as { readonly records: readonly Shown[] }).records;
}

async function waiting(topic: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of client.scheduled({ topic })) ids.push(id);
  return ids;
}

const type = (args: readonly string[], input?: string) =>
  cairnHere(args, { env: { CAIRN_SERVER: brokers.url(2) }, ...(input === undefined ? {} : { input }) });

describe('records that are appended later', () => {
  test('over HTTP: for the whole request, by parameter or header, and for single records', async () => {
    const later = new Date(Date.now() + hourMs).toISOString();
    const whole = await post(`/v1/topics/orders/records?deliverAt=${later}`, [{ value: 'a' }, { value: 'b' }]);
    const byHeader = await post('/v1/topics/orders/records', { value: 'c' }, { 'cairn-deliver-at': String(Date.parse(later)) });
    const mixed = await post('/v1/topics/orders/records', [
      { value: 'now' },
      { value: 'd', deliverAt: later },
      { value: 'e', deliverAt: later },
    ]);

    expect(whole).toMatchObject({
      status: 200,
      body: { topic: 'orders', count: 2, scheduled: true, deliverAtMs: Date.parse(later), committed: true },
    });
    for (const field of ['offset', 'term', 'timestampMs']) expect(whole.body).not.toHaveProperty(field);
    expect(byHeader).toMatchObject({ status: 200, body: { count: 1, scheduled: true } });
    expect(mixed).toMatchObject({ status: 200, body: { partial: false, partitions: [{ count: 1 }, { count: 2, scheduled: true }] } });
    expect((await shown('orders')).map(({ value }) => value)).toEqual(['now']);

    const listed = await (await fetch(`${brokers.url(3)}/v1/scheduled?topic=orders`)).json();
    expect(listed).toMatchObject({
      scheduled: [{ state: 'waiting' }, { state: 'waiting' }, { state: 'waiting' }],
      next: null,
      totals: { waiting: 3 },
    });
    for (const id of await waiting('orders')) {
      const url = `${brokers.url(2)}/v1/scheduled/${id}`;
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
    }
    expect(await waiting('orders')).toEqual([]);
  });

  test.each([
    ['?deliverAt=tomorrow', {}, /"deliverAt" is "tomorrow", it must be a time/],
    ['?deliverAt=99999999999999', {}, /more than 30 days/],
    ['', { deliverAt: 'soon' }, /deliverAt of the record is not a time/],
    ['?deliverAt=1790000000000&level=leader', {}, /the level is "quorum" or "all"/],
    ['?deliverAt=1790000000000&expectedOffset=3', {}, /no offset can be expected/],
  ])('what cannot be is refused (%s %j)', async (query, more, said) => {
    const { status, body } = await post(`/v1/topics/orders/records${query}`, { value: 'x', ...more });

    expect(status).toBe(400);
    expect((body['error'] as { readonly message: string }).message).toMatch(said);
  });

  test('of several partitions, on the command line', async () => {
    const given = await type(['append', 'many', '-', '--in', '1h'], 'one\ntwo\n');
    expect(given).toMatchObject({ code: 0, err: '' });
    expect(given.out).toMatch(/^To be appended later: 2 records, .*Z, id \d-\d+, kept until then on the disks of brokers /);

    const list = await type(['scheduled', 'list', '--topic', 'many']);
    expect(list.out).toMatch(/^ID .*\n\d-\d+ +many .*\n1 wait in all topics/);
    const [id = ''] = await waiting('many');
    expect(await type(['scheduled', 'cancel', id])).toMatchObject({ code: 0, out: `Cancelled ${id}\n` });
    expect(await type(['scheduled', 'cancel', '7-99999999'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nothing waits under this id/),
    });
    expect(await type(['append', 'many', 'x', '--at', '2h'])).toMatchObject({ code: 2 });
  });

  test('by the library, and it comes when it is due', async () => {
    const deliverAt = new Date(Date.now() + 700);
    const result = await client.append('orders', 'in time', { deliverAt });

    expect(result).toMatchObject({ scheduled: true, deliverAtMs: deliverAt.getTime() });
    expect(result).not.toHaveProperty('offset');
    await expect.poll(async () => (await shown('orders')).map(({ value }) => value), { timeout: 20_000 }).toContain('in time');
    const record = (await shown('orders')).find(({ value }) => value === 'in time');
    expect(record?.logTime).toBeGreaterThanOrEqual(deliverAt.getTime());
    await expect(client.cancelScheduled(result.id)).rejects.toMatchObject({ code: 'notScheduled' });
  });
});

test('a leader that is killed as they are due loses none and doubles none', async () => {
  const count = 120;
  const dueMs = Date.now() + 4000;
  await Promise.all(
    Array.from({ length: count }, (_, index) => client.append('killed', `v${index}`, { deliverAt: dueMs + (index % 60) * 10 })),
  );
  const { topics } = await client.batches.listTopics({ prefix: 'cairn', after: '', limit: 10 });
  const led = (topics.find(({ name }) => name === 'cairn/scheduled')?.partitions ?? []).map(({ leader }) => leader ?? 0);
  expect(led.length).toBe(8);
  const victim = led.toSorted((a, b) => led.filter((id) => id === b).length - led.filter((id) => id === a).length)[0] ?? 1;

  await expect.poll(async () => (await shown('killed', (victim % 3) + 1)).length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
  await brokers.kill(victim);
  const other = (victim % 3) + 1;
  await expect.poll(async () => (await shown('killed', other)).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(count);
  await brokers.restart(victim);
  await expect.poll(async () => (await waiting('killed')).length, { timeout: 60_000 }).toBe(0);

  const all = await shown('killed', other);
  expect(all.map(({ value }) => value).toSorted()).toEqual(Array.from({ length: count }, (_, index) => `v${index}`).toSorted());
  for (const { value, logTime } of all) expect(logTime).toBeGreaterThanOrEqual(dueMs + (Number(value.slice(1)) % 60) * 10);
});
