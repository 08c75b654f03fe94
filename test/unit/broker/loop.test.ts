import { describe, expect, it } from 'vitest';
import { groupId, term } from '../../../src/base/branded.ts';
import { Counters } from '../../../src/broker/counters.ts';
import { Loop } from '../../../src/broker/loop.ts';
import type { Replica } from '../../../src/broker/replica/replica.ts';
import type { Clock } from '../../../src/host/index.ts';
import type { Persist } from '../../../src/raft/index.ts';
import type { VoteJournal } from '../../../src/storage/contract.ts';

/** A loop whose deferred work and whose journal wait for the test; it notes what reaches the log. */
function rig() {
  let isHeld = true;
  const deferred: (() => void)[] = [];
  const journalDone: ((result: { readonly ok: true; readonly value: undefined }) => void)[] = [];
  const notes: string[] = [];
  const clock: Clock = {
    monotonicMs: () => 0,
    wallMs: () => 0,
    startTimer: () => ({ cancel: () => undefined }),
    defer: (run) => void deferred.push(run),
  };
  const steps = {
    work: () => false,
    holds: () => isHeld,
    flush: () => false,
    answer: () => undefined,
    fatal: () => void notes.push('fatal'),
    fence: () => void notes.push('fenced'),
  };
  const loop = new Loop(clock, new Counters(), steps);
  const journal: Pick<VoteJournal, 'write'> = { write: (_votes, done) => void journalDone.push(done) };
  loop.useJournal(journal as VoteJournal);
  const log = { write: () => void notes.push('log written') };
  const replica = { group: groupId(2), log, written: () => undefined } as unknown as Replica;
  const persist: Persist = {
    id: 1,
    vote: { term: term(3), votedFor: null },
    truncateTo: null,
    batches: [{} as Persist['batches'][number]],
    // oxlint-disable-next-line unicorn/no-thenable -- a list of messages, never a function: nothing can await it
    then: [],
  };
  loop.start();
  loop.persist(replica, persist, () => void notes.push('told'));
  for (const run of deferred.splice(0)) run();
  const journalSynced = (): void => {
    for (const done of journalDone.splice(0)) done({ ok: true, value: undefined });
  };
  const letGo = (): void => {
    isHeld = false;
  };
  return { loop, notes, journalSynced, letGo };
}

describe('a vote and the batches that wait for it', () => {
  it('are written one after the other', () => {
    const { notes, journalSynced } = rig();
    expect(notes).toEqual([]);

    journalSynced();

    expect(notes).toEqual(['log written']);
  });

  it('are written also while the broker acts as crashed, whose memory stays', () => {
    const { loop, notes, journalSynced } = rig();

    loop.stop();
    journalSynced();

    expect(notes).toEqual(['log written']);
  });

  it('part when the topic is deleted in between: its log is already closed', () => {
    const { notes, journalSynced, letGo } = rig();

    letGo();
    journalSynced();

    expect(notes).toEqual([]);
  });

  it('part when the broker closes in between: the vote is kept, the log is already closed', () => {
    const { loop, notes, journalSynced } = rig();

    loop.close();
    journalSynced();

    expect(notes).toEqual([]);
  });
});
