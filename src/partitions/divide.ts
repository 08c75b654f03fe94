import type { Bytes } from '../host/index.ts';
import { partitionOfKey } from '../placement/index.ts';
import { forEachRecord, RecordBatchBuilder, recordCount } from '../record/index.ts';

export interface BatchPart {
  readonly partition: number;
  readonly batch: Uint8Array;
}

/**
 * A batch by partitions, ascending: records with a key where their key belongs, those without in partition `keyless`. Each part keeps the order of its
 * records. A batch that falls into one partition is given back as it is.
 * @param batch uncompressed and well formed
 */
export function divideBatch(batch: Uint8Array, count: number, keyless: number, bytes: Bytes): readonly BatchPart[] {
  // A byte holds the number of any partition there can be.
  const partitions = new Uint8Array(recordCount(batch));
  let isOne = true;
  let index = 0;
  forEachRecord(batch, (record) => {
    const key = record.key();
    partitions[index] = key === null ? keyless : partitionOfKey(key, count);
    isOne &&= partitions[index] === partitions[0];
    index++;
  });
  if (isOne) return [{ partition: partitions[0] ?? keyless, batch }];
  const builders: (RecordBatchBuilder | undefined)[] = [];
  index = 0;
  forEachRecord(batch, (record) => {
    const partition = partitions[index++] as number;
    const builder = (builders[partition] ??= new RecordBatchBuilder());
    builder.addVisited(record);
  });
  return builders.flatMap((builder, partition) => (builder === undefined ? [] : [{ partition, batch: builder.finish(bytes) }]));
}
