import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
let url: string;

const json = { 'content-type': 'application/json' };
const ask = async (method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> => {
  const init = body === undefined ? { method } : { method, headers: json, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, init);
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
};
const publish = (...values: string[]): Promise<unknown> =>
  ask(
    'POST',
    '/v1/publishers/till/topics/orders/records',
    values.map((value) => ({ value })),
  );

beforeAll(async () => {
  gateway = await startTestGateway();
  ({ url } = gateway);
  await ask('POST', '/v1/topics', { name: 'orders' });
  await ask('POST', '/v1/publishers', { id: 'till' });
  await ask('POST', '/v1/subscribers', { id: 'billing' });
});
afterAll(() => gateway.close());

describe('publishers and subscribers over HTTP', () => {
  test('as curl asks for them', async () => {
    expect(await ask('POST', '/v1/subscribers', { id: 'billing' })).toMatchObject({ status: 200, body: { created: false } });
    expect(await ask('PUT', '/v1/subscribers/billing/topics/orders?from=beginning')).toMatchObject({
      status: 201,
      body: { created: true },
    });
    expect(await ask('PUT', '/v1/subscribers/billing/topics/orders')).toMatchObject({ status: 200, body: { created: false } });
    expect(await publish('one', 'two')).toMatchObject({ status: 200, body: { count: 2, committed: true } });
    expect(await ask('POST', '/v1/subscribers/billing/pull', { number: 1, max: 1 })).toMatchObject({
      status: 200,
      body: { number: 1, nextNumber: 2, repeated: false, parts: [{ topic: 'orders', records: [{ offset: 0, value: 'one' }] }] },
    });
    expect(await ask('POST', '/v1/subscribers/billing/pull', { number: 2 })).toMatchObject({
      body: { acknowledged: 'quorum', parts: [{ offsetFrom: 1, offsetTo: 2, records: [{ value: 'two' }] }] },
    });
    expect(await ask('POST', '/v1/subscribers/billing/pull', { number: 7 })).toMatchObject({
      status: 409,
      body: { error: { code: 'pullOutOfOrder', nextNumber: 3 } },
    });
    expect(await ask('POST', '/v1/subscribers/billing/seek', { topic: 'orders', from: 'beginning', preview: true })).toMatchObject({
      body: { isDone: false, moves: [{ from: 1, offset: 0, distance: -1 }] },
    });
    expect(await ask('DELETE', '/v1/subscribers/billing/topics/orders')).toMatchObject({ status: 204 });
    expect(await ask('DELETE', '/v1/subscribers/billing/topics/orders')).toMatchObject({ status: 404 });
  });

  test('workers join, pull what they hold, and leave', async () => {
    await ask('POST', '/v1/topics', { name: 'shared', partitions: 2 });
    await ask('POST', '/v1/subscribers', { id: 'team' });
    await ask('PUT', '/v1/subscribers/team/topics/shared');
    const path = '/v1/subscribers/team/workers/a%20b';
    const joined = await ask('POST', `${path}/heartbeat`, { sessionMs: 60_000 });
    expect(joined).toMatchObject({
      status: 200,
      body: { subscriber: 'team', worker: 'a b', sessionMs: 60_000, holds: 2, cursors: [{ partition: 0, isAskedBack: false }, {}] },
    });
    const { epoch } = joined.body as { epoch: number };
    expect(await ask('POST', '/v1/subscribers/team/pull', { worker: 'c', sessionMs: 5000 })).toMatchObject({
      status: 200,
      body: { parts: [], share: { worker: 'c', holds: 0, workers: 2, partitions: 2, sessionMs: 5000 } },
    });
    expect(await ask('POST', `${path}/heartbeat`, { epoch: 0 })).toMatchObject({ status: 404, body: { error: { code: 'unknownWorker' } } });
    expect(await ask('DELETE', path)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('epoch') as string } },
    });
    expect(await ask('DELETE', `${path}?epoch=${epoch}`)).toMatchObject({ status: 204 });
    expect(await ask('GET', '/v1/subscribers/team')).toMatchObject({
      body: {
        workers: [{ worker: 'c', holds: 2, sessionMs: 5000, topics: null }],
        cursors: [{ held: { worker: 'c', askedBack: null } }, {}],
        fencings: [],
      },
    });
    expect(await ask('DELETE', `${path}?epoch=${epoch}`)).toMatchObject({ status: 404 });
    const seen = { level: 'session', session: [{ topic: 'shared', offset: 0 }] };
    expect(await ask('POST', '/v1/subscribers/team/pull', { peek: true, ...seen })).toMatchObject({ status: 200, body: { share: null } });
  });

  test.each([
    ['POST', '/v1/subscribers/billing/pull', { worker: '' }, 400],
    ['POST', '/v1/subscribers/billing/pull', { sessionMs: 1 }, 400],
    ['POST', '/v1/subscribers/billing/pull', { peek: true, number: 1 }, 400],
    ['POST', '/v1/subscribers/billing/workers/a/heartbeat', { unheardOf: 1 }, 400],
    ['POST', '/v1/subscribers/nobody/pull', {}, 404],
    ['POST', '/v1/subscribers/billing/pull', { mode: 'automatic' }, 400],
    ['POST', '/v1/subscribers/billing/pull', { unheardOf: 1 }, 400],
    ['POST', '/v1/subscribers/billing/pull', { level: 'session' }, 400],
    ['POST', '/v1/subscribers/billing/pull', { session: [{ topic: 'orders', offset: 1 }] }, 400],
    ['POST', '/v1/subscribers/billing/ack', { positions: [] }, 400],
    ['POST', '/v1/subscribers/billing/seek', { topic: 'orders' }, 400],
    ['POST', '/v1/subscribers', { id: 'a\nb' }, 400],
    ['PUT', '/v1/subscribers/billing/topics/orders?from=somewhere', undefined, 400],
    ['PUT', '/v1/subscribers/billing/topics/none', undefined, 404],
    ['PATCH', '/v1/subscribers/billing', undefined, 405],
    ['POST', '/v1/publishers/nobody/topics/orders/records', [{ value: 'x' }], 404],
  ])('%s %s with %j is refused with a sentence', async (method, path, body, status) => {
    const answer = await ask(method, path, body);

    expect(answer).toMatchObject({ status, body: { error: { message: expect.stringMatching(/^Cannot .*[^.]$/) as string } } });
  });

  test('are refused where a foreign page asks, and the answer says so', async () => {
    const answer = await fetch(`${url}/v1/subscribers/billing/topics/orders`, {
      method: 'PUT',
      headers: { origin: 'https://evil.example' },
    });

    expect(answer.status).toBe(403);
  });
});

describe('a push', () => {
  /** Reads events until one holds this text. */
  async function eventsUntil(answer: Response, text: string): Promise<string> {
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let all = '';
    while (!all.includes(text)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`the stream ended after ${all}`);
      all += new TextDecoder().decode(value);
    }
    await reader.cancel();
    return all;
  }
  const push = (headers: Record<string, string> = {}): Promise<Response> => fetch(`${url}/v1/subscribers/billing/push`, { headers });
  const offset = async (): Promise<unknown> =>
    ((await ask('GET', '/v1/subscribers/billing')).body as { readonly cursors: readonly { readonly offset: number }[] }).cursors[0]?.offset;

  test('gives what is new and what comes, and acknowledges what the client says that it has had', async () => {
    await ask('PUT', '/v1/subscribers/billing/topics/orders?from=end');
    const begun = (await offset()) as number;
    await publish('three');
    const answer = await push();
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const reading = eventsUntil(answer, 'four');
    await publish('four');
    const events = await reading;
    expect(events.match(/three/g)).toHaveLength(1);
    expect(await offset()).toBe(begun);

    const [, id = ''] = /^id: (.*)$/m.exec(events.slice(0, events.indexOf('three'))) ?? [];
    const again = await eventsUntil(await push({ 'last-event-id': id }), 'four');
    expect(again).not.toContain('three');
    expect(await offset()).toBe(begun + 1);
  });

  test('is refused before it begins', async () => {
    expect((await fetch(`${url}/v1/subscribers/nobody/push`)).status).toBe(404);
    expect((await push({ 'last-event-id': 'no id of ours' })).status).toBe(400);
  });
});
