/** What every `Disk` does: run by `disk.test.ts` for the real, the simulated and the in-memory one. */
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/base/result.ts';
import type { Disk, DiskError, DiskFile, DiskLock, FileStatus, OpenMode } from '../../src/host/index.ts';

const text = new TextEncoder();
const bytesOf = (value: string): Uint8Array => text.encode(value);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Waits for one callback; fails if it comes during the call itself. */
function wait<Value>(start: (done: (value: Value) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    let inside = true;
    start((value) => {
      if (inside) reject(new Error('the callback came during the call'));
      else resolve(value);
    });
    inside = false;
  });
}

async function good<Value>(start: (done: (result: Result<Value, DiskError>) => void) => void): Promise<Value> {
  const result = await wait(start);
  if (!result.ok) throw new Error(`${result.error.operation} ${result.error.path}: ${result.error.reason}`);
  return result.value;
}

async function codeOf(start: (done: (result: Result<unknown, DiskError>) => void) => void): Promise<string> {
  const result = await wait(start);
  return result.ok ? 'ok' : result.error.code;
}

const open = (disk: Disk, path: string, mode: OpenMode): Promise<DiskFile> => good((done) => disk.open(path, mode, done));

export function describeDisk(name: string, makeDisk: () => Disk): void {
  describe(`the ${name} disk`, () => {
    test('gives back what was written, across chunks and handles', async () => {
      const disk = makeDisk();
      await good((done) => disk.makeDirectory('groups/7', done));
      const file = await open(disk, 'groups/7/00.log', 'create');
      expect(file.size).toBe(0);

      await good((done) => file.write(0, [bytesOf('hello '), bytesOf(''), bytesOf('world')], done));
      await good((done) => file.sync(done));
      await good((done) => disk.syncDirectory('groups/7', done));
      expect(file.size).toBe(11);
      await good((done) => file.close(done));

      const again = await open(disk, 'groups/7/00.log', 'read');
      expect(again.size).toBe(11);
      expect(textOf(await good<Uint8Array>((done) => again.read(3, 5, done)))).toBe('lo wo');
      await good((done) => again.close(done));
    });

    test('reads fewer bytes only at the end of the file', async () => {
      const disk = makeDisk();
      const file = await open(disk, 'a', 'create');
      await good((done) => file.write(0, [bytesOf('abc')], done));

      expect(textOf(await good<Uint8Array>((done) => file.read(1, 100, done)))).toBe('bc');
      expect(await good<Uint8Array>((done) => file.read(3, 10, done))).toHaveLength(0);
      expect(await good<Uint8Array>((done) => file.read(99, 10, done))).toHaveLength(0);
    });

    test('fills a gap before a write with zeros', async () => {
      const disk = makeDisk();
      const file = await open(disk, 'a', 'create');
      await good((done) => file.write(4, [bytesOf('x')], done));

      expect([...(await good<Uint8Array>((done) => file.read(0, 10, done)))]).toEqual([0, 0, 0, 0, 120]);
    });

    test('shows zeros where a file was cut and grew again', async () => {
      const disk = makeDisk();
      const file = await open(disk, 'a', 'create');
      await good((done) => file.write(0, [bytesOf('abcdef')], done));
      await good((done) => file.truncate(2, done));
      expect(file.size).toBe(2);
      await good((done) => file.truncate(4, done));
      await good((done) => file.sync(done));

      expect([...(await good<Uint8Array>((done) => file.read(0, 10, done)))]).toEqual([97, 98, 0, 0]);
    });

    test('writes many chunks of many sizes in order', async () => {
      const disk = makeDisk();
      const file = await open(disk, 'a', 'create');
      const chunks = Array.from({ length: 3000 }, (_, i) => new Uint8Array((i * 37) % 211).fill(i));
      await good((done) => file.write(5, chunks, done));

      const expected = Buffer.concat([Buffer.alloc(5), ...chunks]);
      const found = await good<Uint8Array>((done) => file.read(0, expected.length + 1, done));
      expect(Buffer.compare(expected, found)).toBe(0);
    });

    test('creates only what is new and opens only what exists', async () => {
      const disk = makeDisk();
      expect(await codeOf((done) => disk.open('a', 'read', done))).toBe('notFound');
      expect(await codeOf((done) => disk.open('a', 'write', done))).toBe('notFound');
      expect(await codeOf((done) => disk.open('missing/a', 'create', done))).toBe('notFound');
      await open(disk, 'a', 'create');
      expect(await codeOf((done) => disk.open('a', 'create', done))).toBe('exists');
    });

    test('lists names in order, without what was removed', async () => {
      const disk = makeDisk();
      await good((done) => disk.makeDirectory('d', done));
      await good((done) => disk.makeDirectory('d', done));
      for (const name of ['c', 'a', 'b']) await open(disk, `d/${name}`, 'create');
      await good((done) => disk.remove('d/b', done));
      await good((done) => disk.syncDirectory('d', done));

      expect(await good((done) => disk.list('d', done))).toEqual(['a', 'c']);
      expect(await good((done) => disk.list('', done))).toContain('d');
      expect(await codeOf((done) => disk.list('missing', done))).toBe('notFound');
      expect(await codeOf((done) => disk.remove('d/b', done))).toBe('notFound');
    });

    test('removes a folder only when it is empty', async () => {
      const disk = makeDisk();
      await good((done) => disk.makeDirectory('d', done));
      await open(disk, 'd/a', 'create');
      expect(await codeOf((done) => disk.remove('d', done))).toBe('failed');
      await good((done) => disk.remove('d/a', done));
      await good((done) => disk.remove('d', done));
      await good((done) => disk.syncDirectory('', done));

      expect(await good((done) => disk.list('', done))).not.toContain('d');
    });

    test('replaces the target of a rename, and readers of the old file keep it', async () => {
      const disk = makeDisk();
      const old = await open(disk, 'a', 'create');
      await good((done) => old.write(0, [bytesOf('old')], done));
      const young = await open(disk, 'a.tmp', 'create');
      await good((done) => young.write(0, [bytesOf('new')], done));
      await good((done) => young.close(done));
      await good((done) => disk.rename('a.tmp', 'a', done));

      expect(textOf(await good<Uint8Array>((done) => old.read(0, 9, done)))).toBe('old');
      const file = await open(disk, 'a', 'read');
      expect(textOf(await good<Uint8Array>((done) => file.read(0, 9, done)))).toBe('new');
      expect(await good((done) => disk.list('', done))).not.toContain('a.tmp');
      expect(await codeOf((done) => disk.rename('missing', 'b', done))).toBe('notFound');
    });

    test('lets a reader finish with a file that was removed', async () => {
      const disk = makeDisk();
      const file = await open(disk, 'a', 'create');
      await good((done) => file.write(0, [bytesOf('kept')], done));
      await good((done) => disk.remove('a', done));

      expect(textOf(await good<Uint8Array>((done) => file.read(0, 9, done)))).toBe('kept');
    });

    test('tells one file from another whatever they are called, how long it is, and which was changed last', async () => {
      const disk = makeDisk();
      const status = (path: string): Promise<FileStatus> => good((done) => disk.status(path, done));
      const old = await open(disk, 'a', 'create');
      await good((done) => old.write(0, [bytesOf('old')], done));
      const before = await status('a');
      expect(before.size).toBe(3);
      expect((await good<FileStatus>((done) => old.status(done))).identity).toBe(before.identity);

      await good((done) => disk.rename('a', 'a.1', done));
      const young = await open(disk, 'a', 'create');
      let after: FileStatus;
      do {
        // The clock of a file system ticks every few milliseconds.
        await good((done) => young.write(0, [bytesOf('new one')], done));
        after = await status('a');
      } while (after.modifiedMs === before.modifiedMs);

      expect(await status('a.1')).toEqual(before);
      expect(after.size).toBe(7);
      expect(after.identity).not.toBe(before.identity);
      expect(after.modifiedMs).toBeGreaterThan(before.modifiedMs);
      expect(await codeOf((done) => disk.status('missing', done))).toBe('notFound');
      await good((done) => disk.makeDirectory('d', done));
      expect(await codeOf((done) => disk.status('d', done))).toBe('failed');
    });

    test('shows a reader what others have written since it opened the file', async () => {
      const disk = makeDisk();
      const writer = await open(disk, 'a', 'create');
      const reader = await open(disk, 'a', 'read');
      await good((done) => writer.write(0, [bytesOf('more')], done));

      expect((await good<FileStatus>((done) => reader.status(done))).size).toBe(4);
      expect(reader.size).toBe(4);
      expect(textOf(await good<Uint8Array>((done) => reader.read(0, 9, done)))).toBe('more');
      await good((done) => writer.truncate(1, done));
      expect((await good<FileStatus>((done) => reader.status(done))).size).toBe(1);
    });

    test('gives its lock to one holder at a time', async () => {
      const disk = makeDisk();
      const lock = await good<DiskLock>((done) => disk.lock('lock', done));
      expect(await codeOf((done) => disk.lock('lock', done))).toBe('locked');
      await wait<void>((done) => lock.release(() => done()));
      const next = await good<DiskLock>((done) => disk.lock('lock', done));
      await wait<void>((done) => next.release(() => done()));
    });

    test('refuses to write through a handle that only reads', async () => {
      const disk = makeDisk();
      await open(disk, 'a', 'create');
      const file = await open(disk, 'a', 'read');
      expect(await codeOf((done) => file.write(0, [bytesOf('x')], done))).not.toBe('ok');
    });

    test('takes no path that leaves the data directory', () => {
      const disk = makeDisk();
      for (const path of ['../a', 'a/../../b', '/etc/passwd', 'a//b', 'A', 'a b', '.', 'a/']) {
        expect(() => disk.open(path, 'read', () => {})).toThrow('inside the data directory');
      }
    });
  });
}
