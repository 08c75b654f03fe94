import { describe, expect, test } from 'vitest';
import { runAlike, runClients } from '../../../src/lab/pubsub/clients.ts';
import { discuss } from '../../../src/lab/pubsub/discussion.ts';
import { winners } from '../../../src/lab/pubsub/failures.ts';
import { RequestFailed } from '../../../src/lab/pubsub/http.ts';
import { judgeAtOnce } from '../../../src/lab/pubsub/peers-at-once.ts';
import { contractHomes } from '../../../src/lab/placement/index.ts';
import { neighboursOf } from '../../../src/lab/pubsub/replicas.ts';
import { Written } from '../../../src/lab/pubsub/staleness.ts';
import { brokersOf, labelOfBroker, topicHomedAt } from '../../../src/lab/pubsub/topics.ts';
import type { Summary } from '../../../src/lab/report/index.ts';

describe('where topics of the lab are', () => {
  test('is where contract 3 has its examples, home first', () => {
    for (const [topic, home] of Object.entries(contractHomes))
      expect(brokersOf(topic, 8, 4).map(labelOfBroker)).toEqual([home, ...neighboursOf(home)]);
  });

  test('is at the broker that one is looked for', () => {
    for (const broker of [1, 5, 8]) expect(brokersOf(topicHomedAt(broker, 'x', 8), 8, 1)).toEqual([broker]);
  });
});

describe('clients in a closed loop', () => {
  test('send so many requests together, and what failed is counted by its code', async () => {
    let sent = 0;
    const measured = await runAlike({ clients: 3, requestsMax: 10, msMax: 60_000 }, () => {
      const number = sent++;
      return () => (number % 5 === 0 ? Promise.reject(new RequestFailed('noLeader', 503, 'nobody')) : Promise.resolve());
    });

    expect(measured.answered).toBe(8);
    expect([...measured.failed]).toEqual([['noLeader', 2]]);
  });

  test('end one by one where they have nothing left to ask, each kind with figures of its own', async () => {
    const left = [1, 3];
    const measured = await runClients({ clients: 2, requestsMax: 100, msMax: 60_000 }, (client) =>
      (left[client] as number) === 0
        ? null
        : { kind: client === 0 ? 'a' : 'b', send: async () => void (left[client] = (left[client] as number) - 1) },
    );

    expect([...measured].map(([kind, { answered }]) => [kind, answered])).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
  });

  test('do not take a mistake for a request that failed', async () => {
    const broken = (): Promise<never> => Promise.reject(new TypeError('x is not a function'));
    await expect(runAlike({ clients: 1, requestsMax: 1, msMax: 1000 }, () => broken)).rejects.toThrow(TypeError);
  });
});

describe('the checks of eight peers at once', () => {
  const record = (offset: number, value = `v${offset}`) => ({ topic: 't', offset, value });
  const failed = (received: ReturnType<typeof record>[], sent = [record(0), record(1)]): readonly string[] =>
    judgeAtOnce({ sent, received: [received], expected: 2, tookMs: 1, undeleted: 0 })
      .checks.filter(({ ok }) => !ok)
      .map(({ name, got }) => `${name}: ${got}`);

  test('hold where each record came once and in order', () => {
    expect(failed([record(0), record(1)])).toEqual([]);
  });

  test.each([
    ['lost', [record(0)], '1. acknowledged and not pulled by one of the eight subscribers: 1'],
    ['given twice', [record(0), record(0), record(1)], '1. pulled twice: 1'],
    ['made up', [record(0), record(1), record(2)], '1. pulled and never published: 1'],
    ['out of order', [record(1), record(0)], '1. pulled out of the order of their topic: 1'],
  ])('fail where a record is %s', (_, received, said) => {
    expect(failed(received)).toContain(said);
  });

  test('fail where fewer were acknowledged than were to be published', () => {
    expect(failed([record(0)], [record(0)])).toEqual(['1. records published by eight publishers at once and acknowledged: 1']);
  });
});

describe('how stale an answer is', () => {
  const written = new Written('t');
  for (const [offset, ms] of [
    [0, 100],
    [1, 200],
    [3, 300],
  ] as const)
    written.acknowledged(offset, ms);

  test('is told by what was acknowledged before the question and is not below its high watermark', () => {
    expect(written.end).toBe(4);
    expect(written.missing(4, written.end)).toEqual({ records: 0, sinceMs: null });
    // Offset 2 is no record.
    expect(written.missing(1, written.end)).toEqual({ records: 2, sinceMs: 200 });
  });

  test('makes an answer untrue that says to be newer than it is', () => {
    expect(written.isBeyond(3, 300)).toBe(false);
    expect(written.isBeyond(3, 301)).toBe(true);
    expect(written.isBeyond(4, 1000)).toBe(false);
  });
});

test('who wins is told for each scenario, and a difference of a twentieth is none', () => {
  const row = (system: string, rate: number, failures: number, gap: number) => ({
    scenario: 'healthy',
    system,
    'requests/s': rate,
    failed: failures,
    'longest gap of a topic ms': gap,
  });

  expect(winners([row('four replicas', 50, 0, 100), row('unreplicated', 100, 3, 104)])).toMatchObject([
    {
      scenario: 'healthy',
      throughput: 'unreplicated',
      'replicated / unreplicated': 0.5,
      'failed requests': 'four replicas',
      'longest gap of a topic': 'neither',
    },
  ]);
});

describe('the discussion', () => {
  test('is silent about what was not measured', () => {
    expect(discuss(null)).toEqual([]);
  });

  test('quotes the figures of the summary', () => {
    const api = { part: '6. each API, the eight brokers together', 'least of a broker': 1, 'most of a broker': 2 };
    const results = ['create_topic', 'publish', 'pull'].flatMap((name, index) => [
      { ...api, clients: 1, api: name, 'p50 ms': 1.23, 'p99 ms': 4, 'requests/s at a broker': 100 * (index + 1) },
      { ...api, clients: 64, api: name, 'p50 ms': 20, 'p99 ms': 55.5, 'requests/s at a broker': 1000 * (index + 1) },
    ]);
    const said = JSON.stringify(discuss({ results } as unknown as Summary));

    expect(said).toContain('a publish is answered after 1.23 ms (p50)');
    expect(said).toContain('The slowest is create_topic, with 100 requests/s.');
    expect(said).toContain('grows 10 times for publish');
    expect(said).not.toMatch(/undefined|NaN/);
  });
});
