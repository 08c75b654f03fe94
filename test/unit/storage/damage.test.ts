import { describe, expect, test } from 'vitest';
import type { LogBatch } from '../../../src/raft/messages.ts';
import { frameChecksum } from '../../../src/record/index.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import type { GroupLog } from '../../../src/storage/index.ts';
import { bytes, Leader, Rig } from './rig.ts';

const slotBytes = 20;
const small = { segmentBytesMin: 2048, segmentBytesMax: 2048 };

/** A log of two sealed segments and an active one, as a kill leaves it; the last write had two batches. */
function killedLog(): { readonly rig: Rig; readonly batches: readonly LogBatch[]; readonly lastGroupFrom: number } {
  const rig = new Rig(1);
  const { log } = rig.open(small);
  const leader = new Leader();
  const batches: LogBatch[] = [];
  const add = (count: number): void => {
    const more = leader.batches(count, 1, 60);
    batches.push(...more);
    rig.write(log, more);
  };
  while (log.segmentCount < 3) add(1);
  add(1);
  const lastGroupFrom = log.endOffset;
  add(2);
  rig.settle();
  rig.crash('kill');
  return { rig, batches, lastGroupFrom };
}

const original = killedLog();

type Outcome = 'fenced' | 'cut' | 'undetected' | 'lost';

/** Opens a copy of the log with that damage and reads all of it. */
function outcomeOf(damage: (disk: SimDisk) => void, from = original): Outcome {
  const rig = Rig.on(from.rig.disk, 2);
  damage(rig.disk);
  const opened = rig.tryOpen(small);
  if (!opened.ok) {
    return opened.error.kind === 'corrupt' ? 'fenced' : 'lost';
  }
  const { log, cut } = opened.value;
  const read = rig.tryRead(log, log.logStartOffset);
  if (!read.ok) {
    return read.error.kind === 'corrupt' ? 'fenced' : 'lost';
  }
  const found = read.value.map((batch) => frameChecksum(batch.bytes));
  const wanted = from.batches.map((batch) => frameChecksum(batch.bytes));
  if (log.logStartOffset !== 0 || found.some((checksum, i) => checksum !== wanted[i])) return 'lost';
  if (found.length === wanted.length) return cut !== null ? 'cut' : 'undetected';
  return cut !== null && log.endOffset >= from.lastGroupFrom ? 'cut' : 'lost';
}

const logFiles = original.rig.disk.filePaths().filter((path) => path.endsWith('.log'));
const fileBytes = (path: string): Uint8Array => original.rig.disk.fileBytes(path) as Uint8Array;

describe('a byte flipped in a killed log', () => {
  test('is in a log with two sealed segments, an active one, two indexes and two checkpoints', () => {
    expect(logFiles).toHaveLength(3);
    expect(original.rig.disk.filePaths().filter((path) => path.endsWith('.index') || path.endsWith('.state'))).toHaveLength(4);
    expect(outcomeOf(() => {})).toBe('undetected');
  });

  test.each(logFiles)('%s: every position is fenced, or cut within the last group, and none but in a slot is undetected', (path) => {
    const counts: Record<Outcome, number> = { fenced: 0, cut: 0, undetected: 0, lost: 0 };
    const inSlots = new Set<Outcome>();
    const bytes = fileBytes(path);
    for (let position = 0; position < bytes.length; position++) {
      const flipped = Uint8Array.of((bytes[position] as number) ^ (1 << (position % 8)));
      const outcome = outcomeOf((disk) => disk.overwrite(path, position, flipped));
      // Of a slot that does not check out nothing is known: it is an empty one.
      const isInSlot = [512, 768].some((slotAt) => position >= slotAt && position < slotAt + slotBytes);
      if (isInSlot) inSlots.add(outcome);
      else counts[outcome]++;
    }

    expect([...inSlots]).toEqual(['undetected']);
    const sealed = path !== logFiles[2];
    expect({ ...counts, fenced: 0, cut: sealed ? counts.cut : 0 }).toEqual({ fenced: 0, cut: 0, undetected: 0, lost: 0 });
    expect(counts.fenced).toBeGreaterThan(sealed ? 1500 : 1300);
  });

  test('in an index or a checkpoint changes nothing but the work of making it again', () => {
    const derived = original.rig.disk.filePaths().filter((path) => path.endsWith('.index') || path.endsWith('.state'));
    for (const path of derived) {
      const bytes = fileBytes(path);
      for (let position = 0; position < bytes.length; position++) {
        const flipped = Uint8Array.of((bytes[position] as number) ^ (1 << (position % 8)));
        expect(outcomeOf((disk) => disk.overwrite(path, position, flipped))).toBe('undetected');
      }
    }
  });
});

describe('damage', () => {
  test('in the last group is fenced once a mark stands behind it', () => {
    const { rig, batches, lastGroupFrom } = killedLog();
    const { log } = rig.open(small);
    rig.close(log);
    const path = logFiles[2] as string;
    const bytes = rig.disk.fileBytes(path) as Uint8Array;
    const end = bytes.findLastIndex((byte) => byte !== 0);
    const outcomes = new Set<Outcome>();
    for (let position = end - 300; position < end - 48; position++) {
      const flipped = Uint8Array.of((bytes[position] as number) ^ 1);
      outcomes.add(outcomeOf((disk) => disk.overwrite(path, position, flipped), { rig, batches, lastGroupFrom }));
    }

    expect([...outcomes]).toEqual(['fenced']);
  });

  test.each(logFiles.slice(0, 2))('that removes or shortens %s is fenced', (path) => {
    expect(outcomeOf((disk) => disk.erase(path))).toMatch(path === logFiles[0] ? 'lost' : 'fenced');
    expect(outcomeOf((disk) => disk.overwrite(path, 1024, new Uint8Array(600)))).toBe('fenced');
  });

  test('of a mark’s look inside a record does not turn a torn tail into corruption', () => {
    const rig = new Rig(3);
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(1));
    const size = log.sizeBytes;
    // The bytes of the real mark of that group, stored by somebody as a record, behind a byte that is torn.
    const path = rig.disk.filePaths().find((name) => name.endsWith('.log')) as string;
    const mark = (rig.disk.fileBytes(path) as Uint8Array).slice(1024, 1072);
    rig.crash('kill');
    rig.disk.overwrite(path, size, Uint8Array.of(1, 2, 3));
    rig.disk.overwrite(path, size + 100, mark);

    const opened = rig.open();
    expect(opened.cut).toMatchObject({ path, position: size });
    expect(opened.log.endOffset).toBe(1);
  });

  test('names the file, the position, what was expected and what was found', () => {
    const rig = Rig.on(original.rig.disk, 4);
    rig.disk.overwrite(logFiles[2] as string, 1024 + 48 + 60, Uint8Array.of(0xff));

    const opened = rig.tryOpen(small);
    const corruption = {
      path: logFiles[2],
      position: 1072,
      expected: expect.stringMatching(/^frame checksum [0-9a-f]{8}$/),
      found: expect.stringMatching(/^[0-9a-f]{8}$/),
    };
    expect(opened).toEqual({ ok: false, error: { kind: 'corrupt', corruption } });
  });
});

test('what is derived from a log is the same after it was removed and made again', () => {
  const rig = Rig.on(original.rig.disk, 5);
  const { disk } = rig;
  const indexes = disk.filePaths().filter((path) => path.endsWith('.index'));
  const before = indexes.map((path) => disk.fileBytes(path));
  for (const path of indexes) disk.erase(path);
  rig.open(small);

  expect(indexes.map((path) => disk.fileBytes(path))).toEqual(before);
});

test('an index that is made again counts the mark behind the last frame, as the first one did', () => {
  const rig = new Rig(6);
  const { log } = rig.open(small);
  const leader = new Leader();
  while (log.segmentCount < 2) {
    rig.write(log, [leader.batch(1, 300)]);
    rig.run((done) => log.mark(done));
  }
  rig.settle();
  rig.crash('kill');
  const path = rig.disk.filePaths().find((name) => name.endsWith('.index')) as string;
  const before = rig.disk.fileBytes(path);
  rig.disk.erase(path);
  rig.open(small);

  expect(rig.disk.fileBytes(path)).toEqual(before);
});

describe('a lost page at the end of a log', () => {
  const pageBytes = 4096;
  const options = { segmentBytesMin: 65_536, segmentBytesMax: 65_536 };
  /** Zeros in place of the last page that holds anything, and what an open says of that. */
  const openWithoutLastPage = (disk: SimDisk): 'fenced' | number => {
    const rig = Rig.on(disk, 6);
    const path = rig.disk.filePaths().find((name) => name.endsWith('.log')) as string;
    const last = (rig.disk.fileBytes(path) as Uint8Array).findLastIndex((byte) => byte !== 0);
    rig.disk.overwrite(path, last - (last % pageBytes), new Uint8Array(pageBytes));
    const opened = rig.tryOpen(options);
    if (!opened.ok) return opened.error.kind === 'corrupt' ? 'fenced' : -1;
    return opened.value.log.endOffset;
  };
  const logOf = (count: number, after: (rig: Rig, log: GroupLog) => void): SimDisk => {
    const rig = new Rig(11);
    const { log } = rig.open(options);
    const leader = new Leader();
    for (let i = 0; i < count; i++) rig.write(log, [leader.batch(1, 40)]);
    after(rig, log);
    rig.settle();
    rig.crash('kill');
    return rig.disk;
  };
  const mark = (rig: Rig, log: GroupLog): void => void rig.run((done) => log.mark(done));
  const openedAgain = (rig: Rig): void => {
    rig.crash('kill');
    rig.open(options);
  };

  test.each([
    ['was idle', mark],
    ['was closed', (rig: Rig, log: GroupLog) => rig.close(log)],
    ['was killed, opened again and killed once more', openedAgain],
  ])('is noticed once it %s, wherever the page begins', (_, after) => {
    const found: ('fenced' | number)[] = [];
    for (let count = 60; count < 90; count++) found.push(openWithoutLastPage(logOf(count, after)));

    // A page that holds a mark and no more takes nothing with it; what an open has found behind the last mark is as ambiguous as before.
    expect(found.filter((end) => end === 'fenced').length).toBeGreaterThanOrEqual(28);
    const ambiguous = after === openedAgain ? 1 : 0;
    expect(found.filter((end, i) => end !== 'fenced' && end < 60 + i - ambiguous)).toEqual([]);
  });

  test('takes no more than the page held, where the log was written to until the end', () => {
    for (let count = 60; count < 90; count++) {
      const end = openWithoutLastPage(
        logOf(count, () => {
          // Killed in the middle of its work.
        }),
      );
      expect(end === 'fenced' ? count : end).toBeGreaterThan(count - pageBytes / 150);
    }
  });

  test('is judged anew after the log was cut back below what was known to be synced', () => {
    const rig = new Rig(12);
    const { log } = rig.open(options);
    const leader = new Leader();
    const batches = leader.batches(60, 1, 40);
    rig.write(log, batches);
    mark(rig, log);
    leader.goBackTo(batches.slice(0, 20), 2);
    rig.write(log, [leader.batch()], 20);
    rig.crash();

    expect(rig.open(options).log.endOffset).toBe(21);
  });
});

describe('a truncation that was announced', () => {
  const cutAndGrown = (cutTo: number): { readonly rig: Rig; readonly batches: readonly LogBatch[]; readonly announced: Uint8Array } => {
    const rig = new Rig(13);
    const { log } = rig.open();
    const leader = new Leader();
    const old = leader.batches(8, 1, 60);
    for (const batch of old) rig.write(log, [batch]);
    const path = rig.disk.filePaths().find((name) => name.endsWith('.log')) as string;
    let announced = new Uint8Array(0);
    rig.disk.onCall = (operation, _path, phase) => {
      const page = (rig.disk.fileBytes(path) as Uint8Array).slice(512, 1024);
      if (operation === 'sync' && phase === 'after' && page.some((byte) => byte !== 0)) announced = page;
    };
    leader.goBackTo(old.slice(0, cutTo), 2);
    const more = leader.batches(5, 1, 60);
    for (const batch of more) rig.write(log, [batch], batch === more[0] ? cutTo : null);
    rig.disk.onCall = null;
    rig.crash('kill');
    return { rig, batches: [...old.slice(0, cutTo), ...more], announced };
  };

  test.each([0, 1, 5, 7])('at offset %i is not carried out again when only the write that cleared it was lost', (cutTo) => {
    const { rig, batches, announced } = cutAndGrown(cutTo);
    const path = rig.disk.filePaths().find((name) => name.endsWith('.log')) as string;
    expect(bytes.utf8Decode(announced.subarray(0, 8))).toBe('CAIRNTRU');
    rig.disk.overwrite(path, 512, announced);

    expect(rig.read(rig.open().log)).toEqual(batches);
    rig.crash();
    expect(rig.read(rig.open().log)).toEqual(batches);
  });
});

describe('a write of a slot that fails or is torn at any byte', () => {
  /** The disk as each of these writes leaves it, if it ends after each number of bytes. */
  function tornSlots(rig: Rig, act: () => void): { readonly at: number; readonly disk: SimDisk }[] {
    const path = rig.disk.filePaths().find((name) => name.endsWith('.log')) as string;
    const copy = (disk: SimDisk): SimDisk => disk.copy(rig.random.fork(), rig.scheduler());
    const torn: { at: number; disk: SimDisk }[] = [];
    let before = rig.disk;
    rig.disk.onCall = (operation, _path, phase) => {
      if (operation !== 'write') return;
      if (phase === 'before') before = copy(rig.disk);
      if (phase !== 'after') return;
      const old = before.fileBytes(path) as Uint8Array;
      const written = rig.disk.fileBytes(path) as Uint8Array;
      const at = [512, 768].find((slotAt) => written.subarray(slotAt, slotAt + slotBytes).some((byte, i) => byte !== old[slotAt + i]));
      if (at === undefined) return;
      for (let count = 1; count < slotBytes; count++) {
        const disk = copy(before);
        disk.overwrite(path, at, written.slice(at, at + count));
        torn.push({ at, disk });
      }
    };
    act();
    rig.disk.onCall = null;
    return torn;
  }
  const mark = (rig: Rig, log: GroupLog): void => void rig.run((done) => log.mark(done));
  const endOf = (disk: SimDisk): unknown => {
    const opened = Rig.on(disk, 2).tryOpen();
    return opened.ok ? Number(opened.value.log.endOffset) : opened.error;
  };

  test.each([
    ['an idle mark, the first', false, mark],
    ['an idle mark behind another', true, mark],
    ['a clean stop', true, (rig: Rig, log: GroupLog) => rig.close(log)],
  ])('does not make a log look damaged: %s', (_, wasIdle, act) => {
    const rig = new Rig(14);
    const { log } = rig.open();
    const leader = new Leader();
    rig.write(log, leader.batches(6, 1, 60));
    if (wasIdle) mark(rig, log);
    rig.write(log, leader.batches(1, 1, 60));
    const torn = tornSlots(rig, () => act(rig, log));

    expect(torn.map(({ at }) => at)).toEqual(new Array(slotBytes - 1).fill(768));
    expect(torn.map(({ disk }) => endOf(disk))).toEqual(new Array(slotBytes - 1).fill(7));
  });

  test('does not make a log look damaged: a truncation, announced and cleared', () => {
    const rig = new Rig(15);
    const { log } = rig.open();
    const leader = new Leader();
    const batches = leader.batches(8, 1, 60);
    for (const batch of batches) rig.write(log, [batch]);
    mark(rig, log);
    const torn = tornSlots(rig, () => rig.write(log, [], 5));

    // Announced in part it is not announced, cleared in part it is over.
    const ends = torn.map(({ at, disk }) => [at, endOf(disk)]);
    expect(ends).toEqual([...new Array(slotBytes - 1).fill([512, 8]), ...new Array(slotBytes - 1).fill([512, 5])]);
  });
});
