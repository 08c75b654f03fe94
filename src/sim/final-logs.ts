import type { ReadResult } from '../eventlog/index.ts';
import type { Cluster, Member } from './cluster.ts';
import { type FinalLog, recordsOf } from './history.ts';
import { recordsAt } from './place-name.ts';

/** Reads everything that one broker shows of a topic, by local reads inside its process. Gives null when a read fails. */
export function readFinalLog(cluster: Cluster, member: Member, topic: string, done: (log: FinalLog | null) => void): void {
  let records: number[] = [];
  let logTimes: number[] = [];
  let start = 0;
  /** From the log start where `from` is null. */
  const readFrom = (from: number | null): void => {
    const range = from === null ? { offsetFrom: null, sinceMs: 0 } : { offsetFrom: from, sinceMs: null };
    cluster.callInside<ReadResult>(
      member,
      (service, answer) =>
        service.read({ ...recordsAt(topic), ...range, bytesMax: 1024 * 1024, freshness: 'local', sessionOffset: 0, waitMs: 0 }, answer),
      (outcome) => {
        if (!outcome.ok) {
          // The log start may have passed by meanwhile.
          if (from !== null && outcome.error.code === 'offsetOutOfRange') readFrom(null);
          else done(null);
          return;
        }
        const { offsetFrom, offsetNext, highWatermark, batches, times = [] } = outcome.value;
        if (from === null) {
          start = offsetFrom;
          records = [];
          logTimes = [];
        }
        for (const [index, batch] of batches.entries()) {
          const parts = recordsOf([batch], offsetFrom);
          for (const part of parts) records.push(part);
          for (let i = 0; i < parts.length; i += 2) logTimes.push(times[index] ?? 0);
        }
        if (offsetNext > offsetFrom && offsetNext < highWatermark) readFrom(offsetNext);
        else done({ broker: member.id, topic, offsetFrom: start, offsetTo: offsetNext, records, times: logTimes });
      },
    );
  };
  readFrom(null);
}
