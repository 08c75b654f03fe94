/**
 * Opening a log: which segments there are, whether they are one log without a gap, where the active one ends. The rule for damage stands in
 * `segment-format.ts`. Sealed segments are not read: their index file says what open needs, and every later read verifies. So the time to open
 * grows with the active segment, not with the log.
 */
import type { Task } from '../base/task.ts';
import type { DiskFile } from '../host/index.ts';
import { readCheckpoint } from './checkpoint-file.ts';
import type { Corruption, GroupLogOptions, OpenedLog, StateCheckpoint } from './contract.ts';
import type { StorageHost } from './host.ts';
import { judgeRest, scanOn, SegmentScan } from './scan.ts';
import { ActiveSegment, rebuildSealed, SealedSegment } from './segment.ts';
import {
  baseOffsetOf,
  checkpointSuffix,
  encodeSegmentHeader,
  indexSuffix,
  logSuffix,
  preparedName,
  readSegmentHeader,
  readTruncation,
  segmentHeaderBytes,
  type SegmentHeader,
  segmentName,
  truncationSlotAt,
} from './segment-format.ts';
import { readSegmentIndex } from './segment-index.ts';
import {
  closeFile,
  closing,
  closingOnFailure,
  CorruptionFound,
  makeDurableDirectory,
  must,
  openFile,
  readAt,
  readWhole,
  removeIfThere,
  syncDirectory,
  syncFile,
  temporarySuffix,
  writeAt,
  writeZeros,
} from './steps.ts';
import { carryOutTruncation } from './truncate.ts';

export interface RecoveredLog {
  readonly sealed: SealedSegment[];
  readonly active: ActiveSegment;
  readonly checkpoint: StateCheckpoint | null;
  readonly cut: OpenedLog['cut'];
  readonly cleanStop: boolean;
}

const copyBytes = 1024 * 1024;

export function* recoverLog(host: StorageHost, options: GroupLogOptions): Task<RecoveredLog> {
  const { disk } = host;
  const directory = options.path;
  yield* makeDurableDirectory(disk, directory);
  const truncated = yield* finishTruncation(host, options);
  const names = yield* must<readonly string[]>((done) => disk.list(directory, done));
  const bases = basesIn(names);
  yield* removeLeftovers(host, directory, names, new Set(bases));
  if (bases.length === 0) {
    const active = yield* createFirstSegment(host, options);
    return { sealed: [], active, checkpoint: null, cut: null, cleanStop: true };
  }

  const lastBase = bases[bases.length - 1] as number;
  const active = yield* openActive(host, options, lastBase);
  const sealed: SealedSegment[] = [];
  let next = active.segment.header;
  for (const base of bases.slice(0, -1).reverse()) {
    const segment = yield* openSealed(host, options, base, next);
    sealed.push(segment);
    next = segment.header;
  }
  sealed.reverse();
  // After a kill the folder's last changes may be in memory only.
  yield* syncDirectory(disk, directory);
  const checkpoint = yield* newestCheckpoint(host, options, sealed);
  const cleanStop = active.clean && !truncated;
  return { sealed, active: active.segment, checkpoint, cut: active.cut, cleanStop };
}

const basesIn = (names: readonly string[]): number[] => names.map((name) => baseOffsetOf(name, logSuffix)).filter((base) => base !== null);

/** Carries out a truncation that a crash interrupted. True if there was one. */
function* finishTruncation(host: StorageHost, options: GroupLogOptions): Task<boolean> {
  const names = yield* must<readonly string[]>((done) => host.disk.list(options.path, done));
  for (const base of basesIn(names)) {
    const path = `${options.path}/${segmentName(base, logSuffix)}`;
    const file = yield* openFile(host.disk, path, 'write');
    // Once it is carried out, later segments are gone.
    if (yield* closing(file, finishInSegment(host, options, path, base, file))) return true;
  }
  return false;
}

function* finishInSegment(host: StorageHost, options: GroupLogOptions, path: string, base: number, file: DiskFile): Task<boolean> {
  const { header, truncation } = yield* readHeader(host, options, path, base, file);
  if (truncation === null) return false;
  yield* carryOutTruncation(host, options.path, header, file, truncation, file.size);
  return true;
}

function* removeLeftovers(host: StorageHost, directory: string, names: readonly string[], bases: ReadonlySet<number>): Task<void> {
  for (const name of names) {
    const derivedFrom = baseOffsetOf(name, indexSuffix) ?? baseOffsetOf(name, checkpointSuffix);
    const orphan = derivedFrom !== null && !bases.has(derivedFrom);
    if (orphan || name === preparedName || name.endsWith(temporarySuffix)) yield* removeIfThere(host.disk, `${directory}/${name}`);
  }
}

function* createFirstSegment(host: StorageHost, options: GroupLogOptions): Task<ActiveSegment> {
  const { disk } = host;
  const header: SegmentHeader = { group: options.group, baseOffset: 0, previousChecksum: 0, salt: host.random.next() };
  const prepared = `${options.path}/${preparedName}`;
  const file = yield* openFile(disk, prepared, 'create');
  yield* writeAt(file, 0, [encodeSegmentHeader(header, host.bytes)]);
  yield* writeZeros(file, segmentHeaderBytes, options.segmentBytesMin);
  yield* syncFile(file);
  yield* closeFile(file);
  return yield* nameSegment(host, options.path, header);
}

/** Gives the prepared file, whose header is written and synced, its place in the log. */
export function* nameSegment(host: StorageHost, directory: string, header: SegmentHeader): Task<ActiveSegment> {
  const path = `${directory}/${segmentName(header.baseOffset, logSuffix)}`;
  yield* must<undefined>((done) => host.disk.rename(`${directory}/${preparedName}`, path, done));
  yield* syncDirectory(host.disk, directory);
  const file = yield* openFile(host.disk, path, 'write');
  return new ActiveSegment(directory, file, new SegmentScan(header));
}

function* readHeader(
  host: StorageHost,
  options: GroupLogOptions,
  path: string,
  base: number,
  file: DiskFile,
): Task<{ readonly header: SegmentHeader; readonly truncation: number | null }> {
  const source = yield* readAt(file, 0, segmentHeaderBytes);
  const header = readSegmentHeader(source, host.bytes);
  if (typeof header === 'string') throw new CorruptionFound({ path, position: 0, expected: 'a segment header', found: header });
  const expected = `a segment of group ${options.group} from offset ${base}`;
  if (header.group !== options.group || header.baseOffset !== base) {
    throw new CorruptionFound({ path, position: 0, expected, found: `one of group ${header.group} from offset ${header.baseOffset}` });
  }
  const truncation = readTruncation(header, source, host.bytes);
  if (truncation === 'damaged')
    throw new CorruptionFound({ path, position: truncationSlotAt, expected: 'a truncation or zeros', found: 'other bytes' });
  return { header, truncation };
}

function* openSealed(host: StorageHost, options: GroupLogOptions, base: number, next: SegmentHeader): Task<SealedSegment> {
  const path = `${options.path}/${segmentName(base, logSuffix)}`;
  const file = yield* openFile(host.disk, path, 'read');
  return yield* closing(file, openSealedFile(host, options, base, next, path, file));
}

function* openSealedFile(
  host: StorageHost,
  options: GroupLogOptions,
  base: number,
  next: SegmentHeader,
  path: string,
  file: DiskFile,
): Task<SealedSegment> {
  const indexPath = `${options.path}/${segmentName(base, indexSuffix)}`;
  const { header } = yield* readHeader(host, options, path, base, file);
  const stored = yield* readWhole(host.disk, indexPath);
  const read = stored === null ? null : readSegmentIndex(stored, options.group, host.bytes);
  let facts = read?.facts ?? null;
  if (facts === null || facts.baseOffset !== base || facts.endOffset !== next.baseOffset || facts.lastChecksum !== next.previousChecksum) {
    facts = (yield* rebuildSealed(host, path, indexPath, header, file, next.baseOffset)).facts;
  }
  const corruption = misfit(path, facts.endPosition, facts.lastChecksum, file.size, next);
  if (corruption !== null) throw new CorruptionFound(corruption);
  return new SealedSegment(host, options.path, header, facts, null);
}

function misfit(path: string, endPosition: number, lastChecksum: number, size: number, next: SegmentHeader): Corruption | null {
  if (endPosition > size) return { path, position: size, expected: `${endPosition} bytes`, found: `${size}` };
  if (lastChecksum !== next.previousChecksum) {
    return { path, position: endPosition, expected: `a last frame that the segment from ${next.baseOffset} chains to`, found: 'another' };
  }
  return null;
}

interface OpenedActive {
  readonly segment: ActiveSegment;
  readonly clean: boolean;
  readonly cut: OpenedLog['cut'];
}

export function* openActive(host: StorageHost, options: GroupLogOptions, base: number): Task<OpenedActive> {
  const path = `${options.path}/${segmentName(base, logSuffix)}`;
  const file = yield* openFile(host.disk, path, 'write');
  return yield* closingOnFailure(file, recoverActive(host, options, base, path, file));
}

function* recoverActive(host: StorageHost, options: GroupLogOptions, base: number, path: string, file: DiskFile): Task<OpenedActive> {
  const { header } = yield* readHeader(host, options, path, base, file);
  const scan = new SegmentScan(header);
  const end = yield* scanOn(scan, file, null, host.bytes);

  let cut: OpenedLog['cut'] = null;
  const rest = yield* judgeRest(header, file, scan.position, host.bytes);
  if (rest.kind === 'laterMark') {
    const { expected, found } = end.kind === 'damaged' ? end : { expected: 'a frame or a mark', found: 'zeros' };
    throw new CorruptionFound({ path, position: scan.position, expected, found });
  }
  if (rest.kind === 'bytes') {
    yield* writeZeros(file, scan.position, file.size);
    cut = { path, position: scan.position, bytes: rest.lastByteTo - scan.position };
  }
  const clean = scan.lastBlock === 'closeMark' && cut === null;
  if (!clean) {
    yield* writeAgain(file, scan.lastMarkPosition, scan.position);
    yield* syncFile(file);
  }
  return { segment: new ActiveSegment(options.path, file, scan), clean, cut };
}

/** Writes a range with its own bytes: what a dead process left in the page cache becomes dirty again, so that the next sync means something. */
function* writeAgain(file: DiskFile, from: number, to: number): Task<void> {
  for (let at = from; at < to; at += copyBytes) {
    const bytes = yield* readAt(file, at, Math.min(copyBytes, to - at));
    yield* writeAt(file, at, [bytes]);
  }
}

function* newestCheckpoint(host: StorageHost, options: GroupLogOptions, sealed: readonly SealedSegment[]): Task<StateCheckpoint | null> {
  for (const segment of sealed.toReversed()) {
    const stored = yield* readWhole(host.disk, `${options.path}/${segmentName(segment.header.baseOffset, checkpointSuffix)}`);
    if (stored === null) continue;
    const { endOffset, lastChecksum } = segment.facts;
    const checkpoint = readCheckpoint(stored, options.group, endOffset, lastChecksum, host.bytes);
    if (checkpoint !== null) return checkpoint;
  }
  return null;
}
