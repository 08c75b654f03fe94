/**
 * Counts how often something that must happen sometimes did happen. A fault that was never injected and a rare path that was never reached prove
 * nothing, so runs together can be asked for the least count of each.
 */
import { type CheckId, checkNames, checkTitle } from './checkers/catalogue.ts';
import type { FaultName } from './faults/names.ts';

export class Coverage {
  readonly #counts = new Map<string, number>();

  reach(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) this.reach(name, count);
  }

  /** All counts, sorted by name. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Which of these were never reached. */
  missing(names: readonly string[]): string[] {
    return names.filter((name) => this.count(name) === 0);
  }
}

/** Paths that few runs take and that defects hide in, and what each of them is called in the counts. */
export const rarePaths: readonly { readonly name: string; readonly what: string; readonly needs: FaultName }[] = [
  { name: 'raft.truncation', what: 'an uncommitted tail is truncated', needs: 'crash' },
  { name: 'raft.olderLeaderRefused', what: 'a former leader with an older log loses an election', needs: 'partition' },
  { name: 'append.revokedAfterCommit', what: 'a revoke comes after the commit', needs: 'crash' },
  { name: 'append.deduplicatedBeforeCommit', what: 'a repeated append meets its first one before that is committed', needs: 'crash' },
  {
    name: 'append.large',
    what: 'a batch is acknowledged that is so large that checksums are derived and nothing is packed with it',
    needs: 'crash',
  },
  { name: 'log.groupFenced', what: 'a damaged range is fenced', needs: 'bitRot' },
  { name: 'log.tailCut', what: 'a torn group of writes is cut', needs: 'powerLoss' },
  { name: 'log.diskFull', what: 'the disk is full while a segment is prepared', needs: 'diskFull' },
  { name: 'disk.unreadable', what: 'a sector that stays bad is read', needs: 'badSector' },
  { name: 'network.slowLine', what: 'what is sent waits for a slow line', needs: 'slowLine' },
  { name: 'calm.disksSlow', what: 'acknowledgements are asked for (V2) while syncs are slow', needs: 'disksSlow' },
  { name: 'append.windowFull', what: '64 batches of one stream are on their way', needs: 'crash' },
  { name: 'read.belowLogStart', what: 'retention was faster than a reader', needs: 'crash' },
  { name: 'append.forgotten', what: 'a repeated append is told that its request id may have been forgotten', needs: 'crash' },
  { name: 'topic.tooMany', what: 'a topic is refused because there are as many as are allowed', needs: 'crash' },
  { name: 'topic.altered', what: 'a topic in use gets more partitions, and another size', needs: 'crash' },
  { name: 'raft.quiet', what: 'a pulse stands for the heartbeats of a quiet group', needs: 'crash' },
  { name: 'append.divided', what: 'records of one request fall into several partitions', needs: 'crash' },
  { name: 'append.dividedAgain', what: 'a request that fell into several partitions is sent again', needs: 'crash' },
  { name: 'pull.crash', what: 'a subscriber crashes with what it has pulled', needs: 'crash' },
  { name: 'pull.repeated', what: 'a numbered pull is given again', needs: 'crash' },
  { name: 'pull.pattern', what: 'a pattern takes up a topic that was made later', needs: 'crash' },
  { name: 'kept.removed', what: 'what all subscribers have read is removed', needs: 'crash' },
  { name: 'pull.outOfRange', what: 'retention was faster than a subscriber', needs: 'crash' },
  { name: 'cursor.seek', what: 'a subscriber puts its cursor elsewhere', needs: 'crash' },
  { name: 'worker.standsBy', what: 'one of several workers holds nothing', needs: 'crash' },
  { name: 'worker.askedBack', what: 'a worker is asked for a partition that it holds', needs: 'crash' },
  { name: 'worker.fenced', what: 'what a worker acknowledges is refused, because another one has it by now', needs: 'crash' },
  { name: 'worker.silent', what: 'a worker is taken for dead', needs: 'crash' },
  { name: 'worker.slow', what: 'a partition is taken from a worker that has not let go of it', needs: 'crash' },
  { name: 'retry.given', what: 'a record that has failed comes again', needs: 'crash' },
  { name: 'retry.ordered', what: 'a partition waits for a record that has failed', needs: 'crash' },
  { name: 'retry.full', what: 'there is no room for one more record that has failed', needs: 'crash' },
  { name: 'parked.atEnd', what: 'a record has failed too often', needs: 'crash' },
  { name: 'parked.replay', what: 'a parked record is replayed', needs: 'crash' },
  { name: 'parked.removed', what: 'copies of parked records that nobody wants any more are removed', needs: 'crash' },
  { name: 'raft.readRetried', what: 'a linearizable read is tried again at the next leader', needs: 'partition' },
];

/** A fault that is in few runs for good reasons is still expected once in so many. */
export const seedsForCoverage = 100;

/** Checks that only look where a fault has led to something; all others always have something to look at. */
const checkNeeds: Partial<Record<CheckId, FaultName>> = { R10: 'crash', ST8: 'diskFailure', ST9: 'disksFull' };

/** Checks that no run of the simulator asks: they have workloads of their own. */
const elsewhere: ReadonlySet<CheckId> = new Set(['V3']);

/** What runs with these faults must have reached together: each fault while an append was in flight, and the rare paths that it leads to. */
export function expectedOf(faults: readonly FaultName[]): string[] {
  const rare = rarePaths.filter(({ needs }) => faults.includes(needs));
  return [...faults.map((fault) => `fault.${fault}.inFlight`), ...rare.map(({ name }) => name)];
}

/** With fewer each broker has a replica of every topic, or an edge to one. */
const brokersForWays = 4;

/** Titles of the checks that must have looked at something in runs with these faults on at most so many brokers. */
export function expectedChecksOf(faults: readonly FaultName[], brokersMost: number): string[] {
  const ids = Object.keys(checkNames) as CheckId[];
  return ids
    .filter((id) => !elsewhere.has(id) && (checkNeeds[id] === undefined || faults.includes(checkNeeds[id])))
    .filter((id) => id !== 'R24' || brokersMost >= brokersForWays)
    .map((id) => checkTitle(id));
}
