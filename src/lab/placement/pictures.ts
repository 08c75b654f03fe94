import type { Chart } from '../../chart/index.ts';
import { type Cube, labelOf, makeRing } from '../../placement/index.ts';
import type { Graph } from '../report/index.ts';
import type { Deaths } from './deaths.ts';
import { cubeShares, ringShares, spreadOf } from './evenness.ts';
import { movedOnCube } from './growth.ts';
import { compareTopologies } from './hops.ts';
import { homesOf, type Placed, type PlacementPlan } from './placed.ts';
import { idsOf } from './topics.ts';

/** Graphs over the number of brokers go at least so far. */
const graphBrokers = 16;

export function homesGraph({ onCube, onRing }: Placed, { brokers, dimensions }: Cube, topics: number): Graph {
  const bars = (label: string, counts: readonly number[]): { label: string; bars: { value: number; low: number; high: number }[] } => ({
    label,
    bars: counts.map((value) => ({ value, low: value, high: value })),
  });
  return {
    kind: 'bars',
    name: 'homes',
    title: `Homes of ${topics} topics on ${brokers} brokers`,
    xTitle: 'broker, as a vertex of the cube',
    yTitle: 'topics whose home it is',
    categories: Array.from({ length: brokers }, (_, vertex) => labelOf(vertex, dimensions)),
    series: [bars('hypercube', homesOf(onCube, brokers)), bars('ring', homesOf(onRing, brokers))],
  };
}

const countsFor = ({ brokers }: PlacementPlan, from: number): number[] =>
  Array.from({ length: Math.max(graphBrokers, brokers) - from + 1 }, (_, index) => from + index);

type Points = readonly (readonly [x: number, y: number])[];

const lineOf = (label: string, points: Points): { label: string; marks: 'line'; points: Points } => ({ label, marks: 'line', points });

export function evennessGraph(options: PlacementPlan): Graph {
  const counts = countsFor(options, 2);
  const bandOf = (label: string, shares: (count: number) => readonly number[]): NonNullable<Chart['bands']>[number] => ({
    label,
    edges: counts.map((count) => {
      const { least, largest } = spreadOf(shares(count));
      return [count, least, largest];
    }),
  });
  const { replicas } = options;
  return {
    kind: 'chart',
    name: 'evenness',
    title: 'From the least to the most that a broker has, by the rules',
    xTitle: 'brokers',
    yTitle: 'times the mean of all brokers',
    series: [],
    bands: [
      bandOf('hypercube, homes', (count) => cubeShares(count, 1).homes),
      bandOf(`hypercube, ${replicas} replicas`, (count) => cubeShares(count, Math.min(replicas, count)).replicas),
      bandOf('ring, homes', (count) => ringShares(makeRing(idsOf(count)))),
    ],
  };
}

export function growthGraph(options: PlacementPlan): Graph {
  const over = (share: (count: number) => number): Points => countsFor(options, 1).map((count) => [count, share(count) * 100]);
  return {
    kind: 'chart',
    name: 'moved',
    title: 'Topics whose home moves when a broker is added',
    xTitle: 'brokers before',
    yTitle: '% of all topics, by the rules',
    series: [
      lineOf(
        'hypercube',
        over((count) => movedOnCube(count, 1).homes),
      ),
      lineOf(
        'ring',
        over((count) => ringShares(makeRing(idsOf(count + 1))).at(-1) as number),
      ),
      lineOf(
        'ideal: the share of the added broker',
        over((count) => 1 / (count + 1)),
      ),
    ],
  };
}

export function hopsGraph(options: PlacementPlan): Graph {
  const all = countsFor(options, 2).map((count) => ({ count, topologies: compareTopologies(count) }));
  return {
    kind: 'chart',
    name: 'hops',
    title: 'Hops from a broker to another, all alive',
    xTitle: 'brokers',
    yTitle: 'hops, mean over all pairs',
    series: (all[0]?.topologies ?? []).map(({ topology }, index) =>
      lineOf(
        topology,
        all.map(({ count, topologies }) => [count, topologies[index]?.mean as number]),
      ),
    ),
  };
}

export function deathsGraph({ brokers }: Cube, deaths: readonly Deaths[]): Graph {
  return {
    kind: 'chart',
    name: 'deaths',
    title: `Ways between the living of ${brokers} brokers`,
    xTitle: 'dead brokers',
    yTitle: '% of pairs, over sets of dead brokers',
    series: [
      lineOf(
        'no edges join them: a direct link',
        deaths.map(({ dead, direct, pairs }) => [dead, (direct / pairs) * 100]),
      ),
      lineOf(
        'edges join them, by more hops than their distance',
        deaths.map(({ dead, detours, pairs }) => [dead, (detours / pairs) * 100]),
      ),
    ],
  };
}
