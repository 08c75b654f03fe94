import { partitionName, type RecordsOf } from '../eventlog/index.ts';

/**
 * In a run each partition is a log with a name of its own: that of its topic, and its number behind a slash where the topic has several. So the history
 * and its checks know logs only, and what is checked of a topic is checked of each of its partitions.
 */
export const placesOf = (topic: string, partitions: number): readonly string[] =>
  Array.from({ length: partitions }, (_, partition) => placeNamed(topic, partition, partitions));

export function recordsAt(place: string): RecordsOf {
  const [topic = '', partition] = place.split('/');
  return partition === undefined ? { topic } : { topic, partition: Number(partition) };
}

export const placeNamed = (topic: string, partition: number, partitions: number): string =>
  partitions === 1 ? topic : partitionName({ topic, partition });
