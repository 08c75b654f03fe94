import { describe, expect, it } from 'vitest';
import { brokerId, offset, term } from '../../../src/base/branded.ts';
import { DiskState } from '../../../src/raft/disk-state.ts';
import { ReplicaLog } from '../../../src/raft/log.ts';
import type { RestoredState, Vote } from '../../../src/raft/types.ts';
import { batch } from '../../paper/core.ts';

const vote: Vote = { term: term(1), votedFor: null };
const restored: RestoredState = { vote, logStartOffset: offset(0), logEndOffset: offset(0), termBeforeStart: term(0), termStarts: [] };

function makeDisk(): { disk: DiskState; log: ReplicaLog; append(inTerm: number): void; cut(end: number): void } {
  const disk = new DiskState(restored);
  const log = new ReplicaLog(restored);
  return {
    disk,
    log,
    append: (inTerm) => log.append(batch(log.endOffset, inTerm)),
    cut(end) {
      log.truncate(offset(end));
      disk.truncate(offset(end));
    },
  };
}

const ranges = (batches: readonly { offsetFrom: number; term: number }[]): string =>
  batches.map((each) => `${each.offsetFrom}t${each.term}`).join(' ');

describe('DiskState', () => {
  it('owes nothing when nothing changed', () => {
    const { disk, log } = makeDisk();

    expect(disk.owes(log, vote)).toBe(false);
  });

  it('joins what comes during a write into the next', () => {
    const { disk, log, append } = makeDisk();
    append(1);
    const first = disk.take(log, vote, []);
    append(1);
    append(1);
    expect(disk.owes(log, vote)).toBe(false);

    disk.done(first.id);
    expect(disk.syncedOffset).toBe(1);
    const second = disk.take(log, vote, []);

    expect(ranges(second.batches)).toBe('1t1 2t1');
  });

  it('writes a vote once, and knows it when it is synced', () => {
    const { disk, log } = makeDisk();
    const next: Vote = { term: term(2), votedFor: brokerId(3) };

    const first = disk.take(log, next, []);
    expect([first.vote, disk.hasSynced(next)]).toEqual([next, false]);
    disk.done(first.id);

    expect([disk.hasSynced(next), disk.owes(log, next)]).toEqual([true, false]);
  });

  it('cuts what a write had brought', () => {
    const { disk, log, append, cut } = makeDisk();
    for (let i = 0; i < 3; i++) append(1);
    disk.done(disk.take(log, vote, []).id);

    cut(1);
    append(2);
    const next = disk.take(log, vote, []);

    expect([disk.syncedOffset, next.truncateTo, ranges(next.batches)]).toEqual([1, 1, '1t2']);
  });

  it('does not take the end of a write for synced when the log was cut meanwhile', () => {
    const { disk, log, append, cut } = makeDisk();
    for (let i = 0; i < 3; i++) append(1);
    const first = disk.take(log, vote, []);

    cut(1);
    for (let i = 0; i < 4; i++) append(2);
    disk.done(first.id);
    expect(disk.syncedOffset).toBe(1);
    const next = disk.take(log, vote, []);

    expect([next.truncateTo, ranges(next.batches)]).toEqual([1, '1t2 2t2 3t2 4t2']);
  });

  it('cuts once for several cuts, at the lowest', () => {
    const { disk, log, append, cut } = makeDisk();
    for (let i = 0; i < 4; i++) append(1);
    const first = disk.take(log, vote, []);

    cut(3);
    append(2);
    cut(1);
    append(3);
    disk.done(first.id);
    const next = disk.take(log, vote, []);

    expect([next.truncateTo, ranges(next.batches)]).toEqual([1, '1t3']);
  });

  it('cuts nothing on disk for batches that never got there', () => {
    const { disk, log, append, cut } = makeDisk();
    append(1);
    const first = disk.take(log, vote, []);

    append(1);
    cut(1);
    disk.done(first.id);

    expect([disk.syncedOffset, disk.owes(log, vote)]).toEqual([1, false]);
  });

  it('writes a cut alone when nothing follows it', () => {
    const { disk, log, append, cut } = makeDisk();
    append(1);
    append(1);
    disk.done(disk.take(log, vote, []).id);

    cut(1);
    const next = disk.take(log, vote, []);

    expect([next.truncateTo, next.batches]).toEqual([1, []]);
  });

  it('is told of the end of its own write only', () => {
    const { disk, log, append } = makeDisk();
    append(1);
    const { id } = disk.take(log, vote, []);

    expect(() => disk.done(id + 1)).toThrow('the write that ends is the outstanding one');
  });
});
