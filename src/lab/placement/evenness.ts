import { setU32 } from '../../base/bytes.ts';
import { dimensionsOf, placeOnCube, type Ring } from '../../placement/index.ts';

/** What the rules of the cube give each broker when every vertex is hashed to as often as any other: parts of all homes, and of all replicas. */
export function cubeShares(
  brokers: number,
  replication: number,
): { readonly homes: readonly number[]; readonly replicas: readonly number[] } {
  const vertices = 1 << dimensionsOf(brokers);
  const homes = Array.from({ length: brokers }, () => 0);
  const replicas = Array.from({ length: brokers }, () => 0);
  for (let vertex = 0; vertex < vertices; vertex++) {
    const place = placeOnCube({ digest: digestAt(vertex), partition: 0, brokers, replication });
    for (const [index, replica] of place.replicas.entries()) {
      if (index === 0) homes[replica.vertex] = (homes[replica.vertex] as number) + 1 / vertices;
      replicas[replica.vertex] = (replicas[replica.vertex] as number) + 1 / (vertices * replication);
    }
  }
  return { homes, replicas };
}

/** A digest that names the vertex. */
export function digestAt(vertex: number): Uint8Array {
  const digest = new Uint8Array(32);
  setU32(digest, 28, vertex);
  return digest;
}

/** The part of the ring whose first point is each broker's, in the order of the ring's brokers. */
export function ringShares({ brokers, positions, owners }: Ring): readonly number[] {
  const all = 2 ** 32;
  const shares = new Map(brokers.map((broker) => [broker, 0]));
  for (const [index, position] of positions.entries()) {
    const before = positions.at(index - 1) as number;
    const owner = owners[index] as number;
    // Before the first point comes the last, round the ring.
    const arc = index === 0 ? position + all - before : position - before;
    shares.set(owner, (shares.get(owner) as number) + arc / all);
  }
  return brokers.map((broker) => shares.get(broker) as number);
}

export interface Spread {
  readonly largest: number;
  readonly least: number;
}

/** Largest and least, as multiples of the mean. */
export function spreadOf(counts: readonly number[]): Spread {
  const mean = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return { largest: Math.max(...counts) / mean, least: Math.min(...counts) / mean };
}

/** So far may a count be from what is expected: one in two million of true ones is farther. */
const deviationsMax = 5;

export const isNear = (count: number, of: number, share: number): boolean =>
  Math.abs(count - of * share) <= deviationsMax * Math.sqrt(of * share * (1 - share)) + 1e-9;

/** The brokers whose count is not one that their share of so many draws gives. */
export const strangers = (counts: readonly number[], shares: readonly number[], of: number): number =>
  counts.filter((count, index) => !isNear(count, of, shares[index] as number)).length;
