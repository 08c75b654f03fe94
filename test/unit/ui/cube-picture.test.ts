import { describe, expect, test } from 'vitest';
import { distanceBetween } from '../../../src/placement/index.ts';
import type { PartitionPlacement } from '../../../src/eventlog/types.ts';
import { cubeBrokersMax, drawCube, partOf, type Vertex, wayOf } from '../../../ui/src/overview/cube-picture.ts';

const brokers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const radius = 15;

describe.each(brokers(cubeBrokersMax).map((count) => [count] as const))('the picture of %i brokers', (count) => {
  const picture = drawCube(brokers(count));
  const { vertices = [], edges = [], width = 0, height = 0 } = picture ?? {};

  test('has each of them at a place of its own, within the picture', () => {
    expect(vertices.map(({ broker }) => broker)).toEqual(brokers(count));
    for (const { x, y } of vertices) {
      expect(x).toBeGreaterThanOrEqual(radius);
      expect(y).toBeGreaterThanOrEqual(radius);
      expect(x).toBeLessThanOrEqual(width - radius);
      expect(y).toBeLessThanOrEqual(height - radius);
    }
    for (const [index, one] of vertices.entries())
      for (const other of vertices.slice(index + 1)) expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThan(2.4 * radius);
  });

  test('has an edge wherever two vertices differ in one bit, and no other', () => {
    const expected = brokers(count).flatMap((one) =>
      brokers(count)
        .filter((other) => one < other && distanceBetween(one - 1, other - 1) === 1)
        .map((other) => `${one}-${other}`),
    );

    expect(edges.map(({ from, to }) => `${from.broker}-${to.broker}`).toSorted()).toEqual(expected.toSorted());
  });

  test('has no edge that runs through a vertex between', () => {
    for (const { from, to } of edges)
      for (const vertex of vertices.filter((each) => each !== from && each !== to)) expect(fromLine(vertex, from, to)).toBeGreaterThan(4);
  });
});

function fromLine(point: Vertex, from: Vertex, to: Vertex): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = Math.min(1, Math.max(0, ((point.x - from.x) * dx + (point.y - from.y) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(point.x - from.x - along * dx, point.y - from.y - along * dy);
}

test('there is no picture of more brokers than have room', () => {
  expect(drawCube(brokers(cubeBrokersMax + 1))).toBeNull();
  expect(drawCube([])).toBeNull();
});

test('brokers are vertices in the order of their ids, whatever these are', () => {
  expect(drawCube([30, 10, 20])?.vertices.map(({ broker, label }) => [broker, label])).toEqual([
    [10, '00'],
    [20, '01'],
    [30, '10'],
  ]);
});

describe('what a topic lights', () => {
  const replica = { bit: null, reachable: true, matchOffset: 1 };
  const partition = {
    replicas: [
      { broker: 2, why: 'home', ...replica },
      { broker: 4, why: 'neighbour', ...replica },
    ],
    leader: 4,
    route: [1, 2, 4],
  } as unknown as PartitionPlacement;

  test('is what each broker is to it', () => {
    expect([1, 2, 3, 4].map((broker) => partOf(broker, partition))).toEqual([
      { isHome: false, isReplica: false, isLeader: false, isOnWay: true },
      { isHome: true, isReplica: true, isLeader: false, isOnWay: true },
      { isHome: false, isReplica: false, isLeader: false, isOnWay: false },
      { isHome: false, isReplica: true, isLeader: true, isOnWay: true },
    ]);
    expect(partOf(1, null)).toEqual({ isHome: false, isReplica: false, isLeader: false, isOnWay: false });
  });

  test('is the way of a request, link by link, and whether a link is an edge', () => {
    const picture = drawCube(brokers(4));
    if (picture === null) throw new Error('four brokers have room');
    const links = (route: readonly number[] | null) =>
      wayOf(picture, route).map(({ from, to, isEdge }) => [from.broker, to.broker, isEdge]);

    expect(links([1, 2, 4])).toEqual([
      [1, 2, true],
      [2, 4, true],
    ]);
    expect(links([1, 4])).toEqual([[1, 4, false]]);
    expect(links([1])).toEqual([]);
    expect(links(null)).toEqual([]);
  });
});
