import { expect, test } from 'vitest';
import { Agent, openSpool, type Spool } from '../../../src/agent/index.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Host, Timer } from '../../../src/host/index.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { Scheduler } from '../../../src/sim/scheduler.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { systemRandom } from '../../../src/system/random.ts';

test('an agent that is stopped while its disk is full ends, and leaves no timer behind', () => {
  const scheduler = new Scheduler();
  const timers = new Set<Timer>();
  const clock: Host['clock'] = {
    monotonicMs: () => scheduler.nowMs,
    wallMs: () => scheduler.nowMs,
    startTimer(delayMs, fire) {
      const timer: Timer = { cancel: () => void timers.delete(timer) };
      timers.add(timer);
      scheduler.schedule(delayMs, 'timer', 0, () => void (timers.delete(timer) && fire()));
      return timer;
    },
    defer: (run) => void scheduler.schedule(0, 'timer', 0, run),
  };
  const disk = new SimDisk({
    random: new SeededRandom(1),
    scheduler: { schedule: (delayMs, run) => void scheduler.schedule(delayMs, 'disk', 0, run) },
  });
  const host = { clock, disk, bytes: systemBytes, random: systemRandom };
  const run = (forMs: number): void => scheduler.runUntil(scheduler.nowMs + forMs);
  let spool: Spool | null = null;
  const options = { name: systemBytes.utf8Encode('n'), newSession: '0'.repeat(32), bytesMax: 2 ** 20, machine: '' };
  openSpool(host, options, (opened) => (spool = opened.ok ? opened.value : null));
  run(100);
  let timesFull = 0;
  const agent = new Agent({
    host,
    spool: spool as unknown as Spool,
    dial: () =>
      ({ send: () => undefined, close: () => undefined }) as unknown as ReturnType<ConstructorParameters<typeof Agent>[0]['dial']>,
    spoolBytesMax: 2 ** 20,
    events: {
      full: () => void timesFull++,
      room: () => undefined,
      lost: () => undefined,
      found: () => undefined,
      ahead: () => undefined,
      done: () => undefined,
      failed: (failure) => expect.fail(JSON.stringify(failure)),
    },
  });
  agent.start();
  disk.capacityBytes = disk.usedBytes;
  agent.push(systemBytes.utf8Encode('a line\n'), 1);
  run(1_500);
  expect(timesFull).toBe(1);

  let isClosed = false;
  agent.stop(() => (isClosed = true));
  run(5_000);

  expect({ isClosed, timers: timers.size }).toEqual({ isClosed: true, timers: 0 });
});
