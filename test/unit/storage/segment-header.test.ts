import { describe, expect, test } from 'vitest';
import { offset, term } from '../../../src/base/branded.ts';
import { viewOf, writeU64 } from '../../../src/base/bytes.ts';
import type { Result } from '../../../src/base/result.ts';
import { encodeSegmentHeader, readSegmentHeader, type SegmentHeader, segmentHeaderBytes } from '../../../src/storage/segment-format.ts';
import type { GroupLog, OpenFailure } from '../../../src/storage/index.ts';
import { bytes, Leader, must, Rig } from './rig.ts';

const small = { segmentBytesMin: 2048, segmentBytesMax: 2048 };
const header: SegmentHeader = { group: 7, baseOffset: 40, previousChecksum: 5, previousTerm: term(3), salt: 9 };

function wholeHeader(encoded: Uint8Array): Uint8Array {
  const whole = new Uint8Array(segmentHeaderBytes);
  whole.set(encoded);
  return whole;
}

/** Changes the header's fields, and makes its checksum right again. */
function changed(encoded: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = encoded.slice(0, 64);
  change(viewOf(copy));
  viewOf(copy).setUint32(60, bytes.crc32c(copy.subarray(0, 60)));
  return copy;
}

/** As it was written before there was a version 2. */
const ofVersion1 = (encoded: Uint8Array): Uint8Array =>
  changed(encoded, (view) => {
    view.setUint32(8, 1);
    writeU64(view, 32, 0);
  });

/** A closed log whose first segments end in term 2, and the next ones hold term 5 and 6. */
function closedLog(): Rig {
  const rig = new Rig(1);
  const { log } = rig.open(small);
  const leader = new Leader();
  for (const inTerm of [1, 2, 5, 6]) {
    leader.term = term(inTerm);
    const until = log.segmentCount + 1;
    while (log.segmentCount < until) rig.write(log, leader.batches(1, 1, 200));
  }
  rig.settle();
  rig.close(log);
  return rig;
}

const deleteBefore = (rig: Rig, log: GroupLog, before: number): void => {
  must(rig.run<Result<undefined, OpenFailure>>((done) => log.deleteBefore(offset(before), done)));
};
const logFiles = (rig: Rig): string[] => rig.disk.filePaths().filter((path) => path.endsWith('.log'));
const rewrite = (rig: Rig, path: string, as: (encoded: Uint8Array) => Uint8Array): void =>
  rig.disk.overwrite(path, 0, as(rig.disk.fileBytes(path) as Uint8Array));

describe('the header of a segment', () => {
  test('keeps of which term the frame before its first one is', () => {
    expect(readSegmentHeader(wholeHeader(encodeSegmentHeader(header, bytes)), bytes)).toEqual(header);
  });

  test('is read as version 1 too, which does not', () => {
    const old = wholeHeader(ofVersion1(encodeSegmentHeader(header, bytes)));

    expect(readSegmentHeader(old, bytes)).toEqual({ ...header, previousTerm: 0 });
  });

  test.each([0, 3])('is not read as version %i', (version) => {
    const other = wholeHeader(changed(encodeSegmentHeader(header, bytes), (view) => view.setUint32(8, version)));

    expect(readSegmentHeader(other, bytes)).toBe(`version ${version}`);
  });
});

describe('a log whose oldest segments were removed', () => {
  test('knows of which term the record before its first one is', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    const [, second] = log.termStarts;
    deleteBefore(rig, log, second?.offsetFrom ?? 0);
    const known = [log.logStartOffset, log.termBeforeStart];
    rig.close(log);

    const again = rig.open(small).log;
    expect(again.termStarts[0]?.offsetFrom).toBe(again.logStartOffset);
    expect([again.logStartOffset, again.termBeforeStart]).toEqual(known);
    expect(again.termBeforeStart).toBe(1);
  });

  test('does not know it where its first segment is of before version 2, until that is removed too', () => {
    const rig = closedLog();
    for (const path of logFiles(rig)) rewrite(rig, path, ofVersion1);
    const { log } = rig.open(small);
    expect(log.termBeforeStart).toBe(0);
    const batches = rig.read(log);
    const leader = new Leader();
    leader.goBackTo(batches, 7);
    // Longer than the file has room for: the segment that begins with it is of today.
    const before = log.segmentCount;
    while (log.segmentCount === before) rig.write(log, leader.batches(1, 1, 200));
    deleteBefore(rig, log, log.termStarts[1]?.offsetFrom ?? 0);
    rig.settle();
    rig.close(log);

    const old = rig.open(small).log;
    expect(old.logStartOffset).toBeGreaterThan(0);
    expect(old.termBeforeStart).toBe(0);
    expect(old.termStarts.map((start) => Number(start.term)).at(-1)).toBe(7);
    deleteBefore(rig, old, old.endOffset);
    expect(old.termBeforeStart).toBe(7);
  });

  test('passes on the term of its last frame through an empty segment of before version 2', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    const end = log.endOffset;
    const lastTerm = log.termStarts.at(-1)?.term ?? 0;
    const leader = new Leader();
    leader.goBackTo(rig.read(log), 8);
    rig.close(log);
    // A frame that the active file is too small for ends it, empty or not; here it is cut to nothing first.
    const files = logFiles(rig);
    for (const path of files) rewrite(rig, path, ofVersion1);
    const cut = rig.open(small).log;
    const activeFrom = Number(files.at(-1)?.match(/(\d+)\.log/)?.[1]);
    rig.write(cut, [], activeFrom);
    rig.settle();
    rig.close(cut);
    expect(activeFrom).toBeLessThan(end);

    const again = rig.open(small).log;
    expect(again.endOffset).toBe(activeFrom);
    const kept = rig.read(again);
    leader.goBackTo(kept, 9);
    rig.write(again, leader.batches(1, 1, 6000));
    rig.settle();
    rig.close(again);
    const lastFile = logFiles(rig).at(-1) as string;
    const read = readSegmentHeader((rig.disk.fileBytes(lastFile) as Uint8Array).subarray(0, segmentHeaderBytes), bytes);
    expect(read).toMatchObject({ baseOffset: activeFrom, previousTerm: kept.at(-1)?.term });
    expect(lastTerm).toBeGreaterThan(0);
  });
});

test('a segment that does not continue the term before it is damage', () => {
  const rig = closedLog();
  rewrite(rig, logFiles(rig)[1] as string, (encoded) => changed(encoded, (view) => writeU64(view, 32, 9)));

  const opened = rig.tryOpen(small);

  expect(opened).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { path: logFiles(rig)[0], found: 'one of term 1' } } });
});
