import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Disk, DiskFile } from '../../../src/host/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { Scheduler } from '../../../src/sim/scheduler.ts';
import { FileSet, type FileSetOptions, type Standing, type Wanted } from '../../../src/tail/file-set.ts';

const folder = 'logs';

/** A folder, and a set that follows files in it; lines by the name of the file that is followed. */
class SetRig {
  readonly scheduler = new Scheduler();
  readonly disk = new SimDisk({
    random: new SeededRandom(1),
    scheduler: { schedule: (delayMs, run) => void this.scheduler.schedule(delayMs, 'disk', 0, run) },
  });
  readonly taken: string[] = [];
  readonly told: string[] = [];
  readonly standings = new Map<string, Standing>();
  /** Folders that are another one under a second name. */
  readonly links = new Map<string, string>();
  #set: FileSet | null = null;

  constructor() {
    this.disk.makeDirectory(folder, () => undefined);
    this.run(10);
  }

  run(forMs: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + forMs);
  }

  follow(wanted: readonly Wanted[], more: Partial<FileSetOptions> = {}): void {
    const filesIn = (named: string): Pick<Disk, 'list' | 'open' | 'status'> => {
      const where = (): string => this.links.get(named) ?? named;
      return {
        list: (_path, done) => this.disk.list(where(), done),
        status: (name, done) => this.disk.status(`${where()}/${name}`, done),
        open: (name, mode, done) => this.disk.open(`${where()}/${name}`, mode, done),
      };
    };
    this.#set = new FileSet({
      clock: {
        monotonicMs: () => this.scheduler.nowMs,
        startTimer: (delayMs, fire) => {
          let isCancelled = false;
          this.scheduler.schedule(delayMs, 'timer', 0, () => void (isCancelled || fire()));
          return { cancel: () => (isCancelled = true) };
        },
      },
      bytes: simBytes,
      lateMs: 5_000,
      wanted,
      filesIn,
      standings: this.standings,
      from: 'begin',
      filesMax: 10,
      events: {
        bytes: (file, { source, bytes, placeAt }, next) => {
          for (const line of Buffer.from(bytes).toString().split('\n').filter(Boolean))
            this.taken.push(`${file.path.slice(folder.length + 1)} ${line}`);
          this.standings.set(file.path, { state: file.take(source, placeAt(bytes.length)), known: file.known() });
          next();
        },
        sourceEnded: () => undefined,
        told: (file, { kind }) => void this.told.push(`${file.path} ${kind}`),
        trouble: (path, error) => void this.told.push(`${path} ${error?.code ?? 'can be read'}`),
        knownChanged: (file) => void this.standings.set(file.path, { state: file.state(), known: file.known() }),
        left: (file) => {
          this.standings.delete(file.path);
          this.told.push(`${file.path} left`);
        },
        tooMany: (count) => void this.told.push(`${count} too many`),
        tooManyFolders: (count) => void this.told.push(`${count} folders too many`),
      },
      ...more,
    });
    this.#set.start();
    this.run(2_000);
  }

  stop(): void {
    let isStopped = false;
    this.#set?.stop(() => (isStopped = true));
    this.run(2_000);
    if (!isStopped) throw new Error('it does not stop');
  }

  append(name: string, text: string): void {
    const path = `${folder}/${name}`;
    const mode = this.disk.filePaths().includes(path) ? 'write' : 'create';
    this.disk.open(path, mode, (opened) => {
      if (!opened.ok) throw new Error(opened.error.reason);
      const file: DiskFile = opened.value;
      file.write(file.size, [Buffer.from(text)], () => file.close(() => undefined));
    });
    this.run(1);
  }

  makeFolder(name: string): void {
    this.disk.makeDirectory(`${folder}/${name}`, () => undefined);
    this.run(10);
  }

  rename(from: string, to: string): void {
    this.disk.rename(`${folder}/${from}`, `${folder}/${to}`, () => undefined);
    this.run(1);
  }

  remove(name: string): void {
    this.disk.remove(`${folder}/${name}`, () => undefined);
    this.run(1);
  }
}

const logs: Wanted = { folder, name: (name) => name.endsWith('.log') };

describe('following the files of a folder', () => {
  test('takes those that are meant, and new ones, and each with its own rotation', () => {
    const rig = new SetRig();
    rig.append('a.log', 'a1\n');
    rig.append('b.txt', 'not meant\n');
    rig.follow([logs]);
    rig.append('c.log', 'c1\n');
    rig.run(2_000);
    rig.append('a.log', 'a2\n');
    rig.rename('a.log', 'a-2026-11-30.log');
    rig.append('a.log', 'a3\n');
    rig.run(3_000);

    expect(rig.taken).toEqual(['a.log a1', 'c.log c1', 'a.log a2', 'a.log a3']);
  });

  test('a file that was renamed to another name that is meant is not read again, also after a restart', () => {
    const rig = new SetRig();
    rig.append('a.log', 'a1\n');
    rig.follow([logs]);
    rig.rename('a.log', 'saved.log');
    rig.run(3_000);
    rig.append('a.log', 'a2\n');
    rig.run(3_000);
    rig.stop();
    rig.rename('a.log', 'kept.log');
    rig.append('a.log', 'a3\n');
    rig.follow([logs]);
    rig.run(3_000);

    expect(rig.taken).toEqual(['a.log a1', 'a.log a2', 'a.log a3']);
    expect(rig.told).toEqual([]);
  });

  test('takes all of a new file, what was rotated of it before it was looked at too', () => {
    const rig = new SetRig();
    rig.follow([logs]);
    rig.append('a.log', 'a1\n');
    rig.rename('a.log', 'a.log.1');
    rig.append('a.log', 'a2\n');
    rig.run(3_000);

    expect(rig.taken).toEqual(['a.log a1', 'a.log a2']);
  });

  test('leaves a file that is gone, and begins a new one of its name', () => {
    const rig = new SetRig();
    rig.append('a.log', 'a1\n');
    rig.follow([logs]);
    rig.remove('a.log');
    rig.run(10_000);
    expect(rig.told).toEqual(['logs/a.log left']);
    rig.append('a.log', 'a2\n');
    rig.run(3_000);

    expect(rig.taken).toEqual(['a.log a1', 'a.log a2']);
  });

  test('follows so many and says how many it leaves out, once', () => {
    const rig = new SetRig();
    for (let number = 0; number < 13; number++) rig.append(`${number}.log`, 'x\n');
    rig.follow([logs]);
    rig.run(5_000);

    expect([rig.taken.length, rig.told]).toEqual([10, ['3 too many']]);
  });

  test('says once that a folder cannot be listed, and that it can again', () => {
    const rig = new SetRig();
    rig.append('a.log', 'a1\n');
    rig.disk.inject = (operation) => (operation === 'list' ? 'denied' : null);
    rig.follow([logs]);
    rig.run(3_000);
    rig.disk.inject = null;
    rig.run(3_000);

    expect([rig.taken, rig.told]).toEqual([['a.log a1'], ['logs denied', 'logs can be read']]);
  });
});

describe('following the files of several folders', () => {
  const any = (): boolean => true;
  const deep: Wanted = { folder: { root: folder, levels: [any, (name) => name === 'log'] }, name: (name) => name.endsWith('.log') };

  test('takes up folders and files that come, passes over what is no folder, and goes on after a restart', () => {
    const rig = new SetRig();
    rig.makeFolder('one/log');
    rig.makeFolder('one/data');
    rig.append('one/log/a.log', 'a1\n');
    rig.append('one/data/a.log', 'not meant\n');
    rig.append('a.log', 'not meant\n');
    rig.follow([deep]);
    rig.makeFolder('two/log');
    rig.append('two/log/b.log', 'b1\n');
    rig.run(3_000);
    rig.stop();
    rig.rename('one/log/a.log', 'one/log/a.log.1');
    rig.append('one/log/a.log', 'a2\n');
    rig.append('two/log/b.log', 'b2\n');
    rig.follow([deep]);

    expect(rig.taken.toSorted()).toEqual(['one/log/a.log a1', 'one/log/a.log a2', 'two/log/b.log b1', 'two/log/b.log b2']);
    expect(rig.told).toEqual([]);
  });

  test('by one name takes that of each of them', () => {
    const rig = new SetRig();
    for (const name of ['one', 'two']) {
      rig.makeFolder(name);
      rig.append(`${name}/app.log`, 'a line\n');
      rig.append(`${name}/other.log`, 'not meant\n');
    }
    rig.follow([{ folder: { root: folder, levels: [any] }, name: 'app.log' }]);

    expect(rig.taken).toEqual(['one/app.log a line', 'two/app.log a line']);
  });

  test.each([
    ['begin', []],
    ['oldest', ['2026-11-30/out.log a0']],
  ] as const)('takes a file that is there under two names once, from %s', (from, rotated) => {
    const rig = new SetRig();
    rig.makeFolder('2026-11-30');
    rig.makeFolder('current');
    rig.links.set(`${folder}/current`, `${folder}/2026-11-30`);
    rig.append('2026-11-30/out.log.1', 'a0\n');
    rig.append('2026-11-30/out.log', 'a1\n');
    rig.follow([{ folder: { root: folder, levels: [any] }, name: 'out.log' }], { from });
    rig.append('2026-11-30/out.log', 'a2\n');
    rig.run(3_000);

    expect(rig.taken).toEqual([...rotated, '2026-11-30/out.log a1', '2026-11-30/out.log a2']);
  });

  const byGlob: Wanted = { folder: { root: folder, levels: [any] }, name: 'out.log' };
  const byItself: Wanted = { folder: `${folder}/current`, name: 'out.log' };

  test.each([
    ['meant by a glob', [byGlob], '2026-11-30'],
    ['meant by a glob and named by itself', [byGlob, byItself], 'current'],
    ['named by itself and meant by a glob', [byItself, byGlob], 'current'],
  ] as const)(
    'takes a file that is there under two names once, %s, whenever it is rotated, also while nobody looks',
    (_how, wanted, where) => {
      const rig = new SetRig();
      rig.makeFolder('2026-11-30');
      rig.makeFolder('current');
      rig.links.set(`${folder}/current`, `${folder}/2026-11-30`);
      rig.append('2026-11-30/out.log', 'a0\n');
      rig.follow(wanted);
      const expected = [`${where}/out.log a0`];
      for (let number = 1; number <= 50; number++) {
        if (number % 10 === 0) rig.stop();
        rig.rename('2026-11-30/out.log', `2026-11-30/out.log.${1_000 - number}`);
        rig.append('2026-11-30/out.log', `a${number}\n`);
        expected.push(`${where}/out.log a${number}`);
        if (number % 10 === 0) rig.follow(wanted);
        rig.run(1_537);
      }

      expect(rig.taken).toEqual(expected);
    },
  );

  test.each(['begin', 'oldest'] as const)(
    'takes a file that is named twice once, whenever it is rotated, also while nobody looks, from %s',
    (from) => {
      const rig = new SetRig();
      rig.makeFolder('2026-11-30');
      rig.makeFolder('current');
      rig.links.set(`${folder}/current`, `${folder}/2026-11-30`);
      rig.append('2026-11-30/out.log', 'a0\n');
      const wanted = ['2026-11-30', 'current'].map((where): Wanted => ({ folder: `${folder}/${where}`, name: 'out.log' }));
      rig.follow(wanted, { from });
      const expected = ['a0'];
      for (let number = 1; number <= 50; number++) {
        if (number % 10 === 0) rig.stop();
        rig.rename('2026-11-30/out.log', `2026-11-30/out.log.${1_000 - number}`);
        rig.append('2026-11-30/out.log', `a${number}\n`);
        expected.push(`a${number}`);
        if (number % 10 === 0) rig.follow(wanted, { from });
        rig.run(1_537);
      }
      // Late lines come once too, under whichever name it is read.
      rig.run(60_000);
      rig.append('2026-11-30/out.log.950', 'late\n');
      rig.run(10_000);

      expect(rig.taken.map((line) => line.split(' ')[1])).toEqual([...expected, 'late']);
      expect(rig.told).toEqual([]);
    },
  );

  test('goes on under the other name where one of two leads to another file by now', () => {
    const rig = new SetRig();
    rig.makeFolder('2026-11-30');
    rig.makeFolder('2026-12-01');
    rig.makeFolder('current');
    rig.links.set(`${folder}/current`, `${folder}/2026-11-30`);
    rig.append('2026-11-30/out.log', 'a0\n');
    rig.follow(['2026-11-30', 'current'].map((where): Wanted => ({ folder: `${folder}/${where}`, name: 'out.log' })));
    rig.run(3_000);
    rig.append('2026-12-01/out.log', 'b0\n');
    rig.links.set(`${folder}/current`, `${folder}/2026-12-01`);
    rig.append('2026-11-30/out.log', 'a1\n');
    rig.run(3_000);
    rig.append('2026-12-01/out.log', 'b1\n');
    rig.run(3_000);

    expect(rig.taken.map((line) => line.split(' ')[1]).toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual(['a0', 'a1', 'b0', 'b1']);
  });

  test('takes a file that is there under two names once, whenever it is rotated', () => {
    const rig = new SetRig();
    rig.makeFolder('2026-11-30');
    rig.makeFolder('current');
    rig.links.set(`${folder}/current`, `${folder}/2026-11-30`);
    rig.append('2026-11-30/out.log', 'a0\n');
    rig.follow([{ folder: { root: folder, levels: [any] }, name: 'out.log' }]);
    const expected = ['2026-11-30/out.log a0'];
    // At times that shift against those of the looks.
    for (let number = 1; number <= 100; number++) {
      rig.rename('2026-11-30/out.log', `2026-11-30/out.log.${1_000 - number}`);
      rig.append('2026-11-30/out.log', `a${number}\n`);
      expected.push(`2026-11-30/out.log a${number}`);
      rig.run(1_537);
    }

    expect(rig.taken).toEqual(expected);
  });

  test('leaves what was in a folder that is gone', () => {
    const rig = new SetRig();
    rig.makeFolder('one/log');
    rig.append('one/log/a.log', 'a1\n');
    rig.follow([deep]);
    rig.remove('one/log/a.log');
    rig.remove('one/log');
    rig.run(10_000);

    expect(rig.told).toEqual(['logs/one/log/a.log left']);
  });

  test('leaves what is gone beside a folder that cannot be listed, and nothing below that', () => {
    const rig = new SetRig();
    for (const name of ['one', 'two']) {
      rig.makeFolder(`${name}/log`);
      rig.append(`${name}/log/a.log`, 'a1\n');
    }
    rig.follow([deep]);
    rig.disk.inject = (operation, path) => (operation === 'list' && path === `${folder}/one` ? 'denied' : null);
    rig.run(2_000);
    for (const name of ['one', 'two']) {
      rig.remove(`${name}/log/a.log`);
      rig.remove(`${name}/log`);
    }
    rig.run(10_000);

    expect(rig.told).toEqual(['logs/one denied', 'logs/two/log/a.log left']);
  });

  test('tells of a folder that cannot be listed again where it was gone meanwhile', () => {
    const rig = new SetRig();
    rig.makeFolder('one');
    rig.disk.inject = (operation, path) => (operation === 'list' && path === `${folder}/one` ? 'denied' : null);
    rig.follow([{ folder: { root: folder, levels: [any] }, name: 'app.log' }]);
    rig.remove('one');
    rig.run(3_000);
    rig.makeFolder('one');
    rig.run(3_000);

    expect(rig.told).toEqual(['logs/one denied', 'logs/one denied']);
  });

  test('says how many files it leaves out of all folders, once', () => {
    const rig = new SetRig();
    for (const name of ['one', 'two', 'void']) rig.makeFolder(name);
    for (let number = 0; number < 12; number++) rig.append(`one/${number}.log`, 'x\n');
    rig.append('two/a.log', 'x\n');
    rig.follow([{ folder: { root: folder, levels: [any] }, name: (name) => name.endsWith('.log') }]);
    rig.run(5_000);

    expect(rig.told).toEqual(['3 too many']);
  });

  test('goes on with those that could not be listed for a while, and with what was rotated in them meanwhile', () => {
    const rig = new SetRig();
    rig.makeFolder('one/log');
    rig.follow([deep]);
    rig.disk.inject = (operation) => (operation === 'list' ? 'denied' : null);
    rig.run(3_000);
    rig.append('one/log/a.log', 'a1\n');
    rig.rename('one/log/a.log', 'one/log/a.log.1');
    rig.append('one/log/a.log', 'a2\n');
    rig.disk.inject = null;
    rig.run(3_000);

    expect(rig.taken).toEqual(['one/log/a.log a1', 'one/log/a.log a2']);
    expect(rig.told).toEqual(['logs denied', 'logs can be read']);
  });
});
