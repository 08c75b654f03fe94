import { assert } from '../base/assert.ts';
import { getU32 } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';

/**
 * Consistent hashing (Karger and others, 1997): each broker has many points on a ring of 2^32 positions, its virtual nodes; a partition belongs to the
 * broker of the first point at or after its own position, and its further replicas to the next distinct brokers after it. A broker that is added takes
 * only what its points now come first for, about 1/n of all; nothing moves between the others.
 */
export interface Ring {
  readonly brokers: readonly number[];
  /** Of all points, ascending, and whose each of them is. */
  readonly positions: Uint32Array;
  readonly owners: readonly number[];
}

/** Points of each broker. The shares of brokers differ the less the more there are: by about 1/sqrt(points), here a sixteenth. */
export const pointsPerBroker = 256;

const positionsPerDigest = 8;

export interface RingPlace {
  readonly position: number;
  /** The point that the partition comes to first. */
  readonly point: number;
  /** Its home first; distinct. */
  readonly replicas: readonly number[];
}

/**
 * A broker's points are the 32-bit words (big endian) of the SHA-256 of `<id>/0`, `<id>/1`, ..., eight of each. So they depend on nothing but its id: they
 * are where they are whichever other brokers there are.
 * @param brokers distinct ids
 */
export function makeRing(brokers: readonly number[]): Ring {
  assert(brokers.length > 0 && new Set(brokers).size === brokers.length, 'a ring has brokers, each once');
  const points = brokers.flatMap((broker) => pointsOf(broker).map((position) => ({ position, broker })));
  // Two points may be at one place: whose comes first must not depend on the order of the list.
  points.sort((a, b) => a.position - b.position || a.broker - b.broker);
  return {
    brokers,
    positions: Uint32Array.from(points, ({ position }) => position),
    owners: points.map(({ broker }) => broker),
  };
}

function pointsOf(broker: number): number[] {
  const points: number[] = [];
  for (let block = 0; block < pointsPerBroker / positionsPerDigest; block++) {
    const digest = sha256(asciiBytes(`${broker}/${block}`));
    for (let word = 0; word < positionsPerDigest; word++) points.push(getU32(digest, word * 4));
  }
  return points;
}

/**
 * The position of a partition is the first 32 bits of a SHA-256: for partition 0 of the topic's bytes, for partition p of these followed by `/p`, which no
 * name of a topic holds. So each partition is placed by itself, and a broker that is added moves its share of them and no more; the price is that two
 * partitions of one topic may have the same home.
 * @param replication 1 to the number of brokers
 */
export function placeOnRing(ring: Ring, topic: Uint8Array, partition: number, replication: number): RingPlace {
  assert(replication >= 1 && replication <= ring.brokers.length, 'a partition has 1 replica up to one on each broker');
  const position = getU32(sha256(partition === 0 ? topic : withSuffix(topic, `/${partition}`)), 0);
  const first = firstAtOrAfter(ring.positions, position) % ring.positions.length;
  const replicas: number[] = [];
  for (let at = first; replicas.length < replication; at = (at + 1) % ring.owners.length) {
    const owner = ring.owners[at] as number;
    if (!replicas.includes(owner)) replicas.push(owner);
  }
  return { position, point: ring.positions[first] as number, replicas };
}

/** The number of positions when all are before it. */
function firstAtOrAfter(positions: Uint32Array, position: number): number {
  let [from, to] = [0, positions.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((positions[middle] as number) < position) from = middle + 1;
    else to = middle;
  }
  return from;
}

function withSuffix(topic: Uint8Array, suffix: string): Uint8Array {
  const bytes = new Uint8Array(topic.length + suffix.length);
  bytes.set(topic);
  bytes.set(asciiBytes(suffix), topic.length);
  return bytes;
}

const asciiBytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
