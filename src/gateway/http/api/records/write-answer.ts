import type { ServerResponse } from 'node:http';
import { drained } from '../../drained.ts';
import type { OneATurn } from '../../../../search/index.ts';
import type { RecordEncoder } from './encode-records.ts';

/**
 * Writes what an encoder gives, slice by slice, each in its turn and as fast as the client takes it. False when that is gone, or takes nothing for too long:
 * the answer is cut off then.
 */
export async function writeEncoded(encoder: RecordEncoder, response: ServerResponse, turns: OneATurn, timeoutMs: number): Promise<boolean> {
  for (;;) {
    if (response.writableNeedDrain && !(await drained(response, timeoutMs))) response.destroy();
    if (response.destroyed) return false;
    if (encoder.isOver) return true;
    await turns.turn();
    if (!response.destroyed) response.write(encoder.next());
  }
}

/** All that an encoder gives, in as many turns as it takes. */
export async function encodedSlices(encoder: RecordEncoder, turns: OneATurn): Promise<readonly (string | Uint8Array)[]> {
  const slices: (string | Uint8Array)[] = [];
  while (!encoder.isOver) {
    // One slice of most answers is all of them.
    if (slices.length > 0) await turns.turn();
    slices.push(encoder.next());
  }
  return slices;
}
