import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { SimDisk } from '../../src/sim/disk.ts';
import { MemoryDisk } from '../../src/storage/memory-disk.ts';
import { SystemClock } from '../../src/system/clock.ts';
import { SystemDisk } from '../../src/system/disk.ts';
import { describeDisk } from './disk.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-disk-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

describeDisk('real', () => new SystemDisk(fs.mkdtempSync(path.join(folder, 'data-'))));
describeDisk('in-memory', () => new MemoryDisk(new SystemClock()));
describeDisk(
  'simulated',
  () => new SimDisk({ random: new SeededRandom(1), scheduler: { schedule: (_delayMs, run) => setImmediate(run) } }),
);
