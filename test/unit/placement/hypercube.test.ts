import { describe, expect, test } from 'vitest';
import { setU32 } from '../../../src/base/bytes.ts';
import {
  type CubePlaceOptions,
  digestOf,
  dimensionsOf,
  explainPlace,
  labelOf,
  makeCube,
  placeOnCube,
} from '../../../src/placement/index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function digestAt(vertex: number): Uint8Array {
  const digest = new Uint8Array(32).fill(0xff, 0, 28);
  setU32(digest, 28, vertex);
  return digest;
}

const place = (options: Partial<CubePlaceOptions> & { readonly digest: Uint8Array }): number[] =>
  placeOnCube({ partition: 0, brokers: 8, replication: 3, ...options }).replicas.map(({ vertex }) => vertex);

const labels = (vertices: readonly number[]): string => vertices.map((vertex) => labelOf(vertex, 3)).join(' ');

/** Every number of brokers up to 16 with every vertex that a hash may name. */
const everyPlace = Array.from({ length: 16 }, (_, index) => index + 1).flatMap((brokers) =>
  Array.from({ length: 1 << dimensionsOf(brokers) }, (_, vertex) => ({ brokers, digest: digestAt(vertex) })),
);

describe('the examples of contract 3', () => {
  test.each([
    ['news', '100 101 110 000'],
    ['cricket', '111 110 101 011'],
    ['topic1', '101 100 111 001'],
    ['topic2', '110 111 100 010'],
    ['topic4', '101 100 111 001'],
    ['topic6', '110 111 100 010'],
    ['topic8', '111 110 101 011'],
    ['topic16', '010 011 000 110'],
    ['topic19', '010 011 000 110'],
  ])('%s is at home on the first of %s, and the others are its neighbours', (topic, expected) => {
    expect(labels(place({ digest: digestOf(bytesOf(topic)), replication: 4 }))).toBe(expected);
  });

  test.each([
    [0, '000 001 010 100'],
    [4, '100 101 110 000'],
    [7, '111 110 101 011'],
  ])('the neighbours of %i', (vertex, expected) => {
    expect(labels(place({ digest: digestAt(vertex), replication: 4 }))).toBe(expected);
  });
});

describe('an incomplete cube', () => {
  test('a missing vertex belongs to the one without its highest bit', () => {
    const ofSix = [6, 7].map((vertex) => placeOnCube({ digest: digestAt(vertex), partition: 0, brokers: 6, replication: 1 }));

    expect(ofSix.map(({ folded, replicas }) => [folded, replicas[0]?.vertex])).toEqual([
      [[6], 2],
      [[7], 3],
    ]);
  });

  test('a missing neighbour folds too, and what falls together is made up for by the nearest, then the least', () => {
    // Of five: 3 is missing its neighbour 7, which folds onto 3; 0 and 4 are left, both two bits away or more: 0 by two, 4 by three.
    const { replicas } = placeOnCube({ digest: digestAt(3), partition: 0, brokers: 5, replication: 5 });

    expect(replicas).toEqual([
      { vertex: 3, why: { kind: 'home' } },
      { vertex: 2, why: { kind: 'neighbour', bit: 0, of: 2 } },
      { vertex: 1, why: { kind: 'neighbour', bit: 1, of: 1 } },
      { vertex: 0, why: { kind: 'filled', distance: 2 } },
      { vertex: 4, why: { kind: 'filled', distance: 3 } },
    ]);
    expect(placeOnCube({ digest: digestAt(4), partition: 0, brokers: 5, replication: 2 }).replicas[1]).toEqual({
      vertex: 1,
      why: { kind: 'neighbour', bit: 0, of: 5 },
    });
  });

  test('with each number of brokers up to 16 and of replicas, all replicas are there and distinct', () => {
    for (const { brokers, digest } of everyPlace) {
      for (let replication = 1; replication <= brokers; replication++) {
        const vertices = place({ digest, brokers, replication });

        expect(new Set(vertices).size).toBe(replication);
        expect(vertices.every((vertex) => vertex >= 0 && vertex < brokers)).toBe(true);
      }
    }
  });

  test('no broker is the home of twice the mean or more; by the hash alone a vertex is its own or takes one missing beside', () => {
    for (let brokers = 1; brokers <= 16; brokers++) {
      const counts = Array.from({ length: brokers }, () => 0);
      const vertices = 1 << dimensionsOf(brokers);
      for (let vertex = 0; vertex < vertices; vertex++) {
        const home = place({ digest: digestAt(vertex), brokers, replication: 1 })[0] as number;
        counts[home] = (counts[home] as number) + 1;
      }

      expect(Math.min(...counts)).toBe(1);
      expect(Math.max(...counts)).toBe(brokers === vertices ? 1 : 2);
      expect((Math.max(...counts) * brokers) / vertices).toBeLessThan(2);
    }
  });

  test('an added broker takes its own vertex, which is at most its share, and nothing else changes its home', () => {
    for (let brokers = 1; brokers < 16; brokers++) {
      const vertices = 1 << dimensionsOf(brokers + 1);
      const moved = Array.from({ length: vertices }, (_, vertex) => {
        const [before, after] = [brokers, brokers + 1].map(
          (count) => place({ digest: digestAt(vertex), brokers: count, replication: 1 })[0],
        );
        return { vertex, before, after };
      }).filter(({ before, after }) => before !== after);

      expect(moved.map(({ vertex, after }) => [vertex, after])).toEqual([[brokers, brokers]]);
      expect(1 / vertices).toBeLessThanOrEqual(1 / (brokers + 1));
    }
  });
});

describe('replicas when a broker is added', () => {
  test.each([1, 2, 3, 4, 5])('of %i each, less than twice the share of the added broker would move', (replication) => {
    const ratios: number[] = [];
    for (let brokers = replication; brokers < 32; brokers++) {
      const vertices = 1 << dimensionsOf(brokers + 1);
      let moved = 0;
      for (let vertex = 0; vertex < vertices; vertex++) {
        const before = place({ digest: digestAt(vertex), brokers, replication });
        moved += place({ digest: digestAt(vertex), brokers: brokers + 1, replication }).filter((each) => !before.includes(each)).length;
      }
      ratios.push((moved / (vertices * replication)) * (brokers + 1));
    }

    // 1, 3/2, 5/3, 7/4, 9/5 times, where the number of brokers becomes a power of two.
    expect(Math.max(...ratios)).toBeCloseTo(2 - 1 / replication, 9);
  });
});

describe('the partitions of a topic', () => {
  test('have their homes on each broker once before any has two, beginning at that of partition 0', () => {
    for (const { brokers, digest } of everyPlace) {
      const homes = Array.from({ length: 2 * brokers }, (_, partition) => place({ digest, brokers, partition, replication: 1 })[0]);

      expect(new Set(homes.slice(0, brokers)).size).toBe(brokers);
      expect(homes.slice(brokers)).toEqual(homes.slice(0, brokers));
    }
  });

  test('begin far apart: the first two share no replica where there are eight', () => {
    const partitions = [0, 1, 2, 3].map((partition) => labels(place({ digest: digestAt(0), partition })));

    expect(partitions).toEqual(['000 001 010', '100 101 110', '010 011 000', '110 111 100']);
  });
});

describe('the fold over the living', () => {
  test('takes a dead vertex for a missing one', () => {
    const isAlive = (vertex: number): boolean => ![6, 7, 5].includes(vertex);
    const { folded, replicas } = placeOnCube({ digest: digestAt(6), partition: 0, brokers: 8, replication: 3, isAlive });

    expect(folded).toEqual([6]);
    expect(replicas).toEqual([
      { vertex: 2, why: { kind: 'home' } },
      { vertex: 3, why: { kind: 'neighbour', bit: 0, of: 3 } },
      { vertex: 0, why: { kind: 'neighbour', bit: 1, of: 0 } },
    ]);
  });

  test('where vertex 0 is dead too, takes the nearest that lives', () => {
    const isAlive = (vertex: number): boolean => [3, 5, 6].includes(vertex);
    const { folded, replicas } = placeOnCube({ digest: digestAt(4), partition: 0, brokers: 8, replication: 3, isAlive });

    expect(folded).toEqual([4, 0]);
    expect(replicas).toEqual([
      { vertex: 5, why: { kind: 'home' } },
      { vertex: 3, why: { kind: 'neighbour', bit: 1, of: 7 } },
      { vertex: 6, why: { kind: 'filled', distance: 2 } },
    ]);
  });

  test('gives each topic distinct living replicas, whatever lives, and those assigned where all do', () => {
    const faults: string[] = [];
    for (const brokers of [3, 5, 6, 8]) {
      for (let living = 1; living < 1 << brokers; living++) {
        const isAlive = (vertex: number): boolean => (living & (1 << vertex)) !== 0;
        const count = Array.from({ length: brokers }, (_, each) => each).filter(isAlive).length;
        for (let vertex = 0; vertex < 1 << dimensionsOf(brokers); vertex++) {
          const vertices = place({ digest: digestAt(vertex), brokers, isAlive });
          const isWhole = new Set(vertices).size === Math.min(3, count) && vertices.every((each) => each < brokers && isAlive(each));
          const isAssigned = count < brokers || vertices.join() === place({ digest: digestAt(vertex), brokers }).join();
          if (!isWhole || !isAssigned)
            faults.push(`of ${brokers}, living ${living.toString(2)}: vertex ${vertex} is on ${vertices.join(' ')}`);
        }
      }
    }

    expect(faults.slice(0, 5)).toEqual([]);
  });
});

describe('why a topic is where it is', () => {
  test('says the hash, the vertex, the replicas, how many losses they survive, and the way from the broker that is asked', () => {
    const explanation = explainPlace(makeCube(8), {
      topic: bytesOf('news'),
      partition: 0,
      replication: 3,
      from: 3,
      isAlive: (v) => v !== 5 && v !== 7,
    });

    expect(explanation).toEqual({
      partition: 0,
      hash: '19fba0e995b9794fc2c26217bf3b725c2f0d9eeda16719fe75e3ba23ca73bfc4',
      dimensions: 3,
      vertex: 4,
      folded: [],
      replicas: [
        { vertex: 4, why: { kind: 'home' } },
        { vertex: 5, why: { kind: 'neighbour', bit: 0, of: 5 } },
        { vertex: 6, why: { kind: 'neighbour', bit: 1, of: 6 } },
      ],
      lossesSurvived: 0,
      route: { kind: 'edges', vertices: [3, 1, 0, 4], distance: 3, deadMet: [5, 7] },
    });
  });
});
