/** Faults of the network between brokers. */
import type { Member } from '../cluster.ts';
import { calmConditions, type NetworkConditions } from '../network.ts';
import type { FaultName } from './names.ts';
import type { FaultSchedule, Strike } from './schedule.ts';

export const networkStrikes = {
  delay: (faults) =>
    change(faults, 'delay', {
      delayMsMax: faults.random.pick([5, 30, 100]),
      longDelayRate: faults.random.pick([0, 0.05, 0.3]),
      longDelayMsMin: 100,
      longDelayMsMax: 2000,
    }),
  loss: (faults) => change(faults, 'loss', { lossRate: faults.random.pick([0.01, 0.1, 0.3]) }),
  duplication: (faults) => change(faults, 'duplication', { duplicationRate: faults.random.pick([0.05, 0.5]) }),
  reordering: (faults) =>
    change(faults, 'reordering', {
      reorderingRate: faults.random.pick([0.05, 0.5]),
      delayMsMax: Math.max(faults.cluster.world.network.conditions.delayMsMax, 10),
    }),
  corruption: (faults) => change(faults, 'corruption', { corruptionRate: faults.random.pick([0.001, 0.01, 0.1]) }),
  tornFrame: (faults) => change(faults, 'tornFrame', { tearingRate: faults.random.pick([0.001, 0.01, 0.1]) }),
  slowBroker,
  partition: (faults) => partition(faults, false),
  oneWayPartition: (faults) => partition(faults, true),
  bridge,
  majoritiesRing,
  linkBreak: (faults) => faults.cluster.world.network.breakLinks(faults.anyMember().id, faults.anyMember().id) > 0,
  halfOpen: (faults) => {
    const learntMsMax = faults.random.pick([500, 5000, 20_000]);
    return faults.cluster.world.network.forgetLinks(faults.anyMember().id, faults.anyMember().id, learntMsMax) > 0;
  },
  slowLine,
} satisfies Partial<Record<FaultName, Strike>>;

function change(faults: FaultSchedule, name: FaultName, conditions: Partial<NetworkConditions>): boolean {
  const { network } = faults.cluster.world;
  const calm = Object.fromEntries(Object.keys(conditions).map((key) => [key, calmConditions[key as keyof NetworkConditions]]));
  faults.last(
    name,
    faults.durationMs(8000),
    () => Object.assign(network.conditions, conditions),
    () => Object.assign(network.conditions, calm),
  );
  return true;
}

/** One broker at the end of a slow line. */
function slowBroker(faults: FaultSchedule): boolean {
  const { extraDelayMs } = faults.cluster.world.network;
  const { id } = faults.anyMember();
  faults.last(
    `slow ${id}`,
    faults.durationMs(8000),
    () => extraDelayMs.set(id, faults.random.pick([20, 100, 400])),
    () => extraDelayMs.delete(id),
  );
  return true;
}

const slowLineMs = 15_000;

/**
 * One broker has been away and is back at the end of a line with little bandwidth. Mostly nothing else happens meanwhile, so whatever it lacks is to be
 * sent to it once (R23).
 */
function slowLine(faults: FaultSchedule): boolean {
  const { cluster, random } = faults;
  if (!faults.isFirst('slowLine')) return false;
  const { lineRates } = cluster.world.network;
  const member = faults.anyMember();
  const awayMs = 1000 + random.below(6000);
  isolate(faults, member, awayMs);
  const bytesPerMs = random.pick([50, 100, 200, 1000]);
  faults.last(
    `slowLine`,
    awayMs + slowLineMs,
    () => lineRates.set(member.id, bytesPerMs),
    () => lineRates.delete(member.id),
  );
  if (random.chance(0.7)) faults.standBack(awayMs + slowLineMs);
  return true;
}

type Pair = readonly [from: number, to: number];

/** Blocks these directions for a while. */
function cut(faults: FaultSchedule, name: string, durationMs: number, pairs: readonly Pair[]): boolean {
  const { network } = faults.cluster.world;
  faults.last(
    name,
    durationMs,
    () => pairs.forEach(([from, to]) => network.block(from, to)),
    () => pairs.forEach(([from, to]) => network.unblock(from, to)),
  );
  return pairs.length > 0;
}

const bothWays = (a: number, b: number): readonly Pair[] => [
  [a, b],
  [b, a],
];

/** Cuts some brokers off the others, or one broker from one other; one way or both. */
function partition(faults: FaultSchedule, oneWay: boolean): boolean {
  const { random } = faults;
  const ids = idsOf(faults);
  const inside = random.chance(0.3) ? [random.pick(ids)] : ids.filter(() => random.chance(0.5));
  let outside = ids.filter((id) => !inside.includes(id));
  if (random.chance(0.3) && outside.length > 0) outside = [random.pick(outside)];
  const inward = oneWay && random.chance(0.5);
  const pairs = inside.flatMap((a) => outside.flatMap((b): readonly Pair[] => (oneWay ? [inward ? [b, a] : [a, b]] : bothWays(a, b))));
  return cut(faults, `partition ${oneWay}`, faults.durationMs(8000), pairs);
}

/** Two sides that see one broker in the middle and not one another. */
function bridge(faults: FaultSchedule): boolean {
  const ids = faults.shuffled(idsOf(faults));
  const half = Math.floor((ids.length - 1) / 2);
  const left = ids.slice(0, half);
  const right = ids.slice(half, 2 * half);
  const pairs = left.flatMap((a) => right.flatMap((b) => bothWays(a, b)));
  return cut(faults, 'bridge', faults.durationMs(8000), pairs);
}

/** Every broker sees a majority, each another one. Three brokers see one another in one direction only. */
function majoritiesRing(faults: FaultSchedule): boolean {
  const ids = faults.shuffled(idsOf(faults));
  const count = ids.length;
  if (count < 3) return false;
  const reach = Math.floor(count / 4);
  const pairs = ids.flatMap((a, i) =>
    ids.flatMap((b, j): readonly Pair[] => {
      const apart = Math.min((i - j + count) % count, (j - i + count) % count);
      if (count < 5) return (i + 1) % count === j ? [[b, a]] : [];
      return i < j && apart > reach ? bothWays(a, b) : [];
    }),
  );
  return cut(faults, 'ring', faults.durationMs(8000), pairs);
}

/** Cuts one broker off all others. */
export function isolate(faults: FaultSchedule, member: Member, durationMs: number): boolean {
  const others = idsOf(faults).filter((id) => id !== member.id);
  return cut(
    faults,
    `isolation ${member.id}`,
    durationMs,
    others.flatMap((id) => bothWays(member.id, id)),
  );
}

const idsOf = (faults: FaultSchedule): number[] => faults.cluster.members.map(({ id }) => id as number);
