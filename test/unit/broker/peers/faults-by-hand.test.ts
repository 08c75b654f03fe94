/** Faults by hand in the links of whole brokers (docs/decisions/0026), in the simulator's world: its own network stays as it is. */
import { describe, expect, test } from 'vitest';
import { brokerId } from '../../../../src/base/branded.ts';
import { FaultsByHand } from '../../../../src/broker/peers/faults-by-hand.ts';
import type { LinkFault, LinkFaults } from '../../../../src/eventlog/index.ts';
import { Rig, type RigOptions } from '../rig.ts';

const none: LinkFaults = { paused: false, cutOff: [], delays: [] };

/** Tells all brokers, or some of them. */
function make(rig: Rig, fault: LinkFault, ids: readonly number[] = rig.alive.map(({ id }) => id)): void {
  for (const id of ids) expect(rig.broker(id).faults.switchLinks(fault)).toBe(null);
}

const cut = (alone: number, ids: readonly number[] = [1, 2, 3]): LinkFault => ({
  action: 'partition',
  groups: [[alone], ids.filter((id) => id !== alone)],
});
const heal: LinkFault = { action: 'heal' };

function linkedTo(rig: Rig, id: number): number[] {
  return rig
    .broker(id)
    .peek()
    .peers.filter(({ connected }) => connected)
    .map((peer) => peer.id);
}

/** A rig whose dials are counted. */
function dialling(options: RigOptions = {}): { rig: Rig; dials: { from: number; to: number }[] } {
  const dials: { from: number; to: number }[] = [];
  const rig = new Rig({
    ...options,
    change: (broker) => {
      const { network } = broker.host;
      const dial: typeof network.dial = (peer, lane, handlers) => {
        dials.push({ from: broker.self.id, to: peer });
        return network.dial(peer, lane, handlers);
      };
      return { ...broker, host: { ...broker.host, network: { accept: (...args) => network.accept(...args), dial } } };
    },
  });
  return { rig, dials };
}

describe('a partition', () => {
  test('leaves the majority with a leader and the minority without, is not dialled across, and heals', () => {
    const { rig, dials } = dialling();
    const before = rig.awaitLeader();
    const others = [1, 2, 3].filter((id) => id !== before);
    rig.appended(before, ['before']);

    make(rig, cut(before));
    dials.length = 0;
    const unheard = rig.beginAppend(before, ['unheard'], { timeoutMs: 1000 });
    rig.until('the others have a leader', () => others.includes(rig.leader() ?? 0));
    for (const id of others) rig.appended(id, [`at ${id}`]);
    rig.until('the one alone leads no more', () => rig.broker(before).peek().partitions[0]?.role !== 'leader');
    rig.run(2000);

    expect(rig.refused(before, ['alone'], { timeoutMs: 500 }).code).toBe('noLeader');
    expect(unheard.outcome?.ok).toBe(false);
    expect(dials.filter(({ from, to }) => from === before || to === before)).toEqual([]);
    expect([linkedTo(rig, before), rig.broker(before).faults.links]).toEqual([[], { ...none, cutOff: others }]);

    make(rig, heal);
    rig.until('all are linked', () => [1, 2, 3].every((id) => linkedTo(rig, id).length === 2), 500);
    rig.awaitLeader();
    const values = rig.values(before);

    expect(values.filter((value) => value !== 'unheard')).toEqual(['before', ...others.map((id) => `at ${id}`)]);
    for (const id of others) expect(rig.values(id)).toEqual(values);
    expect(rig.broker(before).faults.links).toBe(null);
    expect(rig.violations).toEqual([]);
  });

  test('that only one side was told of is cut all the same, and what dials it is not welcome', () => {
    const { rig, dials } = dialling();
    const leader = rig.awaitLeader();
    const alone = rig.follower();

    make(rig, cut(alone), [alone]);
    rig.run(2000);

    expect(linkedTo(rig, alone)).toEqual([]);
    expect(linkedTo(rig, leader)).not.toContain(alone);
    expect(dials.some(({ from, to }) => from === leader && to === alone)).toBe(true);
    expect(rig.appended(leader, ['on']).committed).toBe(true);
    make(rig, heal, [alone]);
    rig.until('it follows', () => linkedTo(rig, alone).length === 2 && linkedTo(rig, leader).length === 2);
    expect(rig.values(alone)).toEqual(['on']);
    expect(rig.violations).toEqual([]);
  });

  test('takes the place of the one before, and of five brokers three go on', () => {
    const rig = new Rig({ brokers: 5 });
    rig.awaitLeader();

    make(rig, { action: 'partition', groups: [[1], [2], [3], [4], [5]] });
    rig.run(2000);
    expect([1, 2, 3, 4, 5].map((id) => linkedTo(rig, id))).toEqual([[], [], [], [], []]);
    make(rig, {
      action: 'partition',
      groups: [
        [5, 4],
        [3, 1, 2],
      ],
    });
    rig.until('three have a leader', () => [1, 2, 3].includes(rig.leader() ?? 0));

    expect(rig.appended(1, ['three']).committed).toBe(true);
    expect(linkedTo(rig, 4)).toEqual([5]);
    make(rig, heal);
    expect(rig.values(5)).toEqual(['three']);
    expect(rig.violations).toEqual([]);
  });
});

describe('a pause', () => {
  test('of the leader gives another one, breaks no link, is answered honestly, and leaves no logs that differ', () => {
    const { rig, dials } = dialling();
    const paused = rig.awaitLeader();
    const [other] = [1, 2, 3].filter((id) => id !== paused) as [number];
    rig.appended(paused, ['before']);
    rig.run(1000);

    make(rig, { action: 'pause' }, [paused]);
    dials.length = 0;
    const unheard = rig.beginAppend(paused, ['unheard'], { timeoutMs: 2000 });
    rig.until('another leads', () => ![null, paused].includes(rig.leader()));
    rig.appended(other, ['meanwhile']);
    rig.run(5000);

    expect(unheard.outcome?.ok).toBe(false);
    expect(rig.refused(paused, ['no'], { timeoutMs: 500 }).code).toBe('noLeader');
    expect(rig.read(paused, { freshness: 'local' }).asOfMs).toBeGreaterThan(2000);
    expect(linkedTo(rig, paused)).toHaveLength(2);
    expect(dials.filter(({ from }) => from === paused)).toEqual([]);

    make(rig, heal);
    rig.until('it follows', () => rig.broker(paused).peek().partitions[0]?.leader === rig.leader());
    const values = rig.values(paused);
    expect(values.filter((value) => value !== 'unheard')).toEqual(['before', 'meanwhile']);
    for (const id of [1, 2, 3]) expect(rig.values(id)).toEqual(values);
    expect(rig.violations).toEqual([]);
  });

  test('of a broker that others start beside ends with all of them linked', () => {
    const rig = new Rig();
    rig.awaitLeader();
    const paused = rig.follower();
    const started = [1, 2, 3].find((id) => id !== paused && id !== rig.leader()) as number;

    make(rig, { action: 'pause' }, [paused]);
    rig.kill(started);
    rig.run(500);
    rig.start(started);
    rig.run(3000);
    expect(linkedTo(rig, started)).not.toContain(paused);

    make(rig, heal, [paused]);
    rig.until('all are linked', () => [1, 2, 3].every((id) => linkedTo(rig, id).length === 2), 3000);
    expect(rig.violations).toEqual([]);
  });
});

describe('a delay', () => {
  test('on all links slows each round trip down by twice as much, keeps the order, and ends with heal', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.appended(leader, ['warm']);
    const msOf = (id: number, value: string): number => {
      const beganMs = rig.nowMs;
      rig.appended(id, [value]);
      return rig.nowMs - beganMs;
    };
    const quickMs = msOf(leader, 'quick');

    make(rig, { action: 'delay', ms: 50, link: null });
    const slow = Array.from({ length: 10 }, (_, i) => msOf(leader, `${i}`));
    const begun = Array.from({ length: 30 }, (_, i) => rig.beginAppend(1 + (i % 3), [`b${i}`]));
    rig.until('all are appended', () => begun.every(({ outcome }) => outcome !== null));

    expect(Math.min(...slow) - quickMs).toBeGreaterThanOrEqual(98);
    expect(Math.max(...slow)).toBeLessThan(200);
    expect(begun.every(({ outcome }) => outcome?.ok)).toBe(true);
    expect(rig.leader()).toBe(leader);
    make(rig, heal);
    expect(msOf(leader, 'healed')).toBeLessThan(20);
    expect(rig.values(1).slice(0, 12)).toEqual(['warm', 'quick', ...Array.from({ length: 10 }, (_, i) => `${i}`)]);
    expect(rig.values(1)).toHaveLength(43);
    for (const id of [2, 3]) expect(rig.values(id)).toEqual(rig.values(1));
    expect(rig.violations).toEqual([]);
  });

  test('on one link leaves the others as quick, however long it is', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const slow = rig.follower();
    rig.appended(leader, ['warm']);
    const quick = [1, 2, 3].find((id) => id !== leader && id !== slow) as number;

    make(rig, { action: 'delay', ms: 3000, link: [slow, leader] }, [leader, slow]);
    const beganMs = rig.nowMs;
    for (let i = 0; i < 20; i++) rig.appended(quick, [`${i}`]);

    expect(rig.nowMs - beganMs).toBeLessThan(1000);
    expect(rig.broker(slow).faults.links).toEqual({ ...none, delays: [{ broker: leader, ms: 3000 }] });
    rig.run(15_000);
    rig.kill(slow);
    rig.run(500);
    rig.start(slow);
    rig.until('the link stands although it is slow', () => linkedTo(rig, leader).includes(slow), 1500);
    make(rig, { action: 'delay', ms: 0, link: [leader, slow] }, [leader, slow]);
    expect(rig.broker(slow).faults.links).toBe(null);
    rig.awaitLeader();
    expect(rig.values(slow)).toHaveLength(21);
    expect(rig.violations).toEqual([]);
  });

  test('holds no more than may wait for a peer', () => {
    const linkBytesMax = 128 * 1024;
    const rig = new Rig({ settings: { linkBytesMax } });
    const leader = rig.awaitLeader();
    const slow = rig.follower();
    rig.run(1000);
    make(rig, { action: 'delay', ms: 3000, link: [leader, slow] }, [leader, slow]);
    const peers = () => rig.broker(leader).peek().peers;
    const queued = (): number => peers().find(({ id }) => id === slow)?.bytesQueued ?? 0;

    let most = 0;
    for (let i = 0; i < 30; i++) {
      rig.appended(leader, [`${i}`.padEnd(20_000, '.')]);
      most = Math.max(most, queued());
    }

    expect(most).toBeGreaterThan(linkBytesMax / 2);
    // On either lane.
    expect(most).toBeLessThanOrEqual(2 * linkBytesMax);
    make(rig, heal);
    expect(queued()).toBe(0);
    rig.awaitLeader();
    expect(rig.values(slow)).toHaveLength(30);
    expect(rig.violations).toEqual([]);
  });
});

describe('faults by hand', () => {
  test('are told: in the status, the events and the trace, and once each', () => {
    const rig = new Rig();
    rig.awaitLeader();
    rig.awaitLeader('cairn.events');

    for (let i = 0; i < 3; i++) make(rig, { action: 'delay', ms: 20, link: null }, [1]);
    make(rig, cut(3));
    make(rig, heal);
    rig.run(3000);

    const events = rig
      .values(1, 'cairn.events')
      .map((value) => JSON.parse(value) as Record<string, unknown>)
      .filter(({ event, broker }) => event === 'fault' && broker === 1)
      .map(({ atMs: _, broker: __, event: ___, ...fields }) => fields);
    expect(events).toEqual([{ kind: 'delay', ms: 20, link: null }, { kind: 'partition', groups: '3|1,2' }, { kind: 'heal' }]);
    const { trace } = rig.broker(1);
    const faults = Array.from({ length: trace.count }, (_, i) => trace.event(i + 1)).filter(({ kind }) => kind === 'fault');
    expect(faults.map(({ fields }) => fields['fault'])).toEqual(['delayed', 'partitioned', 'healed']);
  });

  test('outlast an acted crash, which heal does not end, and are forgotten by a restart', () => {
    const rig = new Rig();
    rig.awaitLeader();
    const id = rig.follower();
    make(rig, cut(id), [id]);

    rig.broker(id).faults.crash();
    rig.broker(id).faults.recover();
    rig.run(3000);
    expect(linkedTo(rig, id)).toEqual([]);
    rig.broker(id).faults.crash();
    make(rig, heal, [id]);
    rig.run(1000);
    expect([rig.broker(id).faults.crashed, linkedTo(rig, id)]).toEqual([true, []]);
    rig.broker(id).faults.recover();
    rig.until('it is linked', () => linkedTo(rig, id).length === 2);

    make(rig, cut(id), [id]);
    rig.kill(id);
    rig.start(id);
    expect([rig.broker(id).faults.links, rig.broker(id).peek().linkFaults]).toEqual([null, undefined]);
    rig.until('it is linked again', () => linkedTo(rig, id).length === 2);
    expect(rig.violations).toEqual([]);
  });

  test.each<[LinkFault, string]>([
    [{ action: 'partition', groups: [] }, 'Cannot partition: a partition has at least two groups of brokers'],
    [{ action: 'partition', groups: [[1, 2, 3]] }, 'Cannot partition: a partition has at least two groups of brokers'],
    [{ action: 'partition', groups: [[1, 2, 3], []] }, 'Cannot partition: each group needs at least one broker'],
    [{ action: 'partition', groups: [[1, 2], [9]] }, 'Cannot partition: there is no broker 9, the cluster has brokers 1, 2, 3'],
    [
      {
        action: 'partition',
        groups: [
          [1, 2],
          [2, 3],
        ],
      },
      'Cannot partition: broker 2 is named twice',
    ],
    [{ action: 'partition', groups: [[1], [2]] }, 'Cannot partition: each broker belongs in a group, and 3 is in none'],
    [{ action: 'delay', ms: -1, link: null }, 'Cannot delay: a delay is a whole number of milliseconds from 0 to 3000'],
    [{ action: 'delay', ms: 3001, link: null }, 'Cannot delay: a delay is a whole number of milliseconds from 0 to 3000'],
    [{ action: 'delay', ms: Number.NaN, link: null }, 'Cannot delay: a delay is a whole number of milliseconds from 0 to 3000'],
    [{ action: 'delay', ms: 0.5, link: null }, 'Cannot delay: a delay is a whole number of milliseconds from 0 to 3000'],
    [{ action: 'delay', ms: 1, link: [1, 4] }, 'Cannot delay: there is no broker 4, the cluster has brokers 1, 2, 3'],
    [{ action: 'delay', ms: 1, link: [1, 1] }, 'Cannot delay: a link has two ends, and 1-1 has one'],
    [{ action: 'delay', ms: 1, link: [2, 3] }, 'Cannot delay: broker 1 is at no end of the link 2-3'],
  ])('are refused in a sentence: %j', (fault, sentence) => {
    const faults = new FaultsByHand(
      brokerId(1),
      [3, 1, 2].map((id) => brokerId(id)),
    );

    expect(faults.refuse(fault)).toBe(sentence);
  });
});
