/**
 * ST1, ST3 to ST7 on every image that a crash could leave of a recorded run: the data directory opens, calls nothing damaged, holds all that was
 * acknowledged and nothing that was never written, and what is derived can be thrown away.
 */
import { type CheckReport, Findings } from '../../src/sim/checkers/verdict.ts';
import { noDisk } from '../../src/base/life.ts';
import type { Result } from '../../src/base/result.ts';
import type { LogBatch } from '../../src/raft/messages.ts';
import type { Vote } from '../../src/raft/types.ts';
import { frameChecksum } from '../../src/record/index.ts';
import {
  type Identity,
  type OpenedLog,
  type OpenFailure,
  openGroupLog,
  openVoteJournal,
  type ReadFailure,
  startIdentity,
  type VoteJournal,
} from '../../src/storage/index.ts';
import { bytes } from '../unit/storage/rig.ts';
import { group, hostOn, options, RecordedRun, stateOf, type Step, votesPath } from './data-directory.ts';
import { CrashImages } from './images.ts';
import { filesOf, type Image, imageOf, type Left } from './recorded-disk.ts';

export interface Swept {
  readonly reports: readonly CheckReport[];
  readonly moments: number;
  readonly images: number;
  /** Of them opened, killed again and robbed of what was not synced. */
  readonly killed: number;
  /** Of them opened a second time without indexes and checkpoints. */
  readonly rebuilt: number;
}

export interface SweepOptions {
  readonly seed: number;
  readonly steps: number;
  /** Every how-many-th moment; 1 leaves none out. */
  readonly stride?: number;
  /** The first of them, below `stride`; default 0. */
  readonly first?: number;
  readonly stopAtFirst?: boolean;
}

/** Kills are followed by a second loss of power, which makes many images of each: a part of them will do. */
const killStride = 4;
const rebuildStride = 8;

class Checks {
  readonly st1 = new Findings('ST1');
  readonly st3 = new Findings('ST3');
  readonly st4 = new Findings('ST4');
  readonly st5 = new Findings('ST5');
  readonly st6 = new Findings('ST6');
  readonly st7 = new Findings('ST7');

  get reports(): CheckReport[] {
    return [this.st1, this.st3, this.st4, this.st5, this.st6, this.st7].map((findings) => findings.report());
  }
}

export function sweepCrashImages({ seed, steps, stride = 1, first = 0, stopAtFirst = false }: SweepOptions): Swept {
  const run = new RecordedRun(seed, steps);
  const images = new CrashImages(run.disk);
  const checks = new Checks();
  let moments = 0;
  let count = 0;
  let killed = 0;
  let rebuilt = 0;
  for (const [index, time] of images.moments.entries()) {
    const step = run.stepAt(time);
    if (step === null || index % stride !== first) continue;
    moments++;
    for (const { image, what, onlyNames } of images.at(time)) {
      const name = `seed ${seed}, ${step.kind} at ${time}, lost: ${what}`;
      const before = checks.reports.flatMap(({ violations }) => violations).length;
      const opened = openAndCheck(checks, image, step, time, name);
      // What only a missing name could break, a sync of its folder was missing for.
      if (onlyNames) {
        checks.st7.checked++;
        const wrong = checks.reports.flatMap(({ check, violations }) => violations.map((violation) => `${check}: ${violation}`));
        if (wrong.length > before) checks.st7.violate(wrong.at(-1) ?? name);
      }
      if (opened !== null && ++count % rebuildStride === 0) {
        rebuilt++;
        checkRebuilt(checks, opened, name);
      }
    }
    if (stopAtFirst && checks.reports.some(({ status }) => status === 'violated')) break;
    if (moments % killStride !== 0) continue;
    for (const underWay of ['kept', 'lost'] as const) {
      killed++;
      checkKilled(checks, images.killed(time, underWay), step, `seed ${seed}, ${step.kind} at ${time}, killed`);
    }
  }
  return { reports: checks.reports, moments, images: count, killed, rebuilt };
}

interface Opened {
  readonly image: Image;
  readonly log: OpenedLog;
  readonly batches: readonly LogBatch[];
  readonly vote: Vote | null;
  readonly identity: Identity | null;
}

const atRest = (image: Image): Left => {
  const files = filesOf(image);
  return { written: files, durable: files };
};

function open(
  seed: number,
  left: Left,
): { readonly outcome: Opened | OpenFailure | ReadFailure; readonly disk: ReturnType<typeof hostOn>['disk'] } {
  const image = imageOf(left.written);
  const { rig, disk, host } = hostOn(seed, left);
  const identity = rig.run<Result<Identity | null, OpenFailure>>((done) => startIdentity(host, noDisk, done));
  if (!identity.ok) return { outcome: identity.error, disk };
  const journal = rig.run<Result<VoteJournal, OpenFailure>>((done) => openVoteJournal(host, { path: votesPath, mayCreate: false }, done));
  if (!journal.ok) return { outcome: journal.error, disk };
  const vote = journal.value.votes.get(group) ?? null;
  const opened = rig.run<Result<OpenedLog, OpenFailure>>((done) => openGroupLog(host, options, done));
  if (!opened.ok) return { outcome: opened.error, disk };
  const { log } = opened.value;
  const read = rig.run<Result<readonly LogBatch[], ReadFailure>>((done) =>
    log.read({ offsetFrom: log.logStartOffset, offsetTo: log.endOffset, bytesMax: 2 ** 40 }, done),
  );
  if (!read.ok) return { outcome: read.error, disk };
  // Read what the log says now: it goes on preparing files.
  return { outcome: { image, log: opened.value, batches: read.value, vote, identity: identity.value }, disk };
}

function openAndCheck(checks: Checks, image: Image, step: Step, time: number, name: string): Opened | null {
  const { outcome } = open(1, atRest(image));
  checks.st3.checked++;
  if ('kind' in outcome) {
    checks.st3.violate(`${name}: a healthy disk does not open: ${JSON.stringify(outcome)}`);
    return null;
  }
  const isOver = step.ended <= time;
  const { vote, identity, batches, log } = outcome;
  checks.st4.checked++;
  const votes = isOver ? [step.after.vote] : [step.before.vote, step.after.vote];
  if (!votes.some((one) => one?.term === vote?.term && one?.votedFor === vote?.votedFor)) {
    checks.st4.violate(`${name}: the vote is ${JSON.stringify(vote)}, acknowledged was ${JSON.stringify(step.before.vote)}`);
  }
  const incarnations = isOver ? [step.after.incarnation] : [step.before.incarnation, step.after.incarnation];
  const found = identity === null ? null : identity.incarnation - 1;
  // A start that was cut off may have raised it for nobody.
  if (!incarnations.includes(found))
    checks.st4.violate(`${name}: the incarnation is ${found}, acknowledged was ${incarnations.join(' or ')}`);

  checks.st1.checked++;
  const held = (all: readonly LogBatch[]): readonly LogBatch[] => all.filter((batch) => batch.offsetFrom >= log.log.logStartOffset);
  const least = isOver
    ? held(step.after.log)
    : held(step.before.log).filter((batch) => step.truncateTo === null || batch.offsetTo <= step.truncateTo);
  const isLegal =
    isPrefix(least, batches) && (isPrefix(batches, held(step.after.log)) || (!isOver && isPrefix(batches, held(step.before.log))));
  if (!isLegal) {
    checks.st1.violate(
      `${name}: the log holds ${describe(batches)}, acknowledged was ${describe(least)}, written ${describe(held(step.after.log))}`,
    );
  }
  if (
    log.log.logStartOffset > step.startMax ||
    log.log.logStartOffset < step.before.logStart ||
    (batches[0] !== undefined && batches[0].offsetFrom !== log.log.logStartOffset)
  ) {
    checks.st1.violate(`${name}: the log begins at ${log.log.logStartOffset} and its batches at ${batches[0]?.offsetFrom ?? 'none'}`);
  }
  checkCheckpoint(checks, outcome, step, name);
  return outcome;
}

/** A checkpoint and its position are one: the state is that of the log below it. */
function checkCheckpoint(checks: Checks, { log, batches }: Opened, step: Step, name: string): void {
  const { checkpoint } = log;
  if (checkpoint === null) return;
  checks.st6.checked++;
  // Below the log's start the batches that a state was made of are known from what was written.
  const known = [...step.after.log.filter((batch) => batch.offsetTo <= log.log.logStartOffset), ...batches];
  const wanted = bytes.utf8Decode(stateOf(known, checkpoint.offsetTo));
  const state = bytes.utf8Decode(checkpoint.bytes);
  if (state !== wanted)
    checks.st6.violate(`${name}: the checkpoint up to ${checkpoint.offsetTo} holds the state "${state}", not "${wanted}"`);
}

/** Without indexes and checkpoints the log is the same. */
function checkRebuilt(checks: Checks, opened: Opened, name: string): void {
  checks.st5.checked++;
  const bare = new Map([...opened.image].filter(([path]) => !path.endsWith('.index') && !path.endsWith('.state')));
  const { outcome } = open(2, atRest(bare));
  if ('kind' in outcome) return checks.st5.violate(`${name}: without derived files it does not open: ${JSON.stringify(outcome)}`);
  const facts = ({ log, batches }: Opened): string =>
    JSON.stringify([
      log.log.logStartOffset,
      log.log.endOffset,
      log.log.lastChecksum,
      log.log.termStarts,
      batches.map((batch) => frameChecksum(batch.bytes)),
    ]);
  if (facts(outcome) !== facts(opened))
    checks.st5.violate(`${name}: without derived files the log is ${facts(outcome)}, not ${facts(opened)}`);
}

/** What a start finds after a kill it may promise to others: a loss of power right after must not take it away. */
function checkKilled(checks: Checks, left: Left, step: Step, name: string): void {
  const first = open(3, left);
  if ('kind' in first.outcome) return checks.st3.violate(`${name}: it does not open: ${JSON.stringify(first.outcome)}`);
  const images = new CrashImages(first.disk);
  for (const crash of images.at(first.disk.now)) {
    const again = open(4, atRest(crash.image));
    checks.st1.checked++;
    if ('kind' in again.outcome) {
      checks.st3.violate(`${name}, opened, lost: ${crash.what}: it does not open: ${JSON.stringify(again.outcome)}`);
    } else if (!isPrefix(first.outcome.batches, again.outcome.batches)) {
      checks.st1.violate(
        `${name} during ${step.kind}, opened, lost: ${crash.what}: ${describe(first.outcome.batches)} became ${describe(again.outcome.batches)}`,
      );
    }
  }
}

function isPrefix(short: readonly LogBatch[], long: readonly LogBatch[]): boolean {
  return (
    short.length <= long.length && short.every((batch, i) => frameChecksum(batch.bytes) === frameChecksum((long[i] as LogBatch).bytes))
  );
}

const describe = (batches: readonly LogBatch[]): string =>
  batches.length === 0 ? 'nothing' : `[${batches[0]?.offsetFrom}, ${batches.at(-1)?.offsetTo}) of term ${batches.at(-1)?.term}`;
