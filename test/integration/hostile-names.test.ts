/** Names of topics that mean harm, over every route and on the command line: one sentence each, and what is allowed is a topic as any other. */
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

/** What no topic can be called. */
const impossible = [
  '.',
  '..',
  '../../etc/passwd',
  'a/../b',
  'a b',
  'a\0b',
  'a\nb\r\nx: y',
  '\u001b[31mred',
  '\u202egnp.exe',
  'ü',
  '%2e%2e',
  '"',
  '<script>',
  'x'.repeat(250),
  'x'.repeat(2000),
  '\u0001'.repeat(2000),
];
/** Names as any other, and names of what every object has. */
const allowed = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '...', '-', 'x'.repeat(249), 'Case', 'case', 'CASE'];

/** With what a report can show of each. */
const shown = (names: readonly string[]): [string, string][] => names.map((name) => [JSON.stringify(name.slice(0, 20)), name]);

let broker: MemoryBroker;
beforeAll(async () => {
  broker = await startMemoryBroker();
});
afterAll(() => broker.close());

interface Told {
  readonly status: number;
  readonly body: string;
}

/** Percent-encoded to the last byte, and not tidied up as a browser's path would be. */
const inPath = (name: string): string => [...Buffer.from(name)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

function ask(method: string, path: string, body: string | null = null): Promise<Told> {
  return new Promise((resolve, reject) => {
    const headers = body === null ? {} : { 'content-type': 'application/json' };
    const request = http.request({ host: '127.0.0.1', port: broker.front.port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    request.on('error', reject).end(body);
  });
}

const errorOf = ({ body }: Told): { code: string; message: string } =>
  (JSON.parse(body) as { error: { code: string; message: string } }).error;

function expectSentence(message: string): void {
  expect(message).toMatch(/^Cannot [a-z]/);
  expect(message.length).toBeLessThan(500);
  // oxlint-disable-next-line no-control-regex -- that is what may not be there
  expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]|    at |[a-z]\.ts:/);
  expect(message).not.toContain('x'.repeat(100));
}

/** Every route with the name of a topic in its path. */
const routes: readonly (readonly [string, (path: string) => string, string | null])[] = [
  ['GET', (path) => path, null],
  ['DELETE', (path) => path, null],
  ['GET', (path) => `${path}/end`, null],
  ['GET', (path) => `${path}/sequence?requestId=r`, null],
  ['GET', (path) => `${path}/records`, null],
  ['GET', (path) => `${path}/records?follow=sse`, null],
  ['POST', (path) => `${path}/records`, '{"value":"x"}'],
  ['POST', (path) => `${path}/records?level=leader`, '{"value":"x"}'],
];

describe('over HTTP', () => {
  test.each(shown(impossible))('%s is no topic, on any route', async (_label, name) => {
    for (const [method, of, body] of routes) {
      const told = await ask(method, of(`/v1/topics/${inPath(name)}`), body);

      const error = errorOf(told);
      expect([told.status, error.code], `${method} ${error.message}`).toEqual([404, 'unknownTopic']);
      expectSentence(error.message);
    }
    const refused = await ask('POST', '/v1/topics', JSON.stringify({ name }));
    expect([refused.status, errorOf(refused).code]).toEqual([400, 'invalidTopicName']);
    expectSentence(errorOf(refused).message);
    const search = await ask('POST', '/v1/grep', JSON.stringify({ source: { kind: 'topic', topic: name }, match: { patterns: ['x'] } }));
    expect(search.status).toBe(400);
    expectSentence(errorOf(search).message);
  });

  test('what comes in other shapes than a name is told so', async () => {
    for (const name of [null, 1, [], {}, ['a'], { toString: 'a' }, true]) {
      expect((await ask('POST', '/v1/topics', JSON.stringify({ name }))).status).toBe(400);
    }
    for (const body of ['{"__proto__":{"name":"a"}}', '{"name":"a","constructor":1}', '{"name":"a","__proto__":1}']) {
      expect((await ask('POST', '/v1/topics', body)).status).toBe(400);
    }
    for (const path of ['/v1/topics/%', '/v1/topics/%ff', '/v1/topics/%c0%ae%c0%ae', '/v1/topics//records', '/v1/topics/']) {
      const told = await ask('GET', path);
      expect(told.status, path).toBeGreaterThanOrEqual(400);
      expect(told.status, path).toBeLessThan(500);
      expectSentence(errorOf(told).message);
    }
  });

  test('names that are allowed are topics of their own, whatever else they mean and however little they differ', async () => {
    for (const name of allowed) {
      expect((await ask('POST', '/v1/topics', JSON.stringify({ name, retentionBytes: 1_000_000 }))).status, name).toBe(201);
      expect((await ask('POST', `/v1/topics/${inPath(name)}/records`, JSON.stringify({ value: `in ${name}` }))).status, name).toBe(200);
    }
    for (const name of allowed) {
      // Again, with other settings: refused, and nothing of it is gone.
      const again = await ask('POST', '/v1/topics', JSON.stringify({ name, retentionBytes: 5 }));
      expect([again.status, errorOf(again).code]).toEqual([409, 'topicExists']);
      expect(JSON.parse((await ask('GET', `/v1/topics/${inPath(name)}`)).body)).toMatchObject({
        name,
        settings: { retentionBytes: 1_000_000 },
      });
      const { records } = JSON.parse((await ask('GET', `/v1/topics/${inPath(name)}/records?from=0`)).body) as {
        records: { value: string }[];
      };
      expect(records.map(({ value }) => value)).toEqual([`in ${name}`]);
    }
    expect((await ask('GET', '/metrics')).body).toContain('cairn_partition_high_watermark{topic="__proto__"} 1');
    expect((await ask('DELETE', '/v1/topics/case')).status).toBe(204);
    expect((await ask('GET', '/v1/topics/Case')).status).toBe(200);
    expect((await ask('GET', '/v1/topics/case')).status).toBe(404);
    expect(({} as Record<string, unknown>)['name']).toBeUndefined();
  });
});

describe('on the command line', () => {
  const cairn = async (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> => {
    const { io, out, err, stdin } = fakeIo();
    stdin.end('x\n');
    const code = await runCli([...args, '--server', broker.url], io);
    return { code, out: out(), err: err() };
  };

  test.each(shown(['', ...impossible]))('%s is refused in one line by every command', async (_label, name) => {
    for (const args of [
      ['topic', 'create', name],
      ['topic', 'describe', name],
      ['topic', 'delete', name],
      ['append', name, 'text'],
      ['read', name],
    ]) {
      const { code, out, err } = await cairn(...args);

      expect(code, `${args.join(' ').slice(0, 80)}: ${err}`).not.toBe(0);
      expect(out).toBe('');
      expect(err.endsWith('\n')).toBe(true);
      expect(err.slice(0, -1)).not.toContain('\n');
      expect(err.length).toBeLessThan(600);
      // oxlint-disable-next-line no-control-regex -- that is what may not be there
      expect(err.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]|a defect of Cairn/);
    }
  });

  test('names that are allowed work', async () => {
    for (const name of ['toString.2', '__proto__.2']) {
      expect(await cairn('topic', 'create', name)).toMatchObject({ code: 0 });
      expect(await cairn('append', name, 'text')).toMatchObject({ code: 0 });
      expect(await cairn('read', name)).toMatchObject({ code: 0, out: expect.stringContaining('text') as string });
      expect(await cairn('topic', 'delete', name)).toMatchObject({ code: 0 });
    }
  });
});
