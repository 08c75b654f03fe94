import { type Cube, placeOnCube, placeOnRing, type Ring } from '../../placement/index.ts';
import type { Topic } from './topics.ts';

/** What is compared. */
export interface PlacementPlan {
  /** 2 to 32. */
  readonly brokers: number;
  readonly topics: number;
  readonly replicas: number;
  /** Of each topic, for how evenly they are spread. */
  readonly partitions: number;
  readonly seed: number;
}

/** Vertices; each list has a topic's home first. */
export interface Placed {
  readonly onCube: readonly (readonly number[])[];
  readonly onRing: readonly (readonly number[])[];
  /** Of a topic, how many partitions have their home on each broker: the most less the least, the greatest of all topics. */
  readonly partitionGap: number;
}

export function placeAll(topics: readonly Topic[], { brokers }: Cube, ring: Ring, replication: number, partitions: number): Placed {
  const gaps = topics.map(({ digest }) => {
    const counts = Array.from({ length: brokers }, () => 0);
    for (let partition = 0; partition < partitions; partition++) {
      const home = placeOnCube({ digest, partition, brokers, replication: 1 }).replicas[0]?.vertex as number;
      counts[home] = (counts[home] as number) + 1;
    }
    return Math.max(...counts) - Math.min(...counts);
  });
  return {
    onCube: topics.map(({ digest }) => placeOnCube({ digest, partition: 0, brokers, replication }).replicas.map(({ vertex }) => vertex)),
    onRing: topics.map(({ bytes }) => placeOnRing(ring, bytes, 0, replication).replicas.map((id) => id - 1)),
    partitionGap: Math.max(...gaps),
  };
}

export const homesOf = (placed: Placed['onCube'], brokers: number): number[] => countOf(placed, brokers, 1);

export function countOf(placed: Placed['onCube'], brokers: number, replicas: number): number[] {
  const counts = Array.from({ length: brokers }, () => 0);
  for (const vertices of placed) for (const vertex of vertices.slice(0, replicas)) counts[vertex] = (counts[vertex] as number) + 1;
  return counts;
}
