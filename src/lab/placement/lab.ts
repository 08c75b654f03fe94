/**
 * `cairn lab placement`: hypercube, ring and full mesh compared by the pure functions that place partitions and find routes. Nothing is started and nothing
 * sent: counts and hops are exact, only the times are of this machine.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import { type Cube, explainPlace, labelOf, makeCube, makeRing, pointsPerBroker, type Ring } from '../../placement/index.ts';
import type { Figure, LabResult } from '../report/index.ts';
import { contractCube, contractHomes } from './contract.ts';
import { type Deaths, surviveDeaths } from './deaths.ts';
import { digits, percent } from './digits.ts';
import { cubeShares, ringShares, spreadOf } from './evenness.ts';
import { type Growth, growthOnCube, growthOnRing, movedOnCube } from './growth.ts';
import { compareTopologies } from './hops.ts';
import { contractChecks, evennessChecks, growthChecks, routeChecks, unreachableOfEight } from './judge.ts';
import { deathsGraph, evennessGraph, growthGraph, homesGraph, hopsGraph } from './pictures.ts';
import { countOf, homesOf, placeAll, type Placed, type PlacementPlan } from './placed.ts';
import { type Timing, timeCalls } from './timing.ts';
import { drawTopics, idsOf, type Topic, topicOf } from './topics.ts';

export interface PlacementLabOptions extends PlacementPlan {
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** With so many living pairs in all, sets of dead brokers are drawn instead of tried out. */
const pairsMax = 150_000;

export function runPlacementLab(options: PlacementLabOptions): LabResult {
  const { brokers, topics: count, replicas, partitions, seed, folder, say } = options;
  const random = new SeededRandom(seed);
  say(`Placing ${count} topics on ${brokers} brokers`);
  const topics = drawTopics(count, random.fork());
  const cube = makeCube(brokers);
  const ring = makeRing(idsOf(brokers));
  const placed = placeAll(topics, cube, ring, replicas, partitions);
  writeFileSync(path.join(folder, 'topics.csv'), csvOf(topics, placed, cube));
  const growth = { cube: growthOnCube(topics, brokers, replicas), ring: growthOnRing(topics, brokers, replicas) };
  say('Trying sets of dead brokers');
  const deaths = deathsOf(cube, random.fork());
  say('Timing');
  const times = timeCalls(topics, cube, replicas, partitions);
  return {
    lab: 'placement',
    about: aboutOf(options),
    settings: { brokers, topics: count, replicas, partitions, 'points of a broker on the ring': pointsPerBroker, seed },
    results: [
      ...evennessRows(placed, cube, ring, replicas),
      ...growthRows(growth, options),
      ...hopRows(brokers),
      ...deaths.map((each) => deathRow(each, brokers)),
      ...times.map(timeRow),
      ...Object.keys(contractHomes).map(contractRow),
    ],
    checks: [
      ...contractChecks(),
      ...evennessChecks(placed, cube, ring, options),
      ...growthChecks(growth, options),
      ...routeChecks(cube, deaths),
      unreachableOfEight(),
    ],
    graphs: [homesGraph(placed, cube, count), evennessGraph(options), growthGraph(options), hopsGraph(options), deathsGraph(cube, deaths)],
  };
}

function csvOf(topics: readonly Topic[], { onCube, onRing }: Placed, { dimensions }: Cube): string {
  const labels = (vertices: readonly number[] | undefined): string =>
    (vertices ?? []).map((vertex) => labelOf(vertex, dimensions)).join(' ');
  const lines = topics.map(({ name }, index) => `${name},${labels(onCube[index])},${labels(onRing[index])}\n`);
  return `topic,replicas on the cube (home first),replicas on the ring (home first)\n${lines.join('')}`;
}

function deathsOf(cube: Cube, random: SeededRandom): readonly Deaths[] {
  const sets = Math.ceil(pairsMax / (cube.brokers * (cube.brokers - 1)));
  const most = Math.min(cube.brokers - 2, 2 * cube.dimensions);
  return Array.from({ length: most + 1 }, (_, dead) => surviveDeaths(cube, dead, sets, random));
}

type Row = Readonly<Record<string, Figure>>;

function aboutOf({ brokers, topics, replicas }: PlacementLabOptions): string {
  return (
    `Where ${topics} topics with ${replicas} replicas are placed on ${brokers} brokers, by the hypercube of contract 3 and by consistent hashing on a ring, and ` +
    'how far brokers are apart on cube, ring and full mesh. A broker is a vertex of the cube, written in binary. This is the first part of the experiment ' +
    'of contract 3, computed with the functions that place and route; no broker is started. `cairn lab pubsub` is the other. By the rules a broker of ' +
    'an incomplete cube, one whose number of brokers is no power of two, has up to twice the homes of another, since a missing vertex folds onto one that ' +
    'is there; for the same reason an added broker moves less than its ideal share. Shares "by the rules" are exact: every hash as often as any other.'
  );
}

function evennessRows({ onCube, onRing, partitionGap }: Placed, { brokers }: Cube, ring: Ring, replicas: number): Row[] {
  const rows = (what: string, cube: readonly number[], onTheRing: readonly number[] | null): Row[] => {
    const [own, other] = [spreadOf(cube), onTheRing === null ? null : spreadOf(onTheRing)];
    const ringColumn = (value: number | undefined): Row => (value === undefined ? {} : { ring: digits(value) });
    return [
      { what: `${what}: most of a broker / mean`, cube: digits(own.largest), ...ringColumn(other?.largest) },
      { what: `${what}: least of a broker / mean`, cube: digits(own.least), ...ringColumn(other?.least) },
    ];
  };
  const exact = cubeShares(brokers, replicas);
  return [
    ...rows('homes', homesOf(onCube, brokers), homesOf(onRing, brokers)),
    ...rows('homes, by the rules', exact.homes, ringShares(ring)),
    ...rows('replicas', countOf(onCube, brokers, replicas), countOf(onRing, brokers, replicas)),
    ...rows('replicas, by the rules', exact.replicas, null),
    { what: 'homes of the partitions of one topic: most less least, over all topics', cube: partitionGap },
  ];
}

function growthRows({ cube, ring }: Readonly<Record<'cube' | 'ring', Growth>>, { brokers, topics, replicas }: PlacementLabOptions): Row[] {
  const ideal = percent(1 / (brokers + 1));
  return [
    {
      what: 'one broker more: topics whose home moves (%)',
      cube: percent(cube.movedHomes / topics),
      ring: percent(ring.movedHomes / topics),
      ideal,
    },
    {
      what: 'one broker more: replicas that move (%)',
      cube: percent(cube.movedReplicas / (topics * replicas)),
      ring: percent(ring.movedReplicas / (topics * replicas)),
      ideal,
    },
    { what: 'one broker more: replicas that move, by the rules (%)', cube: percent(movedOnCube(brokers, replicas).replicas), ideal },
  ];
}

function hopRows(brokers: number): Row[] {
  const all = compareTopologies(brokers);
  const row = (what: string, value: (each: (typeof all)[number]) => number): Row => ({
    what,
    ...Object.fromEntries(all.map((each) => [each.topology, digits(value(each))])),
  });
  return [
    row('hops between two brokers: mean', ({ mean }) => mean),
    row('hops between two brokers: most', ({ largest }) => largest),
    row('links of a broker: most', ({ links }) => links),
  ];
}

function deathRow({ dead, pairs, direct, extraHops, extraMost, isExhaustive, sets }: Deaths, brokers: number): Row {
  const joined = pairs - direct;
  return {
    what: `${dead} of ${brokers} dead (${isExhaustive ? 'all' : 'drawn'}, ${sets} sets)`,
    cube: `${percent(direct / pairs)} % of pairs not joined by edges${joined === 0 ? '' : `; hops more: ${digits(extraHops / joined, 3)} mean, ${extraMost} most`}`,
  };
}

const timeRow = ({ what, microseconds }: Timing): Row => ({
  what: `${what} (microseconds)`,
  [what.includes('ring') ? 'ring' : 'cube']: digits(microseconds),
});

/** Asked at 000, as contract 3 counts. */
function contractRow(name: string): Row {
  const { hash, replicas, route } = explainPlace(contractCube, {
    topic: topicOf(name).bytes,
    partition: 0,
    replication: 4,
    from: 0,
    isAlive: () => true,
  });
  const label = (vertex: number): string => labelOf(vertex, contractCube.dimensions);
  return {
    what: `${name}, on 8 brokers`,
    cube: `hash ...${hash.slice(-4)}, on ${replicas.map(({ vertex }) => label(vertex)).join(' ')}; from 000: ${route.vertices.map(label).join(' -> ')}`,
  };
}
