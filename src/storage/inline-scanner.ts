/** Searches in the very thread that keeps the log, a stretch at a time between other inputs: for disks that no other thread can reach. */
import { runTask } from '../base/task.ts';
import type { Clock } from '../host/index.ts';
import type { GramFilter } from './gram-filter.ts';
import { type FilterStore, type RangeScan, type RangeScanHost, type ScanControl, type SegmentScanner, scanRange } from './range-scan.ts';

export function inlineScanner(host: Omit<RangeScanHost, 'filters'> & { readonly clock: Clock }): SegmentScanner {
  const filters = filtersInMemory();
  return {
    scan(scan: RangeScan, give, done) {
      let cancelled = false;
      const control: ScanControl = {
        get cancelled() {
          return cancelled;
        },
        isDue: false,
        give,
        pause: (next) => host.clock.defer(next),
      };
      // Never during the call, as every host has it.
      host.clock.defer(() => runTask(() => scanRange({ ...host, filters }, scan, control), done));
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    },
  };
}

/** What is kept of filters, the ones used last: 2.6 % of the segments that they are about. */
const filterBytesMax = 16 * 1024 * 1024;

export function filtersInMemory(bytesMax = filterBytesMax): FilterStore {
  const kept = new Map<string, GramFilter>();
  let sizeBytes = 0;
  const keyOf = (path: string, salt: number): string => `${path} ${salt}`;
  return {
    get({ path, header }, done) {
      const key = keyOf(path, header.salt);
      const filter = kept.get(key) ?? null;
      if (filter !== null) {
        kept.delete(key);
        kept.set(key, filter);
      }
      done(filter);
    },
    put({ path, header }, filter) {
      const key = keyOf(path, header.salt);
      sizeBytes += filter.sizeBytes - (kept.get(key)?.sizeBytes ?? 0);
      kept.set(key, filter);
      for (const [oldest, { sizeBytes: freed }] of kept) {
        if (sizeBytes <= bytesMax) break;
        kept.delete(oldest);
        sizeBytes -= freed;
      }
    },
  };
}
