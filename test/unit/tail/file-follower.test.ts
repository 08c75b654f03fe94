import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError, DiskFile } from '../../../src/host/index.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { FileFollower, type FollowOptions } from '../../../src/tail/index.ts';

const path = 'logs/app.log';
const pollMs = 250;

/** A disk, a clock, somebody who writes logs and rotates them, and a follower, all in one thread of simulated time. */
class Rig {
  nowMs = 0;
  readonly disk: SimDisk;
  /** All that the follower gave; `|` where a file ended, `!` where something may be lost. */
  got = '';
  readonly troubles: (string | null)[] = [];
  /** Given and not yet taken, by a slow reader. */
  onBytes: ((next: () => void) => void) | null = null;
  readonly #queue: { readonly atMs: number; readonly sequence: number; run: (() => void) | null }[] = [];
  #sequence = 0;
  #open: DiskFile | null = null;
  follower: FileFollower | null = null;

  constructor(seed = 1) {
    this.disk = new SimDisk({
      random: new SeededRandom(seed),
      scheduler: { schedule: (delayMs, run) => void this.#schedule(delayMs, run) },
    });
    this.call((done) => this.disk.makeDirectory('logs', done));
  }

  #schedule(delayMs: number, run: () => void): { run: (() => void) | null } {
    const event = { atMs: this.nowMs + delayMs, sequence: this.#sequence++, run };
    this.#queue.push(event);
    return event;
  }

  /** Runs what is due within so many milliseconds. */
  run(forMs: number, until: () => boolean = () => false): void {
    const endMs = this.nowMs + forMs;
    while (!until()) {
      let next = this.#queue[0];
      for (const event of this.#queue) {
        if (next === undefined || event.atMs < next.atMs || (event.atMs === next.atMs && event.sequence < next.sequence)) next = event;
      }
      if (next === undefined || next.atMs > endMs) break;
      this.#queue.splice(this.#queue.indexOf(next), 1);
      this.nowMs = next.atMs;
      next.run?.();
    }
    if (!until()) this.nowMs = endMs;
  }

  call<Value>(start: (done: (result: Result<Value, DiskError>) => void) => void): Value {
    let result: Result<Value, DiskError> | null = null;
    start((given) => {
      result = given;
    });
    this.run(1000, () => result !== null);
    const given = result as Result<Value, DiskError> | null;
    if (given === null || !given.ok) throw new Error(given === null ? 'no answer' : given.error.reason);
    return given.value;
  }

  follow(from: FollowOptions['from'] = 'begin'): void {
    this.follower = new FileFollower({
      files: this.disk,
      clock: {
        startTimer: (delayMs, fire) => {
          const event = this.#schedule(delayMs, fire);
          return { cancel: () => (event.run = null) };
        },
      },
      path,
      from,
      pollMs,
      events: {
        bytes: (chunk, next) => {
          this.got += Buffer.from(chunk).toString('latin1');
          if (this.onBytes === null) next();
          else this.onBytes(next);
        },
        fileEnded: (why) => (this.got += why === 'lost' ? '!' : '|'),
        trouble: (error) => this.troubles.push(error?.operation ?? null),
      },
    });
    this.follower.start();
  }

  create(): void {
    this.#open = this.call<DiskFile>((done) => this.disk.open(path, 'create', done));
  }

  write(text: string): void {
    if (this.#open === null) this.create();
    const file = this.#open as DiskFile;
    this.call((done) => file.write(file.size, [Buffer.from(text, 'latin1')], done));
  }

  #shift(): void {
    const paths = this.disk.filePaths();
    for (let number = 8; number >= 1; number--) {
      if (paths.includes(`${path}.${number}`)) this.call((done) => this.disk.rename(`${path}.${number}`, `${path}.${number + 1}`, done));
    }
  }

  /** As logrotate does by default; whoever writes opens the new file with the next line. */
  rotate(): void {
    this.#shift();
    this.call((done) => this.disk.rename(path, `${path}.1`, done));
    this.#open = null;
  }

  /** As logrotate does with `copytruncate`. */
  copyAndTruncate(isCopied = true): void {
    this.#shift();
    const bytes = this.disk.fileBytes(path) ?? new Uint8Array(0);
    if (isCopied) {
      const copy = this.call<DiskFile>((done) => this.disk.open(`${path}.1`, 'create', done));
      this.call((done) => copy.write(0, [bytes], done));
    }
    this.call((done) => (this.#open as DiskFile).truncate(0, done));
  }
}

describe('following a file', () => {
  test('gives what is there and what comes, and waits for a file that is not there yet', () => {
    const rig = new Rig();
    rig.follow();
    rig.run(1000);
    expect(rig.got).toBe('');

    rig.write('one\n');
    rig.run(pollMs * 2);
    expect(rig.got).toBe('one\n');
    rig.write('two\n');
    rig.run(pollMs * 2);

    expect(rig.got).toBe('one\ntwo\n');
    expect(rig.troubles).toEqual([]);
  });

  test('gives only what comes from now on when it is asked to', () => {
    const rig = new Rig();
    rig.write('before\n');
    rig.follow('end');
    rig.run(1000);
    rig.write('after\n');
    rig.rotate();
    rig.write('new\n');
    rig.run(1000);

    expect(rig.got).toBe('after\n|new\n');
  });

  test('reads a renamed file to its end before the one that has its name now', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    rig.write('two\n');
    rig.rotate();
    rig.write('three\n');
    rig.run(1000);

    expect(rig.got).toBe('one\ntwo\n|three\n');
  });

  test('stays with the old file until there is something in the new one', () => {
    const rig = new Rig();
    rig.write('one\n');
    const writer = rig.call<DiskFile>((done) => rig.disk.open(path, 'write', done));
    rig.follow();
    rig.run(1000);
    rig.rotate();
    rig.create();
    rig.run(1000);
    rig.call((done) => writer.write(writer.size, [Buffer.from('two\n')], done));
    rig.run(1000);
    rig.write('three\n');
    rig.run(1000);

    expect(rig.got).toBe('one\ntwo\n|three\n');
  });

  test('finds files that came and were renamed between two looks', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    for (const text of ['two\n', 'three\n', 'four\n']) {
      rig.rotate();
      rig.write(text);
    }
    rig.run(2000);

    expect(rig.got).toBe('one\n|two\n|three\n|four\n');
  });

  test('takes no other log for a rotated one', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    rig.rotate();
    const other = rig.call<DiskFile>((done) => rig.disk.open(`${path}-errors`, 'create', done));
    rig.call((done) => other.write(0, [Buffer.from('not this\n')], done));
    rig.write('two\n');
    rig.run(1000);

    expect(rig.got).toBe('one\n|two\n');
  });

  test('goes on in the copy of a file that was copied and cut', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    rig.write('two\n');
    rig.copyAndTruncate();
    rig.write('three\n');
    rig.run(1000);

    expect(rig.got).toBe('one\ntwo\n|three\n');
  });

  test.each([
    ['shorter', 'x\n'],
    ['as long as before', 'xyz\n'],
    ['longer', 'x'.repeat(1000)],
  ])('says that something may be lost when a file was cut without a copy, though it is %s again', (_how, text) => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    rig.copyAndTruncate(false);
    rig.write(text);
    rig.run(1000);

    expect(rig.got).toBe(`one\n!${text}`);
  });

  test('reads nothing more until what it gave was taken', () => {
    const rig = new Rig();
    const waiting: (() => void)[] = [];
    rig.onBytes = (next) => waiting.push(next);
    rig.write('x'.repeat(200_000));
    rig.follow();
    rig.run(5000);
    expect(rig.got).toHaveLength(65_536);

    while (waiting.length > 0) {
      waiting.pop()?.();
      rig.run(1000);
    }
    expect(rig.got).toHaveLength(200_000);
  });

  test('goes on where it was once a disk that refused answers again, and says both', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    rig.disk.inject = (operation) => (operation === 'read' ? 'failed' : null);
    rig.write('two\n');
    rig.run(1000);
    expect(rig.got).toBe('one\n');
    rig.disk.inject = null;
    rig.run(1000);

    expect(rig.got).toBe('one\ntwo\n');
    expect(rig.troubles).toEqual(['read', null]);
  });

  test('gives nothing more once it was stopped, and says when it has ended', () => {
    const rig = new Rig();
    rig.write('one\n');
    rig.follow();
    rig.run(1000);
    let isStopped = false;
    rig.follower?.stop(() => (isStopped = true));
    rig.write('two\n');
    rig.run(1000);

    expect(rig.got).toBe('one\n');
    expect(isStopped).toBe(true);
  });

  test('gives every byte once, however the file is rotated', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = new SeededRandom(seed);
      const rig = new Rig(seed);
      let written = '';
      let line = 0;
      rig.follow();
      const write = (): void => {
        const text = `${line++} ${'x'.repeat(random.chance(0.02) ? 70_000 : random.below(40))}\n`;
        written += text;
        rig.write(text);
      };
      // What was rotated away before it was seen once is another file's.
      write();
      rig.run(1000);
      for (let turn = 0; turn < 40; turn++) {
        for (let count = random.below(5); count > 0; count--) write();
        // Whoever rotates finds a file.
        if (random.chance(0.3) && rig.disk.filePaths().includes(path)) {
          if (random.chance(0.6)) rig.rotate();
          else rig.copyAndTruncate();
          write();
        }
        rig.run(random.below(3) * pollMs);
      }
      rig.run(20_000);

      expect(rig.got.replaceAll('|', ''), `seed ${seed}`).toBe(written);
    }
  });
});
