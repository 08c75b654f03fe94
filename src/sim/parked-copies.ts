import { parkedTopic, subscriberGroups } from '../broker/index.ts';
import type { ReadResult } from '../eventlog/index.ts';
import { forEachRecord } from '../record/index.ts';
import { simBytes } from './bytes.ts';
import type { Liveness } from './checkers/v6-liveness.ts';
import type { Cluster } from './cluster.ts';
import { type History, type ParkedCopy, valueOf } from './history.ts';
import { placeNamed } from './place-name.ts';

/** Reads the topic of parked records to its end. */
export function readParkedCopies(cluster: Cluster, history: History, liveness: Liveness): void {
  let left = subscriberGroups;
  const readFrom = (partition: number, offsetFrom: number | null): void => {
    const [member] = cluster.sound;
    if (member === undefined) return;
    const range = offsetFrom === null ? { offsetFrom, sinceMs: 0 } : { offsetFrom, sinceMs: null };
    const how = { bytesMax: 1024 * 1024, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
    cluster.call<ReadResult>(
      0,
      member,
      5000,
      (service, answer) => service.read({ topic: parkedTopic, partition, ...range, ...how }, answer),
      (call) => {
        const outcome = call.kind === 'answer' ? call.outcome : null;
        // It was never made: nothing is parked.
        if (outcome !== null && !outcome.ok && outcome.error.code === 'unknownTopic') left--;
        else if (outcome === null || !outcome.ok) cluster.world.scheduler.schedule(200, 'client', 0, () => readFrom(partition, offsetFrom));
        else {
          const { batches, times = [], offsetNext, highWatermark } = outcome.value;
          if (offsetFrom === null && outcome.value.offsetFrom > 0) cluster.world.coverage.reach('parked.removed');
          for (const [index, batch] of batches.entries())
            for (const copy of copiesIn(batch, partition, offsetFrom ?? 0, history))
              history.parkedCopies.push({ ...copy, timeMs: times[index] ?? Number.NaN });
          if (offsetNext < highWatermark) readFrom(partition, offsetNext);
          else left--;
        }
      },
    );
  };
  for (let partition = 0; partition < subscriberGroups; partition++) readFrom(partition, null);
  liveness.waitFor('what is parked is read', () => left === 0);
}

function copiesIn(batch: Uint8Array, partition: number, offsetFrom: number, history: History): Omit<ParkedCopy, 'timeMs'>[] {
  const copies: Omit<ParkedCopy, 'timeMs'>[] = [];
  forEachRecord(batch, (record) => {
    if (record.offset < offsetFrom) return;
    const of = (name: string): string =>
      simBytes.utf8Decode(record.header(simBytes.utf8Encode(`cairn-parked-${name}`)) ?? new Uint8Array(0));
    const topic = of('topic');
    const place = placeNamed(topic, Number(of('partition')), history.partitionsOf(topic));
    const value = record.valueFrom < 0 ? -1 : valueOf(batch, record.valueFrom, record.valueTo);
    copies.push({ partition, id: record.offset, subscriber: of('subscriber'), topic: place, offset: Number(of('offset')), value });
  });
  return copies;
}
