import { describe, expect, test } from 'vitest';
import type { Result } from '../../../src/base/result.ts';
import type { OpenFailure } from '../../../src/storage/index.ts';
import { Leader, Rig } from './rig.ts';

type Outcome = Result<undefined, OpenFailure>;

describe('a full disk', () => {
  test('is announced before the active segment is used up, and what was written stays', () => {
    const rig = new Rig(1);
    const { log } = rig.open();
    const leader = new Leader();
    rig.disk.capacityBytes = rig.disk.usedBytes + 2000;
    rig.write(log, leader.batches(4, 1, 100));
    rig.settle(5);

    expect(log.full).toBe(true);
    expect(rig.logged).toContain('warn diskFull');
    expect(log.sizeBytes).toBeLessThan(4096 / 2);
    rig.write(log, leader.batches(2));
    expect(rig.read(log)).toHaveLength(6);
  });

  test('holds a write back until there is space, and loses nothing of it', () => {
    const rig = new Rig(2);
    const { log } = rig.open();
    const leader = new Leader();
    rig.disk.capacityBytes = rig.disk.usedBytes;
    const batches = leader.batches(60, 1, 100);
    let outcome: Outcome | null = null;
    log.write({ truncateTo: null, batches }, (result) => (outcome = result));
    rig.settle(60_000);

    expect(outcome).toBeNull();
    expect(log.full).toBe(true);
    expect([log.endOffset, log.syncedOffset < 60, log.syncedOffset > 0]).toEqual([60, true, true]);
    expect(rig.read(log)).toEqual(batches);

    rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
    rig.settle(5_000);
    expect(outcome).toEqual({ ok: true, value: undefined });
    expect([log.full, log.syncedOffset]).toEqual([false, 60]);
    expect(rig.read(log)).toEqual(batches);
  });

  test('that has room for a smaller segment only gives that one, and nobody is refused meanwhile', () => {
    const rig = new Rig(8, {});
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(30, 1, 100));
    rig.settle();
    const { segmentCount } = log;
    // The next one would be twice as large as the one before.
    rig.disk.capacityBytes = rig.disk.usedBytes + 5000;
    let wasFull = false;
    for (let count = 0; count < 30; count++) {
      wasFull ||= log.full;
      rig.write(log, leader.batches(1, 1, 100));
    }

    expect(log.segmentCount).toBeGreaterThan(segmentCount);
    expect([wasFull, rig.logged]).toEqual([false, []]);
  });

  test('leaves room for elections, however large the batches are that a leader asks about', () => {
    for (const valueBytes of [100, 5000, 30_000, 60_000]) {
      const rig = new Rig(9);
      const options = { segmentBytesMin: 64 * 1024, segmentBytesMax: 64 * 1024 };
      const { log } = rig.open(options);
      const leader = new Leader();
      rig.disk.capacityBytes = rig.disk.usedBytes;
      for (;;) {
        const next = leader.batch(1, valueBytes);
        if (log.full || !log.hasRoomFor(next.bytes.length)) {
          leader.takeBack(next);
          break;
        }
        rig.write(log, [next]);
      }
      for (let term = 2; term <= 50; term++) {
        const batches = [leader.batch(1, 60)];
        const written = rig.tryRun<Outcome>((done) => log.write({ truncateTo: null, batches }, done), 5000);
        expect(written, `term ${term}, after batches of ${valueBytes}`).toEqual({ ok: true, value: undefined });
        rig.run<Outcome>((done) => log.mark(done));
      }
      rig.crash();

      expect(rig.open(options).log.endOffset).toBe(leader.endOffset);
    }
  });

  test('does not keep a log from opening, the index of which could not be written before', () => {
    const rig = new Rig(10);
    const { log } = rig.open();
    const batches = new Leader().batches(60, 1, 150);
    rig.disk.inject = (_operation, path) => (path.endsWith('.index.tmp') ? 'noSpace' : null);
    for (let i = 0; i < 60; i += 2) rig.write(log, batches.slice(i, i + 2));
    rig.settle();
    expect(log.segmentCount).toBe(3);
    rig.crash();

    const again = rig.open();
    expect(rig.read(again.log)).toEqual(batches);
    rig.crash();
    rig.disk.inject = null;
    expect(rig.read(rig.open().log)).toEqual(batches);
  });

  test('lets a follower cut its log back', () => {
    const rig = new Rig(3);
    const { log } = rig.open();
    const leader = new Leader();
    const batches = leader.batches(20, 1, 300);
    rig.write(log, batches);
    rig.settle();
    rig.disk.capacityBytes = 0;
    leader.goBackTo(batches.slice(0, 18), 2);
    const more = leader.batches(1, 1, 10);
    rig.write(log, more, 18);

    expect(rig.read(log)).toEqual([...batches.slice(0, 18), ...more]);
  });

  test('does not keep a log from closing while a write waits', () => {
    const rig = new Rig(4);
    const { log } = rig.open();
    rig.disk.capacityBytes = rig.disk.usedBytes;
    let outcome: Outcome | null = null;
    const batches = new Leader().batches(60, 1, 100);
    log.write({ truncateTo: null, batches }, (result) => (outcome = result));
    rig.settle(3_000);
    const { syncedOffset } = log;
    rig.close(log);

    expect(outcome).toMatchObject({ ok: false, error: { kind: 'disk', error: { code: 'noSpace' } } });
    rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
    const again = rig.open();
    expect(again.log.endOffset).toBe(syncedOffset);
    expect(rig.read(again.log)).toEqual(batches.slice(0, syncedOffset));
  });

  test('is survived at every size', () => {
    for (let spare = 0; spare < 30_000; spare += 1700) {
      const rig = new Rig(spare);
      const { log } = rig.open();
      const leader = new Leader();
      rig.disk.capacityBytes = rig.disk.usedBytes + spare;
      const batches = leader.batches(300, 1, 100);
      let done = false;
      log.write({ truncateTo: null, batches }, () => (done = true));
      rig.settle(10_000);
      expect(done, `with ${spare} bytes`).toBe(false);
      const { syncedOffset } = log;
      rig.crash(rig.random.pick(['power', 'kill'] as const));
      rig.disk.capacityBytes = Number.POSITIVE_INFINITY;

      const again = rig.open();
      expect(again.log.endOffset).toBeGreaterThanOrEqual(syncedOffset);
      expect(rig.read(again.log)).toEqual(batches.slice(0, again.log.endOffset));
    }
  });
});

test('a leader that has more to append each time it asks is soon given a segment that is large enough', () => {
  const rig = new Rig(11);
  const { log } = rig.open({ segmentBytesMin: 4096, segmentBytesMax: 4096 });
  rig.write(log, new Leader().batches(8, 1, 200));
  rig.settle();

  let asked = 0;
  for (let bytes = 4000; !log.hasRoomFor(bytes); bytes += 500) {
    asked++;
    if (asked > 20) break;
    rig.settle();
  }

  expect(asked).toBeLessThan(3);
});

describe('a failing disk', () => {
  test.each(['write', 'sync'] as const)('is reported by the call that met it, and nothing is tried again: %s', (operation) => {
    const rig = new Rig(5);
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(1));
    rig.disk.inject = (called, path) => (called === operation && path.endsWith('.log') ? 'failed' : null);
    const first = rig.run<Outcome>((done) => log.write({ truncateTo: null, batches: leader.batches(1) }, done));
    const { callCounts } = rig.disk;
    const callsBefore = callCounts.write + callCounts.sync;
    rig.disk.inject = null;
    const second = rig.run<Outcome>((done) => log.write({ truncateTo: null, batches: leader.batches(1) }, done));

    expect(first).toMatchObject({
      ok: false,
      error: { kind: 'disk', error: { code: 'failed', operation, path: expect.stringContaining('.log') } },
    });
    expect(second).toEqual(first);
    expect(callCounts.write + callCounts.sync).toBe(callsBefore);
    expect(log.syncedOffset).toBe(1);
  });

  test('after a failed sync loses what was not acknowledged only', () => {
    for (let seed = 0; seed < 50; seed++) {
      const rig = new Rig(seed);
      const { log } = rig.open();
      const leader = new Leader();
      const batches = leader.batches(3);
      rig.write(log, batches);
      rig.disk.inject = (called) => (called === 'sync' ? 'failed' : null);
      const lost = leader.batches(2);
      rig.run<Outcome>((done) => log.write({ truncateTo: null, batches: lost }, done));
      // The broker stops; what reads still show may not be on the medium, so the next start writes it again.
      rig.crash('kill');
      rig.disk.inject = null;
      const again = rig.open();
      const found = rig.read(again.log);
      rig.crash('power');

      const last = rig.open();
      expect(rig.read(last.log)).toEqual(found);
      expect(found).toEqual([...batches, ...lost].slice(0, found.length));
      expect(found.length).toBeGreaterThanOrEqual(3);
    }
  });

  test('that fails while the next segment is prepared is reported by the write that needs it', () => {
    const rig = new Rig(6);
    const { log } = rig.open();
    rig.disk.inject = (called, path) => (called === 'sync' && path.endsWith('prepared') ? 'failed' : null);
    const result = rig.run<Outcome>((done) => log.write({ truncateTo: null, batches: new Leader().batches(60, 1, 100) }, done));

    expect(result).toMatchObject({ ok: false, error: { kind: 'disk', error: { code: 'failed', operation: 'sync' } } });
  });

  test('that fails while the next segment is prepared does not keep its log from being asked to write, for good', () => {
    const rig = new Rig(7);
    const { log } = rig.open();
    rig.disk.inject = (called, path) => (called === 'sync' && path.endsWith('prepared') ? 'failed' : null);
    rig.write(log, new Leader().batches(5, 1, 200));
    rig.settle();

    // Whoever writes now is told what is wrong; one who is asked to wait would wait for ever.
    expect([log.hasRoomFor(100_000), log.full]).toEqual([true, false]);
  });
});
