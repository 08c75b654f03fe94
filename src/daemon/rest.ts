/**
 * A broker that was busy and has come to rest gives its memory back. V8 collects when something is allocated, which a broker at rest hardly does: what a
 * large append or read left would stay for minutes. One collection when the event loop has had nearly nothing to do for a few seconds and the process is
 * larger than after the last one; it takes some tens of milliseconds that nobody waits for. Only of flavor `last-resort` does it make the process smaller:
 * measured idle 114 -> 98 MB, after 64 clients' PUTs 211 -> 142 MB. Without `--expose-gc` (`node-flags.ts`) it does nothing.
 */
import { performance } from 'node:perf_hooks';

const lookMs = 2_000;
/** Part of the time that the event loop was busy. */
const restBelow = 0.05;
const looksAtRest = 2;
/** Less is not worth a collection. */
const growthBytes = 8 * 1024 * 1024;
/** A larger heap would keep a leader silent for too long: 143 ms with 200,000 request ids, on two busy cores, and followers wait for 300. */
const heapBytesMax = 64 * 1024 * 1024;

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;

export function giveMemoryBackAtRest(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (collect === undefined) return;
  let last = performance.eventLoopUtilization();
  let quiet = 0;
  let collectedTo = 0;
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    quiet = utilization < restBelow ? quiet + 1 : 0;
    if (quiet < looksAtRest || process.memoryUsage.rss() < collectedTo + growthBytes) return;
    if (process.memoryUsage().heapUsed > heapBytesMax) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    collectedTo = process.memoryUsage.rss();
  }, lookMs);
  timer.unref();
}
