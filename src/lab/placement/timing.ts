import { percentile } from '../../base/percentile.ts';
import { type Cube, digestOf, makeRing, nextHop, partitionOfKey, placeOnCube, placeOnRing } from '../../placement/index.ts';
import { idsOf, type Topic } from './topics.ts';

const rounds = 9;
/** The first ones are for the compiler. */
const warmups = 2;

export interface Timing {
  readonly what: string;
  readonly microseconds: number;
}

/** What one call of each costs: the median of rounds over all topics. */
export function timeCalls(topics: readonly Topic[], cube: Cube, replication: number, partitions: number): readonly Timing[] {
  const { brokers } = cube;
  const ring = makeRing(idsOf(brokers));
  const calls: readonly (readonly [what: string, call: (topic: Topic, index: number) => unknown])[] = [
    ['hash (SHA-256 of the name)', ({ bytes }) => digestOf(bytes)],
    ['place on the cube, hash included', ({ bytes }) => placeOnCube({ digest: digestOf(bytes), partition: 0, brokers, replication })],
    ['place on the ring, hash included', ({ bytes }) => placeOnRing(ring, bytes, 0, replication)],
    ['partition of a key (murmur2)', ({ bytes }) => partitionOfKey(bytes, partitions)],
    ['next hop', (_, index) => nextHop(cube, { hops: [index % brokers], to: Math.floor(index / brokers) % brokers, isAlive: () => true })],
  ];
  return calls.map(([what, call]) => ({ what, microseconds: timeOf(topics, call) }));
}

function timeOf(topics: readonly Topic[], call: (topic: Topic, index: number) => unknown): number {
  const times: number[] = [];
  let kept: unknown;
  for (let round = 0; round < warmups + rounds; round++) {
    const beganMs = performance.now();
    for (let index = 0; index < topics.length; index++) kept = call(topics[index] as Topic, index);
    if (round >= warmups) times.push((performance.now() - beganMs) * 1000);
  }
  // What nobody looks at need not be computed.
  if (kept === undefined) return 0;
  return (
    percentile(
      times.sort((a, b) => a - b),
      0.5,
    ) / topics.length
  );
}
