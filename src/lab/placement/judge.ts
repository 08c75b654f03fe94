import { SeededRandom } from '../../base/random.ts';
import { type Cube, makeRing, placeOnCube, type Ring } from '../../placement/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { contractCube, contractHomes } from './contract.ts';
import { type Deaths, surviveDeaths } from './deaths.ts';
import { digits, percent } from './digits.ts';
import { cubeShares, isNear, ringShares, spreadOf, strangers } from './evenness.ts';
import { type Growth, movedOnCube } from './growth.ts';
import { homesOf, type Placed, type PlacementPlan } from './placed.ts';
import { idsOf, topicOf } from './topics.ts';

type Checks = LabResult['checks'];

/** Of the ring, the most that a broker may have of the mean, and an added one take of its ideal share: what so many points allow. */
const ringUnevenMost = 1.2;

export function contractChecks(): Checks {
  const wrong = Object.entries(contractHomes).filter(([name, home]) => {
    const { replicas } = placeOnCube({ digest: topicOf(name).digest, partition: 0, brokers: 8, replication: 4 });
    const own = Number.parseInt(home, 2);
    const expected = [own, own ^ 1, own ^ 2, own ^ 4];
    return replicas.some(({ vertex }, index) => vertex !== expected[index]);
  });
  return [
    check(
      `topics of contract 3 with another home or other neighbours, of ${Object.keys(contractHomes).length}`,
      wrong.length === 0,
      0,
      wrong.length,
    ),
  ];
}

export function evennessChecks(
  { onCube, onRing, partitionGap }: Placed,
  { brokers }: Cube,
  ring: Ring,
  { topics, replicas }: PlacementPlan,
): Checks {
  const isFaulty = (vertices: readonly number[]): boolean =>
    new Set(vertices).size !== replicas || vertices.some((vertex) => vertex < 0 || vertex >= brokers);
  const faulty = [...onCube, ...onRing].filter(isFaulty).length;
  const exact = cubeShares(brokers, replicas);
  const cubeStrangers = strangers(homesOf(onCube, brokers), exact.homes, topics);
  const ringStrangers = strangers(homesOf(onRing, brokers), ringShares(ring), topics);
  const most = spreadOf(exact.homes).largest;
  const ringMost = spreadOf(ringShares(ring)).largest;
  return [
    check(`topics without ${replicas} distinct replicas, cube and ring`, faulty === 0, 0, faulty),
    check('cube: brokers whose homes are more than 5 standard deviations from their share', cubeStrangers === 0, 0, cubeStrangers),
    check('ring: brokers whose homes are more than 5 standard deviations from their share', ringStrangers === 0, 0, ringStrangers),
    check('cube: most homes of a broker by the rules / mean', most < 2, 'below 2', digits(most)),
    check('ring: most homes of a broker by the rules / mean', ringMost <= ringUnevenMost, `at most ${ringUnevenMost}`, digits(ringMost)),
    check('cube: partitions of one topic, most less least on a broker', partitionGap <= 1, 'at most 1', partitionGap),
  ];
}

export function growthChecks(
  { cube, ring }: Readonly<Record<'cube' | 'ring', Growth>>,
  { brokers, topics, replicas }: PlacementPlan,
): Checks {
  const among = cube.movedAmongOld + ring.movedAmongOld;
  const { homes: share, replicas: replicaShare } = movedOnCube(brokers, replicas);
  const ringShare = ringShares(makeRing(idsOf(brokers + 1))).at(-1) as number;
  const moved = ({ movedHomes }: Growth): string => `${percent(movedHomes / topics)} %`;
  const ideal = 1 / (brokers + 1);
  return [
    check('one broker more: homes that move between brokers that were there, cube and ring', among === 0, 0, among),
    check(
      'cube, one broker more: homes that move',
      isNear(cube.movedHomes, topics, share) && share <= ideal,
      `${percent(share)} % and chance, at most the ideal ${percent(ideal)} %`,
      moved(cube),
    ),
    check(
      'cube, one broker more: replicas that move, by the rules',
      replicaShare < 2 * ideal,
      `below twice the ideal ${percent(ideal)} %`,
      `${percent(replicaShare)} %`,
    ),
    check(
      'ring, one broker more: homes that move',
      isNear(ring.movedHomes, topics, ringShare) && ringShare <= ideal * ringUnevenMost,
      `${percent(ringShare)} % and chance, at most ${ringUnevenMost} times the ideal ${percent(ideal)} %`,
      moved(ring),
    ),
  ];
}

export function routeChecks({ dimensions, brokers }: Cube, deaths: readonly Deaths[]): Checks {
  const sum = (of: readonly Deaths[], value: (each: Deaths) => number): number => of.reduce((total, each) => total + value(each), 0);
  const none = (name: string, got: number): Checks[number] => check(name, got === 0, 0, got);
  const few = deaths.filter(({ dead }) => dead < dimensions);
  return [
    none(
      'hops beyond the distance with all alive',
      sum(deaths.slice(0, 1), ({ extraHops }) => extraHops),
    ),
    none(
      `pairs that no edges join with fewer than ${dimensions} of ${brokers} dead`,
      sum(few, ({ direct }) => direct),
    ),
    none(
      'ways longer than the distance and two hops for each dead broker met',
      sum(deaths, ({ tooLong }) => tooLong),
    ),
    none(
      'ways that pass a broker twice',
      sum(deaths, ({ looped }) => looped),
    ),
  ];
}

/** A figure of the contract: what is checked is the cube, and that deaths are counted. */
export function unreachableOfEight(): Checks[number] {
  const { pairs, direct } = surviveDeaths(contractCube, 3, 56, new SeededRandom(1));
  return check(
    '3 of 8 dead: ordered living pairs that no edges join',
    direct === 64 && pairs === 1120,
    '64 of 1120',
    `${direct} of ${pairs}`,
  );
}
