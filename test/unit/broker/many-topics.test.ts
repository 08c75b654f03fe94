/** A status, a list and a scrape stay small, and right, however many topics there are. */
import { describe, expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import { type CatalogCommand, CatalogState } from '../../../src/broker/catalog/catalog-state.ts';
import { topicPage } from '../../../src/broker/catalog/topic-page.ts';
import { absentStatus } from '../../../src/broker/replica/status.ts';
import { TopicReport, type TopicReportOptions } from '../../../src/broker/topic-report.ts';
import { decodeTopicQuery, encodeTopicQuery } from '../../../src/broker/topic-query.ts';
import type { TopicPage } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { Rig } from './rig.ts';

const ignore = { created: () => undefined, altered: () => undefined, deleted: () => undefined, trimmed: () => undefined };
const create = (name: string, builtIn = false): CatalogCommand => ({
  type: 'createTopic',
  name,
  retentionBytes: null,
  builtIn,
  topicsMax: 100_000,
  placed: null,
  originalName: null,
});
const all = { prefix: '', after: '', limit: 1000 };

/** What a report looks at of a replica. */
interface State {
  readonly leader?: number | null;
  readonly behind?: number;
  readonly sizeBytes?: number;
  readonly unreadable?: number;
  readonly fenced?: boolean;
}

/** Topics t-0000 and on, of which some are other than leading here with everything acknowledged. */
function reportOf(count: number, others: Readonly<Record<string, State>>) {
  const state = new CatalogState(count);
  state.apply(create('cairn.events', true), 1, 1000, ignore);
  for (let i = 0; i < count - 2; i++) state.apply(create(`t-${String(i).padStart(4, '0')}`), i + 2, 1000, ignore);
  let looks = 0;
  let nowMs = 0;
  const stateOf = (group: number): State => others[state.placeOf(group)?.topic.name ?? 'log'] ?? {};
  const groups = {
    replica: (group: number) => {
      looks++;
      const { leader = 1, behind = 0, sizeBytes = 10, unreadable = 0, fenced = false } = stateOf(group);
      if (fenced) return undefined;
      const peers = [2, 3].map((peer) => ({ peer, matchOffset: 100 - (peer === 2 ? behind : 0) }));
      return {
        raft: { leader, role: leader === 1 ? 'leader' : 'follower', endOffset: 100, peers },
        log: { sizeBytes, unreadableRanges: unreadable },
      };
    },
    fenced: (group: number) => (stateOf(group).fenced === true ? 'damaged' : null),
    status: (group: number) => absentStatus(groupId(group), [1], null),
  } as unknown as TopicReportOptions['groups'];
  const away = new Set<string>();
  const topics = {
    catalog: { state },
    isHere: ({ group }: { readonly group: number }) => !away.has(state.placeOf(group)?.topic.name ?? ''),
    statusOf: ({ group }: { readonly group: number }) => groups.status(groupId(group)),
  };
  const report = new TopicReport({ groups, topics: () => topics, nowMs: () => nowMs });
  return { report, state, away, looks: () => looks, pass: (ms: number) => (nowMs += ms) };
}

const named = (partitions: readonly { readonly topic: string }[]): string[] => partitions.map(({ topic }) => topic);

describe('what a status says of its topics', () => {
  test('is all of them up to 200, `log` first', () => {
    const { report } = reportOf(200, {});

    const { topics, partitions } = report.of(null);

    expect(partitions).toHaveLength(200);
    expect(named(partitions).slice(0, 3)).toEqual(['log', 'cairn.events', 't-0000']);
    expect(topics).toMatchObject({ count: 200, matching: 200, leads: 200, sizeBytes: 2000, leaderless: 0, fenced: 0, asOfMs: 0 });
  });

  test('of more is sums, and those in trouble, those furthest behind and the largest, the worst first', () => {
    const others = {
      't-0007': { fenced: true },
      't-0005': { unreadable: 1 },
      't-0300': { leader: null },
      't-0299': { behind: 9 },
      't-0298': { behind: 70 },
      't-0001': { sizeBytes: 500 },
      't-0002': { sizeBytes: 400, behind: 1 },
    };
    const { report } = reportOf(1000, others);

    const { topics, partitions } = report.of(null);

    // Among equals the first by name.
    expect(named(partitions).slice(0, 6)).toEqual(['t-0007', 't-0005', 't-0300', 't-0298', 't-0299', 't-0002']);
    expect(named(partitions)[6]).toBe('t-0001');
    expect(named(partitions)).toEqual(expect.arrayContaining(['log', 'cairn.events']));
    expect(partitions.length).toBeLessThanOrEqual(32);
    expect(topics).toMatchObject({ count: 1000, leads: 998, leaderless: 1, fenced: 1, unreadable: 1, sizeBytes: 500 + 400 + 997 * 10 });
    expect(topics?.behind).toEqual([
      { broker: 2, offsets: 80 },
      { broker: 3, offsets: 0 },
    ]);
  });

  test('of more than 200 that are all in trouble still has an end', () => {
    const others = Object.fromEntries(Array.from({ length: 998 }, (_, i) => [`t-${String(i).padStart(4, '0')}`, { fenced: true }]));
    const { topics, partitions } = reportOf(1000, others).report.of(null);

    expect(partitions.length).toBeLessThanOrEqual(32);
    expect(topics).toMatchObject({ fenced: 998, leads: 2 });
  });

  test('is by name where it was asked for, at most 200 of them', () => {
    const { report } = reportOf(1000, {});

    const some = report.of({ prefix: 't-01', after: 't-0197', limit: 5 });
    expect(named(some.partitions)).toEqual(['t-0198', 't-0199']);
    expect(some.topics).toMatchObject({ count: 1000, matching: 100 });
    expect(report.of({ prefix: '', after: '', limit: 100_000 }).partitions).toHaveLength(200);
    expect(named(report.of({ prefix: 'log', after: '', limit: 1 }).partitions)).toEqual(['log']);
    expect(report.of({ prefix: 'none', after: '', limit: 1 })).toMatchObject({ partitions: [], topics: { matching: 0 } });
  });

  test('is of what this broker keeps', () => {
    const { report, away } = reportOf(300, {});
    for (let i = 0; i < 100; i++) away.add(`t-${String(i).padStart(4, '0')}`);

    expect(report.of(null).topics).toMatchObject({ count: 300, leads: 200 });
    const first = report.of({ prefix: 't-', after: '', limit: 150 });
    expect([first.partitions.length, first.topics?.shown, first.topics?.next]).toEqual([50, 150, 't-0149']);
    expect(report.of({ prefix: 't-', after: 't-0149', limit: 150 })).toMatchObject({ topics: { shown: 148, next: null } });
  });

  test('costs no more the oftener it is asked for', () => {
    const { report, looks, pass, state } = reportOf(8000, {});
    report.of(null);
    const once = looks();

    for (let asked = 0; asked < 100; asked++) {
      pass(10);
      report.of(null);
      report.of({ prefix: 't-1', after: '', limit: 200 });
    }
    expect(looks()).toBe(once);
    expect(report.of(null).topics).toMatchObject({ asOfMs: 1000 });

    // What is gone is not shown, whoever was counted; and the sums are taken anew in the end.
    for (const name of named(report.of(null).partitions)) state.apply({ type: 'deleteTopic', name }, 9000, 1000, ignore);
    expect(named(report.of(null).partitions)).toEqual(['log', 'cairn.events']);
    pass(1001);
    expect(report.of(null).topics).toMatchObject({ asOfMs: 0, leads: state.topics.length + 1 });
  });
});

describe('which topics are asked for', () => {
  test('travels between brokers as it is, and nothing else is taken for it', () => {
    for (const query of [null, all, { prefix: '__proto__', after: 'a', limit: 1 }]) {
      expect(decodeTopicQuery(encodeTopicQuery(query, simBytes), simBytes)).toEqual(query);
    }
    for (const text of [
      '{',
      'null',
      '[]',
      '1',
      '{}',
      '{"prefix":"","after":"","limit":0}',
      '{"prefix":1,"after":"","limit":1}',
      '\u0000',
    ]) {
      expect(decodeTopicQuery(simBytes.utf8Encode(text), simBytes)).toBeNull();
    }
  });

  test('comes in pages with `log` at its place', () => {
    const state = new CatalogState(9);
    ['kilo', 'lima', 'log.2', 'lo', 'zulu'].forEach((name, at) => state.apply(create(name), at + 1, 1000, ignore));
    const inPages = (prefix: string, limit: number): string[] => {
      const names: string[] = [];
      for (let after: string | null = ''; after !== null; ) {
        const page = topicPage(state, { prefix, after, limit });
        names.push(...page.topics.map((topic) => topic?.name ?? 'log'));
        after = page.next;
      }
      return names;
    };

    for (let limit = 1; limit <= 7; limit++) {
      expect(inPages('', limit)).toEqual(['kilo', 'lima', 'lo', 'log', 'log.2', 'zulu']);
      expect(inPages('lo', limit)).toEqual(['lo', 'log', 'log.2']);
      expect(inPages('log', limit)).toEqual(['log', 'log.2']);
      expect(inPages('z', limit)).toEqual(['zulu']);
      expect(inPages('q', limit)).toEqual([]);
    }
    expect(topicPage(state, { prefix: 'lo', after: '', limit: 1 }).count).toBe(3);
  });
});

describe('brokers with more topics than a status shows', () => {
  const name = (i: number): string => `t${String(i).padStart(3, '0')}`;
  const withTopics = (): Rig => {
    const rig = new Rig({ brokers: 2 });
    rig.until('the own topic is there', () => rig.broker(1).peek().partitions.length > 1);
    const calls = Array.from({ length: 210 }, (_, i) =>
      rig.begin(1 + (i % 2), (service, answer) => service.createTopic(name(i), { retentionBytes: null }, answer)),
    );
    // Asked after every step of the simulator: not each time of all.
    let made = 0;
    rig.until('all are made', () => {
      while (calls[made]?.outcome?.ok === true) made++;
      return made === calls.length;
    });
    return rig;
  };

  test('show few, list all, and ask one another for a page', () => {
    const rig = withTopics();
    const { topics, partitions } = rig.broker(2).peek();
    expect(topics).toMatchObject({ count: 212, fenced: 0 });
    expect(partitions.length).toBeLessThanOrEqual(32);

    const first = rig.ok<TopicPage>(2, (service, answer) => service.listTopics({ prefix: 't', after: '', limit: 100 }, answer));
    expect(first).toMatchObject({ count: 210, next: name(99) });
    const rest = rig.ok<TopicPage>(2, (service, answer) => service.listTopics({ prefix: 't', after: name(99), limit: 1000 }, answer));
    expect([rest.topics.length, rest.next]).toEqual([110, null]);

    const brokers = rig.ok(1, (service, answer: Parameters<typeof service.brokers>[1]) =>
      service.brokers({ prefix: 't19', after: 't190', limit: 3 }, answer),
    );
    for (const { status } of brokers) expect(status?.partitions.map(({ topic }) => topic)).toEqual(['t191', 't192', 't193']);
    const summarised = rig.ok(1, (service, answer: Parameters<typeof service.brokers>[1]) => service.brokers(null, answer));
    for (const { status } of summarised) expect(JSON.stringify(status).length).toBeLessThan(20_000);
    expect(rig.violations).toEqual([]);
  });
});
