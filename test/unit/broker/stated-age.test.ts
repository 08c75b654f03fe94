/** A local read says how old what it knows is, and that is true however long what it heard had waited. */
import { expect, test } from 'vitest';
import type { Outcome, ReadResult } from '../../../src/eventlog/index.ts';
import { Rig, readOf } from './rig.ts';

/** Reads at a broker that may be asleep. */
function readLocally(rig: Rig, id: number): { outcome: Outcome<ReadResult> | null } {
  const call: { outcome: Outcome<ReadResult> | null } = { outcome: null };
  rig.cluster.call<ReadResult>(
    99,
    rig.member(id),
    20_000,
    (service, answer) => service.read(readOf({ freshness: 'local' }), answer),
    (ended) => {
      if (ended.kind === 'answer') call.outcome = ended.outcome;
    },
  );
  return call;
}

/** The age that the read stated, and the age of an append that it does not show. */
function compare(rig: Rig, call: { outcome: Outcome<ReadResult> | null }, appended: { readonly offset: number; readonly atMs: number }) {
  rig.until('the read is answered', () => call.outcome !== null);
  const outcome = call.outcome as Outcome<ReadResult>;
  if (!outcome.ok) throw outcome.error;
  const { highWatermark, lag, asOfMs } = outcome.value;
  expect(highWatermark + lag, 'the read does not know of the append').toBeLessThanOrEqual(appended.offset);
  return { statedMs: asOfMs, missedMs: rig.nowMs - appended.atMs };
}

test('a follower that slept does not take what had waited for it for new', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  rig.appended(leader, ['before']);
  rig.run(1000);
  const id = rig.follower();
  const { process } = rig.member(id).machine;
  process?.pause();
  rig.run(150);
  // What its leader sent until here waits for it; the rest is still on its way when it wakes.
  rig.isolate(id);
  const call = readLocally(rig, id);
  const { offset } = rig.appended(leader, ['missed']);
  const atMs = rig.nowMs;
  rig.run(3000);

  process?.resume();

  const { statedMs, missedMs } = compare(rig, call, { offset, atMs });
  expect(statedMs).toBeGreaterThanOrEqual(missedMs - 20);
});

test('a leader that slept does not take answers that had waited for it for new', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  const { network } = rig.cluster.world;
  rig.appended(leader, ['before']);
  rig.run(1000);
  const { process } = rig.member(leader).machine;
  // Just after it has sent something: the answers wait for it.
  rig.beginAppend(leader, ['last']);
  rig.run(0.1);
  process?.pause();
  rig.run(10);
  for (const { id } of rig.cluster.members) if (id !== leader) network.block(id, leader);
  rig.until('another broker leads', () => rig.leader() !== null && rig.leader() !== leader);
  const { offset } = rig.appended(rig.awaitLeader(), ['missed']);
  const atMs = rig.nowMs;
  const call = readLocally(rig, leader);
  rig.run(2000);

  process?.resume();

  const { statedMs, missedMs } = compare(rig, call, { offset, atMs });
  expect(statedMs).toBeGreaterThanOrEqual(missedMs - 20);
});

test('a follower of a leader that was replaced without knowing counts from when a majority was last heard', () => {
  const rig = new Rig({ brokers: 5 });
  const leader = rig.awaitLeader();
  rig.appended(leader, ['before']);
  rig.run(1000);
  const follower = rig.follower();
  const { network } = rig.cluster.world;
  const others = rig.cluster.members.map(({ id }) => id).filter((id) => id !== leader && id !== follower);
  for (const near of [leader, follower]) {
    for (const far of others) {
      network.block(near, far);
      network.block(far, near);
    }
  }
  const cutMs = rig.nowMs;
  rig.run(250);

  const { asOfMs } = rig.read(follower, { freshness: 'local' });

  expect(asOfMs).toBeGreaterThanOrEqual(Math.floor(rig.nowMs - cutMs) - 5);
});

test('while all is well the age is that of a heartbeat or two, and a broker alone is always current', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  rig.appended(leader, ['a']);
  rig.run(2000);

  for (const { id } of rig.cluster.members) {
    for (let i = 0; i < 20; i++) {
      rig.run(37);
      expect(rig.read(id, { freshness: 'local' }).asOfMs, `broker ${id}, leader ${leader}`).toBeLessThan(400);
    }
  }
  const alone = new Rig({ brokers: 1 });
  alone.awaitLeader();
  alone.run(5000);
  expect(alone.read(1, { freshness: 'local' }).asOfMs).toBe(0);
});
