import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Disk } from '../../src/host/index.ts';
import { SimDisk } from '../../src/sim/disk.ts';
import { MemoryDisk, type StorageHost } from '../../src/storage/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { SystemClock } from '../../src/system/clock.ts';
import { SystemDisk } from '../../src/system/disk.ts';
import { systemRandom } from '../../src/system/random.ts';
import { describeGroupLog } from './group-log.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-log-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const hostOn = (disk: Disk): StorageHost => ({
  disk,
  bytes: systemBytes,
  clock: new SystemClock(),
  random: systemRandom,
  logger: { log: () => {} },
});

describeGroupLog('real', () => hostOn(new SystemDisk(fs.mkdtempSync(path.join(folder, 'data-')))));
describeGroupLog('in-memory', () => hostOn(new MemoryDisk(new SystemClock())));
describeGroupLog('simulated', () => {
  const scheduler = { schedule: (_delayMs: number, run: () => void): void => void setImmediate(run) };
  return hostOn(new SimDisk({ random: new SeededRandom(1), scheduler }));
});
