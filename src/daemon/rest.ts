/**
 * A broker that was busy and has come to rest gives its memory back. V8 collects when something is allocated, which a broker at rest hardly does: what a
 * large append or read left would stay for hours. One collection when the event loop has had nearly nothing to do for a while and the process is larger
 * than after the last one; it takes some tens of milliseconds that nobody waits for. Only of flavor `last-resort` does it make the process smaller:
 * measured idle 114 -> 98 MB, after 64 clients' PUTs 211 -> 142 MB.
 *
 * It also throws away compiled code: a client with one append on its way over HTTP got 2,250-2,470 a second before, 1,140-1,250 after it, and the old
 * rate only seconds later; without the collection 1,950-2,900. So the first comes soon after the start, when nothing is compiled yet that anyone waits
 * for, and later ones after minutes of rest. Without `--expose-gc` (`node-flags.ts`) nothing is done.
 */
import { performance } from 'node:perf_hooks';

const lookMs = 2_000;
/** Part of the time that the event loop was busy. */
const restBelow = 0.05;
/** Part of a core that the process took: of a thread that searches the loop sees nothing but what it finds. */
const threadsBelow = 0.15;
/** Until the first collection, and until each later one: 4 s and 5 minutes. */
const looksAtRest = { first: 2, later: 150 };
/** Less is not worth a collection. */
const growthBytes = 8 * 1024 * 1024;
/** A larger heap would keep a leader silent for too long: 143 ms with 200,000 request ids, on two busy cores, and followers wait for 300. */
const heapBytesMax = 64 * 1024 * 1024;

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;

export function giveMemoryBackAtRest(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (collect === undefined) return;
  let last = performance.eventLoopUtilization();
  let lastCpu = process.cpuUsage();
  let quiet = 0;
  let looksNeeded = looksAtRest.first;
  let collectedTo = 0;
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    const { user, system } = process.cpuUsage(lastCpu);
    lastCpu = process.cpuUsage();
    const ofCore = (user + system) / 1000 / lookMs;
    quiet = utilization < restBelow && ofCore < threadsBelow ? quiet + 1 : 0;
    if (quiet < looksNeeded || process.memoryUsage.rss() < collectedTo + growthBytes) return;
    if (process.memoryUsage().heapUsed > heapBytesMax) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    looksNeeded = looksAtRest.later;
    collectedTo = process.memoryUsage.rss();
  }, lookMs);
  timer.unref();
}
