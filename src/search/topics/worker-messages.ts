import type { Result } from '../../base/result.ts';
import type { FoundChunk, RangeScan, RangeScanned } from '../../storage/index.ts';

/** What the thread that searches is started with. */
export interface WorkerData {
  /** The data directory. */
  readonly root: string;
  /** What it may take of a core, in `sharePoints`: one number, which the broker's thread writes. */
  readonly share: Int32Array<SharedArrayBuffer>;
}

export const sharePoints = 1000;

/** What it is told. */
export type ToWorker =
  | { readonly type: 'scan'; readonly id: number; readonly scan: RangeScan }
  /** The last chunk was taken. */
  | { readonly type: 'next'; readonly id: number }
  | { readonly type: 'cancel'; readonly id: number };

/** What it says. */
export type FromWorker =
  | { readonly type: 'chunk'; readonly id: number; readonly chunk: FoundChunk }
  | { readonly type: 'done'; readonly id: number; readonly result: Result<RangeScanned, string> };
