import { crc32c } from '@node-rs/crc32';
import { describe, expect, test } from 'vitest';
import { brokerId } from '../../src/base/branded.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { DiskFile, Host } from '../../src/host/index.ts';
import { simBytes } from '../../src/sim/bytes.ts';
import type { SimProcess } from '../../src/sim/process.ts';
import { Scheduler } from '../../src/sim/scheduler.ts';
import { World } from '../../src/sim/world.ts';

function makeWorld(seed = 1, count = 2): World {
  const world = new World({
    seed,
    clockSkewMsMax: 100,
    clockDriftMax: 0,
    inMemory: false,
    onException: (_machine, error) => {
      throw error;
    },
    onTrapped: () => undefined,
  });
  for (let id = 1; id <= count; id++) world.addMachine(id);
  return world;
}

/** A process that sends a counter to its peer, which sends it back one higher; each value is written and synced before it is sent. */
function counting(peer: number, first: boolean, seen: number[]) {
  return (host: Host, _process: SimProcess): void => {
    const link = host.network.dial(brokerId(peer), 'consensus', {
      opened: () => undefined,
      received: () => undefined,
      closed: () => undefined,
    });
    let file: DiskFile | null = null;
    host.disk.open('counter', 'create', (result) => {
      if (result.ok) file = result.value;
    });
    const send = (value: number): void => {
      file?.write(0, [new Uint8Array([value])], () =>
        file?.sync(() => {
          seen.push(value);
          if (value < 100) link.send([new Uint8Array([value + 1])]);
        }),
      );
    };
    if (first) host.clock.startTimer(10, () => send(0));
    host.network.accept(() => ({
      opened: () => undefined,
      received: (bytes) => host.clock.startTimer(host.random.below(5), () => send(bytes[0] as number)),
      closed: () => undefined,
    }));
  };
}

function runCounting(seed: number): { readonly seen: readonly number[]; readonly traceHash: string } {
  const world = makeWorld(seed);
  const seen: number[] = [];
  world.start(world.machine(2), counting(1, false, seen));
  world.start(world.machine(1), counting(2, true, seen));
  world.scheduler.runUntil(2000);
  return { seen, traceHash: world.scheduler.traceHash };
}

describe('the scheduler', () => {
  test('runs events in the order of their time, and at one time in the order of their scheduling', () => {
    const scheduler = new Scheduler();
    const ran: string[] = [];
    for (const [delayMs, name] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [2, 'b'],
    ] as const) {
      scheduler.schedule(delayMs, 'timer', 0, () => ran.push(name));
    }
    scheduler.cancel(scheduler.schedule(3, 'timer', 0, () => ran.push('cancelled')));

    while (scheduler.step());

    expect(ran).toEqual(['a', 'b', 'c', 'd']);
    expect(scheduler.nowMs).toBe(5);
  });

  test('keeps the order of many random events', () => {
    const random = new SeededRandom(7);
    const scheduler = new Scheduler();
    const times: number[] = [];
    for (let i = 0; i < 5000; i++) scheduler.schedule(random.below(1000), 'timer', 0, () => times.push(scheduler.nowMs));

    scheduler.runUntil(2000);

    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.length).toBe(5000);
  });
});

describe('a world', () => {
  test('runs alike with one seed and otherwise with another', () => {
    const one = runCounting(1);

    expect(one.seen).toEqual(Array.from({ length: 101 }, (_, index) => index));
    expect(runCounting(1)).toEqual(one);
    expect(runCounting(2).traceHash).not.toBe(one.traceHash);
  });

  test('runs nothing of a process that was killed, and closes its links at the other end', () => {
    const world = makeWorld();
    const ran: string[] = [];
    world.start(world.machine(2), (host) => {
      host.network.accept(() => ({ opened: () => ran.push('accepted'), received: () => undefined, closed: () => ran.push('closed') }));
    });
    world.start(world.machine(1), (host) => {
      host.network.dial(brokerId(2), 'consensus', {
        opened: () => undefined,
        received: () => undefined,
        closed: () => ran.push('own end'),
      });
      host.clock.startTimer(50, () => ran.push('timer'));
      host.disk.open('file', 'create', (result) => {
        if (result.ok) host.clock.startTimer(9.5, () => result.value.write(0, [new Uint8Array(1)], () => ran.push('written')));
      });
    });

    world.machine(1).trap = { operation: 'write', phase: 'during', countdown: 1, powerLoss: false };
    world.scheduler.runUntil(10_000);

    expect(ran).toEqual(['accepted', 'closed']);
  });

  test('delivers to a paused process what it missed, network before timers', () => {
    const world = makeWorld();
    const ran: string[] = [];
    world.start(world.machine(2), (host) => {
      host.network.accept(() => ({ opened: () => undefined, received: () => ran.push('message'), closed: () => undefined }));
      host.clock.startTimer(30, () => ran.push('timer'));
    });
    world.start(world.machine(1), (host) => {
      const link = host.network.dial(brokerId(2), 'consensus', {
        opened: () => undefined,
        received: () => undefined,
        closed: () => undefined,
      });
      host.clock.startTimer(60, () => link.send([new Uint8Array(1)]));
    });

    world.scheduler.runUntil(20);
    world.machine(2).process?.pause();
    world.scheduler.runUntil(100);
    expect(ran).toEqual([]);
    world.machine(2).process?.resume();
    world.scheduler.runUntil(101);

    expect(ran).toEqual(['message', 'timer']);
  });

  test('delivers to a process behind what it has missed what comes at the end of its pause', () => {
    const world = makeWorld();
    const ran: string[] = [];
    world.start(world.machine(1), () => undefined);
    const { process } = world.machine(1);
    process?.pause();
    process?.deliver('fault', () => ran.push('switched off'));

    process?.resume();
    process?.deliver('fault', () => ran.push('switched on'));
    world.scheduler.runUntil(1);

    expect(ran).toEqual(['switched off', 'switched on']);
  });

  test.each([
    [
      'both ways',
      [
        [1, 2],
        [2, 1],
      ],
      0,
    ],
    ['from the sender', [[1, 2]], 0],
    ['towards the sender only', [[2, 1]], 10],
  ] as const)('drops what is sent through a partition %s', (_title, blocked, received) => {
    const world = makeWorld();
    let count = 0;
    world.start(world.machine(2), (host) => {
      host.network.accept(() => ({ opened: () => undefined, received: () => count++, closed: () => undefined }));
    });
    world.start(world.machine(1), (host) => {
      const link = host.network.dial(brokerId(2), 'consensus', {
        opened: () => undefined,
        received: () => undefined,
        closed: () => undefined,
      });
      for (let i = 0; i < 10; i++) host.clock.startTimer(100 + i, () => link.send([new Uint8Array(1)]));
    });

    world.scheduler.runUntil(50);
    for (const [from, to] of blocked) world.network.block(from, to);
    world.scheduler.runUntil(500);

    expect(count).toBe(received);
  });

  test('loses, repeats and reorders whole sends when told so', () => {
    const world = makeWorld(3);
    Object.assign(world.network.conditions, { lossRate: 0.1, duplicationRate: 0.1, reorderingRate: 0.3, delayMsMax: 20 });
    const seen: number[] = [];
    world.start(world.machine(2), (host) => {
      host.network.accept(() => ({ opened: () => undefined, received: (bytes) => seen.push(bytes[0] as number), closed: () => undefined }));
    });
    world.start(world.machine(1), (host) => {
      const link = host.network.dial(brokerId(2), 'consensus', {
        opened: () => undefined,
        received: () => undefined,
        closed: () => undefined,
      });
      for (let i = 0; i < 200; i++) host.clock.startTimer(100 + i, () => link.send([new Uint8Array([i]).subarray(0, 1)]));
    });

    world.scheduler.runUntil(1000);

    expect(new Set(seen).size).toBeLessThan(200);
    expect(seen.length).toBeGreaterThan(new Set(seen).size);
    expect(seen).not.toEqual(seen.toSorted((a, b) => a - b));
    expect(world.coverage.missing(['network.loss', 'network.duplication', 'network.reordering'])).toEqual([]);
  });

  test('compares what is sent twice with the chunks of its sender when it arrives first, and not again', () => {
    const world = makeWorld(3);
    Object.assign(world.network.conditions, { duplicationRate: 1, reorderingRate: 0.5, delayMsMax: 20 });
    const compared: boolean[] = [];
    world.network.onHeld = (_from, _to, isUnchanged) => compared.push(isUnchanged);
    const chunk = new Uint8Array([1, 2, 3]);
    world.start(world.machine(2), (host) => {
      // As if its answer had told the sender that the chunk is free.
      host.network.accept(() => ({ opened: () => undefined, received: () => void chunk.fill(0), closed: () => undefined }));
    });
    world.start(world.machine(1), (host) => {
      const link = host.network.dial(brokerId(2), 'consensus', {
        opened: () => undefined,
        received: () => undefined,
        closed: () => undefined,
      });
      host.clock.startTimer(100, () => link.send([chunk]));
      host.clock.startTimer(300, () => {
        link.send([chunk]);
        chunk.fill(9);
      });
    });

    world.scheduler.runUntil(1000);

    expect(compared).toEqual([true, false]);
  });

  test('kills at the chosen host call, and what was written without a sync is lost with the power', () => {
    const world = makeWorld(5, 1);
    const machine = world.machine(1);
    world.start(machine, (host) => {
      host.disk.open('file', 'create', (result) => {
        if (!result.ok) return;
        host.disk.syncDirectory('', () =>
          result.value.write(0, [new Uint8Array([1])], () =>
            result.value.sync(() => result.value.write(0, [new Uint8Array([2])], () => result.value.sync(() => undefined))),
          ),
        );
      });
    });
    machine.trap = { operation: 'sync', phase: 'before', countdown: 2, powerLoss: true };
    world.scheduler.runUntil(100);

    expect(machine.process).toBeNull();
    expect(machine.disk?.fileBytes('file')?.[0]).toBeOneOf([1, 2]);
    expect(world.coverage.count('crash.before.sync')).toBe(1);
  });
});

test('a write that a kill stopped on its way does not come back with a later loss of power', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = makeWorld(seed, 1);
    const machine = world.machine(1);
    world.start(machine, (host) => {
      host.disk.open('file', 'create', (result) => {
        if (result.ok) host.disk.syncDirectory('', () => result.value.write(0, [new Uint8Array([7])], () => undefined));
      });
    });
    machine.trap = { operation: 'write', phase: 'during', countdown: 1, powerLoss: false };
    world.scheduler.runUntil(100);
    const seen = machine.disk?.fileBytes('file')?.[0];
    machine.disk?.crash();

    expect(machine.disk?.fileBytes('file')?.[0], `seed ${seed}`).toBeOneOf([seen, undefined]);
  }
});

describe('the bytes of the simulator', () => {
  const random = new SeededRandom(11);
  const sample = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

  test('have the CRC-32C of the native library, also in parts', () => {
    for (let length = 0; length < 100; length++) {
      const bytes = sample(length);
      const middle = random.below(length + 1);

      expect(simBytes.crc32c(bytes)).toBe(crc32c(bytes));
      expect(simBytes.crc32c(bytes.subarray(middle), simBytes.crc32c(bytes.subarray(0, middle)))).toBe(crc32c(bytes));
    }
  });

  test('decode and encode UTF-8 as the platform does, broken sequences too', () => {
    const interesting = [0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff];
    for (let i = 0; i < 3000; i++) {
      const bytes = Uint8Array.from({ length: random.below(12) }, () => random.pick(interesting));
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

      expect(simBytes.utf8Decode(bytes)).toBe(text);
      expect([...simBytes.utf8Encode(text)]).toEqual([...new TextEncoder().encode(text)]);
    }
    expect([...simBytes.utf8Encode('\ud800a\udc00 €😀')]).toEqual([...new TextEncoder().encode('\ud800a\udc00 €😀')]);
  });

  test('find what Buffer finds', () => {
    for (let i = 0; i < 500; i++) {
      const bytes = Uint8Array.from({ length: random.below(30) }, () => random.below(3));
      const wanted = Uint8Array.from({ length: 1 + random.below(3) }, () => random.below(3));
      const from = random.below(10);

      expect(simBytes.indexOf(bytes, wanted, from)).toBe(Buffer.from(bytes).indexOf(wanted, from));
    }
  });
});
