import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPicture } from '../../../../src/chart/index.ts';
import { type PlacementLabOptions, runPlacementLab } from '../../../../src/lab/placement/index.ts';
import { compareTopologies } from '../../../../src/lab/placement/hops.ts';
import { evennessChecks, growthChecks, routeChecks } from '../../../../src/lab/placement/judge.ts';
import type { LabResult } from '../../../../src/lab/report/index.ts';
import { makeCube, makeRing } from '../../../../src/placement/index.ts';
import { findTextFaults, openSvg } from '../../../support/svg.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-placement-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (options: Partial<PlacementLabOptions>): LabResult =>
  runPlacementLab({ brokers: 8, topics: 200, replicas: 3, partitions: 4, seed: 1, folder, say: () => undefined, ...options });

const failed = (checks: LabResult['checks']): string[] => checks.filter(({ ok }) => !ok).map(({ name }) => name);

describe('the lab of placement', () => {
  test.each([
    [8, 3],
    [5, 5],
  ])('all checks hold of %i brokers, and its graphs can be read', (brokers, replicas) => {
    const { checks, graphs } = run({ brokers, replicas });

    expect(failed(checks)).toEqual([]);
    expect(graphs.map(({ name }) => name)).toEqual(['homes', 'evenness', 'moved', 'hops', 'deaths']);
    for (const graph of graphs) {
      expect(findTextFaults(openSvg(renderPicture(graph)))).toEqual([]);
    }
  });

  test('the figures of the cube of eight are those that can be computed by hand', () => {
    const { results } = run({});
    const row = (what: string): LabResult['results'][number] | undefined => results.find((each) => String(each['what']).startsWith(what));

    // 3 at one bit, 3 at two, 1 at three.
    expect(row('hops between two brokers: mean')).toMatchObject({ cube: 1.71, 'ring, by successors': 4, 'full mesh': 1 });
    expect(row('links of a broker')).toMatchObject({ cube: 3, 'full mesh': 7 });
    expect(row('homes, by the rules: most')).toMatchObject({ cube: 1 });
    expect(row('3 of 8 dead')).toMatchObject({ cube: expect.stringMatching(/^5\.71 % of pairs/) });
    expect(row('news, on 8')).toMatchObject({ cube: expect.stringContaining('on 100 101 110 000; from 000: 000 -> 100') });
  });

  test('the same seed gives the same topics, another others', () => {
    const topicsOf = (seed: number): string => {
      run({ seed });
      return readFileSync(path.join(folder, 'topics.csv'), 'utf8');
    };

    expect(topicsOf(7)).toBe(topicsOf(7));
    expect(topicsOf(7)).not.toBe(topicsOf(8));
  });
});

describe('what would be wrong is said', () => {
  test('a placement that is uneven, not distinct, or beside the brokers', () => {
    const ring = makeRing([1, 2, 3, 4, 5, 6, 7, 8]);
    const plan = { brokers: 8, topics: 400, replicas: 2, partitions: 4, seed: 1 };
    const onCube = Array.from({ length: 400 }, (_, index) => [index % 7, 7]);
    const wrong = [...onCube.slice(2), [3, 3], [8, 1]];

    expect(failed(evennessChecks({ onCube, onRing: wrong, partitionGap: 2 }, makeCube(8), ring, plan))).toEqual([
      'topics without 2 distinct replicas, cube and ring',
      'cube: brokers whose homes are more than 5 standard deviations from their share',
      'ring: brokers whose homes are more than 5 standard deviations from their share',
      'cube: partitions of one topic, most less least on a broker',
    ]);
  });

  test('a growth that moves more than its share, or between those that were there', () => {
    const plan = { brokers: 8, topics: 10_000, replicas: 3, partitions: 4, seed: 1 };
    const growth = { movedHomes: 3000, movedAmongOld: 1, movedReplicas: 0 };

    expect(failed(growthChecks({ cube: growth, ring: growth }, plan))).toHaveLength(3);
  });

  test('ways that are too long, go round, or need a direct link too early', () => {
    const deaths = [0, 1].map((dead) => ({
      dead,
      sets: 1,
      isExhaustive: true,
      pairs: 56,
      direct: 1,
      detours: 1,
      extraHops: 2,
      extraMost: 2,
      tooLong: 1,
      looped: 1,
    }));

    expect(failed(routeChecks(makeCube(8), deaths))).toHaveLength(4);
  });

  test('nobody is one hop from all others but in a mesh', () => {
    const [cube, fingers, successors, mesh] = compareTopologies(16);

    expect([cube, fingers, successors, mesh].map((each) => each?.largest)).toEqual([4, 4, 15, 1]);
  });
});
