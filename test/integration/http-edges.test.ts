/**
 * What a request can carry, at the edges of its range: every parameter of every route as the API document names it, JSON bodies, the fields of a
 * record batch. To a leader and to a follower, whose way to the leader has ranges of its own. Each request is answered, no broker ends.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resealBatch } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { type SimulatedGateways, startSimulatedGateways } from '../support/simulated-gateways.ts';
import { batchOf } from '../unit/broker/rig.ts';

interface Schema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
}

interface Parameter {
  readonly in: 'query' | 'header' | 'path';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

type Given = ReadonlyMap<Parameter, string>;

/** Where numbers stop fitting what holds them: bytes, 31 and 32 bits, a time of 48 bits, a number that JSON and JavaScript keep. */
const numberEdges = [2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 47, 2 ** 48, 10 ** 15, 2 ** 52, 2 ** 53];
const numbers = [0, -1, 1, Number.MIN_SAFE_INTEGER, ...numberEdges.flatMap((edge) => [edge - 1, edge, edge + 1])];
const oddNumbers = ['', ' ', '-0', '+1', '1e3', '1e400', '0x10', '1.5', 'NaN', 'Infinity', '9'.repeat(15), '9'.repeat(16), '9'.repeat(400)];
const lengths = [0, 1, 15, 16, 200, 255, 256, 1025];
const oddTexts = [
  '.',
  '..',
  '/',
  '%',
  '\0',
  '\u{10ffff}',
  '__proto__',
  'constructor',
  '2026-11-30',
  '0001-01-01',
  '-271821-04-20',
  '9999-12-31T23:59Z',
];

function edgesOf({ in: place, name, schema }: Parameter): string[] {
  const bounds = [schema.minimum, schema.maximum, schema.minLength, schema.maxLength].filter((bound) => bound !== undefined);
  const own = bounds.flatMap((bound) => [bound - 1, bound, bound + 1]);
  const long = [...lengths, ...own.filter((length) => length >= 0 && length < 5000)];
  const texts = ['a', 'é'].flatMap((letter) => long.map((length) => letter.repeat(length)));
  const all = [...(schema.enum ?? []), 'true', 'end', ...numbers.map(String), ...own.map(String), ...oddNumbers, ...texts, ...oddTexts];
  if (name === 'topic') all.push('log', 'cairn.events', 'orders');
  // What fits no header line is no header.
  return [...new Set(all)].filter((text) => place !== 'header' || (/^[\t\x20-\x7e\x80-\xff]*$/.test(text) && text.trim() === text));
}

let cluster: SimulatedGateways;
let operations: Operation[];
let leader: number;
let follower: number;

beforeAll(async () => {
  cluster = await startSimulatedGateways();
  cluster.rig.createTopic('orders');
  leader = cluster.rig.awaitLeader('log');
  follower = cluster.rig.follower('log');
  cluster.rig.appended(leader, ['one', 'two']);
  operations = await operationsOfApi();
});

afterAll(() => cluster.close());

async function operationsOfApi(): Promise<Operation[]> {
  const document = (await (await fetch(`${urlOf(leader)}/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly Parameter[] }>>>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({ method: method.toUpperCase(), path, parameters })),
  );
}

const urlOf = (broker: number): string => (cluster.gateways.get(broker) as { url: string }).url;

/** What a parameter is when another one is looked at. */
const usual = ({ name }: Parameter): string => (name === 'topic' ? 'log' : 'a');

/** The status of the answer; fails when there is none, or when it is an internal error. */
async function ask(broker: number, { method, path, parameters }: Operation, given: Given, body?: RequestInit): Promise<number> {
  let url = path;
  const query = new URLSearchParams();
  const headers = new Headers(body?.headers);
  for (const parameter of parameters) {
    const text = given.get(parameter) ?? (parameter.required === true ? usual(parameter) : undefined);
    if (text === undefined) continue;
    if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encodeURIComponent(text));
    else if (parameter.in === 'query') query.set(parameter.name, text);
    else headers.set(parameter.name, text);
  }
  // With dots or nothing for a name it is another path, and a PUT elsewhere is closed without a byte (contract 2).
  const { pathname } = new URL(url, urlOf(broker));
  if (method === 'PUT' && !/^\/v1\/subscribers\/[^/]+\/topics\/[^/]+$/.test(pathname)) return 404;
  const what = `${method} ${url}?${query} ${JSON.stringify([...headers])} at broker ${broker}`;
  const response = await fetch(`${urlOf(broker)}${url}?${query}`, { ...body, method, headers }).catch((error: unknown) => {
    throw new Error(`${what} was not answered`, { cause: error });
  });
  // What is followed does not end.
  const isFollowed = response.status === 200 && response.headers.get('content-length') === null;
  const text = isFollowed ? '' : await response.text();
  if (isFollowed) await response.body?.cancel();

  expect(response.status, `${what}: ${text.slice(0, 300)}`).not.toBe(500);
  return response.status;
}

function expectAllUp(): void {
  expect(cluster.rig.violations).toEqual([]);
  for (const { id, broker } of cluster.rig.cluster.members) expect(broker, `broker ${id}`).not.toBeNull();
}

const words = { headers: { 'Content-Type': 'text/plain' }, body: 'a word' };
const bodyFor = ({ method, path }: Operation): RequestInit | undefined => {
  if (method !== 'POST') return undefined;
  return path.endsWith('/records') ? words : { headers: { 'Content-Type': 'application/json' }, body: '{"name":"orders"}' };
};

/** Routes that end or stop the broker are asked elsewhere. */
const isAsked = ({ method, path }: Operation): boolean => path.startsWith('/v1/') && method !== 'DELETE';

describe('a parameter at the edges of its range', () => {
  test('is answered by whoever is asked, and ends nobody', async () => {
    const statuses = new Set<number>();
    let count = 0;
    for (const operation of operations.filter(isAsked)) {
      for (const parameter of operation.parameters) {
        const asked = edgesOf(parameter).flatMap((edge) =>
          [leader, follower].map((broker) => ask(broker, operation, new Map([[parameter, edge]]), bodyFor(operation))),
        );
        for (const status of await Promise.all(asked)) statuses.add(status);
        count += asked.length;
        expectAllUp();
      }
    }

    // Both what is taken and what is refused was looked at.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 409]));
    expect(count).toBeGreaterThan(1000);
  });

  test('is answered beside any other', async () => {
    const asked = fc.constantFrom(...operations.filter(isAsked)).chain((operation) => {
      const given = operation.parameters.map((parameter) => fc.option(fc.constantFrom(...edgesOf(parameter)), { nil: undefined }));
      return fc.tuple(fc.constant(operation), fc.tuple(...given), fc.boolean());
    });

    await fc.assert(
      fc.asyncProperty(asked, async ([operation, texts, isLeader]) => {
        const given = new Map<Parameter, string>();
        operation.parameters.forEach((parameter, index) => {
          const text = texts[index];
          if (text !== undefined) given.set(parameter, text);
        });
        await ask(isLeader ? leader : follower, operation, given, bodyFor(operation));
      }),
      { numRuns: 200 },
    );
    expectAllUp();
  });
});

describe('a number in a body', () => {
  const json = (value: unknown): RequestInit => ({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
  const operation = (method: string, path: string): Operation =>
    operations.find((one) => one.method === method && one.path === path) as Operation;

  test('is answered wherever it stands in JSON', async () => {
    const append = operation('POST', '/v1/topics/{topic}/records');
    const create = operation('POST', '/v1/topics');
    const statuses = new Set<number>();
    for (const broker of [leader, follower]) {
      const asked = numbers.flatMap((number) => [
        ask(
          broker,
          append,
          new Map(),
          json([
            { value: 'a', timestamp: 0 },
            { value: 'b', timestamp: number },
          ]),
        ),
        ask(broker, append, new Map(), json({ value: 'a', timestamp: number, offset: number })),
        ask(broker, create, new Map(), json({ name: 'orders', retentionBytes: number })),
      ]);
      for (const status of await Promise.all(asked)) statuses.add(status);
      expect(await ask(broker, create, new Map(), json({ name: `of-${broker}`, retentionBytes: Number.MAX_SAFE_INTEGER }))).toBe(201);
    }
    expectAllUp();
    expect(statuses).toEqual(new Set([200, 400, 409]));
  });

  test('is answered wherever it stands in a record batch', async () => {
    const append = operation('POST', '/v1/topics/{topic}/records');
    const fields = { 0: 8, 8: 4, 12: 4, 16: 1, 21: 2, 23: 4, 27: 8, 35: 8, 43: 8, 51: 2, 53: 4, 57: 4 };
    const edges = [
      0n,
      1n,
      ...[8n, 15n, 16n, 31n, 32n, 47n, 48n, 53n, 63n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits]),
      2n ** 64n - 1n,
    ];
    const statuses = new Set<number>();
    for (const broker of [leader, follower]) {
      // A timestamp of the batch is bounded by the largest and by those of its records: both are moved.
      for (const [position, length] of [
        ...Object.entries(fields).map(([at, bytes]) => [[Number(at)], bytes] as const),
        [[27, 35], 8] as const,
      ]) {
        const asked: Promise<number>[] = [];
        for (const edge of edges) {
          const batch = batchOf(['one', 'two']);
          for (const at of position) {
            for (let i = 0; i < length; i++) batch[at + i] = Number((edge >> BigInt(8 * (length - 1 - i))) & 0xffn);
          }
          resealBatch(batch, systemBytes);
          const body = { headers: { 'Content-Type': 'application/vnd.cairn.batches' }, body: batch.slice() };
          asked.push(ask(broker, append, new Map(), body), ask(broker, append, new Map(), words));
        }
        // What comes at once is packed into one batch.
        for (const status of await Promise.all(asked)) statuses.add(status);
      }
    }
    expectAllUp();
    expect(statuses).toEqual(new Set([200, 400, 413, 415]));
  });
});

test('the log still takes what is right', async () => {
  for (const broker of cluster.gateways.keys()) {
    const response = await fetch(`${urlOf(broker)}/v1/topics/log/records`, { ...words, method: 'POST' });

    expect(response.status).toBe(200);
  }
});
