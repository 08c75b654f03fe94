import { expect, test } from 'vitest';
import { Counters } from '../../../src/broker/counters.ts';
import { History } from '../../../src/daemon/history.ts';
import { historyEveryMs, historySpanMs } from '../../../src/eventlog/index.ts';

const held = { links: 0, queuedAppendBytes: 0, uncommittedBytes: 0, requestIds: 0, requestSessions: 0 };

/** A history over counters that a test moves, by a clock that goes when it is told. */
function begin() {
  const counters = new Counters();
  let nowMs = 1000;
  let requests = 0;
  let due: (() => void) | null = null;
  const history = new History({
    clock: {
      monotonicMs: () => nowMs,
      wallMs: () => 0,
      startTimer: (_delayMs, fire) => {
        due = fire;
        return { cancel: () => (due = null) };
      },
      defer: () => undefined,
    },
    broker: {
      takeCounts: () => ({
        counters: counters.snapshot(held),
        loopLagMs: counters.takeLoopLag('history'),
        syncP99Ms: counters.takeSyncMsP99(),
      }),
    },
    requestCount: () => requests,
  });
  return {
    counters,
    history,
    ask: (count: number) => (requests += count),
    pass: (ms = historyEveryMs) => {
      nowMs += ms;
      due?.();
    },
    wait: (ms: number) => (nowMs += ms),
    isTimed: () => due !== null,
  };
}

test('a sample is what was counted in its stretch, and no more', () => {
  const { counters, history, ask, pass } = begin();
  counters.acknowledgedRecords = 7;
  counters.acknowledgedBytes = 700;
  counters.noteSync(3);
  counters.noteLoopLag(12);
  ask(4);
  pass();
  counters.readRecords = 20;
  counters.readBytes = 2000;
  counters.elections = 1;
  counters.leaderChanges = 2;
  pass();

  const common = { seconds: 5, appendedRecords: 0, appendedBytes: 0, readRecords: 0, readBytes: 0, requests: 0 };
  const calm = { elections: 0, leaderChanges: 0, syncP99Ms: null, loopLagMs: 0 };
  expect(history.within(historySpanMs)).toEqual([
    { ...common, ...calm, agoMs: 5000, appendedRecords: 7, appendedBytes: 700, requests: 4, syncP99Ms: 3, loopLagMs: 12 },
    { ...common, ...calm, agoMs: 0, readRecords: 20, readBytes: 2000, elections: 1, leaderChanges: 2 },
  ]);
});

test('a stretch in which the process stood still is as long as it was', () => {
  const { counters, history, pass } = begin();
  counters.acknowledgedRecords = 10;

  pass(40_000);

  expect(history.within(historySpanMs)).toMatchObject([{ seconds: 40, appendedRecords: 10 }]);
});

test('keeps the last 15 minutes, gives of them what is asked for, and stops', () => {
  const { history, pass, wait, isTimed } = begin();
  for (let index = 0; index < 500; index++) pass();

  expect(history.within(Number.POSITIVE_INFINITY)).toHaveLength(historySpanMs / historyEveryMs);
  expect(history.within(12_000).map(({ agoMs }) => agoMs)).toEqual([10_000, 5000, 0]);
  wait(3000);
  expect(history.within(12_000).map(({ agoMs }) => agoMs)).toEqual([8000, 3000]);

  history.stop();
  expect(isTimed()).toBe(false);
});

test('syncs of an earlier stretch are not told again, and of many the last 512 count', () => {
  const { counters, history, pass } = begin();
  for (let index = 0; index < 600; index++) counters.noteSync(50);
  pass();
  for (let index = 0; index < 100; index++) counters.noteSync(index < 99 ? 2 : 9);
  pass();
  pass();

  expect(history.within(historySpanMs).map(({ syncP99Ms }) => syncP99Ms)).toEqual([50, 2, null]);
  // The metric is of the last 512 still.
  expect(counters.syncMsP99).toBe(50);
});
