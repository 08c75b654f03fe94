/**
 * Every byte of a real broker's data directory, flipped in one bit: a log is fenced, or cut within the last group behind its last mark; identity, peers and
 * votes are read from their second copy; indexes and checkpoints are made again. Nothing else may happen, and nothing may go by unnoticed but in a
 * segment's slots, where what does not check out is as good as empty.
 */
import { groupId } from '../../src/base/branded.ts';
import type { Result } from '../../src/base/result.ts';
import { Broker } from '../../src/broker/index.ts';
import type { AppendResult, TopicDescription } from '../../src/eventlog/index.ts';
import type { LogBatch } from '../../src/raft/messages.ts';
import { frameChecksum } from '../../src/record/index.ts';
import { type CheckReport, Findings } from '../../src/sim/checkers/verdict.ts';
import { Cluster } from '../../src/sim/cluster.ts';
import { batchOfValues } from '../../src/sim/history.ts';
import {
  type GroupLogOptions,
  type OpenedLog,
  type OpenFailure,
  openGroupLog,
  openVoteJournal,
  readIdentity,
  type ReadFailure,
  readPeers,
  type StorageHost,
  type VoteJournal,
} from '../../src/storage/index.ts';
import { markBytes, readMark, readSegmentHeader, segmentHeaderBytes, type SegmentHeader } from '../../src/storage/segment-format.ts';
import { bytes } from '../unit/storage/rig.ts';
import { hostOn } from './data-directory.ts';
import { filesOf, type Image } from './recorded-disk.ts';

export const outcomes = [
  'fenced',
  'cut',
  'slot empty',
  'refused',
  'second copy',
  'nothing stored',
  'made again',
  'undetected',
  'lost',
] as const;
type FlipOutcome = (typeof outcomes)[number];
/** What a file is. */
type FileKind = 'segment' | 'index' | 'checkpoint' | 'votes' | 'identity' | 'peers';

export interface Flipped {
  readonly reports: readonly CheckReport[];
  readonly counts: Readonly<Record<FileKind, Record<FlipOutcome, number>>>;
  readonly flips: number;
}

export interface FlipOptions {
  /** Every how-many-th byte; 1 leaves none out. */
  readonly stride: number;
  /** The first of them in each file, below `stride`; default 0. */
  readonly first?: number;
  readonly stopAtFirst?: boolean;
}

/** What a broker that was alone left when it was killed a moment after an acknowledgement: a catalog, `log` of several segments, events, a topic. */
export function makeDataDirectory(seed: number): Image {
  const cluster = new Cluster({
    seed,
    brokerCount: 1,
    makeBroker: (options) => new Broker(options),
    settings: { segmentBytesMin: 4096, segmentBytesMax: 4096, markAfterMs: 20, eventsRetentionBytes: 1024 * 1024 },
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 0,
    clockDriftMax: 0,
  });
  const { scheduler } = cluster.world;
  const member = cluster.member(1);
  const pass = (ms: number): void => scheduler.runUntil(cluster.nowMs + ms);
  let value = 0;
  const append = (topic: string, requestId: string | null): void => {
    const batch = batchOfValues(value, value + 2, 40, 0);
    value += 2;
    const request = { topic, batch, level: 'quorum', timeoutMs: 4000, requestId, sequence: 0, expectedOffset: null } as const;
    cluster.callInside<AppendResult>(
      member,
      (service, answer) => service.append(request, answer),
      () => undefined,
    );
  };
  cluster.start(member);
  pass(2000);
  cluster.callInside<TopicDescription>(
    member,
    (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer),
    () => undefined,
  );
  pass(500);
  // Restarts give terms and votes of their own.
  for (let life = 0; life < 3; life++) {
    for (let i = 0; i < 14; i++) {
      append('log', i % 3 === 0 ? `request-${value}` : null);
      if (i % 4 === 0) append('orders', null);
      pass(10);
    }
    pass(200);
    cluster.kill(member, false);
    cluster.start(member);
    pass(1500);
  }
  // The last group has no mark behind it yet.
  append('log', null);
  append('orders', null);
  pass(8);
  const disk = member.machine.disk;
  if (disk === null) throw new Error('the broker has a disk');
  cluster.kill(member, false);
  return new Map(disk.filePaths().map((path) => [path, disk.fileBytes(path) as Uint8Array]));
}

const groupNames: ReadonlyMap<string, number> = new Map([
  ['catalog', 1],
  ['log', 2],
]);

function kindOf(path: string): FileKind | null {
  if (path.endsWith('.log')) return 'segment';
  if (path.endsWith('.index')) return 'index';
  if (path.endsWith('.state')) return 'checkpoint';
  return path === 'votes' || path === 'identity' || path === 'peers' ? path : null;
}

export function flipBytes(image: Image, { stride, first = 0, stopAtFirst = false }: FlipOptions): Flipped {
  const st2 = new Findings('ST2');
  const st3 = new Findings('ST3');
  const st4 = new Findings('ST4');
  const st5 = new Findings('ST5');
  const reports = (): CheckReport[] => [st2, st3, st4, st5].map((findings) => findings.report());
  const counts = Object.fromEntries(
    (['segment', 'index', 'checkpoint', 'votes', 'identity', 'peers'] as const).map((kind) => [
      kind,
      Object.fromEntries(outcomes.map((name) => [name, 0])),
    ]),
  ) as Record<FileKind, Record<FlipOutcome, number>>;
  let flips = 0;
  const judges = new Map<string, Judge>();
  const judgeOf = (owner: string): Judge => {
    let judge = judges.get(owner);
    if (judge === undefined) judges.set(owner, (judge = makeJudge(owner, image)));
    return judge;
  };

  for (const [path, original] of image) {
    const kind = kindOf(path);
    if (kind === null) continue;
    const judge = judgeOf(kind === path ? path : path.slice(0, path.lastIndexOf('/')));
    const isTwin = kind === path;
    for (let position = first; position < original.length; position += stride) {
      // A twin file is large and nearly empty: of its pages without anything one byte each is enough.
      if (isTwin && position % 4096 >= stride && isBlankSector(original, position)) continue;
      const spoilt = original.slice();
      spoilt[position] = (original[position] as number) ^ (1 << (position % 8));
      const outcome = judge(path, spoilt, position);
      counts[kind][outcome]++;
      flips++;
      const findings = kind === 'segment' ? (outcome === 'lost' ? st3 : st2) : kind === 'votes' ? st4 : kind === path ? st2 : st5;
      findings.checked++;
      if (outcome === 'undetected' || outcome === 'lost')
        findings.violate(`bit ${position % 8} of byte ${position} of ${path}: ${outcome}`);
    }
    if (stopAtFirst && reports().some(({ status }) => status === 'violated')) break;
  }
  loseVotes(image, st3);
  return { reports: reports(), counts, flips };
}

type Judge = (path: string, spoilt: Uint8Array, position: number) => FlipOutcome;

function makeJudge(owner: string, image: Image): Judge {
  if (owner === 'identity') return judgeWhole(image, owner, readIdentity);
  if (owner === 'peers') return judgeWhole(image, owner, readPeers);
  if (owner === 'votes') return judgeVotes(image);
  return judgeLog(owner, image);
}

const atRest = (image: Image): { readonly written: ReturnType<typeof filesOf>; readonly durable: ReturnType<typeof filesOf> } => {
  const files = filesOf(image);
  return { written: files, durable: files };
};

const isBlankSector = (source: Uint8Array, position: number): boolean => {
  const from = position - (position % 512);
  return source.subarray(from, from + 512).every((byte) => byte === 0);
};

/** A text that is taken or refused as a whole, and stands there twice. */
function judgeWhole(
  image: Image,
  name: string,
  read: (host: StorageHost, done: (result: Result<unknown, OpenFailure>) => void) => void,
): Judge {
  const load = (stored: Uint8Array): unknown => {
    const { rig, host } = hostOn(1, atRest(new Map([[name, stored]])));
    const result = rig.run<Result<unknown, OpenFailure>>((done) => read(host, done));
    return result.ok ? result.value : 'refused';
  };
  const original = image.get(name) as Uint8Array;
  const wanted = JSON.stringify(load(original));
  return (_path, spoilt, position) => {
    const found = load(spoilt);
    if (found === 'refused') return 'refused';
    if (JSON.stringify(found) !== wanted) return 'lost';
    return isBlankSector(original, position) ? 'nothing stored' : 'second copy';
  };
}

function loadVotes(stored: Uint8Array): string {
  const { rig, host } = hostOn(1, atRest(new Map([['votes', stored]])));
  const result = rig.run<Result<VoteJournal, OpenFailure>>((done) => openVoteJournal(host, { path: 'votes', mayCreate: false }, done));
  return result.ok ? JSON.stringify([...result.value.votes].sort(([a], [b]) => a - b)) : 'refused';
}

function judgeVotes(image: Image): Judge {
  const original = image.get('votes') as Uint8Array;
  const wanted = loadVotes(original);
  return (_path, spoilt, position) => {
    const found = loadVotes(spoilt);
    if (found === 'refused') return 'refused';
    if (found !== wanted) return 'lost';
    return isBlankSector(original, position) ? 'nothing stored' : 'second copy';
  };
}

/** A record of votes of which both copies are gone is missed, unless it is the newest: nobody was told of a write that was torn. */
function loseVotes(image: Image, st3: Findings): void {
  const original = image.get('votes') as Uint8Array;
  const wanted = loadVotes(original);
  const sequenceAt = (sector: number): number => new DataView(original.buffer, original.byteOffset).getUint32(sector + 12);
  const sectors: number[] = [];
  for (let sector = 0; sector < original.length; sector += 512) if (sequenceAt(sector) > 0) sectors.push(sector);
  const newest = Math.max(...sectors.map(sequenceAt));
  for (const sequence of new Set(sectors.map(sequenceAt))) {
    const spoilt = original.slice();
    for (const sector of sectors) if (sequenceAt(sector) === sequence) spoilt[sector + 30] = (spoilt[sector + 30] as number) ^ 1;
    const found = loadVotes(spoilt);
    st3.checked++;
    if (sequence < newest && found !== 'refused' && found !== wanted)
      st3.violate(`both copies of record ${sequence} of the votes: taken as ${found}`);
  }
}

interface LoggedState {
  /** Of each batch: of its frame, and of all its bytes. */
  readonly checksums: readonly number[];
  readonly digests: readonly number[];
  readonly opened: OpenedLog;
  readonly batches: readonly LogBatch[];
  /** Index files as they are afterwards. */
  readonly indexes: string;
}

function judgeLog(folder: string, image: Image): Judge {
  const files = new Map([...image].filter(([path]) => path.startsWith(`${folder}/`)));
  const name = folder.slice('groups/'.length);
  const options: GroupLogOptions = {
    group: groupId(groupNames.get(name) ?? Number(name)),
    path: folder,
    segmentBytesMin: 4096,
    segmentBytesMax: 4096,
    checkpoint: () => null,
  };
  const load = (stored: Image): LoggedState | 'fenced' | 'lost' => {
    const { rig, disk, host } = hostOn(1, atRest(stored));
    const opened = rig.run<Result<OpenedLog, OpenFailure>>((done) => openGroupLog(host, options, done));
    if (!opened.ok) return opened.error.kind === 'corrupt' ? 'fenced' : 'lost';
    const { log } = opened.value;
    const request = { offsetFrom: log.logStartOffset, offsetTo: log.endOffset, bytesMax: 2 ** 40 };
    const read = rig.run<Result<readonly LogBatch[], ReadFailure>>((done) => log.read(request, done));
    if (!read.ok) return read.error.kind === 'corrupt' ? 'fenced' : 'lost';
    const indexes = [...disk.image].filter(([path]) => path.endsWith('.index')).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      opened: opened.value,
      batches: read.value,
      checksums: read.value.map((batch) => frameChecksum(batch.bytes)),
      digests: read.value.map((batch) => bytes.crc32c(batch.bytes)),
      indexes: indexes.map(([path, stored]) => `${path} ${bytes.crc32c(stored)}`).join(),
    };
  };
  const wanted = load(files);
  if (typeof wanted === 'string') throw new Error(`${folder} opens as it was left: ${wanted}`);
  const lastMarkOffset = lastMarkedOffset(files);
  return (path, spoilt, position) => {
    const stored = new Map(files).set(path, spoilt);
    // Only the newest checkpoint is read, so those behind this one make way.
    if (path.endsWith('.state')) for (const other of files.keys()) if (other.endsWith('.state') && other > path) stored.delete(other);
    const found = load(stored);
    if (typeof found === 'string') return found;
    const { opened, batches } = found;
    const isPrefix = batches.every((batch, i) => frameChecksum(batch.bytes) === (wanted.checksums[i] ?? -1));
    // Right by its frame, and other bytes: what a checksum was there for.
    const isChanged = batches.some((batch, i) => bytes.crc32c(batch.bytes) !== wanted.digests[i]);
    if (isPrefix && isChanged) return 'undetected';
    if (!isPrefix || opened.log.logStartOffset !== wanted.opened.log.logStartOffset) return 'lost';
    if (opened.cut !== null) return opened.log.endOffset >= lastMarkOffset ? 'cut' : 'lost';
    if (batches.length < wanted.batches.length) return 'lost';
    if (path.endsWith('.log')) return isInSlot(position) ? 'slot empty' : 'undetected';
    if (path.endsWith('.index')) return found.indexes === wanted.indexes ? 'made again' : 'undetected';
    // Without it the state is read from an older one, or from the log's start.
    return opened.checkpoint?.offsetTo === offsetIn(path) ? 'undetected' : 'made again';
  };
}

/** Truncation and synced slot of a segment's header. */
const isInSlot = (position: number): boolean => [512, 768].some((slotAt) => position >= slotAt && position < slotAt + 20);

/** The offset that a file is named after. */
const offsetIn = (path: string): number => Number(path.slice(path.lastIndexOf('/') + 1, path.lastIndexOf('.')));

/** Offset of the next frame at the last mark of the newest segment: everything below it was surely synced. */
function lastMarkedOffset(files: Image): number {
  const path = [...files.keys()]
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1) as string;
  const source = files.get(path) as Uint8Array;
  const header = readSegmentHeader(source, bytes) as SegmentHeader;
  let found = header.baseOffset;
  for (let at = segmentHeaderBytes; at + markBytes <= source.length; at++) {
    const mark = readMark(header, source, at, at, bytes);
    if (mark !== null) found = mark.nextOffset;
  }
  return found;
}
