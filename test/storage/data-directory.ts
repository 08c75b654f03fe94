/**
 * What a broker keeps beside others: an identity, votes and one log, driven by hand on a recorded disk, one call after another. `acknowledged` tells what
 * was promised at every moment, and what was under way.
 */
import { groupId, offset } from '../../src/base/branded.ts';
import { noDisk } from '../../src/base/life.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Result } from '../../src/base/result.ts';
import type { LogBatch } from '../../src/raft/messages.ts';
import type { Vote } from '../../src/raft/types.ts';
import { frameChecksum } from '../../src/record/index.ts';
import {
  createIdentity,
  type GroupLogOptions,
  type GroupLog,
  openGroupLog,
  openVoteJournal,
  startIdentity,
  type StorageHost,
  type VoteJournal,
} from '../../src/storage/index.ts';
import { bytes, Leader, logOptions, must, Rig, vote } from '../unit/storage/rig.ts';
import { type Left, RecordedDisk } from './recorded-disk.ts';

export const votesPath = 'votes';
export const group = groupId(7);

/** What must be found: everything of `kept`, continued by any part of `next`. */
export interface Promise {
  readonly log: readonly LogBatch[];
  readonly logStart: number;
  readonly vote: Vote | null;
  readonly incarnation: number | null;
}

export interface Step {
  readonly kind: 'open' | 'identity' | 'vote' | 'append' | 'truncate' | 'trim' | 'mark';
  readonly before: Promise;
  readonly after: Promise;
  readonly truncateTo: number | null;
  /** The log begins at this offset at the latest. */
  readonly startMax: number;
  readonly began: number;
  ended: number;
}

export const options: GroupLogOptions = {
  ...logOptions,
  group,
  path: 'groups/7',
  segmentBytesMin: 4096,
  segmentBytesMax: 8192,
};

/** The state that a checkpoint must hold: derived from the log below it, so that a state of another place does not fit. */
export function stateOf(log: readonly LogBatch[], offsetTo: number): Uint8Array {
  const below = log.filter((batch) => batch.offsetTo <= offsetTo);
  const last = below[below.length - 1];
  return bytes.utf8Encode(`${offsetTo} ${last === undefined ? 0 : frameChecksum(last.bytes)}`);
}

/** A host on any disk, driven by a rig of its own. */
export function hostOn(seed: number, left?: Left): { readonly rig: Rig; readonly disk: RecordedDisk; readonly host: StorageHost } {
  const rig = new Rig(seed);
  const disk = new RecordedDisk((delayMs, run) => rig.scheduler().schedule(delayMs, run), seed, left);
  return { rig, disk, host: rig.hostOf(disk) };
}

const nothing: Promise = { log: [], logStart: 0, vote: null, incarnation: null };

/** One life of a data directory: made, used, now and then closed and opened again. */
export class RecordedRun {
  readonly disk: RecordedDisk;
  readonly steps: Step[] = [];
  readonly #rig: Rig;
  readonly #host: StorageHost;
  readonly #random: SeededRandom;
  readonly #leader = new Leader(group);
  #now: Promise = nothing;
  /** No cut goes below it. */
  #committedTo = 0;
  #term = 1;

  constructor(seed: number, stepCount: number) {
    const { rig, disk, host } = hostOn(seed);
    this.disk = disk;
    this.#rig = rig;
    this.#host = host;
    this.#random = new SeededRandom(seed);
    const identity = { clusterId: '0'.repeat(32), brokerId: 1, disk: '1'.repeat(32), incarnation: 1 };
    let journal = must(rig.run<Result<VoteJournal, unknown>>((done) => openVoteJournal(host, { path: votesPath, mayCreate: true }, done)));
    this.#step('identity', { ...nothing, incarnation: 1 }, null, (done) => createIdentity(host, identity, done));
    let log = this.#openLog();
    for (let i = 0; i < stepCount; i++) {
      if (this.#random.chance(0.04)) {
        rig.close(log);
        rig.run<boolean>((done) => journal.close(() => done(true)));
        this.#step('identity', { ...this.#now, incarnation: (this.#now.incarnation ?? 0) + 1 }, null, (done) =>
          startIdentity(host, noDisk, done),
        );
        journal = must(rig.run<Result<VoteJournal, unknown>>((done) => openVoteJournal(host, { path: votesPath, mayCreate: false }, done)));
        log = this.#openLog();
      }
      this.#work(log, journal);
    }
  }

  #openLog(): GroupLog {
    // Only of what is never cut, as of committed records.
    const checkpoint: GroupLogOptions['checkpoint'] = (offsetTo, checksum) => {
      if (this.#random.chance(0.3)) return null;
      this.#committedTo = Math.max(this.#committedTo, offsetTo);
      return { offsetTo, checksum, bytes: stateOf(this.#now.log, offsetTo) };
    };
    return must(
      this.#rig.run<Result<{ readonly log: GroupLog }, unknown>>((done) => openGroupLog(this.#host, { ...options, checkpoint }, done)),
    ).log;
  }

  #work(log: GroupLog, journal: VoteJournal): void {
    const kind = this.#random.below(24);
    if (kind < 3) {
      const next = vote(++this.#term, this.#random.below(3) || null);
      this.#step('vote', { ...this.#now, vote: next }, null, (done) => journal.write([{ group, vote: next }], done));
    } else if (kind === 3) {
      this.#step('mark', this.#now, null, (done) => log.mark(done));
    } else if (kind === 4 && this.#now.log.length > 12) {
      const to = this.#now.log[this.#random.below(this.#now.log.length)]?.offsetFrom ?? 0;
      this.#step('trim', this.#now, null, (done) => log.deleteBefore(offset(to), done), to);
      this.#now = { ...this.#now, logStart: log.logStartOffset };
    } else {
      this.#write(log, kind > 20);
    }
    if (this.#random.chance(0.2)) this.#rig.settle(this.#random.below(4));
  }

  #write(log: GroupLog, isCut: boolean): void {
    const held = this.#now.log.filter((batch) => batch.offsetFrom >= log.logStartOffset);
    let kept = held;
    let truncateTo: number | null = null;
    if (isCut && held.length > 4) {
      const count = held.length - this.#random.between(1, this.#random.chance(0.3) ? held.length - 1 : 4);
      kept = held.filter((batch, index) => index < count || batch.offsetTo <= this.#committedTo);
      truncateTo = kept[kept.length - 1]?.offsetTo ?? 0;
      this.#leader.goBackTo(kept, this.#leader.term + 1);
    }
    const count = isCut && this.#random.chance(0.3) ? 0 : this.#random.between(1, 5);
    const batches = this.#leader.batches(
      count,
      this.#random.between(1, 3),
      this.#random.chance(0.08) ? 3000 : this.#random.between(5, 400),
    );
    const all = [...this.#now.log.filter((batch) => truncateTo === null || batch.offsetTo <= truncateTo), ...batches];
    const request = { truncateTo: truncateTo === null ? null : offset(truncateTo), batches };
    this.#step(isCut ? 'truncate' : 'append', { ...this.#now, log: all }, truncateTo, (done) => {
      // Segments that the write fills are sealed while it runs: their state includes it.
      this.#now = { ...this.#now, log: all };
      log.write(request, done);
    });
  }

  #step(
    kind: Step['kind'],
    after: Promise,
    truncateTo: number | null,
    call: (done: (result: Result<unknown, unknown>) => void) => void,
    startMax = this.#now.logStart,
  ): void {
    const step: Step = { kind, before: this.#now, after, truncateTo, startMax, began: this.disk.now, ended: Number.POSITIVE_INFINITY };
    this.steps.push(step);
    must(this.#rig.run<Result<unknown, unknown>>(call));
    step.ended = this.disk.now;
    this.#now = after;
  }

  /** The step that a crash at this time would have met, or the last one before it. */
  stepAt(time: number): Step | null {
    return this.steps.findLast((step) => step.began < time) ?? null;
  }
}
