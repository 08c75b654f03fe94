/** Groups in which nothing happens cost nothing, and nothing is lost by that: leaders that die are replaced, ages that are stated stay true. */
import { describe, expect, test } from 'vitest';
import { Rig } from './rig.ts';

const topics = Array.from({ length: 20 }, (_, i) => `t${i}`);

/** Twenty topics with a record each, idle for longer than it takes to go quiet. */
function quietRig(brokers = 3): Rig {
  const rig = new Rig({ brokers, settings: { quietAfterMs: 500 } });
  rig.awaitLeader('catalog');
  for (const topic of topics) rig.createTopic(topic);
  for (const topic of topics) rig.appended(1, [`first of ${topic}`], { topic });
  rig.run(3000);
  return rig;
}

const counted = (rig: Rig, counter: 'bytesSent' | 'elections' | 'diskSyncs'): number =>
  rig.alive.reduce((sum, { id }) => sum + rig.broker(id).peek().counters[counter], 0);

function during(rig: Rig, counter: 'bytesSent' | 'elections' | 'diskSyncs', run: () => void): number {
  const before = counted(rig, counter);
  run();
  return counted(rig, counter) - before;
}

describe('twenty idle topics', () => {
  test('send no message of their own', () => {
    const few = new Rig({ settings: { quietAfterMs: 500 } });
    few.awaitLeader('catalog');
    few.createTopic('t0');
    few.run(3000);
    const many = quietRig();

    const bytesOfFew = during(few, 'bytesSent', () => few.run(5000));
    const bytesOfMany = during(many, 'bytesSent', () => many.run(5000));

    // Another broker or two may have pulses to send: 5 s of 10 to 2 peers each, answered, of less than 100 bytes. Heartbeats would be 280 kB.
    expect(bytesOfMany).toBeLessThanOrEqual(bytesOfFew + 2 * 5 * 10 * 2 * 2 * 100);
    expect(many.violations).toEqual([]);
  });

  test('elect nobody', () => {
    const rig = quietRig();
    expect(during(rig, 'elections', () => rig.run(20_000))).toBe(0);
  });

  test('take the next append and the next linearizable read', () => {
    const rig = quietRig();
    for (const topic of topics) rig.appended(rig.follower(topic), [`second of ${topic}`], { topic });
    for (const topic of topics) expect(rig.values(rig.follower(topic), topic)).toEqual([`first of ${topic}`, `second of ${topic}`]);
    expect(during(rig, 'elections', () => rig.run(5000))).toBe(0);
  });

  test('state their age in local reads, on leaders and on followers', () => {
    const rig = quietRig();
    for (const topic of topics)
      for (const { id } of rig.alive)
        expect(rig.read(id, { topic, freshness: 'local' }).asOfMs, `${topic} at broker ${id}`).toBeLessThan(1000);
  });

  test('say that what they know is old where no quorum answers any more', () => {
    const rig = quietRig();
    rig.isolate(3);
    rig.run(10_000);
    for (const topic of topics) expect(rig.read(3, { topic, freshness: 'local' }).asOfMs, topic).toBeGreaterThan(9000);
  });
});

describe('whose leader is gone', () => {
  test('killed: all of them have another one soon, and take appends', () => {
    const rig = quietRig();
    const leader = rig.awaitLeader('t0');
    const led = topics.filter((topic) => rig.leader(topic) === leader);
    rig.kill(leader);
    rig.until('all are led again', () => led.every((topic) => ![null, leader].includes(rig.leader(topic))), 3000);
    for (const topic of led) rig.appended(rig.alive[0]?.id as number, ['after'], { topic });
    rig.start(leader);
    rig.run(3000);
    for (const topic of led) expect(rig.values(leader, topic).at(-1)).toBe('after');
    expect(rig.violations).toEqual([]);
  });

  test('cut off without a word: the others notice the silence of its broker', () => {
    const rig = quietRig();
    const leader = rig.awaitLeader('t0');
    const led = topics.filter((topic) => rig.leader(topic) === leader);
    const other = rig.alive.find(({ id }) => id !== leader)?.id as number;
    rig.isolate(leader);
    for (const topic of led) rig.appended(other, ['after'], { topic });
    rig.heal();
    rig.run(5000);
    for (const topic of led) expect(rig.values(leader, topic).at(-1)).toBe('after');
    expect(rig.violations).toEqual([]);
  });

  test('asleep, and awake again: it learns that others lead, and nobody is left without a leader', () => {
    const rig = quietRig();
    const leader = rig.awaitLeader('t0');
    const { process } = rig.member(leader).machine;
    process?.pause();
    rig.run(3000);
    process?.resume();
    rig.run(3000);
    for (const topic of topics) rig.appended(leader, ['after'], { topic });
    expect(rig.violations).toEqual([]);
  });
});

test('a follower that starts anew is brought on, and the groups go quiet again', () => {
  const rig = quietRig();
  const leader = rig.awaitLeader('t0');
  const follower = rig.follower('t0');
  rig.kill(follower);
  rig.run(5000);
  rig.appended(leader, ['meanwhile'], { topic: 't0' });
  rig.run(3000);
  rig.start(follower);
  rig.run(5000);
  expect(rig.values(follower, 't0')).toEqual(['first of t0', 'meanwhile']);
  expect(during(rig, 'bytesSent', () => rig.run(5000))).toBeLessThan(200_000);
  expect(rig.violations).toEqual([]);
});

test('a topic that is deleted while it is quiet leaves nothing behind', () => {
  const rig = quietRig();
  for (const topic of topics) rig.ok<undefined>(1, (service, answer) => service.deleteTopic(topic, answer));
  rig.run(5000);
  const frames = during(rig, 'bytesSent', () => rig.run(5000));
  expect(frames).toBeLessThan(200_000);
  rig.createTopic('again');
  rig.appended(2, ['x'], { topic: 'again' });
  expect(rig.violations).toEqual([]);
});
