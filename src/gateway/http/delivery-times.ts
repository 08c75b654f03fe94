/** When records are to be appended that are not to be appended at once: of a whole request, or of single records of its JSON. */
import type { AppendRequest, RecordService } from '../../eventlog/index.ts';
import type { DividedAppends, Divided, Part } from '../../partitions/index.ts';
import { RecordBatchBuilder, recordCount, RecordReader, timestampMsMax } from '../../record/index.ts';
import { isIsoTime } from '../../base/calendar.ts';

/** By the record's number in its batch, milliseconds since 1970; those that are not named are appended at once, or when the whole request is. */
export type DeliveryTimes = Map<number, number>;

export const deliverAtRule = 'a time: ISO 8601 or milliseconds since 1970';

/** Null where it is none. */
export function parseDeliverAt(value: unknown): number | null {
  const ms =
    typeof value === 'string' ? (/^\d{1,15}$/.test(value) ? Number(value) : isIsoTime(value) ? Date.parse(value) : Number.NaN) : value;
  return Number.isSafeInteger(ms) && (ms as number) >= 0 && (ms as number) <= timestampMsMax ? (ms as number) : null;
}

/** What is for one time together, each as an append of its own, all or none. */
export function appendTimed(
  appends: DividedAppends,
  request: AppendRequest,
  times: DeliveryTimes,
  answer: (divided: Divided) => void,
  append?: RecordService['append'],
): void {
  if (times.size === 0) return appends.append(request, answer, append);
  const batches = batchesByTime(request.batch, times, request.deliverAtMs ?? null);
  /** In the order of their times in the request, whichever is answered first. */
  const parts: (readonly Part[])[] = [];
  let count = 1;
  let left = batches.size;
  for (const [index, [deliverAtMs, batch]] of [...batches].entries()) {
    const { deliverAtMs: _whole, ...common } = request;
    appends.append(
      { ...common, batch, ...(deliverAtMs === null ? {} : { deliverAtMs }) },
      (divided) => {
        count = Math.max(count, divided.count);
        if (batches.size === 1) return answer(divided);
        parts[index] = divided.kind === 'several' ? divided.parts : [partOf(divided.outcome, request.partition ?? 0)];
        if (--left === 0) answer({ kind: 'several', count, parts: parts.flat() });
      },
      append,
    );
  }
}

const partOf = (outcome: Part['outcome'], asked: number): Part => ({ partition: outcome.ok ? outcome.value.partition : asked, outcome });

function batchesByTime(batch: Uint8Array, times: DeliveryTimes, usual: number | null): Map<number | null, Uint8Array> {
  const of = (index: number): number | null => times.get(index) ?? usual;
  const first = of(0);
  const isOne = Array.from({ length: recordCount(batch) }, (_, index) => of(index)).every((time) => time === first);
  if (isOne) return new Map([[first, batch]]);
  const builders = new Map<number | null, RecordBatchBuilder>();
  const reader = new RecordReader(batch);
  for (let record = reader.next(), index = 0; record !== null; record = reader.next(), index++) {
    const time = of(index);
    const builder = builders.get(time) ?? new RecordBatchBuilder();
    builders.set(time, builder);
    builder.addVisited(record);
  }
  return new Map([...builders].map(([time, builder]) => [time, builder.finishUnsealed()]));
}
