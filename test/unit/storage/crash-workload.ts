/**
 * A random life of one log on a disk that loses power (or a process that is killed) at a chosen host call, and what must be found afterwards: a log
 * that is the acknowledged one, continued by some of what was being written, or on its way to the truncation that was asked for.
 */
import { assert } from '../../../src/base/assert.ts';
import { offset } from '../../../src/base/branded.ts';
import type { SeededRandom } from '../../../src/base/random.ts';
import type { Result } from '../../../src/base/result.ts';
import type { LogBatch } from '../../../src/raft/messages.ts';
import { frameChecksum, previousChecksum, verifyFrame } from '../../../src/record/index.ts';
import type { CallPhase, DiskOperation } from '../../../src/sim/disk.ts';
import type { GroupLog, GroupLogOptions, OpenedLog, OpenFailure } from '../../../src/storage/index.ts';
import { bytes, Leader, Rig } from './rig.ts';

type Outcome = Result<undefined, OpenFailure>;

interface InFlight {
  readonly truncateTo: number | null;
  readonly batches: readonly LogBatch[];
  /** A removal of old segments was under way: the log may begin at any segment up to here. */
  readonly deleteBefore: number | null;
}

const nothing: InFlight = { truncateTo: null, batches: [], deleteBefore: null };

export class CrashWorkload {
  readonly rig: Rig;
  readonly random: SeededRandom;
  readonly leader = new Leader();
  /** What `write` has acknowledged, from `startMin` on. */
  acknowledged: LogBatch[] = [];
  inFlight: InFlight = nothing;
  #term = 1;
  acknowledgedCount = 0;
  /** No cut goes below it. */
  committedTo = 0;
  /** Crashes by what was under way, for coverage. */
  readonly reached = new Map<string, number>();

  constructor(rig: Rig) {
    this.rig = rig;
    this.random = rig.random.fork();
  }

  /** Crashes at the n-th host call from now, in that phase. */
  armCrash(callIndex: number, phase: CallPhase, how: 'power' | 'kill'): void {
    let seen = 0;
    this.rig.disk.onCall = (operation: DiskOperation, _path, at) => {
      if (at === 'before') seen++;
      if (seen < callIndex || at !== phase) return;
      this.rig.disk.onCall = null;
      this.#note(`${operation} ${phase}`);
      if (this.inFlight.truncateTo !== null) this.#note('truncating');
      if (this.inFlight.deleteBefore !== null) this.#note('deleting');
      this.rig.crash(how);
    };
  }

  #note(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  /** One life: opens, checks, works until the crash comes. Null once it was checked that the log could be opened and then was cut off. */
  live(steps: number): void {
    const opened = this.rig.tryRun<ReturnType<Rig['tryOpen']>>((done) => this.#open(done));
    if (opened === null) {
      this.#note('opening');
      return;
    }
    assert(opened.ok, `the log opens again: ${JSON.stringify(opened)}`);
    if (!this.check(opened.value)) return;
    for (let step = 0; step < steps; step++) {
      if (!this.#step(opened.value.log)) return;
    }
    this.rig.disk.onCall = null;
    this.rig.crash(this.random.pick(['power', 'kill'] as const));
  }

  #open(done: (value: ReturnType<Rig['tryOpen']>) => void): void {
    // Only of what is never cut, as of committed records.
    const checkpoint: GroupLogOptions['checkpoint'] = (sealedTo, checksum) => {
      if (this.random.chance(0.5)) return null;
      this.committedTo = Math.max(this.committedTo, sealedTo);
      return { offsetTo: sealedTo, checksum, bytes: bytes.utf8Encode(`state ${sealedTo}`) };
    };
    this.rig.startOpen(done, { checkpoint });
  }

  #step(log: GroupLog): boolean {
    const kind = this.random.below(20);
    if (kind === 0) return this.#ask(log, { ...nothing }, (done) => log.mark(done));
    if (kind === 1 && log.logStartOffset < log.endOffset) {
      const before = this.random.between(log.logStartOffset, log.endOffset);
      return this.#ask(log, { ...nothing, deleteBefore: before }, (done) => log.deleteBefore(offset(before), done));
    }
    if (kind === 2) this.rig.settle(this.random.below(5));
    let truncateTo: number | null = null;
    if (kind >= 16 && this.acknowledged.length > 0) {
      const keep = this.random.chance(0.3)
        ? this.random.below(this.acknowledged.length)
        : Math.max(0, this.acknowledged.length - this.random.between(1, 4));
      const cutTo = (this.acknowledged[keep] as LogBatch).offsetFrom;
      if (cutTo >= this.committedTo) {
        truncateTo = cutTo;
        this.leader.goBackTo(this.acknowledged.slice(0, keep), ++this.#term);
        if (keep === 0) this.#chainTo(this.acknowledged[0] as LogBatch);
      }
    }
    const count = truncateTo !== null && this.random.chance(0.3) ? 0 : this.random.between(1, 6);
    const batches = Array.from({ length: count }, () => this.leader.batch(this.random.between(1, 3), this.#valueBytes()));
    const request = { truncateTo: truncateTo === null ? null : offset(truncateTo), batches };
    return this.#ask(log, { truncateTo, batches, deleteBefore: null }, (done) => log.write(request, done));
  }

  #valueBytes(): number {
    const kind = this.random.below(12);
    return kind === 0 ? this.random.between(2000, 6000) : this.random.between(5, 400);
  }

  /** A log whose beginning was removed is cut back to its very start: the chain goes on from the removed frame. */
  #chainTo(first: LogBatch): void {
    this.leader.endOffset = first.offsetFrom;
    this.leader.lastChecksum = previousChecksum(first.bytes);
  }

  #ask(log: GroupLog, inFlight: InFlight, call: (done: (result: Outcome) => void) => void): boolean {
    this.inFlight = inFlight;
    const result = this.rig.tryRun<Outcome>(call);
    if (result === null) return false;
    assert(result.ok, `a call succeeds: ${JSON.stringify(result)}`);
    if (inFlight.truncateTo !== null)
      this.acknowledged = this.acknowledged.filter((batch) => batch.offsetTo <= (inFlight.truncateTo as number));
    this.acknowledged.push(...inFlight.batches);
    this.acknowledgedCount += inFlight.batches.length;
    this.acknowledged = this.acknowledged.filter((batch) => batch.offsetFrom >= log.logStartOffset);
    this.inFlight = nothing;
    assert(log.syncedOffset === log.endOffset, 'after a write everything is synced');
    return true;
  }

  /** False if the crash came during the check. */
  check(opened: OpenedLog): boolean {
    const { log, checkpoint } = opened;
    const result = this.rig.tryRun<ReturnType<Rig['tryRead']>>((done) =>
      log.read({ offsetFrom: log.logStartOffset, offsetTo: log.endOffset, bytesMax: 2 ** 40 }, done),
    );
    if (result === null) return false;
    assert(result.ok, `the recovered log can be read: ${JSON.stringify(result)}`);
    const found = [...result.value];

    const { inFlight } = this;
    const oldStart = this.acknowledged[0]?.offsetFrom ?? log.logStartOffset;
    assert(
      log.logStartOffset === oldStart ||
        (inFlight.deleteBefore !== null && log.logStartOffset <= inFlight.deleteBefore && log.logStartOffset > oldStart),
      `the log begins where it did: ${log.logStartOffset}, not ${oldStart}`,
    );
    const before = this.acknowledged.filter((batch) => batch.offsetFrom >= log.logStartOffset);
    assert(
      isLegal(found, before, inFlight),
      `${describe(found)} is ${describe(before)} with ${inFlight.truncateTo} and ${describe(inFlight.batches)}`,
    );
    this.#checkShape(log, found);
    if (checkpoint !== null) {
      assert(
        checkpoint.offsetTo <= log.endOffset && bytes.utf8Decode(checkpoint.bytes) === `state ${checkpoint.offsetTo}`,
        'a checkpoint is what was stored',
      );
    }
    if (found.length === 0 && this.acknowledged.length > 0) this.#chainTo(this.acknowledged[0] as LogBatch);
    else this.leader.goBackTo(found, ++this.#term);
    if (found.length === 0 && this.acknowledged.length === 0 && log.logStartOffset === 0) this.leader.goBackTo([], ++this.#term);
    this.leader.endOffset = log.endOffset;
    this.leader.lastChecksum = log.lastChecksum;
    this.acknowledged = found;
    this.inFlight = nothing;
    return true;
  }

  #checkShape(log: GroupLog, found: readonly LogBatch[]): void {
    let end: number = log.logStartOffset;
    let checksum: number | null = null;
    const starts: { term: number; offsetFrom: number }[] = [];
    for (const batch of found) {
      assert(batch.offsetFrom === end, 'batches are contiguous');
      assert(verifyFrame(batch.bytes, bytes), 'batches are intact');
      assert(checksum === null || previousChecksum(batch.bytes) === checksum, 'batches chain');
      checksum = frameChecksum(batch.bytes);
      end = batch.offsetTo;
      if (starts[starts.length - 1]?.term !== batch.term) starts.push({ term: batch.term, offsetFrom: batch.offsetFrom });
    }
    assert(end === log.endOffset && log.syncedOffset === log.endOffset, 'the log ends where its batches end');
    assert(checksum === null || checksum === log.lastChecksum, 'the last checksum is the last batch’s');
    assert(
      JSON.stringify(starts) === JSON.stringify(log.termStarts),
      `term starts are those of the batches: ${JSON.stringify(log.termStarts)}`,
    );
  }
}

export const phases: readonly CallPhase[] = ['before', 'during', 'after'];

function named<Value>(name: string, body: () => Value): Value {
  try {
    return body();
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Many lives of one log, each ended at a random host call. */
export function runRandomLives(seed: number, lives: number): CrashWorkload {
  const rig = new Rig(seed);
  const workload = new CrashWorkload(rig);
  named(`runRandomLives(${seed}, ${lives})`, () => {
    for (let life = 0; life < lives; life++) {
      const calls = rig.random.pick([8, 40, 150]);
      workload.armCrash(rig.random.between(1, calls), rig.random.pick(phases), rig.random.pick(['power', 'power', 'kill']));
      workload.live(rig.random.between(1, 40));
    }
  });
  return workload;
}

/** One and the same life, ended at one host call after the other until it lives to its end; each time the log is opened again and checked. Gives how many. */
export function runEveryCall(seed: number, phase: CallPhase, steps: number): number {
  for (let callIndex = 1; ; callIndex++) {
    const rig = new Rig(seed);
    const workload = new CrashWorkload(rig);
    const crashed = named(`runEveryCall(${seed}, '${phase}', ${steps}) at call ${callIndex}`, () => {
      workload.armCrash(callIndex, phase, 'power');
      workload.live(steps);
      workload.live(1);
      return workload.reached.size > 0;
    });
    if (!crashed) return callIndex;
  }
}

function isLegal(found: readonly LogBatch[], before: readonly LogBatch[], inFlight: InFlight): boolean {
  const { truncateTo, batches } = inFlight;
  const kept = truncateTo === null ? before : before.filter((batch) => batch.offsetTo <= truncateTo);
  if (isPrefix(kept, found) && isPrefix(found, [...kept, ...batches])) return true;
  return truncateTo !== null && isPrefix(kept, found) && isPrefix(found, before);
}

function isPrefix(short: readonly LogBatch[], long: readonly LogBatch[]): boolean {
  return (
    short.length <= long.length && short.every((batch, i) => frameChecksum(batch.bytes) === frameChecksum((long[i] as LogBatch).bytes))
  );
}

const describe = (batches: readonly LogBatch[]): string => `[${batches.map((batch) => `${batch.offsetFrom}@${batch.term}`).join(' ')}]`;
