import type { BrokerId } from '../../base/branded.ts';
import { digestOf, makeRing, placeOnCube, placeOnRing } from '../../placement/index.ts';
import { isQuorum } from '../../raft/index.ts';
import type { PlacedPartition } from './catalog-state.ts';

export interface PlacingOptions {
  /** Exact bytes. */
  readonly name: Uint8Array;
  /** All of the cluster. */
  readonly brokers: readonly BrokerId[];
  readonly placement: 'hypercube' | 'ring';
  readonly partitions: number;
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
  const { brokers, isAlive } = options;
  const ids = [...brokers].sort((a, b) => a - b);
  const living = ids.filter(isAlive);
  const partitions: PlacedPartition[] = [];
  for (let partition = 0; partition < options.partitions; partition++) {
    const assigned = replicasOf(options, partition, ids, null);
    const isAway = !isQuorum({ voters: assigned, votersOutgoing: [], learners: [] }, isAlive);
    if (isAway && living.length < assigned.length) return { kind: 'unreachable', assigned };
    const replicas = isAway ? replicasOf(options, partition, ids, living) : assigned;
    partitions.push({ replicas, leader: replicas.find(isAlive) ?? null, awayFromHome: isAway });
  }
  return { kind: 'placed', partitions };
}

/** Among all brokers, or among the living, the home first. */
function replicasOf(
  { name, placement, replicas }: PlacingOptions,
  partition: number,
  ids: readonly BrokerId[],
  living: readonly BrokerId[] | null,
): BrokerId[] {
  const replication = Math.min(replicas, ids.length);
  if (placement === 'ring') return placeOnRing(makeRing(living ?? ids), name, partition, replication).replicas as BrokerId[];
  const only = living === null ? {} : { isAlive: (vertex: number) => living.includes(ids[vertex] as BrokerId) };
  const place = placeOnCube({ digest: digestOf(name), partition, brokers: ids.length, replication, ...only });
  return place.replicas.map(({ vertex }) => ids[vertex] as BrokerId);
}
