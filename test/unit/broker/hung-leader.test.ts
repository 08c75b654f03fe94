/** What becomes of appends and reads whose leader hangs while the links to it stand. */
import { expect, test } from 'vitest';
import type { EndResult, TopicDescription, TopicPlacement } from '../../../src/eventlog/index.ts';
import { Rig } from './rig.ts';

/** What a client that knows other brokers gives one of them. */
const patienceMs = 400;

test('an append whose leader hangs is taken through each broker once another leads, while a caller of 400 ms waits', () => {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  const { partitions } = rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer));
  const replicas = (partitions[0]?.replicas ?? []).map(({ broker }) => broker);
  const others = rig.cluster.members.map(({ id }) => id).filter((id) => !replicas.includes(id));
  const [leader = 0, ...left] = replicas;
  const isLedAmong = (ids: readonly number[]): boolean =>
    ids.some((id) =>
      rig
        .broker(id)
        .peek()
        .partitions.some(({ topic, role }) => topic === 'orders' && role === 'leader'),
    );
  rig.until('its home leads it', () => isLedAmong([leader]));
  // Some have passed appends to the one that leads, and some were never asked.
  const known = others.slice(0, 3);
  for (const id of known) rig.appended(id, [`before ${id}`], { topic: 'orders' });
  rig.broker(leader).faults.switchLinks({ action: 'pause' });
  rig.until('another leads it', () => isLedAmong(left));

  const answers = others.map((id) => rig.append(id, [`after ${id}`], { topic: 'orders', requestId: `r${id}`, timeoutMs: patienceMs }));

  expect(others.length).toBeGreaterThan(known.length);
  expect(answers.map(({ ok }) => ok)).toEqual(others.map(() => true));
});

test('a question that a leader left unanswered is put to the next one as soon as that leads', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  const asked = rig.follower();
  const others = [1, 2, 3].filter((id) => id !== leader);
  rig.broker(leader).faults.switchLinks({ action: 'pause' });
  rig.run(200);
  const read = rig.begin<EndResult>(asked, (service, answer) => service.end({ topic: 'log', freshness: 'linearizable' }, answer));
  rig.until('another leads', () =>
    others.some((id) =>
      rig
        .broker(id)
        .peek()
        .partitions.some(({ topic, role }) => topic === 'log' && role === 'leader'),
    ),
  );

  rig.run(100);

  expect(read.outcome).toMatchObject({ ok: true });
});
