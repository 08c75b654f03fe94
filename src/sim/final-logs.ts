import type { ReadResult } from '../eventlog/index.ts';
import type { Cluster, Member } from './cluster.ts';
import { type FinalLog, recordsOf } from './history.ts';

/** Reads everything that one broker shows of a topic, by local reads inside its process. Gives null when a read fails. */
export function readFinalLog(cluster: Cluster, member: Member, topic: string, done: (log: FinalLog | null) => void): void {
  const records: number[] = [];
  const readFrom = (offsetFrom: number): void => {
    cluster.callInside<ReadResult>(
      member,
      (service, answer) =>
        service.read({ topic, offsetFrom, sinceMs: null, bytesMax: 1024 * 1024, freshness: 'local', sessionOffset: 0, waitMs: 0 }, answer),
      (outcome) => {
        if (!outcome.ok) {
          done(null);
          return;
        }
        const { offsetNext, highWatermark, batches } = outcome.value;
        for (const part of recordsOf(batches, offsetFrom)) records.push(part);
        if (offsetNext > offsetFrom && offsetNext < highWatermark) readFrom(offsetNext);
        else done({ broker: member.id, topic, offsetTo: offsetNext, records });
      },
    );
  };
  readFrom(0);
}
