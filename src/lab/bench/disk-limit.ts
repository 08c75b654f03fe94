import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { createHistogram } from 'node:perf_hooks';

/** What the disk itself allows: one process that writes 4 KiB and waits for it, again and again. */
export interface DiskLimit {
  readonly syncsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The folder is in memory: its syncs cost nothing and its figures say nothing about a disk. */
  readonly inMemory: boolean;
}

const blockBytes = 4096;
const fileBytes = 16 * 1024 * 1024;
const tmpfsMagic = 0x0102_1994;

/** Into a file that was written full of zeros and synced before, as the segments of brokers are. */
export function measureDisk(folder: string, forMs: number): DiskLimit {
  const file = path.join(folder, 'disk-limit');
  const descriptor = openSync(file, 'wx');
  try {
    const zeros = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < fileBytes; at += zeros.length) writeSync(descriptor, zeros, 0, zeros.length, at);
    fsyncSync(descriptor);

    const block = Buffer.alloc(blockBytes, 'x');
    const histogram = createHistogram();
    const startedMs = performance.now();
    let count = 0;
    let beforeMs = startedMs;
    while (beforeMs - startedMs < forMs) {
      writeSync(descriptor, block, 0, blockBytes, (count * blockBytes) % fileBytes);
      fdatasyncSync(descriptor);
      const nowMs = performance.now();
      histogram.record(Math.max(1, Math.round((nowMs - beforeMs) * 1e6)));
      beforeMs = nowMs;
      count++;
    }
    return {
      syncsPerSecond: (count / (beforeMs - startedMs)) * 1000,
      p50Ms: histogram.percentile(50) / 1e6,
      p99Ms: histogram.percentile(99) / 1e6,
      inMemory: statfsSync(folder).type === tmpfsMagic,
    };
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
