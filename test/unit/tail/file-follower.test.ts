import { describe, expect, test } from 'vitest';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { runFollowing, runFollowingPacked } from './follow-run.ts';
import { pollMs, Rig } from './rig.ts';

const lineOf = (number: number): string => `line ${number} ${'x'.repeat(number % 7)}`;
const linesOf = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => lineOf(from + index));
const textOf = (from: number, to: number): string =>
  linesOf(from, to)
    .map((line) => `${line}\n`)
    .join('');

describe('following a file', () => {
  test('gives what is there and what comes, and waits for a file that is not there yet', () => {
    const rig = new Rig();
    rig.follow();
    rig.run(1000);
    expect(rig.lines).toEqual([]);

    rig.append('app.log', 'one\n');
    rig.run(pollMs * 2);
    expect(rig.lines).toEqual(['one']);
    rig.append('app.log', 'two\n');
    rig.run(pollMs * 2);

    expect(rig.lines).toEqual(['one', 'two']);
    expect([rig.troubles, rig.news]).toEqual([[], []]);
  });

  test('gives only what comes from now on when it is asked to', () => {
    const rig = new Rig();
    rig.append('app.log', 'before\n');
    rig.follow('end');
    rig.run(1000);
    rig.append('app.log', 'after\n');
    rig.rotate();
    rig.append('app.log', 'new\n');
    rig.run(1000);

    expect(rig.lines).toEqual(['after', 'new']);
  });

  test('gives what was rotated before too when it is asked to, the oldest first, and no other file', () => {
    const rig = new Rig();
    for (const [name, text] of [
      ['app.log.2', 'one\n'],
      ['app.log.1', 'two\n'],
      ['app.log', 'three\n'],
      ['app.log.bak', 'not this\n'],
    ] as const)
      rig.append(name, text);
    rig.follow('oldest');
    rig.run(1000);

    expect(rig.lines).toEqual(['one', 'two', 'three']);
  });

  test('reads a renamed file to its end before the one that has its name now', () => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    rig.append('app.log', 'two\n');
    rig.rotate();
    rig.append('app.log', 'three\n');
    rig.run(1000);

    expect(rig.lines).toEqual(['one', 'two', 'three']);
  });

  test('gives late lines of a renamed file, whose writer has not opened the new one yet', () => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    const writer = rig.open('app.log');
    rig.rotate();
    rig.append('app.log', 'two\n');
    rig.run(1000);
    rig.write(writer, 'late\n');
    rig.run(1000);
    expect(rig.lines).toEqual(['one', 'two', 'late']);

    // Long after it was closed, and while nobody was looking.
    rig.run(60_000);
    rig.write(writer, 'later\n');
    rig.run(5_000);
    rig.crash();
    rig.write(writer, 'latest\n');
    rig.follow();
    rig.run(5_000);

    expect(rig.lines).toEqual(['one', 'two', 'late', 'later', 'latest']);
  });

  test('finds files that came and were renamed between two looks, although their times say nothing', () => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    for (const text of ['two\n', 'three\n', 'four\n']) {
      rig.rotate();
      rig.append('app.log', text);
    }
    rig.truncate('app.log.3', 4);
    rig.run(2000);

    expect(rig.lines).toEqual(['one', 'two', 'three', 'four']);
  });

  test('loses nothing while names shift faster than it looks', () => {
    const rig = new Rig(3);
    rig.append('app.log', `${lineOf(0)}\n`);
    rig.follow();
    rig.run(1000);
    for (let number = 1; number < 120; number++) {
      if (number % 3 === 0) rig.rotate();
      rig.append('app.log', `${lineOf(number)}\n`);
    }
    rig.run(10_000);

    expect(rig.lines).toEqual(linesOf(0, 120));
  });

  test('takes no other file for a rotated one: a copy beside it, another program’s, an archive, an old one that is copied in', () => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(5_000);
    rig.copy('app.log', 'app.log.bak');
    rig.append('app.log.err', 'not this\n');
    rig.append('app.log.2.zip', 'nor this\n');
    rig.append('app.log.7', 'an archive\n');
    rig.append('app-2.log', 'another part\n');
    rig.run(5_000);
    rig.rotate();
    rig.append('app.log', 'two\n');
    rig.run(5_000);
    rig.crash();
    rig.rotate();
    rig.append('app.log', 'three\n');
    rig.follow();
    rig.run(5_000);

    expect(rig.lines).toEqual(['one', 'two', 'three']);
  });

  test.each([
    ['app.log.1', 0],
    ['app.log-20261130', 0],
    ['app-2026-11-30.log', 0],
    // Nobody knows when that was made.
    ['app.log.bak', 1],
  ])('goes on in the copy of a file that was copied to %s and cut', (copy, losses) => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    rig.append('app.log', 'two\n');
    rig.copy('app.log', copy);
    rig.truncate('app.log');
    rig.append('app.log', 'three, which is longer than what was there\n');
    rig.run(1000);

    expect([rig.lines, rig.losses]).toEqual([['one', 'two', 'three, which is longer than what was there'], losses]);
  });

  test.each([
    ['shorter', 'x'],
    ['as long as before', 'xyz'],
    ['longer', 'x'.repeat(1000)],
  ])('says that something may be lost when a file was cut without a copy, though it is %s again', (_how, line) => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    rig.append('app.log', 'two\n');
    rig.truncate('app.log');
    rig.append('app.log', `${line}\n`);
    rig.run(1000);

    expect([rig.lines, rig.news]).toEqual([['one', line], [{ kind: 'lost', why: 'cut', count: 1 }]]);
  });

  test('goes on at the end of a file that was shortened, and says it', () => {
    const rig = new Rig();
    rig.append('app.log', textOf(0, 300));
    rig.follow();
    rig.run(1000);
    rig.truncate('app.log', textOf(0, 200).length);
    rig.run(1000);
    rig.append('app.log', textOf(300, 310));
    rig.run(1000);

    expect(rig.lines).toEqual(linesOf(0, 310));
    expect(rig.news).toEqual([{ kind: 'shortened', from: textOf(0, 300).length, to: textOf(0, 200).length }]);
  });

  test('says that another file has taken the name, and reads it from its beginning; a copy of the same goes on', () => {
    const rig = new Rig();
    rig.append('app.log', textOf(0, 10));
    rig.follow();
    rig.run(1000);
    // As an editor saves.
    rig.copy('app.log', 'app.log.tmp');
    rig.rename('app.log.tmp', 'app.log');
    rig.append('app.log', textOf(10, 11));
    rig.run(1000);
    expect([rig.lines, rig.news]).toEqual([linesOf(0, 11), []]);

    rig.append('app.log.tmp', 'changed\n');
    rig.rename('app.log.tmp', 'app.log');
    rig.run(1000);
    expect([rig.lines, rig.news]).toEqual([[...linesOf(0, 11), 'changed'], [{ kind: 'replaced' }]]);
  });

  test('reads nothing more until what it gave was taken', () => {
    const rig = new Rig();
    const waiting: (() => void)[] = [];
    rig.onBytes = (next) => waiting.push(next);
    rig.append('app.log', `${'x\n'.repeat(100_000)}`);
    rig.follow();
    rig.run(5000);
    expect(rig.lines).toHaveLength(32_768);

    while (waiting.length > 0) {
      waiting.pop()?.();
      rig.run(1000);
    }
    expect(rig.lines).toHaveLength(100_000);
  });

  test.each(['read', 'status', 'list', 'open'] as const)(
    'goes on where it was once a disk that refused to %s answers again, and says both',
    (refused) => {
      const rig = new Rig();
      rig.append('app.log', 'one\n');
      rig.follow();
      rig.run(1000);
      rig.append('app.log', 'two\n');
      rig.rotate();
      rig.append('app.log', 'three\n');
      const disk = rig.simulated as SimDisk;
      disk.inject = (operation) => (operation === refused ? 'denied' : null);
      rig.run(3000);
      disk.inject = null;
      rig.run(1000);

      expect(rig.lines).toEqual(['one', 'two', 'three']);
      expect(rig.troubles).toEqual([refused, null]);
    },
  );

  test('gives nothing more once it was stopped, and says when it has ended', () => {
    const rig = new Rig();
    rig.append('app.log', 'one\n');
    rig.follow();
    rig.run(1000);
    let isStopped = false;
    rig.follower.stop(() => (isStopped = true));
    rig.append('app.log', 'two\n');
    rig.run(1000);

    expect(rig.lines).toEqual(['one']);
    expect(isStopped).toBe(true);
  });
});

describe('going on after a restart', () => {
  /** Some lines were taken, then the agent was away. */
  const away = (): Rig => {
    const rig = new Rig();
    rig.append('app.log', textOf(0, 5));
    rig.follow();
    rig.run(5_000);
    rig.crash();
    return rig;
  };
  const back = (rig: Rig): string[] => {
    rig.follow();
    rig.run(10_000);
    return rig.lines;
  };

  test('two rotations meanwhile, with times that are equal or go back', () => {
    const rig = away();
    rig.append('app.log', textOf(5, 10));
    rig.rotate();
    rig.append('app.log', textOf(10, 15));
    rig.rotate();
    rig.append('app.log', textOf(15, 20));
    // The oldest is changed last.
    rig.append('app.log.2', textOf(20, 21));

    expect(back(rig)).toEqual([...linesOf(0, 10), lineOf(20), ...linesOf(10, 20)]);
    expect(rig.losses).toBe(0);
  });

  test('a copy and a cut, and a second one', () => {
    const rig = away();
    for (const from of [5, 10]) {
      rig.append('app.log', textOf(from, from + 5));
      rig.copyAndTruncate();
    }
    rig.append('app.log', textOf(15, 20));

    expect([back(rig), rig.losses]).toEqual([linesOf(0, 20), 0]);
  });

  test.each(['app.log-20261130', 'app-2026-11-30.log', 'app.log.2026-11-30_12-00', 'saved.log'])('renamed to %s', (name) => {
    const rig = away();
    rig.append('app.log', textOf(5, 10));
    rig.rename('app.log', name);
    rig.append('app.log', textOf(10, 15));

    expect([back(rig), rig.losses]).toEqual([linesOf(0, 15), 0]);
  });

  test.each(['app.log-20261130', 'app.log.1'])('renamed to %s between the look at its name and the opening of it', (name) => {
    const rig = away();
    rig.append('app.log', textOf(5, 10));
    let isRenamed = false;
    (rig.simulated as SimDisk).onCall = (operation, path, phase) => {
      if (isRenamed || operation !== 'open' || path !== 'logs/app.log' || phase !== 'during') return;
      isRenamed = true;
      rig.rename('app.log', name);
      rig.append('app.log', textOf(10, 15));
    };

    expect([back(rig), rig.losses, isRenamed]).toEqual([linesOf(0, 15), 0, true]);
  });

  test('two dated names meanwhile', () => {
    const rig = away();
    rig.append('app.log', textOf(5, 10));
    rig.rename('app.log', 'app-2026-11-30.log');
    rig.append('app.log', textOf(10, 15));
    rig.rename('app.log', 'app-2026-12-01.log');
    rig.append('app.log', textOf(15, 20));

    expect([back(rig), rig.losses]).toEqual([linesOf(0, 20), 0]);
  });

  test('numbers that count upwards', () => {
    const rig = new Rig();
    rig.append('app.log.1', 'old\n');
    rig.append('app.log', textOf(0, 5));
    rig.follow();
    rig.run(5_000);
    rig.crash();
    rig.append('app.log', textOf(5, 10));
    rig.rename('app.log', 'app.log.2');
    rig.append('app.log', textOf(10, 15));
    rig.rename('app.log', 'app.log.3');
    rig.append('app.log', textOf(15, 20));

    expect(back(rig)).toEqual(linesOf(0, 20));
  });

  test('the file that was read is gone and another one has its number: what is left is read, the loss is said', () => {
    const rig = away();
    rig.append('app.log', textOf(5, 10));
    rig.remove('app.log');
    rig.append('app.log', textOf(10, 30));

    expect(back(rig)).toEqual([...linesOf(0, 5), ...linesOf(10, 30)]);
    expect(rig.losses).toBe(1);
  });

  test('files that were beside it before are not taken for what came meanwhile, though the one that was read is gone', () => {
    const rig = new Rig();
    rig.append('app.log.1', 'old\n');
    rig.append('app.log', textOf(0, 5));
    rig.follow();
    rig.run(5_000);
    rig.crash();
    rig.rotate();
    rig.append('app.log', textOf(5, 10));
    rig.remove('app.log.1');

    expect(back(rig)).toEqual(linesOf(0, 10));
    expect(rig.losses).toBe(1);
  });
});

describe('any sequence of writes, rotations and restarts', () => {
  test('gives every line once, in the order of its file, or tells that something is lost', () => {
    const found = [311, 1337, 1806, 5089, 6528];
    for (const seed of [...Array.from({ length: 150 }, (_, index) => index + 1), ...found])
      expect(runFollowing(seed).problems, `runFollowing(${seed})`).toEqual([]);
  });

  test('also where rotated files are packed, which are read as they were before', async () => {
    const found = [1664, 1697, 1722, 1727, 1731, 1966];
    for (const seed of [...Array.from({ length: 40 }, (_, index) => index + 1), ...found])
      expect((await runFollowingPacked(seed)).problems, `runFollowingPacked(${seed})`).toEqual([]);
  });

  test('the run would see a line that is lost, doubled or foreign', () => {
    const problems = [1, 2, 3, 4, 5].flatMap((seed) => runFollowing(seed, { isBlind: true }).problems);

    expect(problems.length).toBeGreaterThan(0);
  });
});
