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
  #set: FileSet | null = null;

  constructor() {
    this.disk.makeDirectory(folder, () => undefined);
    this.run(10);
  }

  run(forMs: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + forMs);
  }

  follow(wanted: readonly Wanted[], more: Partial<FileSetOptions> = {}): void {
    const inFolder: Pick<Disk, 'list' | 'open' | 'status'> = {
      list: (_path, done) => this.disk.list(folder, done),
      status: (name, done) => this.disk.status(`${folder}/${name}`, done),
      open: (name, mode, done) => this.disk.open(`${folder}/${name}`, mode, done),
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
      filesIn: () => inFolder,
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
