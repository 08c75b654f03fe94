import { type EndResult, type Freshness, LogError, type RecordLog } from '../../../eventlog/index.ts';

export interface Ends {
  /** By partition; null for one that did not say. */
  readonly ends: readonly (EndResult | null)[];
  readonly missing: readonly { readonly partition: number; readonly reason: string }[];
}

/** The end of each partition of a topic that has several. Fails where none says. */
export async function askEnds(log: Pick<RecordLog, 'end'>, topic: string, count: number, freshness: Freshness): Promise<Ends> {
  const asked = Array.from({ length: count }, (_, partition) => log.end({ topic, partition, freshness }));
  const missing: { readonly partition: number; readonly reason: string }[] = [];
  let failure: unknown = null;
  const ends = await Promise.all(
    asked.map((end, partition) =>
      end.catch((thrown: unknown) => {
        failure ??= thrown;
        missing.push({ partition, reason: thrown instanceof LogError ? thrown.message : 'it could not be asked' });
        return null;
      }),
    ),
  );
  if (missing.length === count) throw failure;
  return { ends, missing };
}
