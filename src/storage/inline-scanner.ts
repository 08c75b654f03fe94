/** Searches in the very thread that keeps the log, a stretch at a time between other inputs: for disks that no other thread can reach. */
import { runTask } from '../base/task.ts';
import type { Clock } from '../host/index.ts';
import { type RangeScan, type RangeScanHost, type ScanControl, type SegmentScanner, scanRange } from './range-scan.ts';

export function inlineScanner(host: RangeScanHost & { readonly clock: Clock }): SegmentScanner {
  return {
    scan(scan: RangeScan, give, done) {
      let cancelled = false;
      const control: ScanControl = {
        get cancelled() {
          return cancelled;
        },
        give,
        pause: (next) => host.clock.defer(next),
      };
      // Never during the call, as every host has it.
      host.clock.defer(() => runTask(() => scanRange(host, scan, control), done));
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    },
  };
}
