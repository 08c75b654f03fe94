import { assert } from '../base/assert.ts';
import { getU32 } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';
import { clearHighest, dimensionsOf, distanceBetween, foldVertex, type Holds } from './cube.ts';

/** Home and its first two neighbours. */
export const replicationDefault = 3;

export interface CubePlace {
  /** That the hash names, or for a later partition its place in the spread: it may be missing. */
  readonly vertex: number;
  /** What was tried and did not hold, from `vertex` on; empty when the vertex itself is the home. */
  readonly folded: readonly number[];
  /** The home first; distinct. */
  readonly replicas: readonly CubeReplica[];
}

interface CubeReplica {
  readonly vertex: number;
  readonly why:
    | { readonly kind: 'home' }
    /** Over the bit of this index; `of` is the neighbour that the bit names, `vertex` itself unless that had to be folded. */
    | { readonly kind: 'neighbour'; readonly bit: number; readonly of: number }
    /** Taken to make the number full, the home being so far away. */
    | { readonly kind: 'filled'; readonly distance: number };
}

export interface CubePlaceOptions {
  /** Of the topic: its exact bytes by SHA-256. */
  readonly digest: Uint8Array;
  readonly partition: number;
  readonly brokers: number;
  /** 1 to the number of brokers. */
  readonly replication: number;
  /**
   * Given, the place is among the living only: for a topic of which no majority of the assigned replicas lives. With fewer living than replicas there are
   * so many replicas. At least one broker lives.
   */
  readonly isAlive?: Holds;
}

export const digestOf = (topic: Uint8Array): Uint8Array => sha256(topic);

/**
 * Where a partition is placed, by the rules of contract 3. Partition 0: vertex = SHA-256 of the topic mod 2^d. What is missing folds: its highest set bit
 * is cleared until a vertex exists. That is the home; the other replicas are its neighbours over bit 0, 1, 2, ..., each folded the same way. What falls
 * together is made up for by further vertices, the nearest to the home first and of those the least number.
 *
 * Later partitions spread over the cube by `spreadOf`, and have their replicas by the same rules.
 *
 * Over the living, a dead vertex folds as a missing one does. Where even vertex 0 is dead, the nearest living to the vertex is taken, of those the least.
 */
export function placeOnCube({ digest, partition, brokers, replication, isAlive }: CubePlaceOptions): CubePlace {
  assert(replication >= 1 && replication <= brokers, 'a partition has 1 replica up to one on each broker');
  const dimensions = dimensionsOf(brokers);
  const holds: Holds = isAlive === undefined ? (vertex) => vertex < brokers : (vertex) => vertex < brokers && isAlive(vertex);
  const holding = Array.from({ length: brokers }, (_, vertex) => vertex).filter(holds);
  assert(holding.length > 0, 'at least one broker lives');

  const vertex = vertexOf(digest, partition, brokers, dimensions);
  const folded: number[] = [];
  const home = fold(vertex, { holds, holding, folded });
  const replicas: CubeReplica[] = [{ vertex: home, why: { kind: 'home' } }];
  const isTaken = (candidate: number): boolean => replicas.some((replica) => replica.vertex === candidate);
  const wanted = Math.min(replication, holding.length);
  for (let bit = 0; bit < dimensions && replicas.length < wanted; bit++) {
    const of = home ^ (1 << bit);
    const neighbour = fold(of, { holds, holding });
    if (!isTaken(neighbour)) replicas.push({ vertex: neighbour, why: { kind: 'neighbour', bit, of } });
  }
  for (const next of replicas.length < wanted ? nearestFirst(home, holding) : []) {
    if (replicas.length === wanted) break;
    if (!isTaken(next)) replicas.push({ vertex: next, why: { kind: 'filled', distance: distanceBetween(home, next) } });
  }
  return { vertex, folded, replicas };
}

/** Partition 0 by the hash; partition p is at place p of the spread that begins at the home of partition 0, and begins again after the last broker. */
function vertexOf(digest: Uint8Array, partition: number, brokers: number, dimensions: number): number {
  const hashed = getU32(digest, digest.length - 4) & ((1 << dimensions) - 1);
  if (partition === 0) return hashed;
  const home = foldVertex(hashed, (each) => each < brokers);
  return spreadOf(home, brokers)[partition % brokers] as number;
}

/**
 * All brokers, in the order in which the partitions of a topic take them as homes: the home of partition 0 with the bits of 0, 1, 2, ... flipped *from the
 * highest bit down* (1 flips the highest, 2 the next, 3 both), missing vertices left out. Each broker comes once, so the numbers of partitions whose home
 * two brokers are differ by at most one, topic by topic; and the first partitions lie far apart, since their replicas are near their homes: of eight
 * brokers partition 0 of a topic at 000 is on 000, 001 and 010, partition 1 on 100, 101 and 110.
 */
function spreadOf(home: number, brokers: number): readonly number[] {
  const dimensions = dimensionsOf(brokers);
  return Array.from({ length: 1 << dimensions }, (_, index) => home ^ reverseBits(index, dimensions)).filter((vertex) => vertex < brokers);
}

function reverseBits(value: number, count: number): number {
  let reversed = 0;
  for (let bit = 0; bit < count; bit++) if ((value & (1 << bit)) !== 0) reversed |= 1 << (count - 1 - bit);
  return reversed;
}

interface Folding {
  readonly holds: Holds;
  readonly holding: readonly number[];
  /** Takes what did not hold. */
  readonly folded?: number[];
}

function fold(vertex: number, { holds, holding, folded }: Folding): number {
  let current = vertex;
  while (!holds(current)) {
    folded?.push(current);
    if (current === 0) return nearestFirst(vertex, holding)[0] as number;
    current = clearHighest(current);
  }
  return current;
}

const nearestFirst = (home: number, vertices: readonly number[]): readonly number[] =>
  vertices.toSorted((a, b) => distanceBetween(home, a) - distanceBetween(home, b) || a - b);
