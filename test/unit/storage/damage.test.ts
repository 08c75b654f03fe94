import { describe, expect, test } from 'vitest';
import type { LogBatch } from '../../../src/raft/messages.ts';
import { frameChecksum } from '../../../src/record/index.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { Leader, Rig } from './rig.ts';

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

  test.each(logFiles)('%s: every position is fenced, or cut within the last group, and none is undetected', (path) => {
    const counts: Record<Outcome, number> = { fenced: 0, cut: 0, undetected: 0, lost: 0 };
    const bytes = fileBytes(path);
    for (let position = 0; position < bytes.length; position++) {
      const flipped = Uint8Array.of((bytes[position] as number) ^ (1 << (position % 8)));
      counts[outcomeOf((disk) => disk.overwrite(path, position, flipped))]++;
    }

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
