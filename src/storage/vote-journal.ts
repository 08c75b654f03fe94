/**
 * Terms and votes of all groups of a broker, in one file with one sync for each write. A vote that is forgotten lets two leaders have one term, so
 * the file is never cut silently: what it cannot explain, it refuses.
 *
 * The file holds everything twice and has its space from the start (`twin-file.ts`), so that writing a vote needs no space on a full disk and no
 * lost page takes a vote back. Each write is a record, in pages of 4 KiB of its own:
 *
 *     at  type  field
 *      0  u32   CRC-32C of [4, end)
 *      4  u8    version, 2
 *      5  u8    kind: 0 some votes changed, 1 snapshot of all votes
 *      6  u16   zero
 *      8  u64   sequence number, from 1, one more for each record
 *     16  u32   count of votes
 *     20  u32   zero
 *     24        votes: u32 group id, u64 term, u32 broker id voted for (0 = nobody)
 *
 * Records follow one another in a half. When it is full, a snapshot opens the other half, over what stood there: older sequence numbers mean
 * nothing any more. Every start writes a snapshot too, which also makes durable what a killed process left in the page cache, and makes two copies
 * of what a damaged page had left one of.
 *
 * Recovery rule. All sectors are tried; one intact copy is enough. The state is the newest snapshot and all records after it, without a gap in the
 * sequence. A gap, or no snapshot at all, is corruption: the broker does not start. Only the newest record can be lost without a trace, if both of
 * its copies are: a write that was torn and never acknowledged, since no single damage reaches both copies.
 *
 * Version 1 had its two copies side by side, in sectors of 512 bytes (the field at 6 told which it was), and two halves in the whole file. A
 * snapshot of this version is written into such a file when it is opened: first its copy in the half that does not hold the newest record, synced, then
 * the other.
 */
import { assert } from '../base/assert.ts';
import { brokerId, groupId, type GroupId, term } from '../base/branded.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import { failed, ok, type Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes, DiskError, DiskFile } from '../host/index.ts';
import type { Vote } from '../raft/index.ts';
import type { GroupVote, OpenFailure, VoteJournal } from './contract.ts';
import type { StorageHost } from './host.ts';
import {
  closeFile,
  closingOnFailure,
  CorruptionFound,
  guard,
  makeDurableDirectory,
  openFile,
  replaceWhole,
  rethrow,
  syncDirectory,
  syncFile,
  writeAt,
} from './steps.ts';
import { parentOf } from './disk-path.ts';
import { copyStartsOf, halfBytesOf, readWhatIsReadable, twinContent, twinFileBytes, wholePages, writeTwice } from './twin-file.ts';

const sectorBytes = 512;
const headBytes = 24;
const voteBytes = 16;
const recordVersion = 2;

type RecordKind = 'change' | 'snapshot';

export interface VoteRecord {
  readonly kind: RecordKind;
  readonly sequence: number;
  readonly votes: readonly GroupVote[];
  /** Of the record as it stands there: 1 or 2. */
  readonly version: number;
}

export interface VoteJournalOptions {
  readonly path: string;
  /** Only on a broker's first start. Later a missing journal is a lost one: refused as corrupt. */
  readonly mayCreate: boolean;
}

export function openVoteJournal(
  host: StorageHost,
  options: VoteJournalOptions,
  done: (result: Result<VoteJournal, OpenFailure>) => void,
): void {
  runTask(() => guard(open(host, options)), done);
}

function* open(host: StorageHost, options: VoteJournalOptions): Task<VoteJournal> {
  const { path } = options;
  const bytes = yield* readWhatIsReadable(host.disk, path);
  if (bytes === null) {
    if (!options.mayCreate) throw new CorruptionFound({ path, position: 0, expected: 'the votes of this broker', found: 'no file' });
    if (parentOf(path) !== '') yield* makeDurableDirectory(host.disk, parentOf(path));
    return yield* create(host, path, 1, new Map());
  }
  // Its name may be in memory only, if the process that made it was killed before it synced the folder.
  yield* syncDirectory(host.disk, parentOf(path));
  const recovered = recover(path, bytes, host.bytes);
  const { votes, sequence } = recovered;
  if (bytes.length < fileBytesFor(votes)) {
    const larger = yield* guard(create(host, path, sequence + 1, votes));
    if (larger.ok) return larger.value;
    const fits = snapshotBytes(votes) <= halfBytesOf(bytes.length);
    if (!fits || larger.error.kind !== 'disk' || larger.error.error.code !== 'noSpace') rethrow(larger.error);
  }
  const file = yield* openFile(host.disk, path, 'write');
  return yield* closingOnFailure(file, openIn(host, path, file, recovered));
}

function* openIn(host: StorageHost, path: string, file: DiskFile, { votes, sequence, version, position }: Recovered): Task<VoteJournal> {
  if (version === recordVersion) {
    const journal = new FileVoteJournal(host, path, file, votes, sequence, halfOf(position, file.size));
    yield* journal.startOtherHalf();
    return journal;
  }
  const record = encodeRecord('snapshot', sequence + 1, asList(votes), host.bytes);
  const [first, second] = copyStartsOf(file.size);
  // What is in force stays where it is until the copy in the other half of the file is synced.
  for (const start of position < second ? [second, first] : [first, second]) {
    yield* writeAt(file, start, [record]);
    yield* syncFile(file);
  }
  return new FileVoteJournal(host, path, file, votes, sequence + 1, 0, record.length);
}

/** Makes a file whose first record is a snapshot; an existing one is replaced as a whole. */
function* create(host: StorageHost, path: string, sequence: number, votes: Map<GroupId, Vote>): Task<FileVoteJournal> {
  const record = encodeRecord('snapshot', sequence, asList(votes), host.bytes);
  yield* replaceWhole(host.disk, path, twinContent(fileBytesFor(votes), record));
  const file = yield* openFile(host.disk, path, 'write');
  return new FileVoteJournal(host, path, file, votes, sequence, 0, record.length);
}

class FileVoteJournal implements VoteJournal {
  readonly #host: StorageHost;
  readonly #path: string;
  #file: DiskFile;
  readonly #votes: Map<GroupId, Vote>;
  #sequence: number;
  #half: number;
  /** Inside the present half. */
  #position: number;
  #writing = false;
  #failure: DiskError | null = null;

  constructor(host: StorageHost, path: string, file: DiskFile, votes: Map<GroupId, Vote>, sequence: number, half: number, position = 0) {
    this.#host = host;
    this.#path = path;
    this.#file = file;
    this.#votes = votes;
    this.#sequence = sequence;
    this.#half = half;
    this.#position = position;
  }

  get votes(): ReadonlyMap<GroupId, Vote> {
    return this.#votes;
  }

  write(votes: readonly GroupVote[], done: (result: Result<undefined, DiskError>) => void): void {
    assert(!this.#writing, 'at most one write of votes is outstanding');
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#host.clock.defer(() => done(failed(failure)));
      return;
    }
    this.#writing = true;
    for (const { group, vote } of votes) {
      const previous = this.#votes.get(group);
      assert(previous === undefined || !goesBack(previous, vote), 'a term never goes back and a vote never changes within a term');
      this.#votes.set(group, vote);
    }
    runTask(
      () => guard(this.#append(votes)),
      (result) => {
        this.#writing = false;
        if (result.ok) {
          done(ok(undefined));
          return;
        }
        assert(result.error.kind !== 'corrupt', 'writing votes reads nothing');
        this.#failure = result.error.error;
        done(failed(this.#failure));
      },
    );
  }

  close(done: () => void): void {
    this.#file.close(() => done());
  }

  *#append(votes: readonly GroupVote[]): Task<void> {
    const record = encodeRecord('change', this.#sequence + 1, votes, this.#host.bytes);
    if (this.#position + record.length > halfBytesOf(this.#file.size)) yield* this.startOtherHalf();
    else yield* this.#store(record);
  }

  /** Writes all votes at the start of the other half; before they outgrow it, a larger file replaces this one. */
  *startOtherHalf(): Task<void> {
    const record = encodeRecord('snapshot', this.#sequence + 1, asList(this.#votes), this.#host.bytes);
    const halfBytes = halfBytesOf(this.#file.size);
    if (record.length * 2 > halfBytes) {
      const replaced = yield* guard(this.#growFor(record));
      if (replaced.ok) return;
      // There is time to find space as long as they fit; not once the new file has the name, for nobody would find what is written to this one.
      if (!isNotReplaced(replaced.error) || record.length > halfBytes) rethrow(replaced.error);
    }
    this.#half = 1 - this.#half;
    this.#position = 0;
    yield* this.#store(record);
  }

  *#growFor(snapshot: Uint8Array): Task<void> {
    yield* replaceWhole(this.#host.disk, this.#path, twinContent(fileBytesFor(this.#votes), snapshot));
    yield* closeFile(this.#file);
    this.#file = yield* openFile(this.#host.disk, this.#path, 'write');
    this.#half = 0;
    this.#position = snapshot.length;
    this.#sequence++;
  }

  *#store(record: Uint8Array): Task<void> {
    const position = this.#half * halfBytesOf(this.#file.size) + this.#position;
    this.#position += record.length;
    this.#sequence++;
    yield* writeTwice(this.#file, position, record);
  }
}

/** There was no space for the new file, and the old one is in its place still. */
const isNotReplaced = (failure: OpenFailure): boolean =>
  failure.kind === 'disk' && failure.error.code === 'noSpace' && failure.error.operation !== 'syncDirectory';

function goesBack(previous: Vote, vote: Vote): boolean {
  if (vote.term !== previous.term) return vote.term < previous.term;
  return previous.votedFor !== null && previous.votedFor !== vote.votedFor;
}

const asList = (votes: ReadonlyMap<GroupId, Vote>): GroupVote[] => Array.from(votes, ([group, vote]) => ({ group, vote }));
const recordBytes = (count: number): number => wholePages(headBytes + count * voteBytes);
const snapshotBytes = (votes: ReadonlyMap<GroupId, Vote>): number => recordBytes(votes.size);
/** So large that the votes may become four times as many. */
const fileBytesFor = (votes: ReadonlyMap<GroupId, Vote>): number => twinFileBytes(snapshotBytes(votes) * 4);

function encodeRecord(kind: RecordKind, sequence: number, votes: readonly GroupVote[], bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(recordBytes(votes.length));
  const view = viewOf(encoded);
  view.setUint8(4, recordVersion);
  view.setUint8(5, kind === 'snapshot' ? 1 : 0);
  writeU64(view, 8, sequence);
  view.setUint32(16, votes.length);
  let at = headBytes;
  for (const { group, vote } of votes) {
    view.setUint32(at, group);
    writeU64(view, at + 4, vote.term);
    view.setUint32(at + 12, vote.votedFor ?? 0);
    at += voteBytes;
  }
  view.setUint32(0, bytes.crc32c(encoded.subarray(4, at)));
  return encoded;
}

export function readVoteRecord(source: Uint8Array, from: number, bytes: Bytes): VoteRecord | null {
  if (source.length - from < headBytes) return null;
  const view = new DataView(source.buffer, source.byteOffset + from);
  const count = view.getUint32(16);
  const end = headBytes + count * voteBytes;
  const version = view.getUint8(4);
  if ((version !== 1 && version !== recordVersion) || end > source.length - from) return null;
  if (view.getUint32(0) !== bytes.crc32c(source.subarray(from + 4, from + end))) return null;
  const sequence = readU64(view, 8);
  if (sequence === null || sequence < 1) return null;
  const votes: GroupVote[] = [];
  for (let at = headBytes; at < end; at += voteBytes) {
    const votedFor = view.getUint32(at + 12);
    const voteTerm = readU64(view, at + 4);
    if (voteTerm === null || view.getUint32(at) < 1) return null;
    votes.push({
      group: groupId(view.getUint32(at)),
      vote: { term: term(voteTerm), votedFor: votedFor === 0 ? null : brokerId(votedFor) },
    });
  }
  return { kind: view.getUint8(5) === 1 ? 'snapshot' : 'change', sequence, votes, version };
}

interface Recovered {
  readonly votes: Map<GroupId, Vote>;
  readonly sequence: number;
  /** Of the newest record: its version, and where one of its copies stands. */
  readonly version: number;
  readonly position: number;
}

const halfOf = (position: number, fileBytes: number): number => (position % (fileBytes / 2) < halfBytesOf(fileBytes) ? 0 : 1);

interface FoundRecord {
  readonly record: VoteRecord;
  readonly position: number;
}

function recover(path: string, source: Uint8Array, bytes: Bytes): Recovered {
  const records = new Map<number, FoundRecord>();
  let newest = 0;
  let snapshot = 0;
  for (let position = 0; position < source.length; position += sectorBytes) {
    const record = readVoteRecord(source, position, bytes);
    if (record === null) continue;
    records.set(record.sequence, { record, position });
    newest = Math.max(newest, record.sequence);
    if (record.kind === 'snapshot') snapshot = Math.max(snapshot, record.sequence);
  }
  if (snapshot === 0) throw new CorruptionFound({ path, position: 0, expected: 'a snapshot of the votes', found: 'none that is intact' });

  const votes = new Map<GroupId, Vote>();
  for (let sequence = snapshot; sequence <= newest; sequence++) {
    const found = records.get(sequence);
    if (found === undefined) {
      const position = records.get(sequence - 1)?.position ?? 0;
      throw new CorruptionFound({
        path,
        position,
        expected: `record ${sequence} behind this one`,
        found: `only later ones, up to ${newest}`,
      });
    }
    for (const { group, vote } of found.record.votes) votes.set(group, vote);
  }
  const last = records.get(newest) as FoundRecord;
  return { votes, sequence: newest, version: last.record.version, position: last.position };
}
