import type { Result } from '../../base/result.ts';
import type { FoundChunk, RangeScan, RangeScanned } from '../../storage/index.ts';

/** What the thread that searches is told. */
export type ToWorker =
  | { readonly type: 'scan'; readonly id: number; readonly scan: RangeScan }
  /** The last chunk was taken. */
  | { readonly type: 'next'; readonly id: number }
  | { readonly type: 'cancel'; readonly id: number };

/** What it says. */
export type FromWorker =
  | { readonly type: 'chunk'; readonly id: number; readonly chunk: FoundChunk }
  | { readonly type: 'done'; readonly id: number; readonly result: Result<RangeScanned, string> };
