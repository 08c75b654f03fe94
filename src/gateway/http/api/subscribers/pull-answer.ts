import type { PulledPart } from '../../../../eventlog/index.ts';
import type { OneATurn } from '../../../../search/index.ts';
import { encodedSlices, RecordEncoder } from '../records/index.ts';

export const pullType = 'application/vnd.cairn.pull';

/** What a pull gave, or what is parked. */
interface InParts {
  readonly parts: readonly PulledPart[];
}

/** As JSON text, records as reads give them. */
export async function pullJson({ parts, ...rest }: InParts, turns: OneATurn): Promise<string> {
  const head = JSON.stringify(rest);
  const shown: string[] = [];
  for (const { batches, ...part } of parts) {
    const encoder = new RecordEncoder(batches, { ...part, format: 'json' });
    const slices = await encodedSlices(encoder, turns);
    shown.push(`${JSON.stringify(part).slice(0, -1)},"records":[${slices.join('')}]}`);
  }
  return `${head.slice(0, -1)},"parts":[${shown.join(',')}]}`;
}

/** A line of JSON, in which `bytes` says how many bytes of each part follow, then the record batches of all of them. */
export function pullBytes({ parts, ...rest }: InParts): Buffer {
  const sized = parts.map(({ batches, ...part }) => ({ ...part, bytes: batches.reduce((sum, batch) => sum + batch.length, 0) }));
  const head = Buffer.from(`${JSON.stringify({ ...rest, parts: sized })}\n`);
  return Buffer.concat([head, ...parts.flatMap(({ batches }) => batches)]);
}
