/** Topics that have no replica on the broker that is asked. */
import { describe, expect, test } from 'vitest';
import { sentencesOf } from '../../../src/cli/explain.ts';
import type {
  PartitionPlacement,
  ReadResult,
  ScanResult,
  TopicDescription,
  TopicPage,
  TopicPlacement,
} from '../../../src/eventlog/index.ts';
import { originalNameLengthMax } from '../../../src/eventlog/index.ts';
import { plainOutput } from '../../../src/query/index.ts';
import { Rig } from './rig.ts';

interface Made {
  readonly rig: Rig;
  readonly replicas: readonly number[];
  readonly outsiders: readonly number[];
}

/** Five brokers, and a topic on three of them. */
function made(): Made {
  const rig = new Rig({ brokers: 5 });
  rig.awaitLeader();
  const { partition, settings } = rig.ok<TopicDescription>(1, (service, answer) =>
    service.createTopic('orders', { retentionBytes: null }, answer),
  );
  expect(settings).toMatchObject({ placement: 'hypercube', replicas: 3 });
  const replicas = partition.replicas;
  return { rig, replicas, outsiders: [1, 2, 3, 4, 5].filter((id) => !replicas.includes(id)) };
}

const holds = (rig: Rig, id: number, group: number): boolean => {
  const { disk } = rig.member(id).machine;
  return disk?.filePaths().some((path) => path.startsWith(`groups/${group}/`)) === true;
};

describe('a topic on some of the brokers', () => {
  test('is appended to, read, described and searched for through any of them, and has files on its own alone', () => {
    const { rig, replicas, outsiders } = made();
    const everybody = [...replicas, ...outsiders];
    for (const id of everybody) rig.appended(id, [`from ${id}`], { topic: 'orders' });
    const values = everybody.map((id) => `from ${id}`);

    for (const id of everybody) {
      rig.until(`broker ${id} shows it`, () => rig.values(id, 'orders').length === values.length);
      expect(rig.values(id, 'orders')).toEqual(values);
      const described = rig.ok<TopicDescription>(id, (service, answer) => service.describeTopic('orders', answer));
      expect(described.partition).toMatchObject({ replicas, leader: replicas[0] });
      expect(described.partition.highWatermark).toBeGreaterThanOrEqual(values.length);
      expect(holds(rig, id, described.group)).toBe(replicas.includes(id));
      const end = rig.ok<{ offset: number }>(id, (service, answer) => service.end({ topic: 'orders', freshness: 'linearizable' }, answer));
      expect(end.offset).toBe(described.partition.highWatermark);
    }
    const query = { match: { kind: 'all' as const }, output: plainOutput };
    for (const id of outsiders) {
      expect(
        rig
          .broker(id)
          .peek()
          .partitions.map(({ topic }) => topic),
      ).not.toContain('orders');
      const refusal = rig.error<ScanResult>(id, (service, answer) =>
        service.scan(
          {
            topic: 'orders',
            offsetFrom: null,
            offsetTo: null,
            sinceMs: null,
            untilMs: null,
            query: query as never,
            freshness: 'local',
            sessionOffset: 0,
            timeoutMs: 1000,
          },
          { take: (_chunk, next) => next() },
          answer,
        ),
      );
      expect(refusal.code).toBe('noReplica');
      for (const replica of replicas) expect(refusal.message).toContain(String(replica));
    }
  });

  test('is written and read through an outsider while its home is down, and a retry is known there', () => {
    const { rig, replicas, outsiders } = made();
    const [home = 0] = replicas;
    const [outsider = 0] = outsiders;
    rig.appended(outsider, ['first'], { topic: 'orders', requestId: 'r' });
    rig.kill(home, true);

    const again = rig.appended(outsider, ['first'], { topic: 'orders', requestId: 'r', firstAttemptMs: 10 });
    rig.appended(outsider, ['second'], { topic: 'orders' });

    expect(again.duplicate).toBe(true);
    expect(rig.ok<number>(outsider, (service, answer) => service.nextSequence({ topic: 'orders', requestId: 'r' }, answer))).toBe(1);
    rig.until('both are shown', () => rig.values(outsider, 'orders').length === 2);
  });

  test('waits for a record through an outsider, until it comes, the time is over, or nobody wants it any more', () => {
    const { rig, outsiders } = made();
    const [outsider = 0] = outsiders;
    const wait = {
      topic: 'orders',
      offsetFrom: 1,
      waitMs: 10_000,
      freshness: 'local' as const,
      sinceMs: null,
      sessionOffset: 0,
      bytesMax: 1000,
    };
    rig.appended(outsider, ['zero'], { topic: 'orders' });
    const { offsetNext } = rig.read(outsider, { topic: 'orders' });
    const cancel = { cancelled: false, onCancel: null as (() => void) | null };
    const reads = [wait, { ...wait, waitMs: 3000 }, { ...wait, cancel }].map((request) =>
      rig.begin<{ batches: readonly Uint8Array[] }>(outsider, (service, answer) =>
        service.read({ ...request, offsetFrom: offsetNext }, answer),
      ),
    );
    rig.run(500);
    expect(reads.map(({ outcome }) => outcome)).toEqual([null, null, null]);
    cancel.cancelled = true;
    cancel.onCancel?.();
    rig.run(3500);
    const counts = () => reads.map(({ outcome }) => (outcome?.ok === true ? outcome.value.batches.length : null));
    expect(counts()).toEqual([null, 0, 0]);
    rig.appended(outsider, ['one'], { topic: 'orders' });
    rig.run(500);
    expect(counts()).toEqual([1, 0, 0]);
  });

  test('that is deleted ends what waits for it everywhere, and leaves no files', () => {
    const { rig, replicas, outsiders } = made();
    const [outsider = 0] = outsiders;
    const { group } = rig.ok<TopicDescription>(outsider, (service, answer) => service.describeTopic('orders', answer));
    const waiting = rig.begin(outsider, (service, answer) =>
      service.read(
        { topic: 'orders', offsetFrom: null, sinceMs: 1e15, waitMs: 60_000, freshness: 'local', sessionOffset: 0, bytesMax: 1000 },
        answer,
      ),
    );
    rig.run(200);
    rig.ok<undefined>(outsider, (service, answer) => service.deleteTopic('orders', answer));
    rig.until('it ends', () => waiting.outcome !== null);

    expect(waiting.outcome).toMatchObject({ ok: false, error: { code: 'unknownTopic' } });
    rig.until('the files are gone', () => replicas.every((id) => !holds(rig, id, group)));
  });
});

test('a read through an outsider begins where it was asked to, though what comes first is no record', () => {
  const { rig, replicas, outsiders } = made();
  const [outsider = 0] = outsiders;
  rig.appended(outsider, ['first'], { topic: 'orders' });
  const { offsetNext } = rig.read(outsider, { topic: 'orders' });
  const read = rig.begin<ReadResult>(outsider, (service, answer) =>
    service.read({ ...fromHere, offsetFrom: offsetNext, waitMs: 20_000 }, answer),
  );
  rig.run(200);
  // The next leader's first batch is its own.
  rig.kill(replicas[0] as number, true);
  rig.run(3000);
  rig.appended(outsider, ['second'], { topic: 'orders', timeoutMs: 10_000 });
  rig.until('it is answered', () => read.outcome !== null);

  expect(read.outcome).toMatchObject({ ok: true, value: { offsetFrom: offsetNext } });
  expect(read.outcome?.ok === true ? read.outcome.value.batches.length : 0).toBe(1);
});

const fromHere = { topic: 'orders', sinceMs: null, freshness: 'local', sessionOffset: 0, bytesMax: 10_000 } as const;

test('a broker keeps so many partitions and no more, and one that is deleted makes room', () => {
  const rig = new Rig({ brokers: 5, settings: { replicasPerBrokerMax: 3 } });
  rig.awaitLeader();
  rig.until('its own topic is there', () =>
    rig
      .broker(1)
      .peek()
      .partitions.some(({ topic }) => topic === 'cairn.events'),
  );
  const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
  const outcomes = names.map((name) => rig.call(1, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer)));
  const made = names.filter((_, i) => outcomes[i]?.ok === true);
  const refused = outcomes.flatMap((outcome) => (outcome.ok ? [] : [`${outcome.error.code}: ${outcome.error.message}`]));
  expect(refused.filter((text) => !/^tooManyTopics: .*broker \d would keep it, and keeps 3 partitions already/.test(text))).toEqual([]);
  // Beside `cairn.events` each keeps two, and there are five with three replicas each.
  expect(made.length).toBeGreaterThan(0);
  expect(made.length).toBeLessThanOrEqual(3);
  for (const name of made) rig.ok<undefined>(1, (service, answer) => service.deleteTopic(name, answer));
  rig.createTopic('again');
});

test('why a topic is where it is: home, neighbours, who leads and why it is not the home, and what it survives', () => {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  const made = rig.ok<TopicDescription>(5, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  expect(made.partition.replicas).toEqual([2, 1, 4]);
  const explain = (id: number) => {
    const placement = rig.ok<TopicPlacement>(id, (service, answer) => service.explain('orders', answer));
    return { placement, only: placement.partitions[0] as PartitionPlacement };
  };
  rig.until('its home leads it', () =>
    rig
      .broker(2)
      .peek()
      .partitions.some(({ topic, role }) => topic === 'orders' && role === 'leader'),
  );

  const { placement, only } = explain(7);
  expect(placement).toMatchObject({ placement: 'hypercube', dimensions: 3, asked: 7 });
  expect(placement.hash.endsWith('19')).toBe(true);
  expect(placement.brokers.map(({ id, vertex }) => id - vertex)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect(only).toMatchObject({
    vertex: 1,
    folded: [],
    leader: 2,
    notLedByHome: null,
    lossesSurvived: 1,
    route: [7, 3, 1, 2],
    awayFromHome: false,
  });
  expect(only.replicas.map(({ broker, why, bit }) => [broker, why, bit])).toEqual([
    [2, 'home', null],
    [1, 'neighbour', 0],
    [4, 'neighbour', 1],
  ]);

  rig.kill(2, true);
  for (let tries = 0; tries < 50 && [null, 2].includes(explain(7).only.leader); tries++) rig.run(100);
  const after = explain(7).only;
  expect(after.lossesSurvived).toBe(0);
  expect(after.replicas[0]?.reachable).toBe(false);
  expect(after.notLedByHome).toContain('its home, broker 2, cannot be reached');
  expect(sentencesOf(explain(7).placement, 0)).toContain('It survives the loss of no more of those who keep it.');
  rig.kill(1, true);
  for (let tries = 0; tries < 50 && explain(7).only.lossesSurvived >= 0; tries++) rig.run(100);
  expect(sentencesOf(explain(7).placement, 0)).toContain('It takes no appends now');
});

test('a topic that only stands for another name is placed by that one, which it keeps over a restart', () => {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  const settings = { retentionBytes: null, replicas: 4, originalName: 'news' };
  const made = rig.ok<TopicDescription>(3, (service, answer) => service.createTopic('stands-for-news', settings, answer));
  // SHA-256 of "news" ends with 100: contract 3.
  expect(made.partition.replicas).toEqual([5, 6, 7, 1]);

  for (const { id } of rig.cluster.members) rig.kill(id);
  for (const { id } of rig.cluster.members) rig.start(id);
  rig.awaitLeader();

  const { hash, partitions } = rig.ok<TopicPlacement>(8, (service, answer) => service.explain('stands-for-news', answer));
  expect(Number.parseInt(hash.slice(-1), 16) % 8).toBe(4);
  expect(partitions[0]?.replicas.map(({ why }) => why)).toEqual(['home', 'neighbour', 'neighbour', 'neighbour']);
  const again = rig.ok<TopicDescription>(2, (service, answer) => service.describeTopic('stands-for-news', answer));
  expect(again.settings.originalName).toBe('news');
  const tooLong = { retentionBytes: null, originalName: 'x'.repeat(originalNameLengthMax + 1) };
  expect(rig.error<TopicDescription>(2, (service, answer) => service.createTopic('long', tooLong, answer)).code).toBe('invalidTopicName');
});

test('of eight brokers the five lowest vote in the catalog, the others follow it, and all make and find topics', () => {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  for (let id = 1; id <= 8; id++) {
    rig.createTopic(`by-${id}`, id);
    expect(rig.broker(id).peek().catalog.replicas).toEqual([1, 2, 3, 4, 5]);
  }
  for (const id of [3, 4, 5]) rig.kill(id, true);

  // Three of the five voters are away, which all eight would have survived.
  const refused = rig.call(8, (service, answer) => service.createTopic('late', { retentionBytes: null }, answer));
  expect(refused.ok).toBe(false);
  rig.start(3);
  let outcome = refused;
  for (let tries = 0; tries < 20 && !outcome.ok && outcome.error.code !== 'topicExists'; tries++) {
    rig.run(500);
    outcome = rig.call(8, (service, answer) => service.createTopic('late', { retentionBytes: null }, answer));
  }
  for (const { id } of rig.alive) {
    const all = { prefix: '', after: '', limit: 1000 };
    const names = rig.ok<TopicPage>(id, (service, answer) => service.listTopics(all, answer)).topics.map(({ name }) => name);
    expect(names).toContain('late');
    expect(names).toContain('by-8');
  }
});
