/**
 * Files that grow, on their way into a spool: which are meant, followed by `tail/`, their lines found, and where each stands noted together with the lines,
 * so that after a kill no line is taken twice or left out.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Agent } from '../../agent/index.ts';
import { assert } from '../../base/assert.ts';
import { noBytes } from '../../base/bytes.ts';
import { LogError } from '../../eventlog/index.ts';
import { systemBytes } from '../../system/bytes.ts';
import { SystemClock } from '../../system/clock.ts';
import { SystemDisk } from '../../system/disk.ts';
import {
  type FollowedFile,
  FileSet,
  foldersMax,
  type FollowNews,
  type FollowState,
  type KnownFile,
  type Place,
  type Wanted,
} from '../../tail/index.ts';
import { LineBuffer, LineCollector } from './line-collector.ts';
import { UnpackedFiles } from './unpacked-files.ts';

export interface FollowSettings {
  /** Paths, of which each part may be a glob. */
  readonly files: readonly string[];
  /** Globs of names; of those that `files` means, only these; and none of those. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Of a file that was not followed before: what was rotated of it too. */
  readonly isFromOldest: boolean;
  /** Rotated files that were compressed are read as they were before. */
  readonly readsCompressed: boolean;
  /** A line that matches begins a record. */
  readonly firstLine: RegExp | null;
  /** A last line without its end is taken when the file has not changed for so long; null: never. */
  readonly lastLineAfterMs: number | null;
}

/** Files that are followed at most. */
export const followedFilesMax = 1_000;
/** How long a rotated file is kept open after its last line. */
export const lateMs = 60_000;
/** Files beside one that are remembered, at most, so that they are not taken for new ones. */
export const knownMax = 1_000;
/** How long a record of several lines waits for more of them. */
export const recordAfterMs = 2_000;
const sweepEveryMs = 500;

/** What a spool has of a file. */
interface Noted {
  readonly state: FollowState;
  /** Files whose place is within a line that was taken, cut. */
  readonly cut: readonly string[];
}

interface Source {
  readonly file: FollowedFile;
  readonly source: number;
  readonly identity: string;
  readonly lines: LineCollector;
  /** Behind the last whole line, where a record begins that waits for more lines, and behind all that was read. */
  endOfLines: Place | null;
  recordFrom: Place | null;
  end: Place | null;
  changedMs: number;
  holesTold: number;
}

export class Following {
  readonly #agent: Agent;
  readonly #settings: FollowSettings;
  readonly #say: (line: string) => void;
  readonly #set: FileSet;
  readonly #sources = new Map<string, Source>();
  readonly #buffer = new LineBuffer();
  /** Identities of files that an earlier run left within a cut line. */
  readonly #cut: Set<string>;
  #waiting: (() => void)[] = [];
  #sweep: NodeJS.Timeout | null = null;

  constructor(agent: Agent, notes: ReadonlyMap<string, string>, settings: FollowSettings, say: (line: string) => void) {
    this.#agent = agent;
    this.#settings = settings;
    this.#say = say;
    const wanted = settings.files.map((file) => wantedOf(file, settings));
    const { standings, cut } = readNotes(notes, wanted);
    this.#cut = cut;
    this.#set = new FileSet({
      clock: new SystemClock(),
      bytes: systemBytes,
      lateMs,
      wanted,
      // A link is followed where the name is that of a file to follow.
      filesIn: (folder, name) => {
        const files = new SystemDisk(folder, null, 'any', name);
        if (!settings.readsCompressed || name === null) return files;
        return new UnpackedFiles(files, name, (packed, bytes, reason) =>
          say(`${path.join(folder, packed)} is damaged (${reason}): what stands behind its first ${bytes} bytes, unpacked, is lost`),
        );
      },
      standings,
      from: settings.isFromOldest ? 'oldest' : 'begin',
      filesMax: followedFilesMax,
      events: {
        bytes: (file, { source, identity, bytes, placeAt }, next) => {
          const of = this.#sourceOf(file, source, identity);
          of.changedMs = performance.now();
          of.lines.push(bytes);
          of.end = of.lines.unfinishedBytes > 0 || of.lines.isWithinCutLine ? placeAt(bytes.length) : null;
          const begun = bytes.length - of.lines.unfinishedBytes;
          if (begun >= 0) of.endOfLines = placeAt(begun);
          const { recordBytes } = of.lines;
          if (recordBytes <= bytes.length) of.recordFrom = placeAt(bytes.length - recordBytes);
          this.#tellHoles(of);
          if (this.#give(of, of.lines.hasRecord ? of.recordFrom : of.endOfLines)) next();
          else this.#waiting.push(next);
        },
        sourceEnded: (file, source) => this.#ended(file, source),
        told: (file, news) => say(sentenceOf(file.path, news)),
        trouble: (what, error) => say(error === null ? `${what} can be read again` : `Cannot read ${what}: ${error.reason}; trying again`),
        knownChanged: (file) => this.#noteKnown(file),
        left: (file) => {
          agent.push(noBytes, 0, [
            [stateKey(file.path), ''],
            [knownKey(file.path), ''],
          ]);
        },
        tooMany: (count) => say(`${count} files more are there than the ${followedFilesMax} that can be followed: they are not read`),
        tooManyFolders: (count) =>
          say(`${count} folders more are there than the ${foldersMax} that are looked into: their files are not read`),
      },
    });
    if (notes.has('')) agent.push(noBytes, 0, [['', '']]);
  }

  start(): void {
    this.#set.start();
    this.#sweep = setInterval(() => this.#lookAtUnfinished(), sweepEveryMs);
  }

  /** There is room in the spool again. */
  resume(): void {
    for (const next of this.#waiting.splice(0)) next();
  }

  stop(): void {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#set.stop(() => undefined);
    this.resume();
  }

  #sourceOf(file: FollowedFile, source: number, identity: string): Source {
    const key = `${source} ${file.path}`;
    let of = this.#sources.get(key);
    if (of === undefined) {
      const isWithinCutLine = this.#cut.delete(identity);
      const lines = new LineCollector(this.#buffer, { isWithinCutLine, skipsHoles: true, firstLine: this.#settings.firstLine });
      of = { file, source, identity, lines, endOfLines: null, recordFrom: null, end: null, changedMs: 0, holesTold: 0 };
      this.#sources.set(key, of);
    }
    return of;
  }

  /** Hands on the lines that were found, which end at that place. False: no more until there is room. */
  #give(of: Source, place: Place | null): boolean {
    const pieces = this.#buffer.take();
    const [piece] = pieces;
    if (piece === undefined || place === null) return true;
    // Were it two, and a crash between them, the first would be read again.
    assert(pieces.length === 1, 'what one read brings is kept by one write');
    const state = of.file.take(of.source, place);
    return this.#agent.push(piece.lines, piece.count, [[stateKey(of.file.path), this.#noted(state)]]);
  }

  #noted(state: FollowState): string {
    const cut = [...this.#sources.values()].filter(({ lines }) => lines.isWithinCutLine).map(({ identity }) => identity);
    return JSON.stringify({ state, cut } satisfies Noted);
  }

  #ended(file: FollowedFile, source: number): void {
    const key = `${source} ${file.path}`;
    const of = this.#sources.get(key);
    if (of === undefined) return;
    this.#sources.delete(key);
    of.lines.end();
    const [piece] = this.#buffer.take();
    if (piece !== undefined) this.#agent.push(piece.lines, piece.count, [[stateKey(file.path), this.#noted(file.state())]]);
  }

  /** What has waited long enough for its end. */
  #lookAtUnfinished(): void {
    const { lastLineAfterMs } = this.#settings;
    const nowMs = performance.now();
    for (const of of this.#sources.values()) {
      const quietMs = nowMs - of.changedMs;
      if (of.lines.unfinishedBytes > 0 && lastLineAfterMs !== null && quietMs >= lastLineAfterMs) {
        of.lines.end();
        this.#give(of, of.end);
      } else if (of.lines.hasRecord && quietMs >= recordAfterMs) {
        of.lines.endRecord();
        this.#give(of, of.endOfLines);
      }
    }
  }

  #tellHoles(of: Source): void {
    if (of.lines.holeBytes === of.holesTold || of.lines.unfinishedBytes === 0) return;
    this.#say(`Passed over ${of.lines.holeBytes - of.holesTold} NUL bytes in ${of.file.path}: a hole that a cut left`);
    of.holesTold = of.lines.holeBytes;
  }

  #noteKnown(file: FollowedFile): void {
    const state = this.#noted(file.state());
    const known = file.known().slice(-knownMax).map(encodeKnown);
    // Together: a file goes from the one to the other.
    this.#agent.push(noBytes, 0, [
      [stateKey(file.path), state],
      [knownKey(file.path), known.length === 0 ? '' : JSON.stringify(known)],
    ]);
  }
}

function sentenceOf(file: string, news: FollowNews): string {
  switch (news.kind) {
    case 'lost': {
      const what = news.why === 'cut' ? 'was cut, and no copy of what it held is there' : 'that was read last is not there any more';
      const again = news.count === 1 ? '' : ` (${news.count} times by now)`;
      return `${news.why === 'cut' ? file : `The ${file}`} ${what}: what was written to it and not read yet is lost${again}`;
    }
    case 'shortened':
      return `${file} was shortened from ${news.from} to ${news.to} bytes: what is left was read before, and is not read again`;
    case 'replaced':
      return `${file} is another file now, and the one before is not there under any name: read from its beginning`;
  }
}

const stateKey = (file: string): string => `at ${file}`;
const knownKey = (file: string): string => `known ${file}`;

type EncodedKnown = readonly [identity: string, offset: number | null, firstBytes: number, first: number, witness: number];
const encodeKnown = ({ identity, offset, firstBytes, first, witness }: KnownFile): EncodedKnown => [
  identity,
  offset,
  firstBytes,
  first,
  witness,
];

/** Of a spool that was written before December 2026. */
interface OldPosition {
  readonly device: number;
  readonly inode: number;
  readonly offset: number;
  readonly witness: number;
  readonly isWithinCutLine: boolean;
}

export interface NotedFile {
  readonly path: string;
  readonly state: FollowState;
}

/** Where the files of a spool stand. */
export function notedFiles(notes: ReadonlyMap<string, string>): readonly NotedFile[] {
  return [...notes].flatMap(([key, value]) =>
    key.startsWith('at ') ? { path: key.slice(3), state: (JSON.parse(value) as Noted).state } : [],
  );
}

function readNotes(
  notes: ReadonlyMap<string, string>,
  wanted: readonly Wanted[],
): { readonly standings: Map<string, { state: FollowState; known: readonly KnownFile[] }>; readonly cut: Set<string> } {
  const standings = new Map<string, { state: FollowState; known: readonly KnownFile[] }>();
  const cut = new Set<string>();
  for (const [key, value] of notes) {
    if (!key.startsWith('at ')) continue;
    const noted = JSON.parse(value) as Noted;
    const known = JSON.parse(notes.get(knownKey(key.slice(3))) ?? '[]') as readonly EncodedKnown[];
    for (const identity of noted.cut) cut.add(identity);
    standings.set(key.slice(3), {
      state: noted.state,
      known: known.map(([identity, offset, firstBytes, first, witness]) => ({ identity, offset, firstBytes, first, witness })),
    });
  }
  const old = notes.get('');
  const [only] = wanted;
  if (old !== undefined && only !== undefined && typeof only.name === 'string' && typeof only.folder === 'string') {
    const { device, inode, offset, witness, isWithinCutLine } = JSON.parse(old) as OldPosition;
    const identity = `${device}:${inode}`;
    if (isWithinCutLine) cut.add(identity);
    const state = { current: { identity, offset, head: null, first: 0, witness }, late: [] };
    standings.set(path.join(only.folder, only.name), { state, known: [] });
  }
  return { standings, cut };
}

/** What a path means: one file, or a glob of names in a folder, or in several. Refused is what is there and no file. */
function wantedOf(file: string, { include, exclude }: FollowSettings): Wanted {
  const absolute = path.resolve(file);
  const parts = absolute.split(path.sep);
  const name = parts.pop() as string;
  const first = parts.findIndex((part) => isGlob(part));
  if ((first === -1 && !isGlob(name)) || fs.existsSync(absolute)) {
    const what = kindOf(absolute);
    if (what !== null) throw new LogError('usage', `Cannot follow ${file}: it is ${what}`);
    return { folder: path.dirname(absolute), name };
  }
  if ([...parts, name].includes('**')) throw new LogError('usage', `Cannot follow ${file}: ** is no level, name each of them`);
  const isMeant = (other: string): boolean => matches(other, name) && isIncluded(other, include, exclude);
  if (first === -1) return { folder: path.dirname(absolute), name: isMeant };
  const levels = parts.slice(first).map((part) => (other: string) => matches(other, part));
  return { folder: { root: parts.slice(0, first).join(path.sep) || path.sep, levels }, name: isMeant };
}

const isGlob = (part: string): boolean => /[*?[{]/.test(part);
const matches = (name: string, part: string): boolean => (isGlob(part) ? path.matchesGlob(name, part) : name === part);

/** Null for a file, and for what cannot be looked at now. */
function kindOf(file: string): string | null {
  try {
    const stats = fs.statSync(file);
    return stats.isFile() ? null : stats.isDirectory() ? 'a folder' : 'no regular file';
  } catch {
    return null;
  }
}

const isIncluded = (name: string, include: readonly string[], exclude: readonly string[]): boolean =>
  (include.length === 0 || include.some((glob) => path.matchesGlob(name, glob))) && !exclude.some((glob) => path.matchesGlob(name, glob));
