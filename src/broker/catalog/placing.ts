import type { BrokerId } from '../../base/branded.ts';
import { digestOf, makeRing, placeOnCube, placeOnRing, type Ring } from '../../placement/index.ts';
import { isQuorum } from '../../raft/index.ts';
import type { PlacedPartition } from './catalog-state.ts';

export interface PlacingOptions {
  /** Exact bytes. */
  readonly name: Uint8Array;
  /** All of the cluster. */
  readonly brokers: readonly BrokerId[];
  /** `all`: by the hypercube's rules too, which say whose home each partition is; `replicas` is then the number of brokers. */
  readonly placement: 'hypercube' | 'ring' | 'all';
  /** Those that are placed, from the first of these numbers up to the second. */
  readonly partitions: readonly [from: number, to: number];
  /** Replicas of each; no more than there are brokers. */
  readonly replicas: number;
  readonly isAlive: (broker: BrokerId) => boolean;
}

/** `unreachable`: too few live to choose others in place of those that are assigned. */
export type Placing =
  | { readonly kind: 'placed'; readonly partitions: readonly PlacedPartition[] }
  | { readonly kind: 'unreachable'; readonly assigned: readonly BrokerId[] };

/**
 * Where a topic that is made now is placed, and who leads each partition first. A broker that does not live keeps its place, and fetches what it has not had when
 * it comes back, wherever a majority of the assigned replicas lives; only where none does, those are chosen from the living, if these are enough. It is
 * decided once: the command that makes the topic carries it.
 */
export function placeTopic(options: PlacingOptions): Placing {
  const {
    brokers,
    isAlive,
    partitions: [from, to],
  } = options;
  const ids = [...brokers].sort((a, b) => a - b);
  const living = ids.filter(isAlive);
  const assign = assigner(options, ids, null);
  const assignAway = assigner(options, ids, living);
  const partitions: PlacedPartition[] = [];
  for (let partition = from; partition < to; partition++) {
    const assigned = assign(partition);
    const isAway = !isQuorum({ voters: assigned, votersOutgoing: [], learners: [] }, isAlive);
    if (isAway && living.length < assigned.length) return { kind: 'unreachable', assigned };
    const replicas = isAway ? assignAway(partition) : assigned;
    partitions.push({ replicas, leader: replicas.find(isAlive) ?? null, awayFromHome: isAway });
  }
  return { kind: 'placed', partitions };
}

/** The brokers of each partition, the home first: among all, or among the living. */
function assigner(
  { name, placement, replicas }: PlacingOptions,
  ids: readonly BrokerId[],
  living: readonly BrokerId[] | null,
): (partition: number) => BrokerId[] {
  const replication = Math.min(replicas, ids.length);
  if (placement === 'ring') {
    let ring: Ring | null = null;
    return (partition) => {
      ring ??= makeRing(living ?? ids);
      return placeOnRing(ring, name, partition, replication).replicas as BrokerId[];
    };
  }
  const only = living === null ? {} : { isAlive: (vertex: number) => living.includes(ids[vertex] as BrokerId) };
  const digest = digestOf(name);
  return (partition) => {
    const place = placeOnCube({ digest, partition, brokers: ids.length, replication, ...only });
    return place.replicas.map(({ vertex }) => ids[vertex] as BrokerId);
  };
}
