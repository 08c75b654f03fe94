/* oxlint-disable unicorn/no-thenable -- `then` is what a Persist owes after its sync; nobody awaits one */
import { describe, expect, test } from 'vitest';
import { brokerId, groupId, offset, term } from '../../src/base/branded.ts';
import type { AppendResult } from '../../src/eventlog/index.ts';
import type { LogBatch, Message, Persist, Ready, Role } from '../../src/raft/index.ts';
import { frameBatch, frameChecksum } from '../../src/record/index.ts';
import { simBytes } from '../../src/sim/bytes.ts';
import { checkHistory } from '../../src/sim/checkers/history-checks.ts';
import { RaftWatch } from '../../src/sim/checkers/raft-watch.ts';
import { Coverage } from '../../src/sim/coverage.ts';
import { type AppendOperation, batchOfValues, History, recordsOf } from '../../src/sim/history.ts';

const acknowledged = (at: number, count: number): AppendResult => ({
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

/** Three appends acknowledged one after another at offsets 1, 2 and 4, read linearizably and by all three brokers at the end. */
function goodHistory(change: (history: History, appends: AppendOperation[]) => void = () => undefined): History {
  const history = new History();
  const appends: AppendOperation[] = [];
  for (const [at, count] of [
    [1, 1],
    [2, 2],
    [4, 1],
  ] as const) {
    const append = history.beginAppend(
      { client: 1, topic: 'log', requestId: null, level: 'quorum', expectedOffset: at === 4 ? 4 : null },
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
    freshness: 'session',
    sessionOffset: 3,
    invoked: history.tick(),
    completed: history.tick(),
    offsetFrom: 2,
    offsetNext: 3,
    highWatermark: 3,
    records: [2, 1],
  });
  for (const broker of [1, 2, 3]) history.finals.push({ broker, topic: 'log', offsetTo: 5, records: [...records] });
  change(history, appends);
  return history;
}

const violated = (history: History): string[] =>
  checkHistory(history)
    .filter(({ status }) => status !== 'pass')
    .map(({ id }) => id);

const replaceFinal = (history: History, index: number, records: number[]): void => {
  const final = history.finals[index];
  if (final !== undefined) history.finals[index] = { ...final, records };
};

describe('the checks of the history', () => {
  test('pass what is right, and have looked at it', () => {
    const reports = checkHistory(goodHistory());

    expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(reports.filter(({ id }) => id !== 'D7').filter(({ checked }) => checked === 0)).toEqual([]);
  });

  test.each<[string, string, (history: History, appends: AppendOperation[]) => void]>([
    ['an acknowledged record is missing on one broker', 'L1', (history) => replaceFinal(history, 2, [1, 0, 2, 1, 3, 2])],
    ['an acknowledged record moved', 'L1', (history) => [0, 1, 2].forEach((i) => replaceFinal(history, i, [1, 0, 2, 1, 3, 2, 5, 3]))],
    ['two brokers show different values at one offset', 'L4', (history) => replaceFinal(history, 1, [1, 3, 2, 1, 3, 2, 4, 0])],
    [
      'a read showed another value',
      'L4',
      (history) => history.reads.push({ ...(history.reads[0] as (typeof history.reads)[0]), records: [1, 1] }),
    ],
    ['a later append has a lower offset', 'L5', (_history, appends) => ((appends[2] as AppendOperation).result = acknowledged(0, 1))],
    ['a record stands twice', 'L3', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 3, 2, 4, 3, 6, 0])],
    [
      'a record was acknowledged with another count',
      'L3',
      (_history, appends) => ((appends[1] as AppendOperation).result = acknowledged(2, 1)),
    ],
    ['a definite failure is shown', 'L16', (_history, appends) => ((appends[0] as AppendOperation).outcome = 'definite')],
    ['a record is shown that nobody sent', 'L2', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 3, 2, 4, 3, 6, 99])],
    [
      'a revoked record is shown later',
      'D7',
      (_history, appends) => Object.assign(appends[0] as AppendOperation, { revokeTried: true, revoked: 1 }),
    ],
    [
      'an end is below what was acknowledged',
      'L11',
      (history) => history.ends.push({ ...(history.ends[0] as (typeof history.ends)[0]), offset: 4 }),
    ],
    [
      'an append lands below an end that was answered',
      'L11',
      (history, appends) => {
        history.ends.push({ ...(history.ends[0] as (typeof history.ends)[0]), invoked: 0, completed: 0.5, offset: 5 });
        expect(appends.length).toBe(3);
      },
    ],
    [
      'a read skips a record',
      'L7',
      (history) => history.reads.push({ ...(history.reads[0] as (typeof history.reads)[0]), records: [1, 0, 2, 1, 4, 3] }),
    ],
    [
      'a read stops short of its end',
      'L7',
      (history) => history.reads.push({ ...(history.reads[0] as (typeof history.reads)[0]), records: [1, 0] }),
    ],
    ['a read showed what was not committed', 'L9', (history) => [0, 1, 2].forEach((i) => replaceFinal(history, i, [1, 0, 2, 1, 3, 2]))],
    [
      'two appends were acknowledged at the offset that both expected',
      'L14',
      (_history, appends) => Object.assign(appends[0] as AppendOperation, { expectedOffset: 4, result: acknowledged(4, 1) }),
    ],
    ['a conditional append stands elsewhere', 'L14', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 3, 2, 5, 3])],
    ['half a batch is there', 'L15', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 4, 3])],
    [
      'a session read is older than its token',
      'L12',
      (history) => history.reads.push({ ...(history.reads[1] as (typeof history.reads)[0]), sessionOffset: 9 }),
    ],
    ['no broker could be read', 'L1', (history) => history.finals.splice(0)],
  ])('find that %s', (_title, name, change) => {
    expect(violated(goodHistory(change))).toContain(name);
  });

  test('an unfinished check is unknown, not a pass', () => {
    const history = goodHistory((made) => made.finals.splice(0));

    expect(checkHistory(history).find(({ id }) => id === 'L7')?.status).toBe('unknown');
  });

  test('values come back from the batches that carry them', () => {
    const batch = batchOfValues(7, 10, 20, 0);

    expect(recordsOf([batch], 1)).toEqual([1, 8, 2, 9]);
  });
});

const group = groupId(1);
const one = brokerId(1);
const two = brokerId(2);

function batchAt(from: number, inTerm: number, previousChecksum: number, value = from): LogBatch {
  const fields = { group, offsetFrom: offset(from), term: term(inTerm), stampMs: 1, stampCounter: 0, previousChecksum };
  return frameBatch(fields, batchOfValues(value, value + 1, 0, 0), simBytes);
}

/** Drives the watch as the observers of three brokers would. */
class Watched {
  readonly watch = new RaftWatch(3, new Coverage());
  #persistId = 0;

  open(
    broker: 1 | 2 | 3,
    end = 0,
    lastChecksum = 0,
    vote: { readonly term: number; readonly votedFor: number | null } = { term: 0, votedFor: null },
  ): void {
    const state = {
      vote: { term: term(vote.term), votedFor: vote.votedFor === null ? null : brokerId(vote.votedFor) },
      logStartOffset: offset(0),
      logEndOffset: offset(end),
      termStarts: [],
    };
    this.watch.observerOf(brokerId(broker), () => true).opened(group, state, lastChecksum);
  }

  ready(broker: 1 | 2 | 3, inTerm: number, role: Role, ready: Partial<Ready>, log: readonly LogBatch[]): void {
    const termStarts = log
      .filter((batch, i) => batch.term !== log[i - 1]?.term)
      .map((batch) => ({ term: batch.term, offsetFrom: batch.offsetFrom }));
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
          termStarts,
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

  violated(): string[] {
    return this.watch
      .reports()
      .filter(({ status }) => status !== 'pass')
      .map(({ id }) => id);
  }
}

describe('the checks of Raft', () => {
  const a = batchAt(0, 1, 0);
  const b = batchAt(1, 1, frameChecksum(a.bytes));
  const other = batchAt(1, 1, frameChecksum(a.bytes), 77);
  const later = batchAt(1, 2, frameChecksum(a.bytes));

  /** Broker 1 leads term 1 and commits batches a and b with broker 2. */
  function committed(): Watched {
    const watched = new Watched();
    for (const broker of [1, 2, 3] as const) watched.open(broker);
    watched.lead(1, 1, []);
    watched.persist(1, 1, 'leader', [a, b], { batches: [a, b] });
    watched.persist(2, 1, 'follower', [a, b], { batches: [a, b] });
    watched.ready(1, 1, 'leader', { highWatermark: offset(2) }, [a, b]);
    return watched;
  }
  const voted = (to: 1 | 2): Message => ({
    type: 'requestVoteResponse',
    from: brokerId(3),
    to: brokerId(to),
    term: term(2),
    preVote: false,
    granted: true,
  });

  test('pass what is right', () => {
    const watched = committed();
    watched.persist(2, 2, 'candidate', [a, b], { vote: { term: term(2), votedFor: two } });
    watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: two }, then: [voted(2)] });
    watched.lead(2, 2, [a, b]);
    watched.open(1, 2, frameChecksum(b.bytes));

    expect(watched.violated()).toEqual([]);
  });

  test.each<[string, string, (watched: Watched) => void]>([
    ['two brokers lead one term', 'R1', (watched) => watched.lead(2, 1, [a, b])],
    ['a leader shortens its log', 'R2', (watched) => watched.ready(1, 1, 'leader', {}, [a])],
    ['one term has two batches at one offset', 'R3', (watched) => watched.persist(3, 1, 'follower', [a, other], { batches: [a, other] })],
    ['a batch does not continue the chain', 'R3', (watched) => watched.persist(3, 2, 'follower', [a, b], { batches: [b] })],
    ['a leader misses what is committed', 'R4', (watched) => watched.lead(3, 2, [a])],
    ['a leader has other terms where something is committed', 'R4', (watched) => watched.lead(3, 3, [a, later])],
    [
      'a replica commits something else',
      'R5',
      (watched) => {
        watched.persist(3, 2, 'follower', [a, later], { batches: [a, later] });
        watched.ready(3, 2, 'follower', { highWatermark: offset(2) }, [a, later]);
      },
    ],
    ['a high watermark goes back', 'R9', (watched) => watched.ready(1, 1, 'leader', { highWatermark: offset(1) }, [a, b])],
    [
      'a leader commits without a majority',
      'R9',
      (watched) => {
        const c = batchAt(2, 1, frameChecksum(b.bytes));
        watched.persist(1, 1, 'leader', [a, b, c], { batches: [c] });
        watched.ready(1, 1, 'leader', { highWatermark: offset(3) }, [a, b, c]);
      },
    ],
    [
      'a leader commits a batch of an earlier term by counting',
      'R8',
      (watched) => {
        const c = batchAt(2, 1, frameChecksum(b.bytes));
        for (const broker of [1, 2] as const) watched.persist(broker, 1, 'follower', [a, b, c], { batches: [c] });
        watched.ready(2, 2, 'leader', { highWatermark: offset(3) }, [a, b, c]);
      },
    ],
    [
      'a broker votes twice in a term',
      'R6',
      (watched) => {
        watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: one }, then: [voted(1)] });
        watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: two }, then: [voted(2)] });
      },
    ],
    ['a vote leaves before it is synced', 'R7', (watched) => watched.ready(3, 2, 'follower', { send: [voted(2)] }, [])],
    [
      'an acknowledgement leaves before the sync',
      'R7',
      (watched) => {
        const message: Message = {
          type: 'appendEntriesResponse',
          from: brokerId(3),
          to: one,
          term: term(1),
          success: true,
          matchOffset: offset(1),
          hintOffset: offset(0),
          hintTerm: term(0),
          requestOffset: offset(0),
          readContext: 0,
        };
        watched.persist(3, 1, 'follower', [a], { batches: [a] }, false);
        watched.ready(3, 1, 'follower', { send: [message] }, [a]);
      },
    ],
    ['a broker comes back with less than it synced', 'ST4', (watched) => watched.open(1, 1, frameChecksum(a.bytes))],
    [
      'a broker comes back with an older vote',
      'ST4',
      (watched) => {
        watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: one } });
        watched.open(3);
      },
    ],
    ['a broker comes back with a log it never had', 'ST1', (watched) => watched.open(1, 2, 12345)],
    ['a committed batch is removed', 'R10', (watched) => watched.persist(2, 2, 'follower', [a], { truncateTo: offset(1) })],
  ])('find that %s', (_title, name, change) => {
    const watched = committed();

    change(watched);

    expect(watched.violated()).toContain(name);
  });

  test('accept after a crash any prefix of what was under way, and nothing else', () => {
    const c = batchAt(2, 1, frameChecksum(b.bytes));
    for (const end of [2, 3]) {
      const watched = committed();
      watched.persist(2, 1, 'follower', [a, b, c], { batches: [c] }, false);

      watched.open(2, end, frameChecksum((end === 2 ? b : c).bytes));

      expect(watched.violated()).toEqual([]);
    }
  });
});
