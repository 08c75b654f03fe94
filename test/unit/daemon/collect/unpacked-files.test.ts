// Rotated files that were compressed, on a real disk: each line once, whatever was packed when.
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/base/random.ts';
import { UnpackedFiles } from '../../../../src/daemon/collect/unpacked-files.ts';
import type { DiskFile, Timer } from '../../../../src/host/index.ts';
import { systemBytes } from '../../../../src/system/bytes.ts';
import { SystemClock } from '../../../../src/system/clock.ts';
import { SystemDisk } from '../../../../src/system/disk.ts';
import { FileFollower, type FollowState, type KnownFile } from '../../../../src/tail/index.ts';

const base = 'app.log';
let folder = '';
let damaged: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-unpacked-'));
  damaged = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => path.join(folder, name);
const filesOf = (): UnpackedFiles =>
  new UnpackedFiles(new SystemDisk(folder, null, 'any', base), base, (name, bytes) => damaged.push(`${name} ${bytes}`));

interface Standing {
  readonly state: FollowState;
  readonly known: readonly KnownFile[];
}

/** A follower rests after each look that found nothing to do. */
class RestsCounted extends SystemClock {
  rests = 0;

  override startTimer(delayMs: number, run: () => void): Timer {
    this.rests++;
    return super.startTimer(delayMs, run);
  }
}

/** So many looks one behind the other that find nothing: longer than late lines of a file that was left are waited for. */
const quietRests = 40;

/** One life of a follower: what it gives until nothing comes any more, and where it stands then. */
async function followed(
  from: 'begin' | 'oldest' | Standing,
  meanwhile: () => void = () => undefined,
): Promise<Standing & { lines: string[]; news: string[] }> {
  const texts = new Map<number, string>();
  const clock = new RestsCounted();
  const news: string[] = [];
  const follower: FileFollower = new FileFollower({
    files: filesOf(),
    clock,
    bytes: systemBytes,
    path: base,
    from,
    pollMs: 2,
    lateMs: 20,
    events: {
      bytes({ source, bytes, placeAt }, next) {
        clock.rests = 0;
        texts.set(source, (texts.get(source) ?? '') + Buffer.from(bytes).toString('latin1'));
        follower.take(source, placeAt(bytes.length));
        next();
      },
      sourceEnded: () => undefined,
      told: ({ kind }) => news.push(kind),
      trouble: (error) => news.push(error === null ? 'well' : error.reason),
    },
  });
  follower.start();
  const quiet = async (): Promise<void> => {
    while (clock.rests < quietRests) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await quiet();
  meanwhile();
  clock.rests = 0;
  await quiet();
  const { state, known } = follower;
  await new Promise<void>((resolve) => follower.stop(resolve));
  return { lines: [...texts.values()].flatMap((text) => text.split('\n').filter(Boolean)), news, state, known };
}

const linesOf = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index} ${'x'.repeat(90)}`);
const textOf = (from: number, to: number): string =>
  linesOf(from, to)
    .map((line) => `${line}\n`)
    .join('');
/** As logrotate does. */
function pack(name: string, suffix: '.gz' | '.zst' = '.gz'): void {
  const bytes = readFileSync(at(name));
  writeFileSync(at(name + suffix), suffix === '.gz' ? gzipSync(bytes) : zstdCompressSync(bytes));
  rmSync(at(name));
}

describe('a rotated file that was compressed', () => {
  test.each(['.gz', '.zst'] as const)(
    'before it was read to its end (%s) is read on where its reading had stopped, and so are those behind it',
    async (suffix) => {
      writeFileSync(at(base), textOf(0, 2_000));
      const before = await followed('begin');
      appendFileSync(at(base), textOf(2_000, 4_000));
      renameSync(at(base), at('app.log.3'));
      pack('app.log.3', suffix);
      writeFileSync(at('app.log.2'), textOf(4_000, 6_000));
      pack('app.log.2', suffix);
      writeFileSync(at('app.log.1'), textOf(6_000, 6_500));
      writeFileSync(at(base), textOf(6_500, 7_000));

      const after = await followed(before);

      expect([...before.lines, ...after.lines]).toEqual(linesOf(0, 7_000));
      expect([...before.news, ...after.news, ...damaged]).toEqual([]);
      expect((await followed(after)).lines).toEqual([]);
    },
  );

  test('is read from the oldest on when that is asked for, and left alone otherwise', async () => {
    writeFileSync(at('app.log-20261128'), textOf(0, 3_000));
    pack('app.log-20261128');
    writeFileSync(at('app.log-20261129'), textOf(3_000, 3_100));
    pack('app.log-20261129', '.zst');
    writeFileSync(at(base), textOf(3_100, 3_200));
    writeFileSync(at('other.gz'), gzipSync('foreign\n'));

    const all = await followed('oldest');
    expect(all.lines).toEqual(linesOf(0, 3_200));
    expect((await followed(all)).lines).toEqual([]);
    expect((await followed('begin')).lines).toEqual(linesOf(3_100, 3_200));
  });

  test('after it was read, at once or later, gives nothing twice', async () => {
    writeFileSync(at(base), textOf(0, 1_000));
    const first = await followed('begin', () => {
      renameSync(at(base), at('app.log.1'));
      pack('app.log.1');
      writeFileSync(at(base), textOf(1_000, 1_100));
    });
    const second = await followed(first, () => {
      renameSync(at('app.log.1.gz'), at('app.log.2.gz'));
      renameSync(at(base), at('app.log.1'));
      writeFileSync(at(base), textOf(1_100, 1_200));
    });
    pack('app.log.1');
    const third = await followed(second);

    expect([...first.lines, ...second.lines, ...third.lines]).toEqual(linesOf(0, 1_200));
    expect([first.news, second.news, third.news]).toEqual([[], [], []]);
  });

  test('while the file beside it is not removed yet is not looked at', async () => {
    writeFileSync(at('app.log.1'), textOf(0, 100));
    writeFileSync(at('app.log.1.gz'), gzipSync(textOf(0, 100)).subarray(0, 40));
    writeFileSync(at(base), textOf(100, 200));

    expect((await followed('oldest')).lines).toEqual(linesOf(0, 200));
    expect(damaged).toEqual([]);
  });

  test('and damaged gives what can be read, says so once, and holds nothing up', async () => {
    const packed = gzipSync(textOf(0, 5_000));
    writeFileSync(at('app.log.1.gz'), packed.subarray(0, packed.length - 100));
    writeFileSync(at(base), textOf(5_000, 5_100));

    const { lines } = await followed('oldest');

    expect(lines.slice(-100)).toEqual(linesOf(5_000, 5_100));
    expect(lines.length).toBeGreaterThan(200);
    expect(damaged).toEqual([expect.stringMatching(/^app\.log\.1\.gz \d{4,}$/)]);
  });
});

test('bytes of a compressed file are those that were packed, wherever they are read', async () => {
  const text = Buffer.from(textOf(0, 20_000));
  writeFileSync(at('app.log.1.gz'), gzipSync(text));
  const file = await new Promise<DiskFile>((resolve, reject) =>
    filesOf().open('app.log.1', 'read', (result) => (result.ok ? resolve(result.value) : reject(new Error(result.error.reason)))),
  );
  const random = new SeededRandom(1);
  for (let count = 0; count < 60; count++) {
    const position = random.chance(0.3) ? random.below(2_000) : random.below(text.length + 1_000);
    const length = random.below(70_000);
    const read = await new Promise<Uint8Array>((resolve, reject) =>
      file.read(position, length, (result) => (result.ok ? resolve(result.value) : reject(new Error(result.error.reason)))),
    );
    expect(Buffer.compare(read, text.subarray(position, position + length)), `${length} bytes at ${position}`).toBe(0);
  }
  await new Promise<void>((resolve) => file.close(() => resolve()));
});
