import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { Client, type ClientOptions, clientBytes, parseServer } from '../../../src/client/index.ts';
import { type Sender, type TransportAnswer, TransportError, type TransportRequest } from '../../../src/client/transport.ts';
import { errorCatalogue } from '../../../src/base/errors.ts';
import { freshnessMs } from '../../../src/broker/edge/reads.ts';
import { RecordBatchBuilder } from '../../../src/record/index.ts';

/** What a fake network answers to the n-th request. */
type Script = (server: string, request: TransportRequest, call: number) => TransportAnswer | TransportError;

const json = (value: unknown, status = 200): TransportAnswer => ({ status, headers: {}, body: Buffer.from(JSON.stringify(value)) });
const refusal = (code: ErrorCode, more: Record<string, unknown> = {}): TransportAnswer =>
  json(
    {
      error: {
        code,
        message: `It is ${code}`,
        definite: errorCatalogue[code].definite,
        retriable: errorCatalogue[code].retriable,
        ...more,
      },
    },
    500,
  );
const refused = (): TransportError => new TransportError(false, 'connection refused');
const lost = (): TransportError => new TransportError(true, 'the connection broke before the answer came');
const result = { topic: 'log', partition: 0, offset: 7, count: 1, committed: true };

interface Sent {
  readonly server: string;
  readonly request: TransportRequest;
}

function open(script: Script, options: Partial<ClientOptions> = {}): { readonly client: Client; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const sender: Sender = {
    send: (server, request) => {
      const answer = script(server, request, sent.length);
      sent.push({ server, request });
      return answer instanceof TransportError ? Promise.reject(answer) : Promise.resolve(answer);
    },
    close: () => undefined,
  };
  return { client: new Client({ servers: ['http://a:1', 'http://b:2'], discover: false, ...options }, sender), sent };
}

function append(client: Client, more: Partial<Parameters<Client['append']>[0]> = {}): ReturnType<Client['append']> {
  const builder = new RecordBatchBuilder();
  builder.add(0, null, Buffer.from('x'));
  const usual = { topic: 'log', level: 'quorum', timeoutMs: 60, requestId: null, sequence: 0, expectedOffset: null } as const;
  return client.append({ batch: builder.finish(clientBytes), ...usual, ...more });
}

const serversOf = (sent: readonly Sent[]): string[] => sent.map(({ server }) => server);

describe('an append', () => {
  test('carries its parameters where the route wants them', async () => {
    const { client, sent } = open(() => json(result));

    const answer = await append(client, { topic: 'a/b', requestId: 'id', sequence: 40, expectedOffset: 9, level: 'all', timeoutMs: 5000 });

    expect(answer).toEqual(result);
    expect(sent[0]?.request).toMatchObject({
      method: 'POST',
      // What is left of its time.
      path: expect.stringMatching(/^\/v1\/topics\/a%2Fb\/records\?level=all&expectedOffset=9&timeoutMs=[1-5]\d{3}$/) as string,
      headers: { 'content-type': 'application/vnd.cairn.batches', 'cairn-request-id': 'id', 'cairn-sequence': '40' },
    });
  });

  test('after a lost answer is sent again elsewhere under the same request id, which the client makes up', async () => {
    const { client, sent } = open((_server, _request, call) => (call === 0 ? lost() : json(result)));

    await append(client);

    expect(serversOf(sent)).toEqual(['http://a:1', 'http://b:2']);
    const ids = sent.map(({ request }) => request.headers?.['cairn-request-id']);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  test('says on every retry how old its first attempt is, that of an earlier call included, and nothing at first', async () => {
    const agesOf = (sent: readonly Sent[]): unknown[] => sent.map(({ request }) => request.headers?.['cairn-first-attempt-ms']);
    const fresh = open((_server, _request, call) => (call < 2 ? refusal('noLeader') : json(result)));
    await append(fresh.client, { timeoutMs: 5000 });
    const again = open((_server, _request, call) => (call === 0 ? lost() : json(result)));
    await append(again.client, { requestId: 'id', firstAttemptMs: 70_000 });

    expect(agesOf(fresh.sent)).toEqual([undefined, expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
    expect(agesOf(again.sent)).toEqual(['70000', expect.stringMatching(/^7\d{4}$/)]);
  });

  test('without a request id is not sent again after a lost answer', async () => {
    const { client, sent } = open(() => lost(), { requestIds: false });

    await expect(append(client)).rejects.toMatchObject({ code: 'connectionLost', definite: false });
    expect(sent.length).toBe(1);
    expect(sent[0]?.request.headers).not.toHaveProperty('cairn-request-id');
  });

  test('without a request id is sent again after a definite refusal', async () => {
    const { client, sent } = open((_server, _request, call) => (call === 0 ? refusal('noLeader') : json(result)), { requestIds: false });

    await append(client);

    expect(sent.length).toBe(2);
  });

  test('goes to another broker where one is fenced, and ends once all are', async () => {
    const one = open((server) => (server === 'http://a:1' ? refusal('fenced') : json(result)));
    const all = open(() => refusal('fenced'));

    await append(one.client);
    await expect(append(all.client, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'fenced', definite: true });

    expect(serversOf(one.sent)).toEqual(['http://a:1', 'http://b:2']);
    expect(serversOf(all.sent)).toEqual(['http://a:1', 'http://b:2']);
  });

  test("ends with the broker's own refusal when that is final", async () => {
    const { client, sent } = open(() => refusal('offsetMismatch', { endOffset: 12 }));

    await expect(append(client)).rejects.toMatchObject({
      code: 'offsetMismatch',
      message: 'It is offsetMismatch',
      details: { endOffset: 12 },
    });
    expect(sent.length).toBe(1);
  });

  test('a definite refusal after a lost answer does not make the outcome definite', async () => {
    const { client } = open((_server, _request, call) => (call === 0 ? lost() : refusal('unauthorized')));

    const error = await append(client).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'timeout', definite: false });
    expect(String(error)).toContain('an answer was lost, then: It is unauthorized');
  });

  test.each([
    ['revoked', 'revoked'],
    ['requestIdReused', 'notAppended'],
    ['duplicateSequence', 'appended'],
  ] as const)('after a lost answer %s stays what it is, since the broker speaks of all attempts: %s', async (code, requestOutcome) => {
    const { client } = open((_server, _request, call) => (call === 0 ? lost() : refusal(code, { requestOutcome })));

    await expect(append(client)).rejects.toMatchObject({ code });
  });

  test.each(['sequenceGap', 'unknownProducer', 'offsetMismatch', 'noLeader', 'revoked'] as const)(
    'after a lost answer %s leaves the outcome unknown where the broker says so',
    async (code) => {
      const { client } = open((_server, _request, call) => (call === 0 ? lost() : refusal(code, { requestOutcome: 'unknown' })));

      await expect(append(client)).rejects.toMatchObject({ code: 'timeout', definite: false, cause: { code } });
    },
  );

  test.each([502, 504])('an answer %s of a proxy leaves the outcome unknown', async (status) => {
    const proxy = (): TransportAnswer => ({ status, headers: {}, body: Buffer.from('<html>Bad gateway</html>') });

    await expect(append(open(proxy).client)).rejects.toMatchObject({ code: 'connectionLost', definite: false });
    // Nothing is changed by asking again.
    const { client, sent } = open((...asked) => (asked[2] === 0 ? proxy() : json({ id: 1 })));
    expect(await client.status()).toEqual({ id: 1 });
    expect(sent).toHaveLength(2);
  });

  test('a success that no broker gives leaves the outcome unknown', async () => {
    const { client } = open(() => ({ status: 200, headers: {}, body: Buffer.from('Welcome') }));

    await expect(append(client)).rejects.toMatchObject({ code: 'connectionLost', definite: false });
  });

  test('stops trying when the time is spent, with the last failure', async () => {
    const { client, sent } = open(() => refusal('noLeader'));

    await expect(append(client)).rejects.toMatchObject({ code: 'noLeader', definite: true });
    expect(sent.length).toBeGreaterThan(2);
  });

  test('tells a code that this program does not know by whether it is definite, and whether asking again may help', async () => {
    const answer = (definite: boolean, retriable = false): TransportAnswer =>
      json({ error: { code: 'newInVersion9', message: 'New', definite, retriable } }, 500);

    await expect(append(open(() => answer(true)).client)).rejects.toMatchObject({ definite: true, message: 'New' });
    await expect(append(open(() => answer(false)).client)).rejects.toMatchObject({ definite: false });
    const { client, sent } = open((_server, _request, call) => (call === 0 ? answer(true, true) : json({ offset: 7 })));
    expect(await append(client)).toMatchObject({ offset: 7 });
    expect(sent).toHaveLength(2);
  });
});

describe('a client', () => {
  test('stays with a broker that answers', async () => {
    const { client, sent } = open(() => json({ offset: 0 }));

    for (let i = 0; i < 3; i++) await client.end({ topic: 'log', freshness: 'linearizable' });

    expect(serversOf(sent)).toEqual(['http://a:1', 'http://a:1', 'http://a:1']);
    expect(sent[0]?.request.path).toBe('/v1/topics/log/end?level=linearizable');
  });

  test('gives up at once when every broker refuses the connection and none has ever answered', async () => {
    const { client, sent } = open(() => refused());

    await expect(client.status()).rejects.toMatchObject({
      code: 'unreachable',
      message: 'Cannot ask for the status: http://b:2: connection refused',
    });
    expect(serversOf(sent)).toEqual(['http://a:1', 'http://b:2']);
  });

  test('goes on trying when a broker has answered before', async () => {
    const { client, sent } = open((_server, _request, call) => (call > 0 && call < 6 ? refused() : json({ offset: 0 })));

    await client.end({ topic: 'log', freshness: 'local' });
    await client.end({ topic: 'log', freshness: 'local' });

    expect(sent.length).toBe(7);
  });

  test('learns the other brokers from the first one, once it asks a second time', async () => {
    const brokers = [1, 2, 3].map((id) => ({ id, address: `host${id}:8000`, status: null }));
    const { client } = open((_server, request) => (request.path === '/v1/brokers' ? json({ brokers, missing: [] }) : json({ offset: 0 })), {
      servers: ['http://host1:8000'],
      discover: true,
    });

    await client.end({ topic: 'log', freshness: 'local' });
    expect(client.servers).toEqual(['http://host1:8000']);
    await client.end({ topic: 'log', freshness: 'local' });

    await new Promise((resolve) => setImmediate(resolve));
    expect(client.servers).toEqual(['http://host1:8000', 'http://host2:8000', 'http://host3:8000']);
  });

  test('says so when the answer is not that of a broker', async () => {
    const page: TransportAnswer = { status: 404, headers: {}, body: Buffer.from('<html>') };

    await expect(open(() => page).client.status()).rejects.toMatchObject({
      message: 'Cannot ask for the status: http://a:1 answered HTTP 404 and not as a Cairn broker does',
    });
    await expect(open(() => ({ ...page, status: 200 })).client.status()).rejects.toThrow('answered HTTP 200 and not as');
  });

  test('reads nothing when it was told to stop before', async () => {
    const { client, sent } = open(() => lost(), { signal: AbortSignal.abort() });
    const read = { topic: 'log', offsetFrom: 0, sinceMs: null, bytesMax: 1, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;

    await expect(client.read(read)).rejects.toMatchObject({ code: 'interrupted' });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.request.signal?.aborted).toBe(true);
  });

  test('stops at once when it is told to', async () => {
    const stop = new AbortController();
    const { client } = open(
      () => {
        stop.abort();
        return lost();
      },
      { signal: stop.signal },
    );

    await expect(client.status()).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('takes "exists" after a lost answer for its own doing', async () => {
    const { client } = open((_server, request, call) => {
      if (call === 0) return lost();
      return request.method === 'POST' ? refusal('topicExists') : json({ name: 'x', settings: { retentionBytes: null, replicas: 3 } });
    });

    expect(await client.createTopic('x', { retentionBytes: null })).toMatchObject({ name: 'x' });
    // One with other settings is somebody else's.
    const other = open((_server, request, call) => {
      if (call === 0) return lost();
      return request.method === 'POST' ? refusal('topicExists') : json({ name: 'x', settings: { retentionBytes: 4096, replicas: 3 } });
    });
    await expect(other.client.createTopic('x', { retentionBytes: null })).rejects.toMatchObject({ code: 'topicExists' });
  });

  test.each([
    [60_000, 'somebody else’s', false],
    [1_000, 'its own', true],
  ])('takes a topic that was there %i ms before it was asked for, after a lost answer, for %s', async (beforeMs, _whose, isOwn) => {
    const nowMs = 1_764_547_200_000;
    const { client } = open((_server, { method, path }, call) => {
      if (call === 0) return lost();
      if (method === 'POST') return refusal('topicExists');
      if (path === '/v1/clock') return json({ wallMs: nowMs });
      return json({ name: 'x', createdMs: nowMs - beforeMs, settings: { retentionBytes: null, replicas: 3 } });
    });

    const made = await client.createTopic('x', { retentionBytes: null }).catch((error: unknown) => error);

    expect(made).toMatchObject(isOwn ? { name: 'x' } : { code: 'topicExists', definite: true });
  });

  test('takes "exists" at once for what it is', async () => {
    const { client } = open(() => refusal('topicExists'));

    await expect(client.createTopic('x', { retentionBytes: null })).rejects.toMatchObject({ code: 'topicExists' });
  });

  test('takes "unknown" after a lost answer to a deletion for its own doing', async () => {
    const { client } = open((_server, _request, call) => (call === 0 ? lost() : refusal('unknownTopic')));

    await client.deleteTopic('x');
  });
});

describe('a read', () => {
  const headers = {
    'cairn-offset-from': '3',
    'cairn-offset-next': '4',
    'cairn-high-watermark': '9',
    'cairn-log-start-offset': '0',
    'cairn-as-of-ms': '12.5',
    'cairn-lag': '0',
  };
  const read = { topic: 'log', offsetFrom: 3, sinceMs: null, bytesMax: 100, freshness: 'session', sessionOffset: 3, waitMs: 0 } as const;

  function batch(): Uint8Array {
    const builder = new RecordBatchBuilder();
    builder.add(0, null, Buffer.from('value'));
    return builder.finish(clientBytes);
  }

  test('gives the batches and where it stands', async () => {
    const { client, sent } = open(() => ({ status: 200, headers, body: Buffer.concat([batch(), batch()]) }));

    const answer = await client.read(read);

    expect(answer).toMatchObject({ offsetFrom: 3, offsetNext: 4, highWatermark: 9, logStartOffset: 0, asOfMs: 12.5, lag: 0 });
    expect(answer.batches.length).toBe(2);
    expect(sent[0]?.request.path).toBe('/v1/topics/log/records?from=3&bytesMax=100&level=session&session=3');
  });

  test('refuses a batch of which a bit was turned on the way', async () => {
    const body = Buffer.from(batch());
    body[body.length - 2] = (body[body.length - 2] as number) ^ 1;
    const { client } = open(() => ({ status: 200, headers, body }));

    await expect(client.read(read)).rejects.toMatchObject({ code: 'corruptBatch' });
  });

  test('refuses half a batch', async () => {
    const { client } = open(() => ({ status: 200, headers, body: Buffer.from(batch().subarray(0, 65)) }));

    await expect(client.read(read)).rejects.toMatchObject({ code: 'corruptBatch' });
  });

  test('that is cancelled gives an empty answer', async () => {
    const cancel = { cancelled: true, onCancel: null };

    expect(await open(() => lost()).client.read({ ...read, cancel })).toMatchObject({ batches: [], offsetNext: 3 });
  });

  test('that fails is definite: nothing was changed', async () => {
    const { client } = open(() => lost(), { timeoutMs: 20 });

    await expect(client.read(read)).rejects.toMatchObject({ code: 'unreachable', definite: true });
  });

  test('says what a broker said, though the last one asked had no time to', async () => {
    const { client } = open((_server, _request, call) => (call === 0 ? refusal('notCurrent') : lost()), { timeoutMs: 20 });

    await expect(client.read(read)).rejects.toMatchObject({ code: 'notCurrent' });
  });

  test.each<[string, (client: Client) => Promise<unknown>]>([
    ['a read', (client) => client.read({ ...read, freshness: 'linearizable' })],
    ['a look at the end', (client) => client.end({ topic: 'log', freshness: 'linearizable' })],
    ['the list of topics', (client) => client.listTopics({ prefix: '', after: '', limit: 10 })],
    ['a topic to be made', (client) => client.createTopic('a', { retentionBytes: null })],
    ['a topic to be deleted', (client) => client.deleteTopic('a')],
  ])('gives a broker that looks for a leader the time to say so: %s', async (_what, ask) => {
    const { client, sent } = open(() => json({ offset: 0, topics: [] }));

    await ask(client).catch(() => undefined);

    expect(sent[0]?.request.timeoutMs).toBeGreaterThan(freshnessMs);
  });
});

describe('a server is named', () => {
  test.each([
    ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://localhost:8000/', 'http://localhost:8000'],
    ['https://logs.example', 'https://logs.example'],
    ['[::1]:8000', 'http://[::1]:8000'],
  ])('%s', (text, origin) => {
    expect(parseServer(text)).toBe(origin);
  });

  test.each(['', 'http://', 'ftp://a:1', 'http://a/path', 'http://user:secret@a', 'a:99999', 'a b'])('but not %j', (text) => {
    expect(() => parseServer(text)).toThrow(/^Cannot use /);
  });
});

describe('who appends much', () => {
  const cluster = (leader: () => number | null): Script => {
    return (_server, { path }) => {
      if (path === '/v1/brokers')
        return json({
          brokers: [
            { id: 1, address: 'a:1' },
            { id: 3, address: 'c:3' },
            { id: 2, address: 'b:2' },
          ],
        });
      return json(path.endsWith('/records') || path.includes('/records?') ? result : { partition: { leader: leader() } });
    };
  };

  test('talks to the leader of its topic, and to the next one after a change', async () => {
    let leader: number | null = 3;
    const { client } = open(
      cluster(() => leader),
      { discover: true },
    );

    await client.preferLeaderOf('log');
    expect(client.servers[0]).toBe('http://c:3');
    leader = null;
    await client.preferLeaderOf('log');
    expect(client.servers[0]).toBe('http://c:3');
    leader = 2;
    await client.preferLeaderOf('log');
    expect(client.servers[0]).toBe('http://b:2');
  });

  test('does not come back to a leader that failed it before another one leads', async () => {
    const answers = cluster(() => 3);
    const { client, sent } = open((server, request, call) => (server === 'http://c:3' ? refused() : answers(server, request, call)), {
      discover: true,
    });
    await client.preferLeaderOf('log');

    await append(client);
    await client.preferLeaderOf('log');

    expect(client.servers[0]).not.toBe('http://c:3');
    expect(serversOf(sent).filter((server) => server === 'http://c:3').length).toBeGreaterThan(0);
  });

  test('stays with the brokers it was given when it is told so', async () => {
    const { client } = open(
      cluster(() => 3),
      { discover: false },
    );

    await client.preferLeaderOf('log');

    expect(client.servers).toEqual(['http://a:1', 'http://b:2']);
  });
});

test('a change to a subscriber bears an id of its own, the same where it is tried again', async () => {
  const { client, sent } = open((_server, _request, call) => (call === 0 ? lost() : { status: 204, headers: {}, body: Buffer.alloc(0) }));
  const remove = (requestId?: string) => client.subscriptions.deleteSubscriber('s', requestId);
  await remove();
  await remove();
  await remove('mine');
  const ids = sent.map(({ request }) => request.headers?.['cairn-request-id']);
  expect(sent.map(({ request }) => request.method)).toEqual(['DELETE', 'DELETE', 'DELETE', 'DELETE']);
  expect([ids[1] === ids[0], ids[2] === ids[0], ids[3]]).toEqual([true, false, 'mine']);
  expect(ids[0]?.length).toBeGreaterThan(0);
});
