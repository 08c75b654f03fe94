/** Groups of subscribers on brokers whose catalog is damaged: they cannot tell what there is for anybody, so others lead them. */
import { expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import type { Answer, PullRequest, PullResult, SubscriptionService } from '../../../src/eventlog/index.ts';
import { Rig } from './rig.ts';

test('a subscriber whose group is led by a broker that has lost its catalog is answered: another leads it', () => {
  const rig = new Rig();
  const ok = <Value>(invoke: (service: SubscriptionService, answer: Answer<Value>) => void): Value =>
    rig.ok<Value>(1, (_service, answer) => invoke(rig.broker(1).subscriptions, answer));
  const id = 's';
  rig.createTopic('orders');
  ok((service, answer) => service.createSubscriber({ id, requestId: null }, answer));
  ok((service, answer) => service.subscribe({ subscriber: id, topic: 'orders', start: { at: 'beginning' } }, answer));
  rig.appended(1, ['a'], { topic: 'orders' });
  const { group } = ok<{ readonly group: number }>((service, answer) => service.describeSubscriber(id, answer));
  rig.run(2000);
  const lost = 3;
  rig.kill(lost);
  const path = rig
    .member(lost)
    .machine.disk?.filePaths()
    .find((name) => /^groups\/catalog\/0+\.log$/.test(name)) as string;
  rig.cluster.damage(rig.member(lost), path, 600);
  rig.start(lost);
  const leader = (): number | null => rig.cluster.leaderOf(groupId(group))?.id ?? null;
  for (let now = leader(); now !== lost; now = leader()) {
    if (now !== null) rig.kill(now);
    rig.until('another leads it', () => leader() !== null && leader() !== now);
    if (now !== null) rig.start(now);
  }
  expect(rig.lines).toContainEqual(
    expect.objectContaining({ machine: lost, event: 'groupFenced', fields: expect.objectContaining({ group: 1 }) as object }),
  );

  const request: PullRequest = {
    subscriber: id,
    topics: null,
    mode: 'explicit',
    number: null,
    acknowledge: [],
    recordsMax: 9,
    bytesMax: 9999,
    waitMs: 0,
    freshness: 'linearizable',
  };
  for (const broker of [1, 2]) {
    const pulled = rig.ok<PullResult>(broker, (_service, answer) => rig.broker(broker).subscriptions.pull(request, answer));
    expect(pulled.parts).toMatchObject([{ topic: 'orders', offsetFrom: 0 }]);
  }
  expect(leader()).not.toBe(lost);
  expect(rig.violations).toEqual([]);
});
