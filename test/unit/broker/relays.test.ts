/** Requests for topics elsewhere, on their way along the cube. */
import { describe, expect, test } from 'vitest';
import { brokerId } from '../../../src/base/branded.ts';
import { concatBytes } from '../../../src/base/bytes.ts';
import type { Core } from '../../../src/broker/core.ts';
import { Counters } from '../../../src/broker/counters.ts';
import { Relays } from '../../../src/broker/edge/index.ts';
import { sentencesOf } from '../../../src/cli/explain.ts';
import type { HopList, KnownBroker, TopicDescription, TopicPlacement } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';
import { Rig } from './rig.ts';

interface Made {
  readonly rig: Rig;
  readonly leader: number;
  /** As far from the leader as it goes: three edges. */
  readonly opposite: number;
}

/** Ids are vertices plus one. */
const across = (broker: number, bits: number): number => ((broker - 1) ^ bits) + 1;
const count = (rig: Rig, id: number, name: 'relayed' | 'relayedDirectly' | 'relaysRefused'): number => rig.broker(id).peek().counters[name];

/** Eight brokers, and a topic on three of them that its home leads. */
function made(): Made {
  const rig = new Rig({ brokers: 8 });
  rig.awaitLeader();
  rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  const { partitions } = rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer));
  const replicas = (partitions[0]?.replicas ?? []).map(({ broker }) => broker);
  const [leader = 0] = replicas;
  rig.until('its home leads it', () =>
    rig
      .broker(leader)
      .peek()
      .partitions.some(({ topic, role }) => topic === 'orders' && role === 'leader'),
  );
  const opposite = across(leader, 0b111);
  expect(replicas).not.toContain(opposite);
  // Whoever has no replica asks one of them who leads, once.
  rig.appended(opposite, ['zero'], { topic: 'orders' });
  return { rig, leader, opposite };
}

const way = (rig: Rig, id: number, value: string): HopList | undefined =>
  rig.appended(id, [value], { topic: 'orders', tellHops: true }).hops;

/** Both ends take the link for one that is no more. */
const cut = (rig: Rig, a: number, b: number): void => {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    rig.broker(from).faults.switchLinks({
      action: 'partition',
      groups: [[to], rig.cluster.members.map(({ id }) => id).filter((id) => id !== to)],
    });
};

describe('a request for a topic elsewhere', () => {
  test('goes over the edge of the highest bit that is wrong, and so does each broker that it meets', () => {
    const { rig, leader, opposite } = made();
    const first = across(opposite, 0b100);
    const second = across(first, 0b010);
    const before = [first, second].map((id) => count(rig, id, 'relayed'));

    expect(way(rig, opposite, 'one')).toEqual({ brokers: [opposite, first, second, leader], isDirect: false });
    // Its answer corrects the same bits in the same order from the other end, and so passes others.
    expect([first, second].map((id, at) => count(rig, id, 'relayed') - (before[at] as number))).toEqual([1, 1]);
    expect(rig.read(opposite, { topic: 'orders', tellHops: true }).hops?.brokers).toEqual([opposite, first, second, leader]);
    expect(way(rig, across(leader, 0b100), 'by an edge')).toEqual({ brokers: [across(leader, 0b100), leader], isDirect: false });
    expect(way(rig, leader, 'here')).toEqual({ brokers: [leader], isDirect: false });
    expect(rig.appended(opposite, ['unasked'], { topic: 'orders' })).not.toHaveProperty('hops');
  });

  test('is told of by explain', () => {
    const { rig, leader, opposite } = made();
    const placement = rig.ok<TopicPlacement>(opposite, (service, answer) => service.explain('orders', answer));
    const route = [opposite, across(opposite, 0b100), across(opposite, 0b110), leader];

    expect(placement.partitions[0]?.route).toEqual(route);
    expect(sentencesOf(placement, 0)).toMatch(
      new RegExp(`A request to broker ${opposite} goes to broker ${leader} by way of broker ${route[1]} .* and broker ${route[2]} `),
    );
  });

  test('is not what all brokers are asked for, in a cluster without a catalog either', () => {
    const rig = new Rig({ brokers: 4, logOnly: true });
    rig.awaitLeader();

    const known = rig.ok<readonly KnownBroker[]>(1, (service, answer) => service.brokers(null, answer));

    expect(known.map(({ status }) => status?.id)).toEqual([1, 2, 3, 4]);
    expect([1, 2, 3, 4].map((id) => count(rig, id, 'relayed'))).toEqual([0, 0, 0, 0]);
  });

  test('goes round a dead broker, in two hops more at most', () => {
    const { rig, leader, opposite } = made();
    const first = across(opposite, 0b100);
    rig.kill(first, true);
    rig.until('its link is known to be down', () =>
      rig
        .broker(opposite)
        .peek()
        .peers.every(({ id, connected }) => connected !== (id === first)),
    );

    const hops = way(rig, opposite, 'round')?.brokers ?? [];

    expect([hops[0], hops.at(-1)]).toEqual([opposite, leader]);
    expect(hops).not.toContain(first);
    expect(hops.length - 1).toBeLessThanOrEqual(3 + 2);
  });

  test('takes a direct link where no edges lead on, and says so', () => {
    const { rig, leader, opposite } = made();
    for (const bit of [0b001, 0b010, 0b100]) {
      const neighbour = across(opposite, bit);
      rig.kill(neighbour, true);
    }
    rig.until('their links are known to be down', () =>
      rig
        .broker(opposite)
        .peek()
        .peers.every(({ id, connected }) => connected !== [0b001, 0b010, 0b100].some((bit) => across(opposite, bit) === id)),
    );

    expect(way(rig, opposite, 'direct')).toEqual({ brokers: [opposite, leader], isDirect: true });
    expect(count(rig, opposite, 'relayedDirectly')).toBeGreaterThan(0);
  });

  test('goes another way where a broker on the way does not reach the leader, though both live', () => {
    const { rig, leader, opposite } = made();
    const last = across(leader, 0b001);
    cut(rig, last, leader);

    const hops = way(rig, opposite, 'another way')?.brokers ?? [];

    expect(hops.slice(0, 3)).toEqual([opposite, across(opposite, 0b100), last]);
    expect(hops.at(-1)).toBe(leader);
    expect(new Set(hops).size).toBe(hops.length);
  });

  test('goes directly, and says so, once a broker on the way has swallowed it, and by the edges again later', () => {
    const { rig, leader, opposite } = made();
    const first = across(opposite, 0b100);
    rig.broker(first).faults.switchLinks({ action: 'pause' });

    const append = rig.beginAppend(opposite, ['swallowed'], { topic: 'orders', requestId: 'r', tellHops: true, timeoutMs: 400 });
    rig.run(400);
    expect(append.outcome).toMatchObject({ ok: true, value: { hops: { brokers: [opposite, leader], isDirect: true } } });
    expect(way(rig, opposite, 'meanwhile')).toEqual({ brokers: [opposite, leader], isDirect: true });

    rig.broker(first).faults.switchLinks({ action: 'heal' });
    rig.run(6000);
    expect(way(rig, opposite, 'later')).toEqual({ brokers: [opposite, first, across(first, 0b010), leader], isDirect: false });
  });

  test('a read of many bytes comes by the same way, in parts', () => {
    const { rig, leader, opposite } = made();
    for (let each = 0; each < 5; each++) rig.appended(leader, ['x'.repeat(400_000)], { topic: 'orders' });

    const read = rig.read(opposite, { topic: 'orders', bytesMax: 64 * 1024 * 1024, tellHops: true });

    expect(read.hops?.brokers.length).toBe(4);
    expect(read.batches.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(1024 * 1024);
    expect(read.batches.length).toBeGreaterThan(1);
  });
});

describe('what no broker would pass on', () => {
  const envelope = { isLong: false, asked: null };
  const hopsOf = (...ids: number[]) => ({ brokers: ids.map((id) => brokerId(id)), isDirect: false });
  const message = () => wire.encodeRequest(2, { type: 'end', correlation: 1, freshness: 'local' });

  test('is dropped: it has been here, names nobody, comes from another, or is cut', () => {
    const counters = new Counters();
    let sent = 0;
    const send = (): boolean => ++sent > 0;
    const links = { isReady: () => true, send, sendBulk: send };
    const core = { self: brokerId(2), counters, links, observer: null, wake: () => undefined, host: { bytes: simBytes } };
    const ids = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => brokerId(id));
    const relays = new Relays(core as unknown as Core, ids);
    const receive = (more: { to: number; hops: wire.HopList; asked?: wire.HopList }) => {
      const chunks: Uint8Array[] = [];
      wire.sealFrame(
        wire.encodeRelay({ ...envelope, ...more, to: brokerId(more.to) }, message()),
        1,
        { ms: 0, counter: 0 },
        simBytes,
        chunks,
      );
      return relays.receive(brokerId(1), frameOf(chunks));
    };
    const forged = [
      { to: 3, hops: hopsOf(1, 2) },
      { to: 99, hops: hopsOf(1) },
      { to: 3, hops: hopsOf(99, 1) },
      { to: 3, hops: hopsOf(4) },
      { to: 3, hops: hopsOf(3, 1) },
      { to: 3, hops: hopsOf(1, 4, 1) },
      { to: 3, hops: hopsOf(1), asked: hopsOf(98) },
    ];
    for (const each of forged) expect(receive(each)).toBe(null);
    for (const body of [new Uint8Array(), new Uint8Array(5), new Uint8Array(60).fill(255)]) expect(wire.decodeRelay(body)).toBe(null);
    expect([sent, counters.relayed, counters.relaysRefused]).toEqual([0, 0, 0]);

    expect(receive({ to: 4, hops: hopsOf(1) })).toBe(null);
    expect([sent, counters.relayed]).toEqual([1, 1]);
    expect(receive({ to: 2, hops: hopsOf(3, 1) })).toMatchObject({
      from: 3,
      hops: hopsOf(3, 1, 2),
      asked: null,
      kind: wire.requestKinds.end,
    });
  });
});

function frameOf(chunks: readonly Uint8Array[]): wire.WireFrame {
  let found: wire.WireFrame | null = null;
  new wire.FrameReader(simBytes, wire.wireFrameBytesMax).push(concatBytes(chunks), (frame) => {
    found = frame;
  });
  return found as unknown as wire.WireFrame;
}
