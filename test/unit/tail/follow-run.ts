// One random life of a log: somebody writes, somebody rotates, copies, cuts, removes and packs files and puts others beside them, and a follower is killed at
// any call of its disk and comes back. An oracle knows every line that was written, where it stood, and what the follower could see.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SeededRandom } from '../../../src/base/random.ts';
import type { DiskFile } from '../../../src/host/index.ts';
import { folder, pollMs, Rig } from './rig.ts';
import { showUnpacked } from './shown-unpacked.ts';

export interface FollowingRun {
  readonly problems: readonly string[];
  readonly written: number;
  readonly lost: number;
  readonly lives: number;
}

interface Written {
  /** Which content it is of: files and their copies until they are cut. */
  readonly content: number;
  /** Nobody can tell that a file had grown after it was left, once it is gone. */
  readonly isLate: boolean;
  readonly atMs: number;
  /** It was packed before anybody could have seen it, with nothing else in its file: nothing tells that it is the file that was empty (docs/collecting.md). */
  isUnseen: boolean;
  /** A follower that had come to rest while it stood in some file has it, or has lost it. */
  mustBeTaken: boolean;
}

const beginBytesMin = 24;
const settleMs = 8 * pollMs + 5_000;
/** So long a file stands at most before it is looked at again, and some more. */
const seenMs = 6_000;

type Scheme = 'number' | 'suffix' | 'infix';

export interface FollowingRunOptions {
  readonly isBlind?: boolean;
  /** Real files in place of simulated ones. */
  readonly makeDisk?: ConstructorParameters<typeof Rig>[1];
  /** Hears what happens, for whoever looks into a seed. */
  readonly tell?: (what: string) => void;
}

export function runFollowing(seed: number, options: FollowingRunOptions = {}): FollowingRun {
  const rig = rigOf(seed, options);
  const life = following(rig, seed, false);
  for (let step = life.next(); ; step = life.next()) {
    if (step.done === true) return step.value;
    rig.run(step.value);
  }
}

/** Rotated files are packed too, and shown to the follower as they were before, as `cairn node --compressed` does. */
export async function runFollowingPacked(seed: number, options: FollowingRunOptions = {}): Promise<FollowingRun> {
  const rig = rigOf(seed, options);
  const damaged: string[] = [];
  rig.show = (files) => showUnpacked(files, (name) => damaged.push(`damaged: ${name}`));
  const life = following(rig, seed, true);
  for (let step = life.next(); ; step = life.next()) {
    if (step.done === true) return { ...step.value, problems: [...step.value.problems, ...damaged] };
    await rig.runWithOthers(step.value);
  }
}

function rigOf(seed: number, { isBlind = false, makeDisk = null, tell }: FollowingRunOptions): Rig {
  const rig = new Rig(seed, makeDisk);
  rig.isBlind = isBlind;
  rig.tell = tell ?? null;
  return rig;
}

const isRotated = (name: string): boolean => /^app\.log[.-]\d+$|^app-\d{8}\.log$/.test(name);
const isPackedRotated = (name: string): boolean => /\.(gz|zst)$/.test(name) && isRotated(name.replace(/\.(gz|zst)$/, ''));

/** Yields how many milliseconds are to pass. */
function* following(rig: Rig, seed: number, packs: boolean): Generator<number, FollowingRun> {
  const random = new SeededRandom(seed);
  const written = new Map<string, Written>();
  const scheme: Scheme = random.pick(['number', 'number', 'suffix', 'infix']);
  const canLose = random.chance(0.5);
  let content = 0;
  let count = 0;
  let day = 0;
  let lives = 0;
  let followingSinceMs = 0;
  /** What a writer has open that has not looked for the new name yet. */
  let stale: DiskFile | null = null;
  let staleContent = 0;
  let half = '';
  /** Beginnings of lines that were never written to their end: each is a line, if it is taken. */
  const torn = new Set<string>();
  let begun = '';

  const newLine = (of: number, isLate: boolean): string => {
    const name = random
      .below(2 ** 31)
      .toString(36)
      .padStart(6, '0');
    const line = `${name} ${count++} of ${of} ${'x'.repeat(random.chance(0.02) ? 70_000 : random.below(60))}`;
    written.set(line, { content: of, isLate, atMs: rig.nowMs, isUnseen: false, mustBeTaken: false });
    return line;
  };
  /** The rest of what was begun is never written. */
  const giveUpHalf = (): void => {
    if (half === '') return;
    const [rest = '', ...others] = half.split('\n');
    torn.add(begun);
    written.delete(begun + rest);
    for (const line of others) written.delete(line);
    half = '';
  };
  const write = (): void => {
    if (!rig.has('app.log')) content++;
    let text = half;
    const begunBefore = half === '' ? '' : begun;
    half = '';
    for (let more = random.below(5); more >= 0; more--) text += `${newLine(content, false)}\n`;
    if (text.length > beginBytesMin && random.chance(0.1)) {
      // The rest of the line comes later, into the same file. A file of which a byte or two were read is known by these.
      const at = beginBytesMin + random.below(text.length - beginBytesMin);
      half = text.slice(at);
      text = text.slice(0, at);
      begun = text.includes('\n') ? text.slice(text.lastIndexOf('\n') + 1) : begunBefore + text;
    }
    rig.append('app.log', text);
  };
  const finishLine = (): void => {
    if (half === '') return;
    rig.append('app.log', half);
    half = '';
  };
  const nextDate = (): string => {
    day++;
    const date = `2026${String(1 + Math.floor(day / 28)).padStart(2, '0')}${String(1 + (day % 28)).padStart(2, '0')}`;
    return scheme === 'suffix' ? `app.log-${date}` : `app-${date}.log`;
  };
  const namesThere = (): string[] => rig.disk.filePaths().map((each) => each.slice(folder.length + 1));
  const linesIn = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('latin1').split('\n').filter(Boolean);
  const pack = (name: string): void => {
    const held = linesIn(rig.disk.fileBytes(`${folder}/${name}`) ?? new Uint8Array(0)).map((line) => written.get(line));
    const sinceMs = Math.max(followingSinceMs, held[0]?.atMs ?? 0);
    const isSeen = rig.isFollowing && rig.nowMs - sinceMs >= seenMs;
    if (!isSeen && held.every((one) => one?.isLate === true)) for (const one of held) if (one !== undefined) one.isUnseen = true;
    if (random.chance(0.7)) rig.pack(name, '.gz', gzipSync);
    else rig.pack(name, '.zst', zstdCompressSync);
  };
  const packOne = (): void => {
    const plain = namesThere().filter(isRotated);
    if (plain.length > 0) pack(random.pick(plain));
  };
  const rename = (): void => {
    if (!rig.has('app.log')) return;
    if (half !== '') finishLine();
    const isStale = stale === null && random.chance(0.3);
    if (isStale) {
      stale = rig.open('app.log');
      staleContent = content;
    }
    if (scheme === 'number') rig.rotate();
    else rig.rename('app.log', nextDate());
    if (packs && random.chance(0.3)) packOne();
    if (random.chance(0.7)) write();
  };
  const copyAndCut = (): void => {
    if (!rig.has('app.log')) return;
    finishLine();
    if (scheme === 'number') rig.copyAndTruncate();
    else {
      rig.copy('app.log', nextDate());
      rig.truncate('app.log');
    }
    content++;
    if (packs && random.chance(0.3)) packOne();
    if (random.chance(0.7)) write();
  };
  const writeLate = (): void => {
    if (stale === null) return;
    rig.write(stale, `${newLine(staleContent, true)}\n`);
    if (!random.chance(0.5)) return;
    rig.close(stale);
    stale = null;
  };
  const removeOldest = (): void => {
    const names = namesThere().filter((name) => isRotated(name) || (packs && isPackedRotated(name)));
    const numberIn = (name: string): number => Number.parseInt(name.slice(8), 10);
    const oldest = scheme === 'number' ? names.sort((a, b) => numberIn(b) - numberIn(a))[0] : names.sort()[0];
    if (oldest === undefined) return;
    if (!packs && random.chance(0.5)) rig.copy(oldest, `${oldest}.gz`);
    rig.remove(oldest);
  };
  const lose = (): void => {
    if (!rig.has('app.log')) return;
    giveUpHalf();
    if (random.chance(0.5)) rig.truncate('app.log');
    else rig.remove('app.log');
    content++;
    if (random.chance(0.7)) write();
  };
  const putBeside = (): void => {
    const foreign = random.pick(['app.log.err', 'app.log.2.zip', 'app-2.log', 'other.log', 'app.log.save']);
    rig.append(foreign, 'foreign\n');
    if (rig.has('app.log')) rig.copy('app.log', 'app.log.bak');
  };

  /** What stands in any file that the follower can read. */
  const standing = (): Set<string> => {
    const lines = new Set<string>();
    for (const name of namesThere()) {
      const isPacked = packs && isPackedRotated(name);
      if (!isPacked && /\.(gz|zip|bak)$/.test(name)) continue;
      const bytes = rig.disk.fileBytes(`${folder}/${name}`) ?? new Uint8Array(0);
      const plain = !isPacked ? bytes : name.endsWith('.gz') ? gunzipSync(bytes) : zstdDecompressSync(bytes);
      for (const line of linesIn(plain)) if (!isPacked || written.get(line)?.isUnseen !== true) lines.add(line);
    }
    return lines;
  };
  const settle = function* (): Generator<number, void> {
    yield settleMs;
    if (!rig.isFollowing) return;
    for (const line of standing()) {
      const one = written.get(line);
      if (one !== undefined && line !== half) one.mustBeTaken = true;
    }
  };
  const follow = (callsMax?: number): void => {
    lives++;
    followingSinceMs = rig.nowMs;
    rig.follow('begin', callsMax);
  };

  write();
  follow();
  yield* settle();
  for (let turn = 0; turn < 30; turn++) {
    const action = random.below(100);
    if (action < 40) write();
    else if (action < 55) rename();
    else if (action < 65) copyAndCut();
    else if (action < 72) writeLate();
    else if (action < 77) finishLine();
    else if (action < 80) putBeside();
    else if (action < 83 && canLose) removeOldest();
    else if (action < 86 && canLose) lose();
    else if (action < 93) rig.crash();
    else if (packs) packOne();
    if (!rig.isFollowing && random.chance(0.5)) follow(random.chance(0.5) ? 1 + random.below(200) : undefined);
    if (random.chance(0.6)) yield random.below(4) * pollMs;
    else if (random.chance(0.3)) yield* settle();
  }
  if (stale !== null) rig.close(stale);
  finishLine();
  rig.crash();
  follow();
  yield* settle();
  yield 60_000;

  return { problems: judge(rig, written, torn), written: written.size, lost: countLost(rig, written), lives };
}

function countLost(rig: Rig, written: ReadonlyMap<string, Written>): number {
  const taken = new Set(rig.lines);
  return [...written.keys()].filter((line) => !taken.has(line)).length;
}

function judge(rig: Rig, written: ReadonlyMap<string, Written>, torn: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const taken = new Set<string>();
  const lastOf = new Map<number, number>();
  const order = new Map([...written.keys()].map((line, index) => [line, index]));
  for (const line of rig.lines) {
    const one = written.get(line);
    const short = line.slice(0, 40);
    if (one === undefined) {
      // What there was of a line whose rest is lost, if that is said.
      const isBegun = rig.losses > 0 && [...written.keys()].some((whole) => whole.startsWith(line));
      if (!torn.has(line) && !isBegun) problems.push(`foreign: ${short}`);
      continue;
    }
    if (taken.has(line)) problems.push(`doubled: ${short}`);
    taken.add(line);
    const index = order.get(line) as number;
    if (index < (lastOf.get(one.content) ?? -1)) problems.push(`out of order: ${short}`);
    lastOf.set(one.content, index);
  }
  const begun = new Set([...taken].map((line) => written.get(line)?.content));
  for (const [line, { content, isLate, mustBeTaken }] of written) {
    if (taken.has(line)) continue;
    const short = line.slice(0, 40);
    if (mustBeTaken) problems.push(`lost: ${short}`);
    else if (begun.has(content) && !isLate && rig.losses === 0) problems.push(`lost without a word: ${short}`);
  }
  if (rig.troubles.length > 0) problems.push(`trouble: ${rig.troubles.join()}`);
  return problems;
}
