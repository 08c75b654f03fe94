import { describe, expect, test } from 'vitest';
import { groupId, type GroupId } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError } from '../../../src/host/index.ts';
import type { Vote } from '../../../src/raft/types.ts';
import type { CallPhase } from '../../../src/sim/disk.ts';
import { type GroupVote, type OpenFailure, openVoteJournal, type VoteJournal } from '../../../src/storage/index.ts';
import { must, Rig, vote } from './rig.ts';

type Opened = Result<VoteJournal, OpenFailure>;
type Wrote = Result<undefined, DiskError>;

const path = 'votes';
const tryOpen = (rig: Rig, mayCreate = true): Opened => rig.run((done) => openVoteJournal(rig.host, { path, mayCreate }, done));
const open = (rig: Rig): VoteJournal => must(tryOpen(rig));
const write = (rig: Rig, journal: VoteJournal, votes: readonly GroupVote[]): undefined =>
  must(rig.run<Wrote>((done) => journal.write(votes, done)));
const of = (group: number, term: number, votedFor: number | null): GroupVote => ({ group: groupId(group), vote: vote(term, votedFor) });
const plain = (votes: ReadonlyMap<GroupId, Vote>): Record<number, string> =>
  Object.fromEntries(Array.from(votes, ([group, { term, votedFor }]) => [group, `${term}:${votedFor ?? '-'}`]));

describe('the vote journal', () => {
  test('remembers the newest vote of every group', () => {
    const rig = new Rig(1);
    const journal = open(rig);
    write(rig, journal, [of(1, 1, 3), of(2, 5, null)]);
    write(rig, journal, [of(1, 2, null)]);
    write(rig, journal, [of(1, 2, 1)]);
    rig.crash();

    expect(plain(open(rig).votes)).toEqual({ 1: '2:1', 2: '5:-' });
  });

  test('goes round in its file for ever, which never grows', () => {
    const rig = new Rig(2);
    const journal = open(rig);
    const { usedBytes } = rig.disk;
    for (let term = 1; term <= 500; term++) write(rig, journal, [of((term % 7) + 1, term, 1)]);
    rig.crash();

    expect(plain(open(rig).votes)).toEqual({ 1: '497:1', 2: '498:1', 3: '499:1', 4: '500:1', 5: '494:1', 6: '495:1', 7: '496:1' });
    expect(rig.disk.usedBytes).toBe(usedBytes);
  });

  test('takes more groups than its file was made for', () => {
    const rig = new Rig(3);
    const journal = open(rig);
    const votes = Array.from({ length: 6000 }, (_, i) => of(i + 1, 7, 2));
    for (let i = 0; i < votes.length; i += 500) write(rig, journal, votes.slice(i, i + 500));
    write(rig, journal, [of(9, 8, null)]);
    rig.crash();

    const again = open(rig);
    expect(again.votes.size).toBe(6000);
    expect(again.votes.get(groupId(9))).toEqual(vote(8, null));
    write(rig, again, [of(6000, 9, 1)]);
    rig.crash();
    expect(open(rig).votes.get(groupId(6000))).toEqual(vote(9, 1));
  });

  test('writes on a full disk', () => {
    const rig = new Rig(4);
    const journal = open(rig);
    rig.disk.capacityBytes = 0;
    for (let term = 1; term <= 200; term++) write(rig, journal, [of(1, term, 1)]);
    rig.crash();

    const again = open(rig);
    write(rig, again, [of(1, 201, 1)]);
    expect(plain(again.votes)).toEqual({ 1: '201:1' });
  });

  test('refuses to start without the file that it had', () => {
    const rig = new Rig(5);
    write(rig, open(rig), [of(1, 1, 1)]);
    rig.crash();
    rig.disk.erase(path);

    expect(tryOpen(rig, false)).toEqual({
      ok: false,
      error: { kind: 'corrupt', corruption: { path, position: 0, expected: 'the votes of this broker', found: 'no file' } },
    });
  });

  test('asserts that no term goes back and no vote changes within its term', () => {
    const rig = new Rig(6);
    const journal = open(rig);
    write(rig, journal, [of(1, 4, 2)]);

    expect(() => journal.write([of(1, 3, null)], () => {})).toThrow('never goes back');
    expect(() => open(rig).write([of(1, 4, 3)], () => {})).toThrow('never goes back');
  });

  test('reports a failed sync and then every later write', () => {
    const rig = new Rig(7);
    const journal = open(rig);
    rig.disk.inject = (operation) => (operation === 'sync' ? 'failed' : null);
    const first = rig.run<Wrote>((done) => journal.write([of(1, 1, 1)], done));
    rig.disk.inject = null;

    expect(first).toMatchObject({ ok: false, error: { operation: 'sync', path } });
    expect(rig.run<Wrote>((done) => journal.write([of(1, 2, 1)], done))).toEqual(first);
  });

  test('never lowers a vote, whichever byte is flipped', () => {
    const rig = new Rig(8);
    const first = open(rig);
    for (let term = 1; term <= 20; term++) write(rig, first, [of(1, term, 1), of(2, term, 2)]);
    rig.crash();
    const second = open(rig);
    for (let term = 21; term <= 25; term++) write(rig, second, [of(1, term, 1)]);
    rig.crash('kill');
    const bytes = rig.disk.fileBytes(path) as Uint8Array;
    // Every byte that holds something, and some that hold nothing.
    const used = (position: number): boolean => position % 512 < 60 || position % 5003 === 0;
    const lowered: number[] = [];
    let healed = 0;
    for (let position = 0; position < bytes.length; position++) {
      if (!used(position) || (bytes[position & ~511] === 0 && position % 31 !== 0)) continue;
      const flippedRig = Rig.on(rig.disk, 9);
      flippedRig.disk.overwrite(path, position, Uint8Array.of((bytes[position] as number) ^ (1 << (position % 8))));
      if (plain(open(flippedRig).votes)[1] === '25:1') healed++;
      else lowered.push(position);
    }

    expect(lowered).toEqual([]);
    expect(healed).toBeGreaterThan(3000);
  });

  test('refuses a gap: both copies of an older record gone', () => {
    const rig = new Rig(10);
    const journal = open(rig);
    for (let term = 1; term <= 3; term++) write(rig, journal, [of(1, term, 1)]);
    rig.crash('kill');
    rig.disk.overwrite(path, 1024 * 2, new Uint8Array(1024));

    expect(tryOpen(rig)).toMatchObject({
      ok: false,
      error: { kind: 'corrupt', corruption: { path, expected: 'record 3 behind this one' } },
    });
    rig.disk.overwrite(path, 0, new Uint8Array(128 * 1024));
    expect(tryOpen(rig)).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { expected: 'a snapshot of the votes' } } });
  });

  test('keeps every acknowledged vote through crashes at any host call', () => {
    const phases: readonly CallPhase[] = ['before', 'during', 'after'];
    let acknowledgedCount = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const rig = new Rig(seed);
      let acknowledged = new Map<number, string>();
      let asked: readonly GroupVote[] = [];
      let created = false;
      for (let life = 0; life < 25; life++) {
        armCrash(rig, rig.random.between(1, rig.random.pick([6, 30, 400])), rig.random.pick(phases));
        const opened = rig.tryRun<Opened>((done) => openVoteJournal(rig.host, { path, mayCreate: !created }, done));
        if (opened === null) continue;
        expect(opened.ok, `seed ${seed}, life ${life}: ${JSON.stringify(opened)}`).toBe(true);
        const journal = must(opened);
        created = true;
        const found = new Map(Object.entries(plain(journal.votes)).map(([group, text]) => [Number(group), text]));
        const alternative = new Map(acknowledged);
        for (const { group, vote: asking } of asked) alternative.set(group, `${asking.term}:${asking.votedFor ?? '-'}`);
        expect([format(acknowledged), format(alternative)], `seed ${seed}, life ${life}`).toContain(format(found));
        acknowledged = found;
        asked = [];
        for (let i = 0; i < 150; i++) {
          asked = Array.from({ length: rig.random.between(1, 4) }, (_, k) => {
            const group = k * 3 + rig.random.between(1, 3);
            const term = Number((acknowledged.get(group) ?? '0:').split(':')[0]) + 1;
            return of(group, term, rig.random.pick([null, 1, 2]));
          });
          const result = rig.tryRun<Wrote>((done) => journal.write(asked, done));
          if (result === null) break;
          acknowledgedCount++;
          for (const { group, vote: given } of asked) acknowledged.set(group, `${given.term}:${given.votedFor ?? '-'}`);
          asked = [];
        }
        rig.disk.onCall = null;
        rig.crash(rig.random.pick(['power', 'kill'] as const));
      }
    }
    expect(acknowledgedCount).toBeGreaterThan(5000);
  });
});

const format = (votes: ReadonlyMap<number, string>): string => JSON.stringify([...votes].toSorted(([a], [b]) => a - b));

function armCrash(rig: Rig, callIndex: number, phase: CallPhase): void {
  let seen = 0;
  rig.disk.onCall = (_operation, _path, at) => {
    if (at === 'before') seen++;
    if (seen < callIndex || at !== phase) return;
    rig.disk.onCall = null;
    rig.crash(rig.random.pick(['power', 'power', 'kill'] as const));
  };
}
