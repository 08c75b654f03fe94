import { assert } from '../base/assert.ts';

/**
 * Brokers as the vertices of a hypercube. The broker at place v of the sorted list of ids is vertex v, so n brokers are the vertices 0 to n - 1 of a cube
 * of d = ceil(log2 n) dimensions. Two vertices are neighbours where their numbers differ in one bit. Where n is no power of two the cube is incomplete:
 * the vertices n to 2^d - 1 are missing, and all of them have the highest bit of the cube.
 */
export interface Cube {
  readonly brokers: number;
  readonly dimensions: number;
  /** Of each vertex, ascending: where its edges go. */
  readonly neighbours: readonly (readonly number[])[];
}

/** Whether a vertex is there, or lives. */
export type Holds = (vertex: number) => boolean;

const brokersMax = 0x1_0000;

/**
 * The edges of an incomplete cube: a missing vertex is stood for, across each bit, by a vertex of its own half, the one whose number is left when the
 * highest of the bits *below* that bit is cleared until it exists. So the edge of vertex 3 over bit 2 leads, among five brokers, to vertex 4, for 7 is
 * missing. With these edges fewer than d dead brokers never part the living (every set of them is tried in the tests for up to 16 brokers); with the edges
 * between existing vertices alone, and with those that the fold of placement would give, one or two dead would: 3 would be left with 1 and 2.
 * @param brokers 1 to 65,536
 */
export function makeCube(brokers: number): Cube {
  assert(Number.isInteger(brokers) && brokers >= 1 && brokers <= brokersMax, 'a cube has 1 to 65,536 brokers');
  const dimensions = dimensionsOf(brokers);
  const neighbours = Array.from({ length: brokers }, () => new Set<number>());
  for (let vertex = 0; vertex < brokers; vertex++) {
    for (let bit = 1; bit < 1 << dimensions; bit <<= 1) {
      const partner = partnerOver(vertex, bit, brokers);
      if (partner === null) continue;
      neighbours[vertex]?.add(partner);
      neighbours[partner]?.add(vertex);
    }
  }
  return { brokers, dimensions, neighbours: neighbours.map((each) => [...each].sort((a, b) => a - b)) };
}

/** d = ceil(log2 n): 0 for one broker. */
export const dimensionsOf = (brokers: number): number => 32 - Math.clz32(brokers - 1);

/** Null where no vertex has the bit together with the higher bits of this one. */
function partnerOver(vertex: number, bit: number, brokers: number): number | null {
  const partner = vertex ^ bit;
  if (partner < brokers) return partner;
  const low = partner & (bit - 1);
  const base = partner ^ low;
  if (base >= brokers) return null;
  // The subcube that begins at `base` has so many vertices, and `low` among them.
  return base | foldVertex(low, (each) => base + each < brokers);
}

/** A vertex with its highest set bit cleared, again and again, until one holds. Vertex 0 is the last that is tried, and must. */
export function foldVertex(vertex: number, holds: Holds): number {
  let folded = vertex;
  while (!holds(folded)) folded = clearHighest(folded);
  return folded;
}

/** Vertex 0 has none: whoever folds asks before. */
export function clearHighest(vertex: number): number {
  assert(vertex > 0, 'what is folded has a bit that is set');
  return vertex ^ (1 << (31 - Math.clz32(vertex)));
}

/** In how many bits two vertices differ: the hops between them in a complete cube. */
export function distanceBetween(a: number, b: number): number {
  let differing = a ^ b;
  let count = 0;
  for (; differing !== 0; differing &= differing - 1) count++;
  return count;
}

/** As people write it: `101`. */
export const labelOf = (vertex: number, dimensions: number): string => vertex.toString(2).padStart(Math.max(1, dimensions), '0');
