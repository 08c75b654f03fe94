/* oxlint-disable unicorn/no-thenable -- `then` is what a Persist owes after its sync; nobody awaits one */
// Histories and lives of replicas made by hand, right as they stand, for tests that make one thing wrong.
import { assert } from '../../src/base/assert.ts';
import { brokerId, groupId, offset, term } from '../../src/base/branded.ts';
import { type BrokerSettings, defaultSettings } from '../../src/broker/settings.ts';
import type { AppendResult, ScanResult } from '../../src/eventlog/index.ts';
import { partitionOfKey } from '../../src/placement/index.ts';
import type { Output } from '../../src/query/index.ts';
import type { LogBatch, Message, Persist, Ready, Role, TermStart } from '../../src/raft/index.ts';
import { frameBatch, frameChecksum } from '../../src/record/index.ts';
import { simBytes } from '../../src/sim/bytes.ts';
import type { CheckId } from '../../src/sim/checkers/catalogue.ts';
import { checkHistory } from '../../src/sim/checkers/history-checks.ts';
import { RaftWatch } from '../../src/sim/checkers/raft-watch.ts';
import type { CheckReport } from '../../src/sim/checkers/verdict.ts';
import { Coverage } from '../../src/sim/coverage.ts';
import {
  type AppendOperation,
  batchOfValues,
  type CursorOperation,
  type FinalLog,
  History,
  type PullOperation,
  type ScanLine,
  type ScanOperation,
  type SharedOperation,
} from '../../src/sim/history.ts';

export const acknowledged = (at: number, count: number): AppendResult => ({
  topic: 'log',
  partition: 0,
  offset: at,
  count,
  term: 1,
  level: 'quorum',
  ackedBy: [1, 2],
  committed: true,
  durable: true,
  duplicate: false,
  timestampMs: 0,
});

/** `grep -nA1 1` of all of it: value 1 is selected at offset 2, and the record behind it is context. */
export function scanOf(
  history: History,
  change: { readonly result?: Partial<ScanResult>; readonly lines?: readonly ScanLine[] } = {},
): ScanOperation {
  const output: Output = {
    mode: 'lines',
    onlyMatching: false,
    maxCount: null,
    before: null,
    after: 1,
    groupSeparator: '--',
    lineNumbers: true,
    byteOffsets: false,
    withName: false,
    nullAfterName: false,
    nullData: false,
    initialTab: false,
    color: false,
  };
  const match = { dialect: 'fixed', patterns: [], ignoreCase: false, invert: false, word: false, wholeLine: false } as const;
  const stats = { engine: 'text', asked: 0, bytesRead: 0, bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 };
  return {
    broker: 1,
    topic: 'log',
    request: {
      topic: 'log',
      offsetFrom: null,
      offsetTo: null,
      sinceMs: null,
      untilMs: null,
      query: { match, where: [], output, engine: 'auto', index: true, form: 'text', name: '', isTimed: false },
      freshness: 'linearizable',
      sessionOffset: 0,
      timeoutMs: 1000,
    },
    pattern: '1',
    invert: false,
    invoked: history.tick(),
    completed: history.tick(),
    committedEnd: 5,
    result: {
      topic: 'log',
      partition: 0,
      offsetFrom: 0,
      offsetTo: 5,
      gaps: [],
      selected: 1,
      highWatermark: 5,
      logStartOffset: 0,
      asOfMs: 0,
      lag: 0,
      stats,
      ...change.result,
    },
    lines: change.lines ?? [
      { kind: 'selected', offset: 2, value: 1 },
      { kind: 'context', offset: 3, value: 2 },
    ],
  };
}

/** A right pull of all that `goodHistory` has. */
export const pullOf = (history: History): PullOperation => ({
  subscriber: 's',
  topic: 'log',
  generation: 7,
  known: 7,
  leastFrom: 1,
  mostFrom: 1,
  offsetFrom: 1,
  offsetTo: 5,
  records: [1, 0, 2, 1, 3, 2, 4, 3],
  invoked: history.tick(),
  completed: history.tick(),
});

/** Where a cursor was said to stand, rightly. */
export const cursorAt = (history: History, offset: number): CursorOperation => ({
  subscriber: 's',
  topic: 'log',
  generation: 7,
  known: 7,
  offset,
  least: 1,
  most: 5,
  invoked: history.tick(),
  completed: history.tick(),
});

/** A record that was given for time 1000, and what is wrong with where it is in the end. */
export function giveLater(history: History, what: 'right' | 'lost' | 'early' | 'cancelled' | 'refused'): void {
  const later = history.beginLater({ client: 3, topic: 'log', requestId: null, fillBytes: 0 }, 1, 1000, 0);
  const { append } = later;
  append.outcome = what === 'refused' ? 'definite' : 'ok';
  later.id = '0-1';
  if (what === 'cancelled') later.cancelled = 'yes';
  if (what === 'lost') return;
  for (const [index, final] of history.finals.entries()) {
    const times = [...final.records.filter((_, at) => at % 2 === 0).map(() => 0), what === 'early' ? 999 : 1000];
    history.finals[index] = { ...final, offsetTo: 6, records: [...final.records, 5, append.valueFrom], times };
  }
}

/** What one of several workers was given. */
export const sharedBy = (worker: string, generation: number): SharedOperation => ({
  subscriber: 's',
  worker,
  topic: 'log',
  generation,
  newest: generation,
  does: 'pulls',
});

/** Three appends acknowledged one after another at offsets 1, 2 and 4, read linearizably and by all three brokers at the end. */
export function goodHistory(change: (history: History, appends: AppendOperation[]) => void = () => undefined): History {
  const history = new History();
  const appends: AppendOperation[] = [];
  for (const [at, count] of [
    [1, 1],
    [2, 2],
    [4, 1],
  ] as const) {
    const append = history.beginAppend(
      { client: 1, topic: 'log', requestId: 'stream', sequence: at - 1, level: 'quorum', expectedOffset: at === 4 ? 4 : null },
      count,
      0,
    );
    append.outcome = 'ok';
    append.result = acknowledged(at, count);
    append.completed = history.tick();
    appends.push(append);
  }
  const records = [1, 0, 2, 1, 3, 2, 4, 3];
  const shared = { client: 2, poll: 1, broker: 1, life: 1, topic: 'log', freshness: 'linearizable', sessionOffset: 0 } as const;
  history.ends.push({ ...shared, invoked: history.tick(), completed: history.tick(), offset: 5 });
  history.reads.push({
    ...shared,
    invoked: history.tick(),
    completed: history.tick(),
    offsetFrom: 0,
    offsetNext: 5,
    highWatermark: 5,
    records,
  });
  history.reads.push({
    ...shared,
    poll: 2,
    life: 2,
    freshness: 'session',
    sessionOffset: 3,
    invoked: history.tick(),
    completed: history.tick(),
    offsetFrom: 2,
    offsetNext: 3,
    highWatermark: 3,
    records: [2, 1],
  });
  history.scans.push(scanOf(history));
  for (const broker of [1, 2, 3]) history.finals.push({ broker, topic: 'log', offsetFrom: 0, offsetTo: 5, records: [...records] });
  history.pulls.push(pullOf(history));
  history.cursors.push(cursorAt(history, 1));
  history.shared.push(sharedBy('a', 1), sharedBy('b', 2));
  history.drained.push({ subscriber: 's', topic: 'log', position: 5 });
  change(history, appends);
  return history;
}

export const violated = (history: History): string[] =>
  checkHistory(history)
    .filter(({ status }) => status !== 'pass')
    .map(({ id }) => id);

export const replaceFinal = (history: History, index: number, records: number[]): FinalLog => {
  const final = { ...(history.finals[index] as FinalLog), records };
  history.finals[index] = final;
  return final;
};

/** A record of a topic of two partitions, shown in the one that its key does not belong to. */
export function misplaceKey(history: History): void {
  const key = 'a key';
  const partition = partitionOfKey(simBytes.utf8Encode(key), 2);
  history.hasPartitions('two', 2);
  const fields = { client: 1, topic: `two/${partition}`, requestId: 'r', key, level: 'quorum', expectedOffset: null } as const;
  const { valueFrom } = history.beginAppend(fields, 1, 0);
  for (const broker of [1, 2, 3])
    history.finals.push({ broker, topic: `two/${1 - partition}`, offsetFrom: 0, offsetTo: 2, records: [1, valueFrom] });
}

export const group = groupId(1);
export const one = brokerId(1);
export const two = brokerId(2);

export function batchAt(
  from: number,
  inTerm: number,
  previousChecksum: number,
  value = from,
  stampMs = from + 1,
  ofGroup = group,
): LogBatch {
  const fields = { group: ofGroup, offsetFrom: offset(from), term: term(inTerm), stampMs, stampCounter: 0, previousChecksum };
  return frameBatch(fields, batchOfValues(value, value + 1, 0, 0), simBytes);
}

export const granted = (from: 1 | 2 | 3, to: 1 | 2 | 3, inTerm: number, preVote: boolean): Message => ({
  type: 'requestVoteResponse',
  from: brokerId(from),
  to: brokerId(to),
  term: term(inTerm),
  preVote,
  granted: true,
});

/** A follower's answer to its leader. */
export const answered = (from: 1 | 2 | 3, to: 1 | 2 | 3, inTerm: number, matchOffset: number, readContext = 0): Message => ({
  type: 'appendEntriesResponse',
  from: brokerId(from),
  to: brokerId(to),
  term: term(inTerm),
  success: true,
  matchOffset: offset(matchOffset),
  hintOffset: offset(0),
  hintTerm: term(0),
  requestOffset: offset(0),
  readContext,
  number: 1,
});

/** Broker 1 leads term 1 and commits two batches with broker 2. */
export function committed(settings: Partial<BrokerSettings> = {}): { watched: Watched; a: LogBatch; b: LogBatch } {
  const a = batchAt(0, 1, 0);
  const b = batchAt(1, 1, frameChecksum(a.bytes));
  const watched = new Watched(settings);
  for (const broker of [1, 2, 3] as const) watched.open(broker);
  watched.elect(1, 2, 1, []);
  watched.persist(1, 1, 'leader', [a, b], { batches: [a, b] });
  watched.persist(2, 1, 'follower', [a, b], { batches: [a, b] });
  watched.ready(1, 1, 'leader', { highWatermark: offset(2) }, [a, b]);
  return { watched, a, b };
}

const termStartsOf = (log: readonly LogBatch[]): readonly TermStart[] =>
  log.filter((batch, i) => batch.term !== log[i - 1]?.term).map((batch) => ({ term: batch.term, offsetFrom: batch.offsetFrom }));

/** Drives the watch as the observers of three brokers would. */
export class Watched {
  nowMs = 0;
  readonly watch: RaftWatch;
  #persistId = 0;

  constructor(settings: Partial<BrokerSettings> = {}) {
    this.watch = new RaftWatch(3, new Coverage(), { ...defaultSettings, ...settings }, () => this.nowMs);
  }

  open(
    broker: 1 | 2 | 3,
    end = 0,
    lastChecksum = 0,
    vote: { readonly term: number; readonly votedFor: number | null } = { term: 0, votedFor: null },
    log: readonly LogBatch[] = [],
    voters: readonly number[] = [1, 2, 3],
  ): void {
    const membership = { voters: voters.map(brokerId), votersOutgoing: [], learners: [] };
    const state = {
      vote: { term: term(vote.term), votedFor: vote.votedFor === null ? null : brokerId(vote.votedFor) },
      logStartOffset: offset(0),
      logEndOffset: offset(end),
      termBeforeStart: term(0),
      termStarts: termStartsOf(log),
    };
    this.watch.observerOf(brokerId(broker), () => true).opened(group, state, lastChecksum, membership);
  }

  ready(broker: 1 | 2 | 3, inTerm: number, role: Role, ready: Partial<Ready>, log: readonly LogBatch[]): void {
    this.watch
      .observerOf(brokerId(broker), () => true)
      .ready(
        group,
        {
          send: [],
          truncatedTo: null,
          persist: null,
          highWatermark: null,
          load: [],
          reads: [],
          readsFailed: [],
          role: null,
          rolledBack: [],
          ...ready,
        },
        {
          role,
          term: term(inTerm),
          leader: null,
          endOffset: log[log.length - 1]?.offsetTo ?? offset(0),
          highWatermark: offset(0),
          termStarts: termStartsOf(log),
        },
      );
  }

  persist(broker: 1 | 2 | 3, inTerm: number, role: Role, log: readonly LogBatch[], fields: Partial<Persist>, synced = true): void {
    const persist: Persist = { id: ++this.#persistId, vote: null, truncateTo: null, batches: [], then: [], ...fields };
    this.ready(broker, inTerm, role, { persist }, log);
    if (synced) this.watch.observerOf(brokerId(broker), () => true).persisted(group, persist);
  }

  lead(broker: 1 | 2 | 3, inTerm: number, log: readonly LogBatch[]): void {
    this.ready(broker, inTerm, 'leader', { role: { role: 'leader', term: term(inTerm), leader: brokerId(broker) } }, log);
  }

  /** Wins an election by the vote of another broker, as Raft wants it done. */
  elect(broker: 1 | 2 | 3, by: 1 | 2 | 3, inTerm: number, log: readonly LogBatch[]): void {
    this.ready(by, inTerm - 1, 'follower', { send: [granted(by, broker, inTerm, true)] }, []);
    const vote = { term: term(inTerm), votedFor: brokerId(broker) };
    this.persist(broker, inTerm, 'candidate', log, { vote });
    this.persist(by, inTerm, 'follower', [], { vote, then: [granted(by, broker, inTerm, false)] });
    this.lead(broker, inTerm, log);
  }

  report(id: CheckId): CheckReport {
    const found = this.watch.findings.find((findings) => findings.id === id);
    assert(found !== undefined, `${id} is watched`);
    return found.report();
  }

  violated(): string[] {
    return this.watch.findings
      .map((findings) => findings.report())
      .filter(({ status }) => status !== 'pass')
      .map(({ id }) => id);
  }
}
