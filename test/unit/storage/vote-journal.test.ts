import { describe, expect, test } from 'vitest';
import { groupId, type GroupId } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError } from '../../../src/host/index.ts';
import type { Vote } from '../../../src/raft/types.ts';
import type { CallPhase } from '../../../src/sim/disk.ts';
import { type GroupVote, type OpenFailure, openVoteJournal, type VoteJournal } from '../../../src/storage/index.ts';
import { readVoteRecord } from '../../../src/storage/vote-journal.ts';
import { bytes, must, Rig, unreadable, vote } from './rig.ts';

type Opened = Result<VoteJournal, OpenFailure>;
type Wrote = Result<undefined, DiskError>;

const path = 'votes';
const pageBytes = 4096;
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

  test('never lowers a vote, whichever byte is flipped, and whichever page is lost', () => {
    const rig = new Rig(8);
    const first = open(rig);
    for (let term = 1; term <= 40; term++) write(rig, first, [of(1, term, 1), of(2, term, 2)]);
    rig.crash();
    const second = open(rig);
    for (let term = 41; term <= 45; term++) write(rig, second, [of(1, term, 1)]);
    rig.crash('kill');
    const stored = rig.disk.fileBytes(path) as Uint8Array;
    const found = (position: number, damage: Uint8Array): string | undefined => {
      const damaged = Rig.on(rig.disk, 9);
      damaged.disk.overwrite(path, position, damage);
      return plain(open(damaged).votes)[1];
    };
    const lowered: number[] = [];
    let checked = 0;
    for (let page = 0; page < stored.length; page += pageBytes) {
      if (isBlank(stored.subarray(page, page + pageBytes))) continue;
      checked++;
      // What it held is gone, or a few bits of it are not what they were.
      const bytesOf = (at: number): Uint8Array => Uint8Array.of((stored[at] as number) ^ (1 << ((page / pageBytes) % 8)));
      const damages: [number, Uint8Array][] = [[page, new Uint8Array(pageBytes)]];
      for (const at of [0, 4, 5, 13, 15, 19, 24, 31, 35, 51]) damages.push([page + at, bytesOf(page + at)]);
      for (const [position, damage] of damages) if (found(position, damage) !== '45:1') lowered.push(position);
    }

    expect(lowered).toEqual([]);
    expect(checked).toBeGreaterThan(25);
  });

  test('keeps the two copies of a record 64 KiB apart, each in pages of its own', () => {
    const rig = new Rig(12);
    const places = new Map<number, number[]>();
    const { disk } = rig;
    const journal = open(rig);
    for (let term = 1; term <= 100; term++) write(rig, journal, [of(1, term, 1)]);
    rig.crash();
    const stored = disk.fileBytes(path) as Uint8Array;
    for (let at = 0; at < stored.length; at += 512) {
      const record = readVoteRecord(stored, at, bytes);
      if (record !== null) places.set(record.sequence, [...(places.get(record.sequence) ?? []), at]);
    }

    expect(places.size).toBeGreaterThan(12);
    for (const [a = 0, b = 0, ...more] of places.values()) {
      expect(more).toEqual([]);
      expect(b - a).toBeGreaterThanOrEqual(64 * 1024);
      expect([a % pageBytes, b % pageBytes]).toEqual([0, 0]);
    }
  });

  test('is read from its second copy where the disk refuses to read the first', () => {
    const rig = new Rig(13);
    write(rig, open(rig), [of(1, 6, 1)]);
    rig.crash();
    const host = unreadable(rig.host, path, 0, 64 * 1024);

    expect(plain(must(rig.run<Opened>((done) => openVoteJournal(host, { path, mayCreate: false }, done))).votes)).toEqual({ 1: '6:1' });
  });

  test('refuses a gap: both copies of an older record gone', () => {
    const rig = new Rig(10);
    const journal = open(rig);
    for (let term = 1; term <= 3; term++) write(rig, journal, [of(1, term, 1)]);
    rig.crash('kill');
    for (const copy of [0, 64 * 1024]) rig.disk.overwrite(path, copy + pageBytes * 2, new Uint8Array(pageBytes));

    expect(tryOpen(rig)).toMatchObject({
      ok: false,
      error: { kind: 'corrupt', corruption: { path, expected: 'record 3 behind this one' } },
    });
    rig.disk.overwrite(path, 0, new Uint8Array(128 * 1024));
    expect(tryOpen(rig)).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { expected: 'a snapshot of the votes' } } });
  });

  test('takes a file of version 1 in its own place, wherever that is cut off', () => {
    for (let calls = 1; calls <= 12; calls++) {
      for (const how of ['power', 'kill'] as const) {
        const rig = new Rig(calls);
        rig.writePlain(path, '');
        rig.disk.overwrite(path, 0, version1(40));
        rig.disk.capacityBytes = rig.disk.usedBytes;
        armCrash(rig, calls, 'during', how);
        rig.tryRun<Opened>((done) => openVoteJournal(rig.host, { path, mayCreate: false }, done));
        rig.disk.onCall = null;
        rig.crash(how);
        const journal = must(tryOpen(rig, false));
        expect(plain(journal.votes), `crash at call ${calls}`).toEqual({ 1: '40:1', 2: '39:2' });
        write(rig, journal, [of(1, 41, 2)]);
        rig.crash();
        expect(plain(open(rig).votes)).toEqual({ 1: '41:2', 2: '39:2' });
      }
    }
  });

  test('writes no vote to a file that another has replaced, where there is no space to make its name durable', () => {
    const rig = new Rig(11);
    const journal = open(rig);
    // More than half of a half, so that the next snapshot wants a larger file.
    write(
      rig,
      journal,
      Array.from({ length: 1200 }, (_, index) => of(index + 1, 1, 1)),
    );
    rig.disk.inject = (operation) => (operation === 'syncDirectory' ? 'noSpace' : null);
    let term = 2;
    for (; term <= 12; term++) {
      if (!rig.run<Wrote>((done) => journal.write([of(1, term, 1)], done)).ok) break;
      const found = plain(open(Rig.on(rig.disk, term)).votes)[1];
      expect(found).toBe(`${term}:1`);
    }
    expect(term, 'the file was full').toBeLessThan(12);
  });

  test('keeps every acknowledged vote through crashes at any host call', () => {
    const phases: readonly CallPhase[] = ['before', 'during', 'after'];
    let acknowledgedCount = 0;
    for (let seed = 1; seed <= 30; seed++) {
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
    expect(acknowledgedCount).toBeGreaterThan(2500);
  });
});

const format = (votes: ReadonlyMap<number, string>): string => JSON.stringify([...votes].toSorted(([a], [b]) => a - b));

const isBlank = (page: Uint8Array): boolean => page.every((byte) => byte === 0);

/** A journal as it was written before: two copies of a record in neighbouring sectors, a snapshot and then a change for each term. */
function version1(newest: number): Uint8Array {
  const content = new Uint8Array(128 * 1024);
  for (let sequence = 1; sequence <= newest; sequence++) {
    for (const copy of [0, 1]) {
      const record = content.subarray((sequence - 1) * 1024 + copy * 512).subarray(0, 512);
      const view = new DataView(record.buffer, record.byteOffset, record.length);
      view.setUint8(4, 1);
      view.setUint8(5, sequence === 1 ? 1 : 0);
      view.setUint16(6, copy);
      view.setUint32(12, sequence);
      view.setUint32(16, 1);
      view.setUint32(24, sequence === 39 ? 2 : 1);
      view.setUint32(32, sequence);
      view.setUint32(36, sequence === 39 ? 2 : 1);
      view.setUint32(0, bytes.crc32c(record.subarray(4, 40)));
    }
  }
  return content;
}

function armCrash(rig: Rig, callIndex: number, phase: CallPhase, how: 'power' | 'kill' | null = null): void {
  let seen = 0;
  rig.disk.onCall = (_operation, _path, at) => {
    if (at === 'before') seen++;
    if (seen < callIndex || at !== phase) return;
    rig.disk.onCall = null;
    rig.crash(how ?? rig.random.pick(['power', 'power', 'kill'] as const));
  };
}
