import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Cube,
  distanceBetween,
  type Holds,
  hopsTo,
  makeCube,
  nextHop,
  type Route,
  routeBetween,
  unreachable,
} from '../../../src/placement/index.ts';

const countBits = (mask: number): number => distanceBetween(mask, 0);

/** Every set of living brokers, as bits, and who lives in it. */
function forEachLiving({ brokers }: Cube, visit: (living: number, isAlive: Holds) => void): void {
  for (let living = 0; living < 1 << brokers; living++) visit(living, (vertex) => (living & (1 << vertex)) !== 0);
}

const isEdge = ({ neighbours }: Cube, from: number | undefined, to: number | undefined): boolean =>
  from !== undefined && to !== undefined && neighbours[from]?.includes(to) === true;

/** What is wrong with a way between living brokers, or null. */
function faultOf(cube: Cube, { kind, vertices, distance, deadMet }: Route, isAlive: Holds, dead: number): string | null {
  if (new Set(vertices).size !== vertices.length) return 'passes a broker twice';
  if (!vertices.every(isAlive)) return 'passes a dead broker';
  if (kind === 'direct') {
    if (dead < cube.dimensions) return 'needs a direct link with fewer than d dead';
    return vertices.length === 2 ? null : 'goes along edges before a direct link';
  }
  if (!vertices.every((vertex, index) => index === 0 || isEdge(cube, vertices[index - 1], vertex))) return 'leaves the edges';
  const hops = vertices.length - 1;
  if (dead === 0 && hops > distance) return 'is longer than the distance with all alive';
  if (dead < cube.dimensions && hops > distance + 2) return 'is longer than the distance and two hops with fewer than d dead';
  return hops > distance + 2 * deadMet.length ? 'is longer than the distance and two hops for each dead broker met' : null;
}

/** All ways to the targets that are wrong, over every set of dead brokers; up to five. */
function faultsOf(cube: Cube, targets: readonly number[]): string[] {
  const faults: string[] = [];
  forEachLiving(cube, (living, isAlive) => {
    const dead = cube.brokers - countBits(living);
    for (const to of targets) {
      for (let from = 0; from < cube.brokers; from++) {
        if (from === to || !isAlive(from) || !isAlive(to)) continue;
        const route = routeBetween(cube, from, to, isAlive);
        const fault = faultOf(cube, route, isAlive, dead);
        if (fault !== null && faults.length < 5) faults.push(`living ${living.toString(2)}: ${route.vertices.join(' -> ')} ${fault}`);
      }
    }
  });
  return faults;
}

const all = (count: number): number[] => Array.from({ length: count }, (_, vertex) => vertex);

describe('ways on a cube with every set of dead brokers', () => {
  test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])('%i brokers, all ways', (brokers) => {
    expect(faultsOf(makeCube(brokers), all(brokers))).toEqual([]);
  });

  test('16 brokers, all ways to one of them', () => {
    expect(faultsOf(makeCube(16), [0])).toEqual([]);
  });

  test('16 brokers, any other target: the way is the same, turned to it', () => {
    const cube = makeCube(16);
    const vertex = fc.integer({ min: 0, max: 15 });

    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), vertex, vertex, (living, from, to) => {
        const isAlive = (each: number): boolean => each === from || each === to || (living & (1 << each)) !== 0;
        const turned = routeBetween(cube, from ^ to, 0, (each) => isAlive(each ^ to));
        const { kind, vertices, deadMet } = routeBetween(cube, from, to, isAlive);

        expect({ kind, vertices: vertices.map((each) => each ^ to) }).toEqual({ kind: turned.kind, vertices: turned.vertices });
        expect(deadMet.map((each) => each ^ to).sort((a, b) => a - b)).toEqual(turned.deadMet);
      }),
      { numRuns: 500 },
    );
  });

  test.each([11, 12, 13, 14, 15])('%i brokers: fewer than four dead never part the living', (brokers) => {
    const cube = makeCube(brokers);
    const parted: string[] = [];
    forEachLiving(cube, (living, isAlive) => {
      if (brokers - countBits(living) >= cube.dimensions) return;
      const first = all(brokers).find(isAlive) as number;
      const isParted = hopsTo(cube, first, isAlive).some((hops, vertex) => hops === unreachable && isAlive(vertex));
      if (isParted) parted.push(living.toString(2));
    });

    expect(parted).toEqual([]);
  });

  test('of eight with three dead, 64 of 1,120 ordered living pairs are joined by no edges', () => {
    const cube = makeCube(8);
    let [pairs, direct] = [0, 0];
    forEachLiving(cube, (living, isAlive) => {
      if (countBits(living) !== 5) return;
      for (const from of all(8).filter(isAlive)) {
        for (const to of all(8).filter((each) => isAlive(each) && each !== from)) {
          pairs++;
          if (routeBetween(cube, from, to, isAlive).kind === 'direct') direct++;
        }
      }
    });

    expect([direct, pairs]).toEqual([64, 1120]);
  });
});

describe('the order of hops', () => {
  test('the highest differing bit first, with all alive', () => {
    const cube = makeCube(8);

    expect(routeBetween(cube, 0b000, 0b111, () => true).vertices).toEqual([0b000, 0b100, 0b110, 0b111]);
    expect(routeBetween(cube, 0b110, 0b011, () => true).vertices).toEqual([0b110, 0b010, 0b011]);
  });

  test('round a dead broker by another differing bit, at no cost, and where there is none by two hops more', () => {
    const cube = makeCube(8);

    expect(routeBetween(cube, 0b000, 0b111, (vertex) => vertex !== 0b100)).toEqual({
      kind: 'edges',
      vertices: [0b000, 0b010, 0b110, 0b111],
      distance: 3,
      deadMet: [0b100],
    });
    expect(routeBetween(cube, 0b000, 0b011, (vertex) => vertex !== 0b001 && vertex !== 0b010)).toEqual({
      kind: 'edges',
      vertices: [0b000, 0b100, 0b110, 0b111, 0b011],
      distance: 2,
      deadMet: [0b001, 0b010],
    });
  });

  test('a dead target has no way', () => {
    expect(routeBetween(makeCube(8), 0, 7, (vertex) => vertex !== 7)).toEqual({ kind: 'dead', vertices: [0], distance: 3, deadMet: [] });
  });

  test.each([
    [5, '1 2 4 | 0 3 4 | 0 3 4 | 1 2 4 | 0 1 2 3'],
    [6, '1 2 4 | 0 3 5 | 0 3 4 | 1 2 5 | 0 2 5 | 1 3 4'],
  ])('the edges of %i brokers, who stand for those missing', (brokers, expected) => {
    expect(
      makeCube(brokers)
        .neighbours.map((each) => each.join(' '))
        .join(' | '),
    ).toBe(expected);
  });
});

describe('brokers that do not know yet who is dead', () => {
  /** Each knows what it has tried itself, and nothing of what others know. Returns the hops and whether the last was a direct link. */
  function travel(
    cube: Cube,
    from: number,
    to: number,
    isAlive: Holds,
  ): { readonly hops: number[]; readonly isDirect: boolean; readonly failed: number } {
    const hops = [from];
    const failed = new Set<number>();
    let known = new Set<number>();
    // Whoever goes round would never end.
    while (hops.length <= cube.brokers) {
      const next = nextHop(cube, { hops, to, isAlive: (vertex) => !known.has(vertex) });
      if (next.kind === 'here') return { hops, isDirect: false, failed: failed.size };
      if (next.kind === 'dead') throw new Error('the target lives');
      if (!isAlive(next.to)) {
        known.add(next.to);
        failed.add(next.to);
        continue;
      }
      hops.push(next.to);
      if (next.kind === 'direct') return { hops, isDirect: true, failed: failed.size };
      known = new Set();
    }
    return { hops, isDirect: false, failed: failed.size };
  }

  test('pass nobody twice, always arrive, and with no more than the distance and two hops for each dead broker that was tried', () => {
    const faults: string[] = [];
    let [ways, direct] = [0, 0];
    for (const brokers of [5, 6, 7, 8]) {
      const cube = makeCube(brokers);
      forEachLiving(cube, (living, isAlive) => {
        for (const from of all(brokers).filter(isAlive)) {
          for (const to of all(brokers).filter((each) => isAlive(each) && each !== from)) {
            const { hops, isDirect, failed } = travel(cube, from, to, isAlive);
            const isWrong =
              new Set(hops).size !== hops.length || hops.at(-1) !== to || hops.length - 1 > distanceBetween(from, to) + 2 * failed;
            if (isWrong) faults.push(`living ${living.toString(2)}: ${hops.join(' -> ')}`);
            if (brokers === 8 && countBits(living) >= 6) {
              ways++;
              if (isDirect) direct++;
            }
          }
        }
      });
    }

    expect(faults.slice(0, 5)).toEqual([]);
    // Whoever was led into a dead end does not go back: with up to two dead of eight, these few.
    expect([direct, ways]).toEqual([8, 1232]);
  });

  test('pass nobody twice and end, whatever each of them believes', () => {
    const cube = makeCube(11);
    const beliefs = fc.array(fc.integer({ min: 0, max: (1 << 11) - 1 }), { minLength: 11, maxLength: 11 });
    const vertex = fc.integer({ min: 0, max: 10 });

    fc.assert(
      fc.property(beliefs, vertex, vertex, (believed, from, to) => {
        const hops = [from];
        for (let turn = 0; turn < 11; turn++) {
          const here = hops.at(-1) as number;
          const next = nextHop(cube, { hops, to, isAlive: (each) => ((believed[here] as number) & (1 << each)) !== 0 });
          if (next.kind === 'here' || next.kind === 'dead') break;
          hops.push(next.to);
          if (next.kind === 'direct') break;
        }

        expect(new Set(hops).size).toBe(hops.length);
      }),
      { numRuns: 500 },
    );
  });
});
