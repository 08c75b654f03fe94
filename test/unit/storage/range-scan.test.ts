import { describe, expect, test } from 'vitest';
import { offset } from '../../../src/base/branded.ts';
import { runTask } from '../../../src/base/task.ts';
import type { Result } from '../../../src/base/result.ts';
import type { GrepAsker, RecordQuery } from '../../../src/query/index.ts';
import type { LogRange } from '../../../src/storage/contract.ts';
import { areFilterable } from '../../../src/storage/gram-filter.ts';
import {
  type FilterStore,
  filtersInMemory,
  GramFilter,
  type GroupLog,
  type RangeScanned,
  type SegmentPart,
  scanRange,
  type StorageHost,
} from '../../../src/storage/index.ts';
import { queryOf } from '../../support/grep-records.ts';
import { bytes, Leader, readBy, Rig, unreadable } from './rig.ts';

/** Each read has memory of its own, as from a disk, and what is given back is read into again at once: by zeros. */
const lent = (host: StorageHost): StorageHost =>
  readBy(host, (file) => (position, length, done) => {
    file.read(position, length, (read) => done(read.ok ? { ok: true, value: read.value.slice() } : read));
  });
const recycle = (given: Uint8Array): void => void given.fill(0);

const large = { segmentBytesMin: 128 * 1024, segmentBytesMax: 128 * 1024 };

/** A log of two sealed segments and an active one; each record is `<its offset>:vvv...`. */
function opened(): { readonly rig: Rig; readonly log: GroupLog } {
  const rig = new Rig(1);
  const { log } = rig.open(large);
  const leader = new Leader();
  while (log.segmentCount < 3) rig.write(log, [leader.batch(1, 5000)]);
  for (let i = 0; i < 5; i++) rig.write(log, [leader.batch(1, 5000)]);
  rig.settle();
  return { rig, log };
}

interface Searched {
  /** As they came out. */
  readonly text: readonly string[];
  /** Offsets of the lines that came out. */
  readonly lines: readonly number[];
  readonly scanned: RangeScanned;
}

function search(
  rig: Rig,
  range: LogRange,
  query: RecordQuery = queryOf(['v']),
  host: StorageHost = rig.host,
  filters: FilterStore | null = null,
  pausesMax = Number.POSITIVE_INFINITY,
  grep: GrepAsker | null = null,
): Searched {
  const output: Uint8Array[] = [];
  let pauses = 0;
  const control = {
    get cancelled() {
      return pauses >= pausesMax;
    },
    isDue: false,
    give: (chunk: { readonly bytes: Uint8Array }, next: () => void): void => {
      output.push(chunk.bytes);
      next();
    },
    pause: (next: () => void): void => {
      pauses++;
      next();
    },
  };
  const scanHost = { disk: lent(host).disk, search: { bytes, regex: null, grep }, filters, recycle };
  const result = rig.run<Result<RangeScanned, string>>((done) =>
    runTask(() => scanRange(scanHost, { range, query, hidden: [] }, control), done),
  );
  if (!result.ok) throw new Error(result.error);
  const text = Buffer.concat(output).toString().split('\n').filter(Boolean);
  return { text, lines: text.map((line) => Number.parseInt(line, 10)), scanned: result.value };
}

const whole = (log: GroupLog): LogRange => log.locate(log.logStartOffset, log.endOffset);
const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, index) => from + index);

describe('a search of a range of a log', () => {
  test('finds every record of its files, in order', () => {
    const { rig, log } = opened();

    const { lines, scanned } = search(rig, whole(log));

    expect(lines).toEqual(upTo(log.endOffset));
    expect(scanned).toMatchObject({ offsetTo: log.endOffset, missing: [], selected: log.endOffset, engine: 'text' });
  });

  test('keeps to what was asked for, and finds its way by the index', () => {
    const { rig, log } = opened();

    const { lines, scanned } = search(rig, log.locate(offset(20), offset(23)));

    expect(lines).toEqual([20, 21, 22]);
    expect(scanned.bytesRead).toBeLessThan(140_000);
  });

  test('ends with what it has when nothing more is wanted', () => {
    const { rig, log } = opened();

    const { lines, scanned } = search(rig, whole(log), queryOf(['v'], {}, { maxCount: 2 }));

    expect(lines).toEqual([0, 1]);
    expect(scanned).toMatchObject({ offsetTo: 2, missing: [], selected: 2 });
  });

  test('that is ended says from where on it has not looked', () => {
    const { rig, log } = opened();

    const { lines, scanned } = search(rig, whole(log), queryOf(['v']), rig.host, null, 1);

    expect(lines.length).toBeGreaterThan(0);
    expect(lines).toEqual(upTo(lines.length));
    expect(scanned.missing).toMatchObject([{ offsetFrom: lines.length, offsetTo: log.endOffset, reason: 'stopped' }]);
  });

  test('goes on in a segment that was sealed meanwhile', () => {
    const { rig, log } = opened();
    const range = whole(log);
    const leader = new Leader();
    leader.endOffset = log.endOffset;
    leader.lastChecksum = log.lastChecksum;
    while (log.segmentCount < 4) rig.write(log, [leader.batch(1, 5000)]);
    rig.settle();

    expect(search(rig, range).lines).toEqual(upTo(range.offsetTo));
  });

  // Found by `cairn sim --seed 22`: what a follower is told to replace may be committed already, and the files still hold what it replaces.
  test.each([
    ['in the active segment', 290],
    ['into a sealed segment', 260],
  ])('never gives what is being cut %s', (_name, truncateTo) => {
    const wrong: string[] = [];
    let steps = 0;
    for (let isCut = false; !isCut; steps++) {
      const rig = new Rig(1);
      const { log } = rig.open({ segmentBytesMax: 4096 });
      const leader = new Leader();
      const old = leader.batches(150, 2, 100);
      rig.write(log, old);
      rig.settle();
      leader.goBackTo(
        old.filter((batch) => batch.offsetTo <= truncateTo),
        2,
      );
      const more = leader.batches(3, 2, 100);
      log.write({ truncateTo: offset(truncateTo), batches: more }, () => {
        isCut = true;
      });
      for (let i = 0; i < steps; i++) rig.step(Number.POSITIVE_INFINITY);

      const { text, scanned } = search(rig, log.locate(offset(250), log.endOffset));

      // A value begins with its number among all that the leaders made: 300 in the one that replaced.
      const expected = [...upTo(truncateTo, 250), ...upTo(306, 300)].map((value, index) => `${250 + index}:${value}:`);
      const found = text.map((line) => line.replace(/v+$/, ''));
      if (scanned.missing.length > 0 || found.join() !== expected.join())
        wrong.push(`after ${steps} steps: ${found.slice(-7).join(' ')} ${JSON.stringify(scanned.missing)}`);
    }
    expect(steps).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  });

  test.each(['context', 'what GNU grep is asked about'])('keeps what it has read as long as that is %s', (kept) => {
    const { rig, log } = opened();
    const end = log.endOffset;
    const asker: GrepAsker = {
      ask: ({ lines }, done) => done({ ok: true, matched: lines.map((line) => line.includes(0x3a)), spans: [] }),
    };
    const [query, expected] =
      kept === 'context'
        ? [queryOf([`${end - 1}:v`], {}, { before: 40 }), upTo(end, end - 41)]
        : [queryOf([':v'], {}, {}, { engine: 'grep' }), upTo(end)];

    // Of several segments, whose memory is given back one after the other.
    const { lines } = search(rig, whole(log), query, rig.host, null, Number.POSITIVE_INFINITY, asker);

    expect(lines).toEqual(expected);
  });

  test('what retention removes before it is read is told', () => {
    const { rig, log } = opened();
    const range = whole(log);
    const removedTo = range.parts[0]?.offsetTo ?? 0;
    rig.run<Result<undefined, unknown>>((done) => log.deleteBefore(offset(removedTo), done));

    const { lines, scanned } = search(rig, range);

    expect(lines).toEqual(upTo(log.endOffset, removedTo));
    expect(scanned.missing).toEqual([{ offsetFrom: 0, offsetTo: removedTo, reason: 'removed', detail: null, corruption: null }]);
  });

  test('what was removed before it began is told too', () => {
    const { rig, log } = opened();
    rig.run<Result<undefined, unknown>>((done) => log.deleteBefore(offset(whole(log).parts[0]?.offsetTo ?? 0), done));
    const start = log.logStartOffset;

    const { lines, scanned } = search(rig, log.locate(offset(0), log.endOffset));

    expect(lines).toEqual(upTo(log.endOffset, start));
    expect(scanned.missing).toMatchObject([{ offsetFrom: 0, offsetTo: start, reason: 'removed' }]);
  });

  test('a damaged range is told, and the search goes on behind it', () => {
    const { rig, log } = opened();
    const range = whole(log);
    const path = range.parts[0]?.path ?? '';
    // In the second record.
    rig.disk.overwrite(path, 9000, Uint8Array.of(0xff));

    const { lines, scanned } = search(rig, range, queryOf(['v'], {}, { before: 1, after: 1 }));

    const [gap] = scanned.missing;
    expect(scanned.missing).toHaveLength(1);
    expect(gap).toMatchObject({ offsetFrom: 1, reason: 'damaged', corruption: { path } });
    // The next frame that the index knows is not far.
    expect(gap?.offsetTo).toBeLessThan(10);
    expect(lines.filter((line) => !Number.isNaN(line))).toEqual([0, ...upTo(log.endOffset, gap?.offsetTo ?? 0)]);
    // A separator where something is missing.
    expect(lines.filter(Number.isNaN)).toHaveLength(1);
  });

  test('what the disk refuses to read is told, and the search goes on behind it', () => {
    const { rig, log } = opened();
    const range = whole(log);
    const path = range.parts[1]?.path ?? '';
    const from = range.parts[1]?.offsetFrom ?? 0;

    const { lines, scanned } = search(rig, range, queryOf(['v']), unreadable(rig.host, path, 9000, 9001));

    expect(scanned.missing).toMatchObject([{ reason: 'unreadable' }]);
    expect(scanned.missing[0]?.offsetFrom).toBeGreaterThanOrEqual(from);
    expect(scanned.missing[0]?.offsetTo).toBeLessThan(from + 10);
    expect(lines).toHaveLength(log.endOffset - (scanned.missing[0]?.offsetTo ?? 0) + (scanned.missing[0]?.offsetFrom ?? 0));
  });
});

describe('filters of sealed segments', () => {
  test('are made by who reads them whole, and blocks without the text are not read again', () => {
    const { rig, log } = opened();
    const filters = filtersInMemory();
    const wanted = queryOf(['3:v']);
    const first = search(rig, whole(log), wanted, rig.host, filters);

    const second = search(rig, whole(log), wanted, rig.host, filters);

    expect(first.scanned.filtered).toMatchObject({ blocksSkipped: 0, indexBytes: 0 });
    expect(second.lines).toEqual(first.lines);
    expect(second.lines).toContain(3);
    expect(second.scanned.filtered.indexBytes).toBeGreaterThan(0);
    expect(second.scanned.filtered.indexBytes).toBeLessThan(0.06 * log.sizeBytes);
  });

  test('leave out what does not hold the text, whatever is looked for', () => {
    const { rig, log } = opened();
    const filters = filtersInMemory();
    search(rig, whole(log), queryOf(['v']), rig.host, filters);

    for (const text of ['nowhere', '40:v', '7:v', 'vvv', '0', '1:vv']) {
      const query = queryOf([text], {}, { before: null });
      expect(search(rig, whole(log), query, rig.host, filters).lines).toEqual(search(rig, whole(log), query).lines);
    }
    expect(search(rig, whole(log), queryOf(['nowhere']), rig.host, filters).scanned.filtered.blocksSkipped).toBeGreaterThan(2);
  });

  test('give the context in front of a match, whichever block it is in', () => {
    const { rig, log } = opened();
    const filters = filtersInMemory();
    search(rig, whole(log), queryOf(['v']), rig.host, filters);

    // Batches are blocks here, and a record is next to another batch's.
    for (let wanted = 0; wanted < log.endOffset; wanted += 3) {
      for (const [before, after] of [
        [1, null],
        [2, 1],
        [40, 0],
      ] as const) {
        const query = queryOf([`${wanted}:v`], {}, { before, after });
        expect(search(rig, whole(log), query, rig.host, filters).text).toEqual(search(rig, whole(log), query).text);
      }
    }
    const { filtered } = search(rig, whole(log), queryOf(['nowhere'], {}, { before: 1 }), rig.host, filters).scanned;
    expect(filtered.blocksSkipped).toBeGreaterThan(0);
  });

  test('are not asked by who wants every block read', () => {
    const { rig, log } = opened();
    const filters = filtersInMemory();
    search(rig, whole(log), queryOf(['v']), rig.host, filters);

    const { filtered } = search(rig, whole(log), queryOf(['nowhere'], {}, {}, { index: false }), rig.host, filters).scanned;

    expect(filtered).toEqual({ bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 });
  });

  test('know no case, and doubt the letters that other characters match', () => {
    const { rig, log } = opened();
    const made: GramFilter[] = [];
    const store: FilterStore = { get: (_part, done) => done(null), put: (_part, filter) => void made.push(filter) };
    search(rig, whole(log), queryOf(['v']), rig.host, store);
    const [filter] = made;
    const readOf = (text: string, ignoreCase: boolean): number =>
      filter?.blocksToRead({ texts: [Buffer.from(text)], ignoreCase }, 0).reduce((sum, isRead) => sum + isRead, 0) ?? -1;

    expect(readOf('VvV', true)).toBe(filter?.blocks.length);
    expect(readOf('xyz', true)).toBe(0);
    // U+017F is an s without regard to case, so nobody knows.
    expect(readOf('xsz', true)).toBe(filter?.blocks.length);
    expect(readOf('xsz', false)).toBe(0);
    expect(['abc', 'abcs', 'askin'].map((text) => areFilterable({ texts: [Buffer.from(text)], ignoreCase: true }))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('are bytes that nothing but what was written passes for', () => {
    const { rig, log } = opened();
    const made: { filter: GramFilter | null; part: SegmentPart | null } = { filter: null, part: null };
    search(rig, whole(log), queryOf(['v']), rig.host, {
      get: (_part, done) => done(null),
      put: (part, filter) => Object.assign(made, { filter, part }),
    });
    const { filter, part } = made;
    if (filter === null || part === null) throw new Error('none was made');

    const encoded = filter.encode(part.header, bytes);

    expect(encoded.length).toBe(filter.sizeBytes);
    expect(GramFilter.read(encoded, part.header, bytes)?.blocks).toEqual(filter.blocks);
    expect(GramFilter.read(encoded, { ...part.header, salt: part.header.salt ^ 1 }, bytes)).toBeNull();
    for (let at = 0; at < encoded.length; at += 97) {
      const damaged = encoded.slice();
      damaged[at] = (damaged[at] as number) ^ 4;
      expect(GramFilter.read(damaged, part.header, bytes)).toBeNull();
    }
    expect(GramFilter.read(encoded.subarray(0, 100), part.header, bytes)).toBeNull();
  });
});
