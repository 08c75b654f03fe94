/**
 * Opening a log: which segments there are, whether they are one log without a gap, where the active one ends. The rule for damage stands in
 * `segment-format.ts`. Sealed segments are not read: their index file says what open needs, and every later read verifies. So the time to open
 * grows with the active segment, not with the log.
 */
import { firstTerm } from '../base/branded.ts';
import type { Result } from '../base/result.ts';
import { sideBySide, type Task } from '../base/task.ts';
import type { DiskFile } from '../host/index.ts';
import { readCheckpoint, segmentStateVersion, stateVersion } from './checkpoint-file.ts';
import type { Corruption, GroupLogOptions, OpenedLog, OpenFailure, StateCheckpoint } from './contract.ts';
import type { StorageHost } from './host.ts';
import { judgeRest, scanOn, SegmentScan } from './scan.ts';
import { ActiveSegment, readDerived, rebuildSealed, SealedSegment } from './segment.ts';
import {
  baseOffsetOf,
  encodeSegmentHeader,
  encodeSynced,
  indexSuffix,
  logSuffix,
  preparedName,
  readSegmentHeader,
  readSynced,
  readTruncation,
  segmentHeaderBytes,
  type SegmentHeader,
  segmentName,
  segmentStateSuffix,
  stateSuffix,
  syncedSlotAt,
} from './segment-format.ts';
import { removedName, removeLog } from './removal.ts';
import { lastTermOf, readSegmentIndex, type SegmentFacts } from './segment-index.ts';
import {
  closeFile,
  closing,
  closingOnFailure,
  CorruptionFound,
  createFile,
  guard,
  listNames,
  makeDurableDirectory,
  must,
  openFile,
  readAt,
  removeIfThere,
  rethrow,
  syncDirectory,
  syncFile,
  temporarySuffix,
  writeAt,
  writeZeros,
} from './steps.ts';
import { carryOutTruncation, clearTruncation, isTruncationOver } from './truncate.ts';

export interface RecoveredLog {
  readonly sealed: SealedSegment[];
  readonly active: ActiveSegment;
  readonly checkpoint: StateCheckpoint | null;
  /** Offsets of the state files that are there, ascending; of those that are not `checkpoint` it is not known whether they are intact. */
  readonly states: readonly number[];
  /** `checkpoint` is one of them, and so outlives its segment. */
  readonly isStateFile: boolean;
  readonly cut: OpenedLog['cut'];
  readonly cleanStop: boolean;
}

const copyBytes = 1024 * 1024;
/** Segments looked at together: a log of 10 GB has hundreds, and each costs a few calls of the disk. */
const segmentsAtOnce = 16;

export function* recoverLog(host: StorageHost, options: GroupLogOptions): Task<RecoveredLog> {
  const { disk } = host;
  const directory = options.path;
  yield* makeDurableDirectory(disk, directory);
  const listed = yield* listNames(disk, directory);
  if (listed.includes(removedName)) yield* removeLog(disk, directory);
  const { truncated, found } = yield* finishTruncation(host, options);
  const names = yield* listNames(disk, directory);
  const bases = basesIn(names);
  yield* removeLeftovers(host, directory, names, new Set(bases));
  if (bases.length === 0) {
    const active = yield* createFirstSegment(host, options);
    return { sealed: [], active, checkpoint: null, states: [], isStateFile: false, cut: null, cleanStop: true };
  }

  const lastBase = bases[bases.length - 1] as number;
  const active = yield* openActive(host, options, lastBase);
  const sealed = yield* openAllSealed(host, options, bases.slice(0, -1), active.segment.header, found);
  // An empty segment whose header is of version 1 does not say it.
  const { scan } = active.segment;
  const last = sealed.at(-1);
  if (scan.lastTerm === firstTerm && last !== undefined) scan.lastTerm = lastTermOf(last.facts);
  // After a kill the folder's last changes may be in memory only.
  yield* syncDirectory(disk, directory);
  const states = names.map((name) => baseOffsetOf(name, stateSuffix)).filter((at) => at !== null);
  const logStartOffset = bases[0] as number;
  const state = yield* newestState(host, options, states, logStartOffset, active.segment.scan.endOffset);
  const checkpoint = state ?? (yield* newestSegmentState(host, options, sealed));
  const cleanStop = active.clean && !truncated;
  return { sealed, active: active.segment, checkpoint, states, isStateFile: state !== null, cut: active.cut, cleanStop };
}

const basesIn = (names: readonly string[]): number[] => names.map((name) => baseOffsetOf(name, logSuffix)).filter((base) => base !== null);

interface FoundSegment {
  readonly header: SegmentHeader;
  readonly truncation: number | null;
  readonly sizeBytes: number;
}

/** Headers of all segments, by base offset; carries out a truncation that a crash interrupted. */
function* finishTruncation(
  host: StorageHost,
  options: GroupLogOptions,
): Task<{ readonly truncated: boolean; readonly found: ReadonlyMap<number, FoundSegment> }> {
  const names = yield* listNames(host.disk, options.path);
  const bases = basesIn(names);
  const looks = yield* sideBySide(
    bases.map((base) => () => guard(lookAt(host, options, base))),
    segmentsAtOnce,
  );
  const found = new Map<number, FoundSegment>();
  for (const [index, base] of bases.entries()) {
    const segment = unwrap(looks[index] as Result<FoundSegment, OpenFailure>);
    found.set(base, segment);
    if (segment.truncation === null) continue;
    const path = `${options.path}/${segmentName(base, logSuffix)}`;
    const file = yield* openFile(host.disk, path, 'write');
    // Later segments are gone where one is carried out.
    if (yield* closing(file, finishIn(host, options, segment, file, segment.truncation))) return { truncated: true, found };
  }
  return { truncated: false, found };
}

/** False for a truncation that was finished before. */
function* finishIn(host: StorageHost, options: GroupLogOptions, segment: FoundSegment, file: DiskFile, position: number): Task<boolean> {
  const { header, sizeBytes } = segment;
  if (yield* isTruncationOver(header, file, position, host.bytes)) {
    yield* clearTruncation(file);
    return false;
  }
  yield* carryOutTruncation(host, options.path, header, file, position, sizeBytes);
  return true;
}

function* lookAt(host: StorageHost, options: GroupLogOptions, base: number): Task<FoundSegment> {
  const path = `${options.path}/${segmentName(base, logSuffix)}`;
  const file = yield* openFile(host.disk, path, 'read');
  const { header, truncation } = yield* closing(file, readHeader(host, options, path, base, file));
  return { header, truncation, sizeBytes: file.size };
}

function unwrap<Value>(result: Result<Value, OpenFailure>): Value {
  return result.ok ? result.value : rethrow(result.error);
}

function* removeLeftovers(host: StorageHost, directory: string, names: readonly string[], bases: ReadonlySet<number>): Task<void> {
  for (const name of names) {
    const derivedFrom = baseOffsetOf(name, indexSuffix) ?? baseOffsetOf(name, segmentStateSuffix);
    const orphan = derivedFrom !== null && !bases.has(derivedFrom);
    if (orphan || name === preparedName || name.endsWith(temporarySuffix)) yield* removeIfThere(host.disk, `${directory}/${name}`);
  }
}

function* createFirstSegment(host: StorageHost, options: GroupLogOptions): Task<ActiveSegment> {
  const { disk } = host;
  const header: SegmentHeader = {
    group: options.group,
    baseOffset: 0,
    previousChecksum: 0,
    previousTerm: firstTerm,
    salt: host.random.next(),
  };
  const prepared = `${options.path}/${preparedName}`;
  const file = yield* createFile(disk, prepared);
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
  return new ActiveSegment(host, directory, file, new SegmentScan(header));
}

function* readHeader(
  host: StorageHost,
  options: GroupLogOptions,
  path: string,
  base: number,
  file: DiskFile,
): Task<{ readonly header: SegmentHeader; readonly truncation: number | null; readonly syncedBefore: number | null }> {
  const source = yield* readAt(file, 0, segmentHeaderBytes);
  const header = readSegmentHeader(source, host.bytes);
  if (typeof header === 'string') throw new CorruptionFound({ path, position: 0, expected: 'a segment header', found: header });
  const expected = `a segment of group ${options.group} from offset ${base}`;
  if (header.group !== options.group || header.baseOffset !== base) {
    throw new CorruptionFound({ path, position: 0, expected, found: `one of group ${header.group} from offset ${header.baseOffset}` });
  }
  return { header, truncation: readTruncation(header, source, host.bytes), syncedBefore: readSynced(header, source, host.bytes) };
}

/** Of several damaged ones the last is told: it would have been met first by whoever follows the log back from its end. */
function* openAllSealed(
  host: StorageHost,
  options: GroupLogOptions,
  bases: readonly number[],
  activeHeader: SegmentHeader,
  found: ReadonlyMap<number, FoundSegment>,
): Task<SealedSegment[]> {
  const segments = bases.map((base) => found.get(base) as FoundSegment);
  const opened = yield* sideBySide(
    segments.map((segment, index) => () => guard(openSealed(host, options, segment, segments[index + 1]?.header ?? activeHeader))),
    segmentsAtOnce,
  );
  return opened.toReversed().map(unwrap).reverse();
}

function* openSealed(host: StorageHost, options: GroupLogOptions, segment: FoundSegment, next: SegmentHeader): Task<SealedSegment> {
  const { header, sizeBytes } = segment;
  const base = header.baseOffset;
  const path = `${options.path}/${segmentName(base, logSuffix)}`;
  const indexPath = `${options.path}/${segmentName(base, indexSuffix)}`;
  const stored = yield* readDerived(host, indexPath);
  const read = stored === null ? null : readSegmentIndex(stored, options.group, host.bytes);
  let facts = read?.facts ?? null;
  if (facts === null || facts.baseOffset !== base || facts.endOffset !== next.baseOffset || facts.lastChecksum !== next.previousChecksum) {
    const file = yield* openFile(host.disk, path, 'read');
    facts = (yield* closing(file, rebuildSealed(host, path, indexPath, header, file, next.baseOffset))).facts;
  }
  const corruption = misfit(path, facts, sizeBytes, next);
  if (corruption !== null) throw new CorruptionFound(corruption);
  return new SealedSegment(host, options.path, header, facts, null);
}

function misfit(path: string, facts: SegmentFacts, size: number, next: SegmentHeader): Corruption | null {
  const { endPosition, lastChecksum } = facts;
  if (endPosition > size) return { path, position: size, expected: `${endPosition} bytes`, found: `${size}` };
  if (lastChecksum !== next.previousChecksum) {
    return { path, position: endPosition, expected: `a last frame that the segment from ${next.baseOffset} chains to`, found: 'another' };
  }
  const lastTerm = lastTermOf(facts);
  if (next.previousTerm !== firstTerm && next.previousTerm !== lastTerm) {
    return { path, position: endPosition, expected: `a last frame of term ${next.previousTerm}`, found: `one of term ${lastTerm}` };
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
  const { header, syncedBefore } = yield* readHeader(host, options, path, base, file);
  const scan = new SegmentScan(header);
  const end = yield* scanOn(scan, file, null, host.bytes);

  let cut: OpenedLog['cut'] = null;
  const rest = yield* judgeRest(header, file, scan.position, host.bytes);
  if (rest.kind === 'laterMark' || scan.position < (syncedBefore ?? 0)) {
    const { expected, found } = end.kind === 'damaged' ? end : { expected: 'a frame or a mark', found: 'zeros' };
    throw new CorruptionFound({ path, position: scan.position, expected, found });
  }
  if (rest.kind === 'bytes') {
    yield* writeZeros(file, scan.position, file.size);
    cut = { path, position: scan.position, bytes: rest.lastByteTo - scan.position };
  }
  const clean = scan.lastBlock === 'closeMark' && cut === null;
  // A closing mark too: it was written, and whether it was synced nobody knows; a sealed segment ends behind it.
  yield* writeAgain(file, scan.lastMarkPosition, scan.position);
  if (scan.lastMarkPosition > (syncedBefore ?? segmentHeaderBytes))
    yield* writeAt(file, syncedSlotAt, [encodeSynced(header, scan.lastMarkPosition, host.bytes)]);
  yield* syncFile(file);
  return { segment: new ActiveSegment(host, options.path, file, scan), clean, cut };
}

/** Writes a range with its own bytes: what a dead process left in the page cache becomes dirty again, so that the next sync means something. */
function* writeAgain(file: DiskFile, from: number, to: number): Task<void> {
  for (let at = from; at < to; at += copyBytes) {
    const bytes = yield* readAt(file, at, Math.min(copyBytes, to - at));
    yield* writeAt(file, at, [bytes]);
  }
}

/** What it covers was synced before it was made, so a log that ends below it has lost what others may have been told is there. */
function* newestState(
  host: StorageHost,
  options: GroupLogOptions,
  states: readonly number[],
  logStartOffset: number,
  endOffset: number,
): Task<StateCheckpoint | null> {
  for (const at of states.toReversed()) {
    const path = `${options.path}/${segmentName(at, stateSuffix)}`;
    const stored = yield* readDerived(host, path);
    const state = stored === null ? null : readCheckpoint(stored, options.group, stateVersion, at, host.bytes);
    if (state === null || at < logStartOffset) continue;
    if (at <= endOffset) return state;
    throw new CorruptionFound({ path, position: 0, expected: `a log that reaches offset ${at}`, found: `one that ends at ${endOffset}` });
  }
  return null;
}

/** From before there were state files. */
function* newestSegmentState(host: StorageHost, options: GroupLogOptions, sealed: readonly SealedSegment[]): Task<StateCheckpoint | null> {
  for (const segment of sealed.toReversed()) {
    const stored = yield* readDerived(host, `${options.path}/${segmentName(segment.header.baseOffset, segmentStateSuffix)}`);
    if (stored === null) continue;
    const { endOffset, lastChecksum } = segment.facts;
    const state = readCheckpoint(stored, options.group, segmentStateVersion, endOffset, host.bytes);
    if (state !== null && state.checksum === lastChecksum) return state;
  }
  return null;
}
