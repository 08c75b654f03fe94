/**
 * The thread that searches. Several searches take turns in it; one whose lines nobody takes yet takes none. It runs at a lower priority than the threads of
 * the broker, and while that stores what is appended it takes only the share of a core that it is left (`pace.ts`): appends come first. The priority alone
 * would not do: Linux weighs whole sessions against one another, whatever is in them.
 */
import { readlinkSync } from 'node:fs';
import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { runTask } from '../../base/task.ts';
import { type FoundChunk, scanRange } from '../../storage/index.ts';
import { systemBytes } from '../../system/bytes.ts';
import { ownModule } from '../../system/package.ts';
import { ProgramStarter } from '../start/index.ts';
import { filterFiles } from './filter-files.ts';
import { GnuGrep } from './gnu-grep.ts';
import { Pace } from './pace.ts';
import { re2 } from './re2.ts';
import { readingDisk } from './reading-disk.ts';
import { type FromWorker, sharePoints, type ToWorker, type WorkerData } from './worker-messages.ts';

/** Beside a busy thread of the broker on the same core it gets about a tenth of that core (weights of Linux: 110 of 1024). */
const niceness = 10;

interface Running {
  cancelled: boolean;
  next: (() => void) | null;
  readonly grep: GnuGrep;
}

lowerPriority();
const { root, share } = workerData as WorkerData;
const disk = readingDisk(root);
const filters = filterFiles(root, systemBytes);
const starter = new ProgramStarter(ownModule('search/start/starter-process'));
const running = new Map<number, Running>();
const pace = new Pace({
  nowMs: () => performance.now(),
  after: (delayMs, run) => void (delayMs === 0 ? setImmediate(run) : setTimeout(run, delayMs)),
  share: () => Atomics.load(share, 0) / sharePoints,
});
const port = parentPort;
if (port === null) throw new Error('this file runs in a thread of its own');

port.on('message', (message: ToWorker) => {
  if (message.type === 'scan') return begin(message);
  const one = running.get(message.id);
  if (one === undefined) return;
  if (message.type === 'cancel') {
    one.cancelled = true;
    one.grep.stop();
  }
  const { next } = one;
  one.next = null;
  if (next !== null) pace.add(next);
});

function begin({ id, scan }: ToWorker & { readonly type: 'scan' }): void {
  const one: Running = { cancelled: false, next: null, grep: new GnuGrep(starter) };
  running.set(id, one);
  const host = {
    disk,
    filters,
    search: { bytes: systemBytes, regex: re2, grep: one.grep },
    recycle: (bytes: Uint8Array) => disk.recycle(bytes),
  };
  const control = {
    get cancelled() {
      return one.cancelled;
    },
    get isDue() {
      return pace.isDue;
    },
    give(chunk: FoundChunk, next: () => void): void {
      one.next = next;
      say({ type: 'chunk', id, chunk }, [chunk.bytes.buffer as ArrayBuffer]);
    },
    pause(next: () => void): void {
      if (pace.isDue) pace.add(next);
      else next();
    },
  };
  pace.add(() =>
    runTask(
      () => scanRange(host, scan, control),
      (result) => {
        running.delete(id);
        say({ type: 'done', id, result });
      },
    ),
  );
}

function say(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, [...transfer]);
}

/** Of this thread alone, which only Linux can name. */
function lowerPriority(): void {
  try {
    os.setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness);
  } catch {
    // Elsewhere it has the priority of the process.
  }
}
