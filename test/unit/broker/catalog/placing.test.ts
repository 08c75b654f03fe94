import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BrokerId, brokerId } from '../../../../src/base/branded.ts';
import { placeTopic, type Placing } from '../../../../src/broker/catalog/placing.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';

const idsTo = (count: number): BrokerId[] => Array.from({ length: count }, (_, index) => brokerId(index + 1));

interface Wanted {
  readonly name?: string;
  readonly brokers: number;
  readonly dead?: readonly number[];
  readonly placement?: 'hypercube' | 'ring' | 'all';
  readonly partitions?: number;
  readonly replicas?: number;
}

function place({ name = 'orders', brokers, dead = [], placement = 'hypercube', partitions = 1, replicas = 3 }: Wanted): Placing {
  const isAlive = (id: BrokerId): boolean => !dead.includes(id);
  return placeTopic({
    name: simBytes.utf8Encode(name),
    brokers: idsTo(brokers),
    placement,
    partitions: [0, partitions],
    replicas,
    isAlive,
  });
}

const firstOf = (placing: Placing) => (placing.kind === 'placed' ? placing.partitions[0] : undefined);

describe('where a topic is placed', () => {
  test('its home is by the rule of contract 3: SHA-256 of the name, its last bits, and the neighbours over bits 0 and 1', () => {
    // The SHA-256 of "orders" ends in 0x19, so its three last bits are 001: vertex 1, whose neighbours are 000 and 011. Broker 1 is vertex 0.
    expect(firstOf(place({ brokers: 8 }))).toEqual({ replicas: [2, 1, 4], leader: 2, awayFromHome: false });
    // Of three brokers all have it, the home first.
    expect(firstOf(place({ brokers: 3 }))?.replicas).toEqual([2, 1, 3]);
  });

  test('a dead home keeps its place while a majority of the assigned lives, and the first that lives leads', () => {
    const whole = firstOf(place({ brokers: 8 }));
    const [home = 0, next] = whole?.replicas ?? [];

    expect(firstOf(place({ brokers: 8, dead: [home] }))).toEqual({ replicas: whole?.replicas, leader: next, awayFromHome: false });
  });

  test('where no majority of the assigned lives it is placed among the living, and marked', () => {
    const whole = firstOf(place({ brokers: 8 }))?.replicas ?? [];
    const dead = whole.slice(0, 2);
    const away = firstOf(place({ brokers: 8, dead }));

    expect(away?.awayFromHome).toBe(true);
    expect(new Set(away?.replicas).size).toBe(3);
    expect(away?.replicas.some((id) => dead.includes(id))).toBe(false);
    expect(away?.leader).toBe(away?.replicas[0]);
  });

  test('where too few live it is not placed at all', () => {
    expect(place({ brokers: 8, dead: [1, 2, 3, 4, 5, 6] }).kind).toBe('unreachable');
    expect(place({ brokers: 3, dead: [2, 3] }).kind).toBe('unreachable');
  });

  test('whoever is dead: distinct replicas, as many as wanted, a leader among them that lives, and no fewer than were wanted', () => {
    const wanted = fc.record({
      name: fc.string({ minLength: 1, maxLength: 20 }),
      brokers: fc.integer({ min: 1, max: 16 }),
      placement: fc.constantFrom('hypercube' as const, 'ring' as const),
      partitions: fc.integer({ min: 1, max: 5 }),
      replicas: fc.integer({ min: 1, max: 5 }),
      dead: fc.uniqueArray(fc.integer({ min: 1, max: 16 })),
    });
    fc.assert(
      fc.property(wanted, (options) => {
        const placing = place(options);
        const living = idsTo(options.brokers).filter((id) => !options.dead.includes(id));
        const count = Math.min(options.replicas, options.brokers);
        const placed = placing.kind === 'placed' ? placing.partitions : null;
        expect(placed === null ? living.length < count : placed.length === options.partitions).toBe(true);
        for (const { replicas, leader, awayFromHome } of placed ?? []) {
          expect(new Set(replicas).size).toBe(count);
          expect(leader === null || (replicas.includes(leader) && !options.dead.includes(leader))).toBe(true);
          expect(replicas.filter((id) => !options.dead.includes(id)).length * 2 > count).toBe(true);
          expect(awayFromHome && replicas.some((id) => options.dead.includes(id))).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
