/** The routes of /v1 over the in-memory twin: appending and reading in every form, following, errors. */
import { LogError } from '../../src/eventlog/index.ts';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { batchOfValues } from '../conformance/event-log.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { requestText } from '../support/raw-http.ts';

let gateway: TestGateway;
let topicCount = 0;

beforeAll(async () => {
  gateway = await startTestGateway({ settings: { bodyBytesMax: 100_000, followersMax: 5, heartbeatMs: 30, slowReaderTimeoutMs: 200 } });
});
afterAll(() => gateway.close());

interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly definite: boolean;
    readonly retriable: boolean;
    readonly endOffset?: number;
  };
}
interface RecordsBody {
  readonly offsetNext: number;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

async function newTopic(): Promise<string> {
  const name = `topic-${++topicCount}`;
  const answer = await call('POST', '/v1/topics', { json: { name } });
  expect(answer.status).toBe(201);
  return name;
}

interface CallOptions {
  readonly json?: unknown;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

function call(method: string, path: string, { json, type, body, headers }: CallOptions = {}): Promise<Response> {
  const contentType = json === undefined ? type : 'application/json';
  return fetch(`${gateway.url}${path}`, {
    method,
    headers: { ...(contentType === undefined ? {} : { 'content-type': contentType }), ...headers },
    body: (json === undefined ? body : JSON.stringify(json)) as string,
  });
}

const append = (topic: string, type: string, body: string | Uint8Array, query = ''): Promise<Response> =>
  call('POST', `/v1/topics/${topic}/records${query}`, { type, body });

async function errorOf(answer: Response): Promise<ErrorBody['error'] & { readonly status: number }> {
  const { error } = (await answer.json()) as ErrorBody;
  return { ...error, status: answer.status };
}

async function recordsOf(topic: string, query = ''): Promise<RecordsBody> {
  const answer = await call('GET', `/v1/topics/${topic}/records${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as RecordsBody;
}

async function values(topic: string, query = ''): Promise<unknown[]> {
  return (await recordsOf(topic, query)).records.map((record) => record['value'] ?? record['valueBase64']);
}

describe('appending', () => {
  test.each([
    ['one record', { value: 'a' }, ['a']],
    ['a list', [{ value: 'a' }, { value: 'b' }], ['a', 'b']],
    ['records', { records: [{ value: 'a' }, { value: 'b' }] }, ['a', 'b']],
    ['base64', { valueBase64: '/w==' }, ['/w==']],
    ['no value at all', { key: 'k', value: null }, [undefined]],
  ])('JSON with %s', async (_title, json, expected) => {
    const topic = await newTopic();

    const answer = await call('POST', `/v1/topics/${topic}/records`, { json });

    expect(await answer.json()).toMatchObject({ topic, offset: 0, count: expected.length, level: 'quorum', committed: true });
    expect(await values(topic)).toEqual(expected.map((value) => value ?? null).map((value) => value ?? undefined));
  });

  test('JSON keeps key, headers and time', async () => {
    const topic = await newTopic();
    const record = { key: 'k', value: 'v', headers: { a: 'ä', none: null, bytes: { base64: '/w==' } }, timestamp: 1_700_000_000_123 };

    await call('POST', `/v1/topics/${topic}/records`, { json: record });

    expect((await recordsOf(topic)).records).toEqual([{ offset: 0, ...record }]);
  });

  test('what was read can be appended again as it is', async () => {
    const topic = await newTopic();
    const copy = await newTopic();
    await call('POST', `/v1/topics/${topic}/records`, { json: [{ key: 'k', value: 'v', headers: { h: 'x' } }, { valueBase64: '/w==' }] });

    const ndjson = await (await call('GET', `/v1/topics/${topic}/records?format=ndjson`)).text();
    const json = await (await call('GET', `/v1/topics/${topic}/records`)).json();
    await append(copy, 'application/x-ndjson', ndjson);
    await call('POST', `/v1/topics/${copy}/records`, { json: { records: (json as RecordsBody).records } });

    const withoutOffset = (records: RecordsBody['records']): unknown[] => records.map((record) => ({ ...record, offset: 0 }));
    const first = withoutOffset((await recordsOf(topic)).records);
    expect(withoutOffset((await recordsOf(copy)).records)).toEqual([...first, ...first]);
  });

  test('lines of text are records, the last one with or without its line feed', async () => {
    const topic = await newTopic();

    await append(topic, 'text/plain; charset=utf-8', 'one\n\ntwo\r\n');
    await append(topic, 'text/plain', 'three');

    expect(await values(topic)).toEqual(['one', '', 'two\r', 'three']);
  });

  test('an octet stream is one record', async () => {
    const topic = await newTopic();

    await append(topic, 'application/octet-stream', 'a\nb');

    expect(await values(topic)).toEqual(['a\nb']);
  });

  test('record batches go in and come out as they are', async () => {
    const topic = await newTopic();
    const batch = batchOfValues('a', 'b');

    await append(topic, 'application/vnd.cairn.batches', batch);
    const answer = await call('GET', `/v1/topics/${topic}/records?format=batches`);

    const bytes = new Uint8Array(await answer.arrayBuffer());
    // Base offset and term are the log's; everything from the magic byte on is the producer's.
    expect(bytes.subarray(16)).toEqual(batch.subarray(16));
    expect(answer.headers.get('cairn-offset-next')).toBe('2');
  });

  test('with a request id twice answers with the first offset', async () => {
    const topic = await newTopic();
    const headers = { 'cairn-request-id': 'größe', 'cairn-sequence': '0' };
    const latin1 = { ...headers, 'cairn-request-id': Buffer.from('größe').toString('latin1') };

    const send = (): Promise<Response> => call('POST', `/v1/topics/${topic}/records`, { type: 'text/plain', body: 'a', headers: latin1 });
    await send();
    const second = await send();

    expect(await second.json()).toMatchObject({ offset: 0, duplicate: true });
    const answer = await call('GET', `/v1/topics/${topic}/sequence?requestId=${encodeURIComponent('größe')}`);
    expect(await answer.json()).toEqual({ topic, requestId: 'größe', nextSequence: 1 });
  });

  test('with a request id passes on how old its first attempt is, and refuses what is no age', async () => {
    const topic = await newTopic();
    const appends = vi.spyOn(gateway.twin, 'append');
    const send = (age: string): Promise<Response> =>
      call('POST', `/v1/topics/${topic}/records`, {
        type: 'text/plain',
        body: 'a',
        headers: { 'cairn-request-id': 'r', 'cairn-first-attempt-ms': age },
      });

    expect((await send('7000')).status).toBe(200);
    expect(appends.mock.calls.map(([request]) => request.firstAttemptMs)).toEqual([7000]);
    appends.mockRestore();
    for (const age of ['-1', '1.5', 'long', '2147483648']) expect((await send(age)).status, age).toBe(400);
  });

  test('with a request id says with each refusal what is known of all attempts at it', async () => {
    const topic = await newTopic();
    const send = async (headers: Record<string, string>, query = ''): Promise<unknown> => {
      const answer = await call('POST', `/v1/topics/${topic}/records${query}`, { type: 'text/plain', body: 'a', headers });
      return ((await answer.json()) as { error?: unknown }).error;
    };
    const id = { 'cairn-request-id': 'r' };
    await send(id);

    expect(await send({ ...id, 'cairn-sequence': '5' })).toMatchObject({ code: 'sequenceGap', definite: true, requestOutcome: 'unknown' });
    expect(await send({ 'cairn-request-id': 's' }, '?expectedOffset=7')).toMatchObject({
      code: 'offsetMismatch',
      requestOutcome: 'unknown',
    });
    expect(await send({}, '?expectedOffset=7')).not.toHaveProperty('requestOutcome');
    await new Promise<void>((resolve) => gateway.twin.revoke({ topic }, 'r', () => resolve()));
    expect(await send(id)).toMatchObject({ code: 'revoked', requestOutcome: 'revoked' });
  });

  test('with a request id that is not UTF-8, or too long, is refused', async () => {
    const topic = await newTopic();
    const send = (requestId: string): Promise<Response> =>
      call('POST', `/v1/topics/${topic}/records`, { type: 'text/plain', body: 'a', headers: { 'cairn-request-id': requestId } });
    const look = (requestId: string): Promise<Response> =>
      call('GET', `/v1/topics/${topic}/sequence?requestId=${encodeURIComponent(requestId)}`);

    for (const refused of [send('\xff'), send('x'.repeat(256)), look('ö'.repeat(128)), look('x'.repeat(256))]) {
      expect(await errorOf(await refused)).toMatchObject({ status: 400, code: 'invalidRequest' });
    }
    expect((await send('x'.repeat(255))).status).toBe(200);
    expect((await look('ö'.repeat(127))).status).toBe(200);
  });

  test('with an expected offset that is not the end is refused, with the end', async () => {
    const topic = await newTopic();

    const error = await errorOf(await append(topic, 'text/plain', 'a', '?expectedOffset=7'));

    expect(error).toMatchObject({ status: 409, code: 'offsetMismatch', definite: true, endOffset: 0 });
  });

  test.each([
    ['no type', undefined, Buffer.from('a'), 415, 'unsupportedMediaType', 'Content-Type is'],
    ['a form', 'application/x-www-form-urlencoded', 'a=b', 415, 'unsupportedMediaType', 'application/x-www-form-urlencoded'],
    ['an empty text', 'text/plain', '', 400, 'invalidRequest', 'the body is empty'],
    ['no JSON', 'application/json', '\x00\x01garbage', 400, 'invalidRequest', 'the body is not JSON'],
    ['JSON that is no record', 'application/json', '7', 400, 'invalidRequest', 'the record is not an object'],
    ['deep JSON', 'application/json', '['.repeat(90_000), 400, 'invalidRequest', 'more than 64 deep in one another'],
    ['bytes that are not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22]), 400, 'invalidRequest', 'the body is not UTF-8'],
    ['a number as value', 'application/json', '{"value":7}', 400, 'invalidRequest', 'value of the record is not a string'],
    ['no value', 'application/json', '{}', 400, 'invalidRequest', 'the record has no value'],
    [
      'an unknown field',
      'application/json',
      '[{"value":"a"},{"vlaue":"b"}]',
      400,
      'invalidRequest',
      'record 1 has the unknown field "vlaue"',
    ],
    ['a field of the language', 'application/json', '{"__proto__":{},"value":"a"}', 400, 'invalidRequest', '__proto__'],
    ['half a character', 'application/json', '{"value":"\\ud800"}', 400, 'invalidRequest', 'value of the record has half a character'],
    [
      'half a character in a header',
      'application/json',
      '{"value":"a","headers":{"h":"\\udfff"}}',
      400,
      'invalidRequest',
      'half a character',
    ],
    ['two values', 'application/json', '{"value":"a","valueBase64":"YQ=="}', 400, 'invalidRequest', 'both value and valueBase64'],
    ['bad base64', 'application/json', '{"valueBase64":"%%%"}', 400, 'invalidRequest', 'is not base64'],
    ["a header of Cairn's", 'application/json', '{"value":"a","headers":{"cairn.x":"y"}}', 400, 'invalidRequest', "Cairn's own"],
    ['a bad time', 'application/json', '{"value":"a","timestamp":-5}', 400, 'invalidRequest', 'timestamp of the record'],
    ['a bad line', 'application/x-ndjson', '{"value":"a"}\n{', 400, 'invalidRequest', 'line 2 is not JSON'],
    ['a broken batch', 'application/vnd.cairn.batches', 'garbage', 400, 'corruptBatch', 'a header alone has 61'],
    [
      'two batches',
      'application/vnd.cairn.batches',
      Buffer.concat([batchOfValues('a'), batchOfValues('b')]),
      400,
      'corruptBatch',
      'it says',
    ],
    ['too large a body', 'text/plain', 'x'.repeat(100_001), 413, 'recordTooLarge', '100000 bytes'],
  ])('of %s is refused in one sentence', async (_title, type, body, status, code, part) => {
    const topic = await newTopic();

    const answer = await call('POST', `/v1/topics/${topic}/records`, { body, ...(type === undefined ? {} : { type }) });

    const error = await errorOf(answer);
    expect(error).toMatchObject({ status, code, definite: true });
    expect(error.message).toContain(part);
    expect(error.message).not.toMatch(/\.$/);
    expect(await values(topic)).toEqual([]);
  });

  test('of a body in an encoding that is not taken is refused', async () => {
    const answer = await call('POST', '/v1/topics/log/records', { type: 'text/plain', body: 'a', headers: { 'content-encoding': 'br' } });

    expect(await errorOf(answer)).toMatchObject({ status: 415, code: 'unsupportedMediaType' });
  });

  test('of a batch whose checksum is wrong is refused', async () => {
    const topic = await newTopic();
    const batch = batchOfValues('abc');
    batch[batch.length - 2] = 0x58;

    expect(await errorOf(await append(topic, 'application/vnd.cairn.batches', batch))).toMatchObject({ status: 400, code: 'corruptBatch' });
  });

  test('of a body of 100 MB is answered, however it is sent', async () => {
    const topic = await newTopic();
    const body = new Uint8Array(100_000_000);

    const known = await append(topic, 'text/plain', body);
    const chunked = await fetch(`${gateway.url}/v1/topics/${topic}/records`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit);

    expect(await errorOf(known)).toMatchObject({ status: 413, code: 'recordTooLarge' });
    expect(await errorOf(chunked)).toMatchObject({ status: 413, code: 'recordTooLarge' });
  });

  test.each([
    ['level=most', 'the parameter "level" is "most", it must be one of leader, quorum, all'],
    ['expectedOffset=-1', 'the parameter "expectedOffset" is "-1", it must be an offset: an integer of at least 0'],
    ['expectedOffset=true', 'the parameter "expectedOffset" is "true", it must be an offset'],
    ['expectedOffset=0.5', 'the parameter "expectedOffset" is "0.5", it must be an offset'],
    ['expectedOffset=', 'the parameter "expectedOffset" is "", it must be an offset'],
    ['expectedOffset=0x0', 'the parameter "expectedOffset" is "0x0", it must be an offset'],
    ['timeoutMs=1e3', 'the parameter "timeoutMs" is "1e3", it must be milliseconds'],
    [
      'expectedOffset=9007199254740991',
      'the parameter "expectedOffset" is "9007199254740991", it must be an offset: an integer of at least 0 and at most 4503599627370496',
    ],
    ['timeoutMs=0', 'the parameter "timeoutMs" is "0", it must be milliseconds: an integer from 1 to 60000'],
    ['levle=all', 'there is no parameter "levle"'],
  ])('with ?%s is refused', async (query, part) => {
    const error = await errorOf(await append('log', 'text/plain', 'a', `?${query}`));

    expect(error).toMatchObject({
      status: 400,
      code: 'invalidRequest',
      message: expect.stringContaining(`Cannot append to topic "log": ${part}`) as string,
    });
  });
});

describe('reading', () => {
  test('goes on from offsetNext, at most max records at a time', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb\nc\n');

    const first = await recordsOf(topic, '?max=2');
    const second = await recordsOf(topic, `?max=2&from=${first.offsetNext}`);

    expect(first.records.map((record) => record['value'])).toEqual(['a', 'b']);
    expect(second.records.map((record) => record['value'])).toEqual(['c']);
    expect(second.offsetNext).toBe(3);
  });

  test('says when the leader took each record where that is asked for, and only then', async () => {
    const topic = await newTopic();
    await append(topic, 'application/json', '{"value":"a","timestamp":1000}');

    const [timed] = (await recordsOf(topic, '?logTime=true')).records;
    const [plain] = (await recordsOf(topic)).records;
    const lines = await (await call('GET', `/v1/topics/${topic}/records?logTime=true&format=ndjson`)).text();
    const batches = await call('GET', `/v1/topics/${topic}/records?logTime=true&format=batches`);

    expect(timed).toMatchObject({ timestamp: 1000, logTime: expect.any(Number), value: 'a' });
    expect(plain).not.toHaveProperty('logTime');
    expect(JSON.parse(lines)).toEqual(timed);
    expect(batches.headers.get('content-type')).toBe('application/vnd.cairn.timed-batches');
    expect(Number(Buffer.from(await batches.arrayBuffer()).readBigUInt64BE())).toBe(timed?.['logTime']);
    expect((await append(topic, 'application/json', JSON.stringify(timed))).status).toBe(200);
  });

  test('of few records reads little, and gives all of them though they are large', async () => {
    const topic = await newTopic();
    const large = 'x'.repeat(20_000);
    for (let i = 0; i < 5; i++) await append(topic, 'text/plain', `${i}${large}\n`);
    const read = vi.spyOn(gateway.twin, 'read');

    const one = await recordsOf(topic, '?max=1');
    const four = await recordsOf(topic, '?max=4');
    const bounded = await recordsOf(topic, '?max=4&bytesMax=50000');
    const sizes = read.mock.calls.map(([request]) => request.bytesMax);
    read.mockRestore();

    expect([one.records.length, one.offsetNext, four.records.length, four.offsetNext]).toEqual([1, 1, 4, 4]);
    expect([bounded.records.length, bounded.offsetNext]).toEqual([2, 2]);
    expect(sizes[0]).toBe(1024);
    expect(Math.max(...sizes)).toBeLessThan(300_000);
  });

  test('from the end waits for what comes', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'old');

    const waiting = values(topic, '?from=end&waitMs=10000');
    // The read has begun when its connection is there; only then is something appended.
    await expect.poll(() => gateway.front.connectionCount).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await append(topic, 'text/plain', 'new');

    expect(await waiting).toEqual(['new']);
  });

  test('since a time, as ISO 8601 and as milliseconds', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a');
    const later = Date.now() + 60_000;

    expect(await values(topic, '?since=2020-01-01T00:00:00Z')).toEqual(['a']);
    expect(await values(topic, '?since=0')).toEqual(['a']);
    expect(await values(topic, `?since=${later}`)).toEqual([]);
    expect(await values(topic, `?since=${new Date(later).toISOString()}`)).toEqual([]);
  });

  test('as text gives the values, a line each, with the rest in headers', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb');

    const answer = await call('GET', `/v1/topics/${topic}/records`, { headers: { accept: 'text/plain' } });

    expect(await answer.text()).toBe('a\nb\n');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cairn-offset-from': '0',
      'cairn-offset-next': '2',
      'cairn-high-watermark': '2',
      'cairn-log-start-offset': '0',
      'x-content-type-options': 'nosniff',
    });
  });

  test('skips what was revoked, and says so by offsetNext', async () => {
    const topic = await newTopic();
    await call('POST', `/v1/topics/${topic}/records`, { type: 'text/plain', body: 'x', headers: { 'cairn-request-id': 'r' } });
    await new Promise<void>((resolve) => gateway.twin.revoke({ topic }, 'r', () => resolve()));

    const { records, offsetNext } = await recordsOf(topic);

    expect(records).toEqual([]);
    expect(offsetNext).toBe(2);
  });

  test.each([
    ['from=-1', 400, 'invalidRequest', 'the parameter "from" is "-1", it must be an offset (an integer of at least 0) or "end"'],
    ['from=1.5', 400, 'invalidRequest', '"1.5"'],
    ['from=9007199254740993', 400, 'invalidRequest', '"from"'],
    ['from=5', 416, 'offsetOutOfRange', 'from offset 5'],
    ['since=yesterday', 400, 'invalidRequest', 'the parameter "since" is "yesterday"'],
    ['from=0&since=0', 400, 'invalidRequest', 'both "from" and "since"'],
    ['max=0', 400, 'invalidRequest', '"max"'],
    ['level=best', 400, 'invalidRequest', 'one of linearizable, session, local'],
    ['format=xml', 400, 'invalidRequest', 'one of json, ndjson, text, batches, sse'],
    ['follow=true&format=json', 400, 'invalidRequest', 'JSON cannot be followed'],
    ['logTime=true&format=text', 400, 'invalidRequest', 'plain lines say no times'],
    ['logTime=true&format=batches&follow=true', 400, 'invalidRequest', 'ask for ndjson'],
    ['logTime=maybe', 400, 'invalidRequest', 'true or false'],
    ['max=5&format=batches', 400, 'invalidRequest', 'bytesMax'],
  ])('with ?%s is refused in one sentence', async (query, status, code, part) => {
    const topic = await newTopic();

    const error = await errorOf(await call('GET', `/v1/topics/${topic}/records?${query}`));

    expect(error).toMatchObject({ status, code, definite: true });
    expect(error.message).toContain(part);
  });

  test('by a client that takes nothing is cut off', async () => {
    const topic = await newTopic();
    for (let i = 0; i < 200; i++) await append(topic, 'application/octet-stream', 'x'.repeat(90_000));
    const socket = connect(gateway.front.port, '127.0.0.1');
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.write(requestText(gateway.front.port, 'GET', `/v1/topics/${topic}/records?format=batches&bytesMax=20000000`));
    socket.pause();

    // Longer than the 200 ms that a slow reader is given here; that it was cut off shows when it reads on.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    socket.resume();
    await closed;

    expect(received).toBeLessThan(200 * 90_000);
  });

  test.each([
    '/v1/topics/nowhere/records',
    '/v1/topics/nowhere',
    '/v1/topics/nowhere/end',
    `/v1/topics/${'x'.repeat(300)}`,
    '/v1/topics/..%2f..%2fetc/end',
  ])('%s is an unknown topic', async (path) => {
    expect(await errorOf(await call('GET', path))).toMatchObject({ status: 404, code: 'unknownTopic' });
  });
});

/** Reads a stream until its text satisfies the condition, then leaves. */
async function streamUntil(path: string, isEnough: (text: string) => boolean, headers: Record<string, string> = {}): Promise<string> {
  const abort = new AbortController();
  const answer = await fetch(`${gateway.url}${path}`, { headers, signal: abort.signal });
  expect(answer.status).toBe(200);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (isEnough(text)) break;
  }
  abort.abort();
  return text;
}

describe('following', () => {
  test('gives what is there and what comes, a record a line', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a');

    const stream = streamUntil(`/v1/topics/${topic}/records?follow=true`, (text) => text.includes('"b"'));
    await append(topic, 'text/plain', 'b');

    const lines = (await stream).split('\n').filter((line) => line !== '');
    expect(lines.map((line) => (JSON.parse(line) as { value: string }).value)).toEqual(['a', 'b']);
  });

  test('as an event stream carries offsets, heartbeats, and goes on after Last-Event-ID', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb\nc');

    const text = await streamUntil(`/v1/topics/${topic}/records`, (seen) => seen.includes('\n:\n'), {
      accept: 'text/event-stream',
      'last-event-id': '0',
    });

    const events = text.split('\n\n').filter((event) => event.startsWith('id: '));
    expect(events.map((event) => event.split('\n')[0])).toEqual(['id: 1', 'id: 2']);
    expect(JSON.parse(events[0]?.split('\ndata: ')[1] ?? '')).toMatchObject({ offset: 1, value: 'b' });
  });

  test('as an event stream from the end says where it stands before anything comes, for whoever has to come back', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb');

    const path = `/v1/topics/${topic}/records?format=sse`;
    const before = await streamUntil(`${path}&from=end`, (seen) => seen.endsWith('\n\n'));
    const [, id = ''] = /^id: (\d+)$/m.exec(before) ?? [];
    await append(topic, 'text/plain', 'c');

    const again = await streamUntil(`${path}&from=end`, (seen) => seen.includes('data: ') && seen.endsWith('\n\n'), {
      'last-event-id': id,
    });
    expect(again.match(/^data: .*$/gm)?.map((data) => (JSON.parse(data.slice(6)) as { value: string }).value)).toEqual(['c']);
  });

  test('as text and as batches', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb');

    expect(await streamUntil(`/v1/topics/${topic}/records?follow=true&format=text`, (text) => text.endsWith('b\n'))).toBe('a\nb\n');
    const batches = await streamUntil(`/v1/topics/${topic}/records?follow=true&format=batches`, (text) => text.length > 61);
    expect(batches.charCodeAt(16)).toBe(2);
  });

  test('ends after max records', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb\nc');

    const answer = await call('GET', `/v1/topics/${topic}/records?follow=true&max=2&format=text`);

    expect(await answer.text()).toBe('a\nb\n');
  });

  test('tells as its last event why it cannot go on', async () => {
    const topic = await newTopic();
    const stream = call('GET', `/v1/topics/${topic}/records?format=sse`);
    await stream;

    await call('DELETE', `/v1/topics/${topic}`);

    const text = await (await stream).text();
    expect(text).toMatch(/event: error\ndata: \{"error":\{.*"code":"unknownTopic"/);
  });

  test.each(['ndjson', 'sse'])('as %s waits at a broker that is behind, which a browser would not at an error', async (format) => {
    const topic = await newTopic();
    await call('POST', `/v1/topics/${topic}/records`, { type: 'text/plain', body: 'a' });
    const { twin } = gateway;
    const read = twin.read.bind(twin);
    let refusals = 0;
    twin.read = (request, answer) => {
      if (refusals++ === 3) twin.read = read;
      answer({ ok: false, error: new LogError('notCurrent', 'this broker is behind') });
    };

    expect(await streamUntil(`/v1/topics/${topic}/records?follow=true&format=${format}&from=0`, (text) => text.includes('"a"'))).toContain(
      '"a"',
    );
    expect(refusals).toBe(4);
  });

  test('an unknown topic is refused before the stream begins', async () => {
    expect(await errorOf(await call('GET', '/v1/topics/nowhere/records?follow=true'))).toMatchObject({ status: 404 });
  });

  test('by too many at once is refused, and possible again when one has gone', async () => {
    const topic = await newTopic();
    const aborts = [1, 2, 3, 4, 5].map(() => new AbortController());
    const open = (signal?: AbortSignal): Promise<Response> =>
      fetch(`${gateway.url}/v1/topics/${topic}/records?follow=true`, signal === undefined ? {} : { signal });
    await Promise.all(aborts.map((abort) => open(abort.signal)));

    const refused = await open();
    expect(await errorOf(refused)).toMatchObject({ status: 429, code: 'overloaded', retriable: true });
    expect(refused.headers.get('retry-after')).toBe('1');

    for (const abort of aborts) abort.abort();
    await expect.poll(async () => (await open(AbortSignal.timeout(1000))).status).toBe(200);
  });

  test('slowly holds up nobody and is cut off', async () => {
    const topic = await newTopic();
    for (let i = 0; i < 200; i++) await append(topic, 'application/octet-stream', 'x'.repeat(90_000));
    const heapBefore = process.memoryUsage().external;

    const socket = connect(gateway.front.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.write(requestText(gateway.front.port, 'GET', `/v1/topics/${topic}/records?follow=true`));
    socket.pause();

    // It reads nothing, so the end shows only when it reads again; the broker counts followers.
    const followers = async (): Promise<string | undefined> =>
      /^cairn_http_followers (\d+)$/m.exec(await (await call('GET', '/metrics')).text())?.[1];
    await expect.poll(followers, { timeout: 10_000 }).toBe('1');
    await expect.poll(followers, { timeout: 20_000 }).toBe('0');
    expect(process.memoryUsage().external - heapBefore).toBeLessThan(10_000_000);
    socket.resume();
    await closed;
  });
});

describe('topics', () => {
  test('are created once, listed, described, deleted', async () => {
    const name = await newTopic();

    expect(await errorOf(await call('POST', '/v1/topics', { json: { name } }))).toMatchObject({ status: 409, code: 'topicExists' });
    const { topics } = (await (await call('GET', '/v1/topics')).json()) as { topics: { name: string }[] };
    expect(topics.map((topic) => topic.name)).toContain(name);
    expect((await call('DELETE', `/v1/topics/${name}`)).status).toBe(204);
    expect(await errorOf(await call('DELETE', `/v1/topics/${name}`))).toMatchObject({ status: 404, code: 'unknownTopic' });
  });

  test.each([
    [{}, 'the field "name" is missing'],
    [{ name: 7 }, 'the field "name" is wrong, it must be the name of a topic'],
    [{ name: 'a', retention: 7 }, 'there is no field "retention"'],
    [
      [],
      'the body must be {"name": "...", "retentionBytes": null or a number of bytes, "retentionMs": null or milliseconds, "retentionRecords": null or a number, "retentionUntilRead": true or false, "replicas": 1 to 16, "placement": "hypercube", "ring" or "all", "partitions": 1 to 256}; all but the name may be left out',
    ],
  ])('are not made from %j', async (json, reason) => {
    const error = await errorOf(await call('POST', '/v1/topics', { json }));

    expect(error).toMatchObject({ status: 400, code: 'invalidRequest', message: `Cannot create a topic: ${reason}` });
  });

  test('that are built in stay', async () => {
    expect(await errorOf(await call('DELETE', '/v1/topics/log'))).toMatchObject({ status: 403, code: 'topicProtected' });
  });
});

describe('the other routes', () => {
  test('a path that is not there is 404, a method that is not there 405 with those that are', async () => {
    expect(await errorOf(await call('GET', '/v2'))).toMatchObject({ status: 404, code: 'unknownRoute' });
    expect(await errorOf(await call('GET', '/v1/topics/%ff'))).toMatchObject({ status: 400, code: 'invalidRequest' });
    const answer = await call('DELETE', '/v1/topics/log/records');
    expect(answer.headers.get('allow')).toBe('POST, GET, HEAD, OPTIONS');
    expect(await errorOf(answer)).toMatchObject({ status: 405, code: 'methodNotAllowed' });
  });

  test('brokers that do not answer are named as missing', async () => {
    const brokers = await (await call('GET', '/v1/brokers')).json();

    expect(brokers).toMatchObject({ brokers: [{ id: 1, status: { id: 1 } }], missing: [] });
  });

  test('what the brokers did lately is told as far back as is asked, and a broker that does not answer is missing', async () => {
    const answer = await call('GET', '/v1/brokers/history?withinMs=60000');

    expect(await answer.json()).toMatchObject({ everyMs: 5000, spanMs: 900_000, brokers: [{ id: 1, samples: [] }], missing: [] });
    expect(await errorOf(await call('GET', '/v1/brokers/history?withinMs=900001'))).toMatchObject({
      status: 400,
      message: expect.stringContaining('Cannot tell the history: the parameter "withinMs" is "900001"') as string,
    });
  });

  test('faults are switched by JSON too; then only /recover is heard', async () => {
    expect(await (await call('POST', '/v1/faults', { json: { action: 'crash' } })).json()).toEqual({ crashed: true });
    await expect.poll(() => gateway.twin.faults.crashed).toBe(true);
    await expect(call('POST', '/v1/faults', { json: { action: 'recover' } })).rejects.toThrow('fetch failed');

    expect(await (await call('POST', '/recover')).json()).toEqual({ crashed: false });
  });

  test.each([
    [{ action: 'pause', ms: 5 }, 'Cannot pause: it takes no field "ms"'],
    [{ action: 'heal', groups: [[1]] }, 'Cannot heal: it takes no field "groups"'],
    [{ action: 'delay', link: [1, 2] }, 'Cannot delay: the field "ms" is missing'],
    [{ action: 'delay', ms: 1e9 }, 'Cannot switch a fault: the field "ms" is wrong, it must be milliseconds: an integer from 0 to 3000'],
    [{ action: 'delay', ms: 1, link: [1, 2, 3] }, 'Cannot switch a fault: the field "link" is wrong, it must be the two ends of a link'],
    [{ action: 'delay', ms: 1, link: [1, 2] }, 'Cannot delay: there is no broker 2, the cluster has brokers 1'],
    [{ action: 'partition' }, 'Cannot partition: the field "groups" is missing'],
    [{ action: 'partition', groups: [[1], ['2']] }, 'Cannot switch a fault: the field "groups" is wrong, it must be groups of brokers'],
    [{ action: 'partition', groups: Array.from({ length: 65 }, () => []) }, 'Cannot switch a fault: the field "groups" is wrong'],
    [{ action: 'partition', groups: [[1], [2]] }, 'Cannot partition: there is no broker 2, the cluster has brokers 1'],
    [{ action: 'explode' }, 'Cannot switch a fault: the field "action" is wrong, it must be one of crash, recover, pause, '],
    [JSON.parse('{"action":"pause","__proto__":{"ms":1}}') as object, 'there is no field "__proto__"'],
    [null, 'Cannot switch a fault: the body must be {"action": "pause"} or another action'],
  ])('faults in links that cannot be are refused: %j', async (json, message) => {
    const error = await errorOf(await call('POST', '/v1/faults', { json }));

    expect(error).toMatchObject({ status: 400, code: 'invalidRequest', message: expect.stringContaining(message) });
  });

  test('faults in links are told in the answer', async () => {
    expect(await (await call('POST', '/v1/faults', { json: { action: 'delay', ms: 5 } })).json()).toEqual({
      crashed: false,
      linkFaults: null,
    });
  });

  test('metrics count what happened', async () => {
    const topic = await newTopic();
    await append(topic, 'text/plain', 'a\nb');

    const text = await (await call('GET', '/metrics')).text();

    expect(text).toContain(`cairn_partition_end_offset{topic="${topic}"} 2`);
    expect(text).toMatch(/cairn_http_requests_total\{method="POST",route="\/v1\/topics\/:topic\/records",status="200"\} \d+/);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  test('the page cannot be framed, sniffed or made to run a foreign script', async () => {
    const answer = await call('GET', '/');

    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src.*frame-ancestors 'none'/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });
});
