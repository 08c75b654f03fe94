/* oxlint-disable unicorn/no-thenable -- `then` is what a Persist owes after its sync; nobody awaits one */
import { describe, expect, test } from 'vitest';
import { offset, term } from '../../src/base/branded.ts';
import { frameChecksum } from '../../src/record/index.ts';
import { checkHistory } from '../../src/sim/checkers/history-checks.ts';
import { checkAcknowledgedBecomesReadable } from '../../src/sim/checkers/l17-acknowledged-becomes-readable.ts';
import { type AppendOperation, batchOfValues, type History, recordsOf } from '../../src/sim/history.ts';
import {
  acknowledged,
  answered,
  batchAt,
  committed,
  cursorAt,
  giveLater,
  goodHistory,
  granted,
  misplaceKey,
  one,
  replaceFinal,
  scanOf,
  two,
  violated,
  Watched,
} from './hand-made.ts';

describe('the checks of the history', () => {
  test('pass what is right, and have looked at it', () => {
    const reports = checkHistory(goodHistory());

    expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(
      reports.filter(({ id }) => !['D7', 'L20', 'L21', 'C8', 'C9', 'C10'].includes(id)).filter(({ checked }) => checked === 0),
    ).toEqual([]);
  });

  test('pass an older place of a cursor from whoever had asked before the newer one was told', () => {
    const history = goodHistory();
    const invoked = history.tick();
    history.cursors.push({ ...cursorAt(history, 4), least: 0 }, { ...cursorAt(history, 3), least: 0, invoked });

    expect(violated(history)).toEqual([]);
  });

  test('pass records that are processed, but for one that is parked', () => {
    const subscriber = 'subscriber 7';
    const history = goodHistory((made) => {
      const [{ topic, records }] = made.finals as [(typeof made.finals)[0]];
      const [parked, ...rest] = Array.from({ length: records.length / 2 }, (_, index) => ({
        subscriber,
        topic,
        offset: records[2 * index] as number,
        value: records[2 * index + 1] as number,
      }));
      if (parked === undefined) return;
      const times = { isRepeated: false, invoked: 1, acknowledged: 2 };
      made.processed.push({ ...parked, ...times, tries: 0, isOk: false });
      for (const record of rest) made.processed.push({ ...record, ...times, tries: 0, isOk: true });
      made.parked.push({ ...parked, id: 4 });
      made.parkedCopies.push({ ...parked, partition: 0, id: 4, timeMs: 9 });
      made.settled.push({ subscriber, topic });
    });

    const reports = checkHistory(history).filter(({ id }) => id === 'C8' || id === 'C9');

    expect(reports).toMatchObject([
      { id: 'C8', status: 'pass', checked: 8 },
      { id: 'C9', status: 'pass', checked: 2 },
    ]);
  });

  test('pass a record that was parked twice only where its id may be forgotten', () => {
    const copy = { subscriber: 'subscriber 7', topic: 'log', offset: 1, partition: 0, value: -1 };
    const twice = (second: { id: number; timeMs: number }, idsKept?: { count: number; ms: number }) => {
      const history = goodHistory((made) => {
        made.parkedCopies.push({ ...copy, id: 4, timeMs: 1000 }, { ...copy, ...second });
        if (idsKept !== undefined) made.idsKept = idsKept;
      });
      return checkHistory(history).find(({ id }) => id === 'C9')?.status;
    };
    const few = { count: 10, ms: 5000 };

    expect(twice({ id: 400, timeMs: 90_000 })).toBe('violated');
    expect(twice({ id: 5, timeMs: 1001 }, few)).toBe('violated');
    expect([twice({ id: 14, timeMs: 1001 }, few), twice({ id: 5, timeMs: 6000 }, few)]).toEqual(['pass', 'pass']);
  });

  test('pass what was given for later and is there in time', () => {
    const report = checkHistory(goodHistory((history) => giveLater(history, 'right'))).find(({ id }) => id === 'L21');

    expect(report).toMatchObject({ status: 'pass', checked: 3 });
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
    ['a record is not in the partition of its key', 'L20', (history) => misplaceKey(history)],
    ['what was given for later is nowhere', 'L21', (history) => giveLater(history, 'lost')],
    ['what was given for later is there before its time', 'L21', (history) => giveLater(history, 'early')],
    ['what was cancelled is there', 'L21', (history) => giveLater(history, 'cancelled')],
    ['what was refused is there', 'L21', (history) => giveLater(history, 'refused')],
    ['a search left out what it should have found', 'L19', (history) => history.scans.push(scanOf(history, { lines: [] }))],
    [
      'a search went beyond what was committed',
      'L19',
      (history) => history.scans.push({ ...scanOf(history, { result: { offsetTo: 6, highWatermark: 6 } }), committedEnd: 5 }),
    ],
    [
      'a search ended early and did not say so',
      'L19',
      (history) => history.scans.push(scanOf(history, { result: { offsetTo: 3 }, lines: [{ kind: 'selected', offset: 2, value: 1 }] })),
    ],
    [
      'a search gave context from behind what it left out',
      'L19',
      (history) =>
        history.scans.push(scanOf(history, { result: { gaps: [{ offsetFrom: 3, offsetTo: 4, reason: 'removed', detail: null }] } })),
    ],
    ['a conditional append stands elsewhere', 'L14', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 3, 2, 5, 3])],
    ['half a batch is there', 'L15', (history) => replaceFinal(history, 0, [1, 0, 2, 1, 4, 3])],
    [
      'a session read is older than its token',
      'L12',
      (history) => history.reads.push({ ...(history.reads[1] as (typeof history.reads)[0]), sessionOffset: 9 }),
    ],
    [
      'a record stands where it was acknowledged no more, and elsewhere',
      'L1',
      (history) => [0, 1, 2].forEach((i) => Object.assign(replaceFinal(history, i, [2, 1, 3, 2, 4, 3, 6, 0]), { offsetFrom: 2 })),
    ],
    [
      'a record was read in one place and stands in another',
      'L3',
      (history) => [0, 1, 2].forEach((i) => Object.assign(replaceFinal(history, i, [2, 1, 3, 2, 4, 3, 6, 0]), { offsetFrom: 2 })),
    ],
    [
      'an offset is said to be out of range that is in it',
      'L16',
      (history) => history.outOfRange.push({ broker: 1, topic: 'log', offset: 4, logStartOffset: 0, committedEnd: 5 }),
    ],
    [
      'a record was said to be in the log and is not',
      'L16',
      (history) => {
        const append = history.beginAppend({ client: 1, topic: 'log', requestId: 'late', level: 'all', expectedOffset: null }, 1, 0);
        Object.assign(append, { outcome: 'indefinite', saidAppended: true });
      },
    ],
    ['no broker could be read', 'L1', (history) => history.finals.splice(0)],
  ])('find that %s', (_title, name, change) => {
    expect(violated(goodHistory(change))).toContain(name);
  });

  test('take what retention has removed for no loss, and an offset beyond the end for out of range', () => {
    const history = goodHistory((made) => {
      for (const i of [0, 1, 2]) Object.assign(replaceFinal(made, i, [4, 3]), { offsetFrom: 4 });
      made.outOfRange.push({ broker: 1, topic: 'log', offset: 6, logStartOffset: 0, committedEnd: 5 });
      made.outOfRange.push({ broker: 1, topic: 'log', offset: 1, logStartOffset: 4, committedEnd: 5 });
    });

    expect(violated(history)).toEqual([]);
    expect(checkAcknowledgedBecomesReadable(history, 0, 1).report().status).toBe('pass');
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

describe('the checks of Raft', () => {
  const a = batchAt(0, 1, 0);
  const b = batchAt(1, 1, frameChecksum(a.bytes));
  const other = batchAt(1, 1, frameChecksum(a.bytes), 77);
  const later = batchAt(1, 2, frameChecksum(a.bytes));

  test('pass what is right', () => {
    const { watched } = committed();
    watched.elect(2, 3, 2, [a, b]);
    watched.open(1, 2, frameChecksum(b.bytes), { term: 1, votedFor: 1 }, [a, b]);

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
        watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: one }, then: [granted(3, 1, 2, false)] });
        watched.persist(3, 2, 'follower', [], { vote: { term: term(2), votedFor: two }, then: [granted(3, 2, 2, false)] });
      },
    ],
    ['a vote leaves before it is synced', 'R7', (watched) => watched.ready(3, 2, 'follower', { send: [granted(3, 2, 2, false)] }, [])],
    [
      'an acknowledgement leaves before the sync',
      'R7',
      (watched) => {
        watched.persist(3, 1, 'follower', [a], { batches: [a] }, false);
        watched.ready(3, 1, 'follower', { send: [answered(3, 1, 1, 1)] }, [a]);
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
    const { watched } = committed();

    change(watched);

    expect(watched.violated()).toContain(name);
  });

  test('accept after a crash any prefix of what was under way, and nothing else', () => {
    const c = batchAt(2, 1, frameChecksum(b.bytes));
    for (const end of [2, 3]) {
      const { watched } = committed();
      watched.persist(2, 1, 'follower', [a, b, c], { batches: [c] }, false);

      watched.open(2, end, frameChecksum((end === 2 ? b : c).bytes), { term: 1, votedFor: 1 }, [a, b, c]);

      expect(watched.violated()).toEqual([]);
    }
  });
});
