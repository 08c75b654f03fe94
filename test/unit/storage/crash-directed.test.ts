import { describe, expect, test } from 'vitest';
import { offset } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { OpenFailure } from '../../../src/storage/index.ts';
import type { LogBatch } from '../../../src/raft/messages.ts';
import { frameChecksum } from '../../../src/record/index.ts';
import type { CallPhase, DiskOperation } from '../../../src/sim/disk.ts';
import { killedLog, Leader, Rig } from './rig.ts';

const phases: readonly CallPhase[] = ['before', 'during', 'after'];
const checksums = (batches: readonly LogBatch[]): number[] => batches.map((batch) => frameChecksum(batch.bytes));

const uncommitted = { checkpoint: () => null };

/** Crashes at the n-th call that matches. */
function armCrash(
  rig: Rig,
  callIndex: number,
  phase: CallPhase,
  how: 'power' | 'kill',
  matches: (operation: DiskOperation, path: string) => boolean,
): void {
  let seen = 0;
  rig.disk.onCall = (operation, path, at) => {
    if (!matches(operation, path)) return;
    if (at === 'before') seen++;
    if (seen < callIndex || at !== phase) return;
    rig.disk.onCall = null;
    rig.crash(how);
  };
}

describe.each([
  ['within the active segment', 50],
  ['across sealed segments', 8],
  ['to the very beginning', 0],
])('a truncation %s', (_name, truncateTo) => {
  test.each(phases)('that a power loss interrupts %s a host call ends before, at, or on the way to where it was asked to', (phase) => {
    // None of it is committed, so there is no checkpoint of it.
    const start = killedLog(uncommitted);
    const { batches } = start;
    const leader = new Leader();
    const ends = new Set<number>();
    let finished = false;
    for (let callIndex = 1; !finished; callIndex++) {
      for (let seed = 1; seed <= 6; seed++) {
        const rig = Rig.on(start.disk, seed);
        const { log } = rig.open(uncommitted);
        armCrash(rig, callIndex, phase, 'power', () => true);
        const done = rig.tryRun<Result<undefined, OpenFailure>>((callback) =>
          log.write({ truncateTo: offset(truncateTo), batches: [] }, callback),
        );
        rig.disk.onCall = null;
        finished = done !== null;
        if (finished) rig.crash();

        const again = rig.open(uncommitted);
        const end = again.log.endOffset;
        ends.add(end);
        expect(end, `call ${callIndex}, seed ${seed}`).toBeGreaterThanOrEqual(truncateTo);
        expect(checksums(rig.read(again.log))).toEqual(checksums(batches.slice(0, end)));
        leader.goBackTo(batches.slice(0, end), 2);
        rig.write(again.log, leader.batches(3));
        rig.crash();
        expect(rig.open(uncommitted).log.endOffset).toBe(end + 3);
      }
    }

    expect(ends).toContain(60);
    expect(ends).toContain(truncateTo);
  });
});

test('a segment whose name a killed process had not synced is not lost by a power loss after new appends', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const rig = new Rig(seed);
    const { log } = rig.open();
    const leader = new Leader();
    // Too large for the first segment, which a larger one of the same name replaces.
    const batches = [leader.batch(1, 5000)];
    armCrash(rig, 1, 'after', 'kill', (operation, path) => operation === 'rename' && path.endsWith('prepared'));
    expect(rig.tryRun<Result<undefined, OpenFailure>>((done) => log.write({ truncateTo: null, batches }, done))).toBeNull();

    const again = rig.open();
    expect(again.log.endOffset).toBe(0);
    rig.write(again.log, batches);
    rig.crash('power');
    expect(rig.open().log.endOffset).toBe(1);
  }
});

test('a closing mark that a killed process had not synced is not lost by a power loss once its segment is sealed', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const rig = new Rig(seed);
    const { log } = rig.open();
    const leader = new Leader();
    const batches = leader.batches(4, 1, 150);
    rig.write(log, batches);
    // The mark is written and the process is gone before its sync.
    armCrash(rig, 1, 'before', 'kill', (operation) => operation === 'sync');
    rig.tryRun<boolean>((done) => log.close(() => done(true)));

    const again = rig.open();
    expect(again.cleanStop).toBe(true);
    const more = leader.batches(1, 1, 5000);
    rig.write(again.log, more);
    expect(again.log.segmentCount).toBe(2);
    rig.settle();
    rig.crash('power');

    const third = rig.open();
    expect(checksums(rig.read(third.log))).toEqual(checksums([...batches, ...more]));
  }
});

test('a torn tail is cut once: afterwards the file is clean', () => {
  let cuts = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const rig = new Rig(seed);
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(1));
    armCrash(rig, 1, 'during', 'power', (operation) => operation === 'sync');
    rig.tryRun<Result<undefined, OpenFailure>>((done) => log.write({ truncateTo: null, batches: leader.batches(4, 1, 500) }, done));

    const again = rig.open();
    if (again.cut !== null) cuts++;
    rig.crash('power');
    const third = rig.open();
    expect(third.cut).toBeNull();
    expect(third.log.endOffset).toBe(again.log.endOffset);
  }
  expect(cuts).toBeGreaterThan(3);
});

test('an index of another log in its place is not believed', () => {
  const make = (seed: number, valueBytes: number): Rig => {
    const rig = new Rig(seed);
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(30, 1, valueBytes));
    rig.settle();
    rig.close(log);
    return rig;
  };
  const ours = make(1, 150);
  const theirs = make(2, 152);
  const path = ours.disk.filePaths().find((name) => name.endsWith('.index')) as string;
  const before = ours.disk.fileBytes(path) as Uint8Array;
  ours.disk.overwrite(path, 0, theirs.disk.fileBytes(path) as Uint8Array);

  const { log } = ours.open();
  expect(ours.read(log)).toHaveLength(30);
  expect(ours.disk.fileBytes(path)).toEqual(before);
});
