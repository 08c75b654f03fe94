import { noBytes } from '../../base/bytes.ts';
import { dimensionsOf, makeRing, placeOnCube, placeOnRing } from '../../placement/index.ts';
import { digestAt } from './evenness.ts';
import { idsOf, type Topic } from './topics.ts';

/** What happens to partition 0 of topics when one broker more is configured and all were placed anew. */
export interface Growth {
  readonly movedHomes: number;
  /** Of those, the homes that went to a broker which was there before. */
  readonly movedAmongOld: number;
  /** Replicas on brokers that had none of the topic. */
  readonly movedReplicas: number;
}

/** As vertices, the home first. */
type Place = (topic: Topic, brokers: number) => readonly number[];

export const growthOnCube = (topics: readonly Topic[], brokers: number, replication: number): Growth =>
  growthOf(topics, brokers, ({ digest }, count) =>
    placeOnCube({ digest, partition: 0, brokers: count, replication }).replicas.map(({ vertex }) => vertex),
  );

export function growthOnRing(topics: readonly Topic[], brokers: number, replication: number): Growth {
  const rings = new Map([brokers, brokers + 1].map((count) => [count, makeRing(idsOf(count))]));
  return growthOf(topics, brokers, ({ bytes }, count) => {
    const ring = rings.get(count);
    return ring === undefined ? [] : placeOnRing(ring, bytes, 0, replication).replicas.map((id) => id - 1);
  });
}

function growthOf(topics: readonly Topic[], brokers: number, place: Place): Growth {
  let [movedHomes, movedAmongOld, movedReplicas] = [0, 0, 0];
  for (const topic of topics) {
    const before = place(topic, brokers);
    const after = place(topic, brokers + 1);
    movedReplicas += after.filter((each) => !before.includes(each)).length;
    if (after[0] === before[0]) continue;
    movedHomes++;
    if (after[0] !== brokers) movedAmongOld++;
  }
  return { movedHomes, movedAmongOld, movedReplicas };
}

/** What the rules of the cube move when every vertex is hashed to as often as any other: parts of all homes, and of all replicas. */
export function movedOnCube(brokers: number, replication: number): { readonly homes: number; readonly replicas: number } {
  const vertices = 1 << dimensionsOf(brokers + 1);
  const topics = Array.from({ length: vertices }, (_, vertex) => ({ name: '', bytes: noBytes, digest: digestAt(vertex) }));
  const { movedHomes, movedReplicas } = growthOnCube(topics, brokers, replication);
  return { homes: movedHomes / vertices, replicas: movedReplicas / (vertices * replication) };
}
