/** What is bounded for all partitions of a broker together. */
import { describe, expect, test } from 'vitest';
import { Rig } from './rig.ts';

const topics = ['a', 'b', 'c', 'd'] as const;

function withTopics(settings: object): { readonly rig: Rig; readonly leader: number } {
  const rig = new Rig({ settings });
  const leader = rig.awaitLeader();
  for (const topic of topics) {
    rig.ok(leader, (service, answer) => service.createTopic(topic, { retentionBytes: null, placement: 'all' }, answer));
    rig.awaitLeader(topic);
  }
  return { rig, leader };
}

const counters = (rig: Rig, id: number) => rig.broker(id).peek().counters;

describe('bytes that no majority has yet', () => {
  test('are bounded over all topics that a broker leads, refused in words that say so, and given back', () => {
    const { rig } = withTopics({ uncommittedBytesPerBrokerMax: 40_000, electionTimeoutMs: 2000 });
    const leads = (topic: string): number => rig.awaitLeader(topic);
    const leader = leads('a');
    const mine = topics.filter((topic) => leads(topic) === leader);
    for (const { id } of rig.cluster.members) if (id !== leader) rig.kill(id);

    const value = 'x'.repeat(1000);
    const calls = Array.from({ length: 100 }, (_, i) =>
      rig.beginAppend(leader, [value], { topic: mine[i % mine.length] as string, requestId: `id-${i}`, timeoutMs: 200 }),
    );
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const taken = counters(rig, leader)['uncommittedBytes'] as number;
    expect(taken).toBeGreaterThan(10_000);
    expect(taken).toBeLessThan(42_000);
    const refused = calls.flatMap(({ outcome }) =>
      outcome?.ok === false && outcome.error.code === 'notAppendedInTime' ? [outcome.error] : [],
    );
    expect(refused.length).toBeGreaterThan(50);
    expect(refused[0]).toMatchObject({ definite: true, retriable: true });
    expect(refused[0]?.message).toMatch(/bytes wait for their majorities on broker \d already/);
    for (const { id } of rig.cluster.members) if (id !== leader) rig.start(id);
    rig.until('all is committed', () => (counters(rig, leader)['uncommittedBytes'] as number) === 0);
    expect(rig.appended(leader, [value], { topic: 'a' }).committed).toBe(true);
    expect(rig.violations).toEqual([]);
  });
});

describe('request ids that are remembered', () => {
  test('are bounded over all topics that a broker leads: the largest forget their oldest, and whoever is new is taken', () => {
    const { rig } = withTopics({ requestIdsPerBrokerMax: 200 });
    const leader = rig.awaitLeader('a');
    const mine = topics.filter((topic) => rig.awaitLeader(topic) === leader);

    for (let i = 0; i < 400; i++) {
      const topic = mine[i % 3 === 0 ? i % mine.length : 0] as string;
      expect(rig.append(leader, ['x'], { topic, requestId: `id-${i}` }).ok, `id-${i}`).toBe(true);
    }

    for (const { id } of rig.cluster.members) expect(counters(rig, id)['requestIds']).toBeLessThan(201);
    // What is remembered is told so, and what was forgotten is not appended twice by whoever says how old it is.
    expect(rig.appended(leader, ['x'], { topic: mine[0] as string, requestId: 'id-398' }).duplicate).toBe(true);
    const old = rig.append(leader, ['x'], { topic: mine[0] as string, requestId: 'id-1', firstAttemptMs: 3_600_000 });
    expect(old.ok ? old.value.duplicate : old.error.code).toBe('unknownProducer');
    expect(rig.violations).toEqual([]);
  });
});

describe('sessions that are remembered', () => {
  test('are bounded over all topics that a broker leads, in words that name that bound; one that has none finds room', () => {
    const { rig } = withTopics({ requestSessionsPerBrokerMax: 2 });
    const leader = rig.awaitLeader('a');
    const mine = topics.filter((topic) => rig.awaitLeader(topic) === leader);
    const session = (topic: string, requestId: string) => ({ topic, requestId, isSession: true });
    for (const topic of mine) rig.appended(leader, ['x'], session(topic, `${topic}-1`));

    const refused = rig.refused(leader, ['x'], session('a', 'a-2'));

    expect(refused).toMatchObject({ code: 'tooManySessions', definite: true, retriable: true, details: { limit: 2 } });
    expect(refused.message).toContain(`remembers 1 request ids with more than one batch, and ${mine.length} for all that it leads`);
    expect(refused.message).toContain('limits.requestSessionsPerBrokerMax is 2');
    expect(rig.violations).toEqual([]);
  });
});
