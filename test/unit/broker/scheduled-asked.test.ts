/** What a broker says of a cancellation that others were asked for. */
import { expect, test } from 'vitest';
import type { Cancelled, Outcome } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import type { RequestOutcome } from '../../../src/broker/edge/requests.ts';
import { Scheduled, type ScheduledOptions } from '../../../src/broker/scheduled/scheduled.ts';

/** Broker 1 asks broker 2, and timers run when they are told to. */
function cancelling() {
  const timers: (() => void)[] = [];
  const sent: ((said: RequestOutcome) => void)[] = [];
  const startTimer = (_ms: number, run: () => void) => {
    timers.push(run);
    return { cancel: () => void timers.splice(timers.indexOf(run), 1) };
  };
  const core = {
    self: 1,
    nowMs: () => 0,
    wake: () => undefined,
    later: (run: () => void) => run(),
    host: { clock: { startTimer }, bytes: simBytes },
  };
  const scheduled = new Scheduled({
    core,
    groups: () => [5],
    whereabouts: { leaderOf: () => 2, refused: () => undefined, led: () => undefined },
    requests: {
      send: (_peer: number, _group: number, _request: unknown, _waitMs: number, done: (said: RequestOutcome) => void) => {
        sent.push(done);
        return true;
      },
    },
  } as unknown as ScheduledOptions);
  const outcomes: Outcome<Cancelled>[] = [];
  scheduled.cancelScheduled('0-7', (outcome) => outcomes.push(outcome));
  const hear = (said: RequestOutcome): void => sent.shift()?.(said);
  return { scheduled, timers, hear, outcomes };
}

const refusal = (code: string): RequestOutcome => ({
  type: 'subscribers',
  correlation: 1,
  json: JSON.stringify({ ok: false, code, message: `Cannot cancel "0-7": ${code}`, details: {} }),
  batches: [],
});

/** The timer of the next attempt is the last one. */
function heardAgain(code: string): Outcome<Cancelled>[] {
  const { timers, hear, outcomes } = cancelling();
  hear({ type: 'lost' });
  timers.at(-1)?.();
  hear(refusal(code));
  return outcomes;
}

test('a refusal of the only attempt is final', () => {
  const { hear, outcomes } = cancelling();
  hear(refusal('notScheduled'));
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'notScheduled', definite: true } }]);
});

test('where nothing waits behind an attempt of which nobody knows, that one may have cancelled it', () => {
  expect(heardAgain('notScheduled')).toMatchObject([{ ok: false, error: { code: 'timeout', definite: false } }]);
});

test('what is being delivered no attempt has cancelled, whatever became of those before', () => {
  expect(heardAgain('beingDelivered')).toMatchObject([{ ok: false, error: { code: 'beingDelivered', definite: true } }]);
});

test('a broker that stops does not say that what is under way has failed', () => {
  const { scheduled, outcomes } = cancelling();
  scheduled.abandon('shuttingDown', 'this broker stops');
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout' } }]);
});

test('what is not answered ends by itself', () => {
  const { timers, outcomes } = cancelling();
  timers[0]?.();
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout' } }]);
});
