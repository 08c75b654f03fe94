/**
 * What a request can carry, at the edges of its range: every parameter of every route as the API document names it, JSON bodies, the fields of a
 * record batch. To a leader and to a follower, whose way to the leader has ranges of its own. Each request is answered, no broker ends.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resealBatch } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { bodyFor, EdgeRequests, edgesOf, isAsked, numbers, type Operation, type Parameter, words } from '../support/http-edges.ts';
import { batchOf } from '../unit/broker/rig.ts';

let requests: EdgeRequests;

beforeAll(async () => {
  requests = await EdgeRequests.start();
});

afterAll(() => requests.close());

describe('a parameter at the edges of its range', () => {
  // Every edge at both is in test/long.
  test('is answered by whoever is asked, and ends nobody', async () => {
    const { statuses, count } = await requests.sweep((index) => [index % 2 === 0 ? requests.leader : requests.follower]);

    // Both what is taken and what is refused was looked at.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 409]));
    expect(count).toBeGreaterThan(1000);
  });

  test('is answered beside any other', async () => {
    const asked = fc.constantFrom(...requests.operations.filter(isAsked)).chain((operation) => {
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
        await requests.ask(isLeader ? requests.leader : requests.follower, operation, given, bodyFor(operation));
      }),
      { numRuns: 200 },
    );
    requests.expectAllUp();
  });
});

describe('a number in a body', () => {
  const json = (value: unknown): RequestInit => ({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
  const operation = (method: string, path: string): Operation =>
    requests.operations.find((one) => one.method === method && one.path === path) as Operation;

  test('is answered wherever it stands in JSON', async () => {
    const append = operation('POST', '/v1/topics/{topic}/records');
    const create = operation('POST', '/v1/topics');
    const statuses = new Set<number>();
    for (const broker of [requests.leader, requests.follower]) {
      const asked = numbers.flatMap((number) => [
        requests.ask(
          broker,
          append,
          new Map(),
          json([
            { value: 'a', timestamp: 0 },
            { value: 'b', timestamp: number },
          ]),
        ),
        requests.ask(broker, append, new Map(), json({ value: 'a', timestamp: number, offset: number })),
        requests.ask(broker, create, new Map(), json({ name: 'orders', retentionBytes: number })),
      ]);
      for (const status of await Promise.all(asked)) statuses.add(status);
      expect(await requests.ask(broker, create, new Map(), json({ name: `of-${broker}`, retentionBytes: Number.MAX_SAFE_INTEGER }))).toBe(
        201,
      );
    }
    requests.expectAllUp();
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
    for (const broker of [requests.leader, requests.follower]) {
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
          asked.push(requests.ask(broker, append, new Map(), body), requests.ask(broker, append, new Map(), words));
        }
        // What comes at once is packed into one batch.
        for (const status of await Promise.all(asked)) statuses.add(status);
      }
    }
    requests.expectAllUp();
    expect(statuses).toEqual(new Set([200, 400, 413, 415]));
  });
});

test('the log still takes what is right', async () => {
  for (const broker of requests.cluster.gateways.keys()) {
    const response = await fetch(`${requests.urlOf(broker)}/v1/topics/log/records`, { ...words, method: 'POST' });

    expect(response.status).toBe(200);
  }
});
