import { describe, expect, test } from 'vitest';
import { makeRing, placeOnRing, pointsPerBroker, type Ring } from '../../../src/placement/index.ts';

const idsTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const topics = Array.from({ length: 1000 }, (_, index) => new TextEncoder().encode(`topic${index}`));

/** The part of the ring that each broker's points come first for. */
function sharesOf({ positions, owners, brokers }: Ring): number[] {
  const shares = new Map(brokers.map((broker) => [broker, 0]));
  positions.forEach((position, index) => {
    const before = index === 0 ? (positions.at(-1) as number) - 2 ** 32 : (positions[index - 1] as number);
    const owner = owners[index] as number;
    shares.set(owner, (shares.get(owner) as number) + (position - before) / 2 ** 32);
  });
  return [...shares.values()];
}

describe('a ring', () => {
  test('has the points of each broker, whatever the order of the list', () => {
    const ring = makeRing([3, 1, 2]);

    expect(ring.positions).toHaveLength(3 * pointsPerBroker);
    expect(ring.positions).toEqual(makeRing([1, 2, 3]).positions);
    expect(ring.owners).toEqual(makeRing([1, 2, 3]).owners);
    expect(ring.positions.every((position, index) => index === 0 || position >= (ring.positions[index - 1] as number))).toBe(true);
  });

  test('gives no broker more than 1.2 times the mean, or less than 0.85, up to 32 of them', () => {
    for (let count = 1; count <= 32; count++) {
      const shares = sharesOf(makeRing(idsTo(count)));

      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(Math.max(...shares) * count).toBeLessThanOrEqual(1.2);
      expect(Math.min(...shares) * count).toBeGreaterThanOrEqual(0.85);
    }
  });
});

describe('a place on the ring', () => {
  test('is the first point at or after its position, round the end, and the next distinct brokers', () => {
    const ring: Ring = { brokers: [1, 2, 3], positions: Uint32Array.of(100, 200, 300, 400), owners: [2, 2, 1, 3] };
    const topic = new TextEncoder().encode('news');
    const { position, ...place } = placeOnRing(ring, topic, 0, 3);

    // No topic is likely to be before the first of four points.
    expect(position).toBeGreaterThan(400);
    expect(place).toEqual({ point: 100, replicas: [2, 1, 3] });
    expect(placeOnRing({ ...ring, positions: Uint32Array.of(100, 200, position, position + 1) }, topic, 0, 2)).toEqual({
      position,
      point: position,
      replicas: [1, 3],
    });
  });

  test('has distinct replicas, as many as asked for', () => {
    for (const replication of [1, 2, 3, 5]) {
      const ring = makeRing(idsTo(5));

      expect(topics.filter((topic) => new Set(placeOnRing(ring, topic, 0, replication).replicas).size !== replication)).toEqual([]);
    }
  });

  test('is that of each partition by itself', () => {
    const ring = makeRing(idsTo(8));
    const positions = [0, 1, 2, 3].map((partition) => placeOnRing(ring, topics[0] as Uint8Array, partition, 1).position);

    expect(new Set(positions).size).toBe(4);
  });

  test('changes for an added broker only where that is the new home, by no more than 1.2 times its share', () => {
    for (let count = 1; count < 16; count++) {
      const [before, after] = [makeRing(idsTo(count)), makeRing(idsTo(count + 1))];
      const homes = topics.map((topic) => [before, after].map((ring) => placeOnRing(ring, topic, 0, 1).replicas[0]));
      const moved = homes.filter(([old, own]) => old !== own);

      expect(moved.filter(([, own]) => own !== count + 1)).toEqual([]);
      expect(sharesOf(after).at(-1)).toBeLessThanOrEqual(1.2 / (count + 1));
      expect(moved.length).toBeGreaterThan(0);
    }
  });
});
