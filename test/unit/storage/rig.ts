/** A storage host on the simulated disk, driven by hand: `run` steps simulated time until the callback has come. */
import { assert } from '../../../src/base/assert.ts';
import { brokerId, type GroupId, groupId, type Offset, offset, type Term, term } from '../../../src/base/branded.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Result } from '../../../src/base/result.ts';
import type { Disk, DiskError, DiskFile } from '../../../src/host/index.ts';
import type { LogBatch } from '../../../src/raft/messages.ts';
import type { Vote } from '../../../src/raft/types.ts';
import { frameBatch, frameChecksum, RecordBatchBuilder } from '../../../src/record/index.ts';
import { SimDisk, type SimDiskOptions } from '../../../src/sim/disk.ts';
import {
  type GroupLog,
  type GroupLogOptions,
  type LogWrite,
  type OpenedLog,
  type OpenFailure,
  openGroupLog,
  type ReadFailure,
  type StorageHost,
} from '../../../src/storage/index.ts';
import { systemBytes as bytes } from '../../../src/system/bytes.ts';

export { bytes };

interface Event {
  readonly atMs: number;
  readonly run: () => void;
}

export class Rig {
  readonly random: SeededRandom;
  host: StorageHost;
  disk: SimDisk;
  #life = 0;
  readonly logged: string[] = [];
  nowMs = 0;
  #events: Event[] = [];

  constructor(seed: number, options: Partial<SimDiskOptions> = {}) {
    this.random = new SeededRandom(seed);
    const scheduler = this.scheduler();
    this.disk = new SimDisk({ random: this.random.fork(), scheduler, ...options });
    this.host = this.hostOf(this.disk);
  }

  /** A rig of its own on a copy of another one's disk, as that stands. */
  static on(disk: SimDisk, seed: number): Rig {
    const rig = new Rig(seed);
    rig.disk = disk.copy(rig.random.fork(), rig.scheduler());
    rig.host = rig.hostOf(rig.disk);
    return rig;
  }

  scheduler(): { schedule: (delayMs: number, run: () => void) => void } {
    return { schedule: (delayMs, run) => void this.#schedule(delayMs, run) };
  }

  /** The machine for one life of a process: what a dead process still does in its last turn reaches nothing. */
  hostOf(disk: Disk): StorageHost {
    const random = this.random.fork();
    const life = this.#life;
    const ifAlive = (call: () => void): void => {
      if (life === this.#life) call();
    };
    const living: Disk = {
      durable: disk.durable,
      makeDirectory: (path, done) => ifAlive(() => disk.makeDirectory(path, done)),
      list: (path, done) => ifAlive(() => disk.list(path, done)),
      status: (path, done) => ifAlive(() => disk.status(path, done)),
      open: (path, mode, done) => ifAlive(() => disk.open(path, mode, done)),
      remove: (path, done) => ifAlive(() => disk.remove(path, done)),
      rename: (from, to, done) => ifAlive(() => disk.rename(from, to, done)),
      syncDirectory: (path, done) => ifAlive(() => disk.syncDirectory(path, done)),
      lock: (path, done) => ifAlive(() => disk.lock(path, done)),
    };
    return {
      disk: living,
      bytes,
      clock: {
        monotonicMs: () => this.nowMs,
        wallMs: () => this.nowMs,
        startTimer: (delayMs, fire) => {
          const event = this.#schedule(delayMs, () => ifAlive(fire));
          return { cancel: () => void (this.#events = this.#events.filter((other) => other !== event)) };
        },
        defer: (run) => void this.#schedule(0, () => ifAlive(run)),
      },
      random: { next: () => random.next(), below: (limit) => random.below(limit), bytes: (length) => new Uint8Array(length) },
      logger: { log: (level, event) => void this.logged.push(`${level} ${event}`) },
    };
  }

  /** Drops everything that is under way, as the end of a process does. */
  crash(how: 'power' | 'kill' = 'power'): void {
    this.#events = [];
    this.#life++;
    if (how === 'power') this.disk.crash();
    else this.disk.kill();
    this.host = this.hostOf(this.disk);
  }

  /** Steps until the callback comes; null when nothing is left to happen, which is what a crash looks like. */
  tryRun<Value>(start: (done: (value: Value) => void) => void, limitMs = Number.POSITIVE_INFINITY): Value | null {
    let found: { readonly value: Value } | null = null;
    start((value) => {
      found = { value };
    });
    const untilMs = this.nowMs + limitMs;
    // A crash during the call itself leaves nothing to step.
    while (found === null && this.step(untilMs));
    return found === null ? null : (found as { readonly value: Value }).value;
  }

  run<Value>(start: (done: (value: Value) => void) => void): Value {
    const value = this.tryRun(start);
    if (value === null) throw new Error('the callback never came');
    return value;
  }

  /** Runs whatever is left for this long. */
  settle(forMs = 10_000): void {
    const untilMs = this.nowMs + forMs;
    while (this.step(untilMs));
  }

  step(untilMs: number): boolean {
    let next: Event | null = null;
    for (const event of this.#events) if (next === null || event.atMs < next.atMs) next = event;
    if (next === null || next.atMs > untilMs) return false;
    this.#events.splice(this.#events.indexOf(next), 1);
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.run();
    return true;
  }

  #schedule(delayMs: number, run: () => void): Event {
    const event = { atMs: this.nowMs + delayMs, run };
    this.#events.push(event);
    return event;
  }

  /** A durable text as brokers wrote it before `twin-text.ts`. */
  writePlain(path: string, text: string): void {
    const checksum = bytes.crc32c(bytes.utf8Encode(text)).toString(16).padStart(8, '0');
    must(this.run<Result<DiskFile, DiskError>>((done) => this.disk.open(path, 'create', done)));
    this.run<Result<undefined, DiskError>>((done) => this.disk.syncDirectory('', done));
    this.disk.overwrite(path, 0, bytes.utf8Encode(`${text}crc32c ${checksum}\n`));
  }

  // ------------------------------------------------------------------------------------------------------------ logs

  tryOpen(options: Partial<GroupLogOptions> = {}): Result<OpenedLog, OpenFailure> {
    return this.run((done) => openGroupLog(this.host, { ...logOptions, ...options }, done));
  }

  startOpen(done: (result: Result<OpenedLog, OpenFailure>) => void, options: Partial<GroupLogOptions> = {}): void {
    openGroupLog(this.host, { ...logOptions, ...options }, done);
  }

  open(options: Partial<GroupLogOptions> = {}): OpenedLog {
    return must(this.tryOpen(options));
  }

  write(log: GroupLog, batches: readonly LogBatch[], truncateTo: number | null = null): void {
    const request: LogWrite = { truncateTo: truncateTo === null ? null : offset(truncateTo), batches };
    must(this.run<Result<undefined, OpenFailure>>((done) => log.write(request, done)));
  }

  tryRead(log: GroupLog, offsetFrom = 0, offsetTo: number = log.endOffset, bytesMax = 2 ** 40): Result<readonly LogBatch[], ReadFailure> {
    return this.run((done) => log.read({ offsetFrom: offset(offsetFrom), offsetTo: offset(offsetTo), bytesMax }, done));
  }

  read(log: GroupLog, offsetFrom = 0, offsetTo: number = log.endOffset, bytesMax = 2 ** 40): readonly LogBatch[] {
    return must(this.tryRead(log, offsetFrom, offsetTo, bytesMax));
  }

  close(log: GroupLog): void {
    this.run<boolean>((done) => log.close(() => done(true)));
    this.settle(10);
  }
}

export const logOptions: GroupLogOptions = {
  group: groupId(7),
  path: 'groups/7',
  segmentBytesMin: 4096,
  segmentBytesMax: 16_384,
  checkpoint: (offsetTo, checksum) => ({ offsetTo, checksum, bytes: bytes.utf8Encode(`state ${offsetTo}`) }),
};

export function must<Value>(result: Result<Value, unknown>): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** Makes the batches that a leader would: contiguous, chained, of the present term. */
export class Leader {
  term: Term = term(1);
  endOffset: Offset = offset(0);
  lastChecksum = 0;
  readonly group: GroupId;
  stampMs = 1_000_000;
  #count = 0;
  #checksumBefore = 0;

  constructor(group: GroupId = logOptions.group) {
    this.group = group;
  }

  batch(recordCount = 1, valueBytes = 20): LogBatch {
    const builder = new RecordBatchBuilder();
    for (let i = 0; i < recordCount; i++) builder.add(this.stampMs, null, bytes.utf8Encode(`${this.#count++}:`.padEnd(valueBytes, 'v')));
    const batch = builder.finish(bytes);
    const fields = { group: this.group, offsetFrom: this.endOffset, term: this.term, stampMs: this.stampMs++, stampCounter: 0 };
    const framed = frameBatch({ ...fields, previousChecksum: this.lastChecksum }, batch, bytes);
    this.endOffset = framed.offsetTo;
    this.#checksumBefore = this.lastChecksum;
    this.lastChecksum = frameChecksum(framed.bytes);
    return framed;
  }

  /** The last batch was not written. */
  takeBack(last: LogBatch): void {
    this.endOffset = last.offsetFrom;
    this.lastChecksum = this.#checksumBefore;
  }

  batches(count: number, recordCount = 1, valueBytes = 20): LogBatch[] {
    return Array.from({ length: count }, () => this.batch(recordCount, valueBytes));
  }

  /** Goes on from the end of what is left after a truncation, in a new term. */
  goBackTo(kept: readonly LogBatch[], newTerm: number): void {
    const last = kept[kept.length - 1];
    this.endOffset = last?.offsetTo ?? offset(0);
    this.lastChecksum = last === undefined ? 0 : frameChecksum(last.bytes);
    this.term = term(newTerm);
  }
}

/** The disk of a killed process with a log of three segments and sixty batches, each write with two of them. */
export function killedLog(options: Partial<GroupLogOptions> = {}): { readonly disk: SimDisk; readonly batches: readonly LogBatch[] } {
  const rig = new Rig(1);
  const { log } = rig.open(options);
  const batches = new Leader().batches(60, 1, 150);
  for (let i = 0; i < 60; i += 2) rig.write(log, batches.slice(i, i + 2));
  rig.settle();
  assert(log.segmentCount === 3, 'the log has three segments');
  rig.crash('kill');
  return { disk: rig.disk, batches };
}

export const vote = (voteTerm: number, votedFor: number | null): Vote => ({
  term: term(voteTerm),
  votedFor: votedFor === null ? null : brokerId(votedFor),
});

/** A host whose disk refuses to read any part of [from, to) of one file. */
export function unreadable(host: StorageHost, path: string, from: number, to: number): StorageHost {
  return readBy(host, (file) => (position, length, done) => {
    const isBad = file.path === path && position < to && position + length > from;
    const reason = 'EIO: i/o error, read';
    if (isBad) host.clock.defer(() => done({ ok: false, error: { code: 'failed', operation: 'read', path, reason } }));
    else file.read(position, length, done);
  });
}

/** The same with other reads. */
export function readBy(host: StorageHost, readOf: (file: DiskFile) => DiskFile['read']): StorageHost {
  const { disk } = host;
  const changed = (file: DiskFile): DiskFile => ({
    path: file.path,
    get size() {
      return file.size;
    },
    read: readOf(file),
    status: (done) => file.status(done),
    write: (position, chunks, done) => file.write(position, chunks, done),
    sync: (done) => file.sync(done),
    truncate: (size, done) => file.truncate(size, done),
    close: (done) => file.close(done),
  });
  const open: Disk['open'] = (opened, mode, done) =>
    disk.open(opened, mode, (result) => done(result.ok ? { ok: true, value: changed(result.value) } : result));
  return { ...host, disk: { ...disk, durable: disk.durable, open } };
}
