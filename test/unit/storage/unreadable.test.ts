import { describe, expect, test } from 'vitest';
import { offset } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError, DiskFile } from '../../../src/host/index.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import type { GroupLog, OpenFailure } from '../../../src/storage/index.ts';
import { Leader, must, Rig } from './rig.ts';

const small = { segmentBytesMin: 2048, segmentBytesMax: 2048 };
type Outcome = Result<undefined, OpenFailure>;

/** A closed log of some segments. */
function closedLog(): Rig {
  const rig = new Rig(1);
  const { log } = rig.open(small);
  const leader = new Leader();
  while (log.segmentCount < 5) rig.write(log, leader.batches(1, 1, 200));
  rig.settle();
  rig.close(log);
  return rig;
}

const filesOf = ({ disk }: Rig, suffix: string): string[] => disk.filePaths().filter((path) => path.endsWith(suffix));
const openFiles = ({ callCounts }: SimDisk): number => callCounts.open - callCounts.close;
const refuse = (disk: SimDisk, called: string, path: string): void => {
  disk.inject = (operation, at) => (operation === called && at === path ? 'failed' : null);
};

describe('an index that cannot be read', () => {
  test('is made again when the log is opened', () => {
    const rig = closedLog();
    const [path] = filesOf(rig, '.index') as [string];
    refuse(rig.disk, 'read', path);

    const { log } = rig.open(small);

    expect(rig.read(log).at(-1)?.offsetTo).toBe(log.endOffset);
    expect(rig.logged).toContain('warn derivedFileUnreadable');
  });

  test('and cannot be written either is done without', () => {
    const rig = closedLog();
    const [path] = filesOf(rig, '.index') as [string];
    rig.disk.erase(path);
    rig.disk.inject = (operation, at) => (operation === 'write' && at.startsWith(path) ? 'noSpace' : null);

    const { log } = rig.open(small);

    expect(rig.read(log).at(-1)?.offsetTo).toBe(log.endOffset);
  });

  test('is made from its segment when a read wants it, and leaves no file open', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    rig.settle(100);
    const before = openFiles(rig.disk);
    const [path] = filesOf(rig, '.index') as [string];
    refuse(rig.disk, 'read', path);

    expect(rig.read(log).at(-1)?.offsetTo).toBe(log.endOffset);

    rig.settle(10);
    expect(openFiles(rig.disk)).toBe(before);
  });

  test('beside a segment that cannot be read fails the read, asks once, and leaves no file open', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    rig.settle(100);
    const before = openFiles(rig.disk);
    const base = (filesOf(rig, '.index')[0] as string).replace('.index', '');
    rig.disk.inject = (operation, at) => (operation === 'read' && at.startsWith(base) ? 'failed' : null);

    for (let i = 0; i < 3; i++) expect(rig.tryRead(log, 0, 1)).toMatchObject({ ok: false, error: { kind: 'unreadable' } });
    const asked = rig.disk.callCounts.read;
    for (let i = 0; i < 3; i++) expect(rig.tryRead(log, 0, 1)).toMatchObject({ ok: false, error: { kind: 'unreadable' } });

    rig.settle(10);
    expect(rig.disk.callCounts.read).toBe(asked);
    expect(openFiles(rig.disk)).toBe(before);
  });
});

test('a segment with a bad sector is read up to it, and again when that is over', () => {
  const rig = closedLog();
  const { log } = rig.open(small);
  const [path] = filesOf(rig, '.log') as [string];
  rig.disk.makeUnreadable(path, 1536, 2048);

  const found = rig.read(log);
  const end = found.at(-1)?.offsetTo ?? 0;
  expect(end).toBeGreaterThan(0);
  expect(rig.tryRead(log, end)).toMatchObject({ ok: false, error: { kind: 'unreadable', error: { path } } });
  // The sector takes what is written to it, as drives do that have one to spare.
  const bytes = (rig.disk.fileBytes(path) as Uint8Array).slice(1536, 2048);
  const file = must(rig.run<Result<DiskFile, DiskError>>((done) => rig.disk.open(path, 'write', done)));
  must(rig.run<Result<undefined, DiskError>>((done) => file.write(1536, [bytes], done)));
  expect(rig.tryRead(log, end)).toMatchObject({ ok: false });
  rig.nowMs += 10_000;
  expect(rig.read(log, end).at(-1)?.offsetTo).toBe(log.endOffset);
});

test('many bad sectors cost no more memory than a few: the whole segment counts as unreadable', () => {
  const rig = new Rig(1);
  const { log } = rig.open({ segmentBytesMin: 16_384, segmentBytesMax: 16_384 });
  const leader = new Leader();
  while (log.segmentCount < 2) rig.write(log, leader.batches(1, 1, 300));
  rig.settle();
  const [path] = filesOf(rig, '.log') as [string];
  refuse(rig.disk, 'read', path);
  for (let from = 0; from < 20; from++) rig.tryRead(log, from, from + 1);
  const asked = rig.disk.callCounts.read;
  expect(asked).toBeLessThan(40);
  expect(rig.tryRead(log, 3, 4)).toMatchObject({ ok: false });
  expect(rig.disk.callCounts.read).toBe(asked);
});

describe('a cut whose place cannot be read', () => {
  const cut = (rig: Rig, log: GroupLog, truncateTo: number): Outcome =>
    rig.run<Outcome>((done) => log.write({ truncateTo: offset(truncateTo), batches: [] }, done));

  test('is told apart from a write that failed', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    refuse(rig.disk, 'read', filesOf(rig, '.log')[2] as string);

    expect(cut(rig, log, Number(/(\d+)\.log/.exec(filesOf(rig, '.log')[2] as string)?.[1]) + 1)).toMatchObject({
      ok: false,
      error: { kind: 'unreadable', error: { operation: 'read' } },
    });
  });

  test('as is one that meets damage', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    const path = filesOf(rig, '.log')[2] as string;
    rig.disk.overwrite(path, 1024, new Uint8Array(300).fill(7));

    expect(cut(rig, log, Number(/(\d+)\.log/.exec(path)?.[1]) + 1)).toMatchObject({
      ok: false,
      error: { kind: 'corrupt', corruption: { path } },
    });
  });
});

describe('a segment that retention cannot remove', () => {
  const deleteBefore = (rig: Rig, log: GroupLog, before: number): Outcome =>
    rig.run<Outcome>((done) => log.deleteBefore(offset(before), done));

  test('costs its space and no more: the log goes on, and it goes first the next time', () => {
    const rig = closedLog();
    const { log } = rig.open(small);
    const [first, second] = filesOf(rig, '.log') as [string, string];
    const startOf = (path: string): number => Number(/(\d+)\.log/.exec(path)?.[1]);
    const leader = new Leader();
    leader.goBackTo(rig.read(log), 2);
    refuse(rig.disk, 'remove', first);

    expect(deleteBefore(rig, log, startOf(second))).toMatchObject({ ok: false, error: { kind: 'disk' } });
    rig.write(log, leader.batches(1));
    expect(log.logStartOffset).toBe(startOf(second));
    expect(deleteBefore(rig, log, log.endOffset)).toMatchObject({ ok: false });
    expect(filesOf(rig, '.log')).toContain(second);
    rig.disk.inject = null;
    expect(deleteBefore(rig, log, log.endOffset)).toMatchObject({ ok: true });
    expect(filesOf(rig, '.log')).not.toContain(first);
    rig.close(log);
    expect(rig.open(small).log.endOffset).toBe(log.endOffset);
  });
});
