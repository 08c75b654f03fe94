/** What a broker says of calls about subscribers that others were asked for. */
import { expect, test } from 'vitest';
import type { AckRequest, Acked, Outcome } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { Subscribers, type SubscribersOptions } from '../../../src/broker/subscribers/subscribers.ts';
import type { RequestOutcome } from '../../../src/broker/edge/requests.ts';

/** Broker 1, and a clock that stands until it is moved; whatever it asks of broker 2 waits in `sent`. */
function asking() {
  let nowMs = 0;
  const timers: { atMs: number; run: () => void }[] = [];
  const sent: ((said: RequestOutcome) => void)[] = [];
  const asked: { readonly call: string; readonly attempt?: string }[] = [];
  const at = { leader: 2 as number | null };
  const startTimer = (ms: number, run: () => void) => {
    const timer = { atMs: nowMs + ms, run };
    timers.push(timer);
    return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
  };
  const core = {
    self: 1,
    nowMs: () => nowMs,
    wake: () => undefined,
    later: (run: () => void) => run(),
    host: { clock: { startTimer, monotonicMs: () => nowMs }, bytes: simBytes, random: { next: () => 7 } },
  };
  const subscribers = new Subscribers({
    core,
    groups: () => [5],
    whereabouts: { leaderOf: () => at.leader, refused: () => undefined, led: () => undefined },
    requests: {
      send: (_peer: number, _group: number, { json }: { json: Uint8Array }, _waitMs: number, done: (said: RequestOutcome) => void) => {
        asked.push(JSON.parse(simBytes.utf8Decode(json)) as { readonly call: string });
        sent.push(done);
        return true;
      },
    },
  } as unknown as SubscribersOptions);
  const pass = (ms: number): void => {
    const untilMs = nowMs + ms;
    for (;;) {
      const due = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      nowMs = due.atMs;
      timers.splice(timers.indexOf(due), 1);
      due.run();
    }
    nowMs = untilMs;
  };
  const outcomes: Outcome<Acked>[] = [];
  const request: AckRequest = { subscriber: 's', positions: [{ topic: 't', offset: 1, generation: 3 }] };
  subscribers.ack(request, (outcome) => outcomes.push(outcome));
  return { subscribers, at, sent, asked, pass, outcomes };
}

const refusal = (code: string): RequestOutcome => ({
  type: 'subscribers',
  correlation: 1,
  json: JSON.stringify({ ok: false, code, message: `Cannot acknowledge: ${code}`, details: {} }),
  batches: [],
});

test('what is under way when the time is over is not said to have failed', () => {
  const { at, sent, pass, outcomes } = asking();
  sent.shift()?.(refusal('notLeader'));
  at.leader = null;
  pass(7000);
  at.leader = 2;
  pass(2000);
  expect(sent).toHaveLength(1);
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout', definite: false } }]);
});

test('what nobody has been asked for has failed', () => {
  const { at, sent, pass, outcomes } = asking();
  sent.shift()?.(refusal('notLeader'));
  at.leader = null;
  pass(9000);
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'notLeader', definite: true } }]);
});

test('a broker that stops does not say of what is under way that it has failed', () => {
  const { subscribers, outcomes } = asking();
  subscribers.abandon('shuttingDown', 'this broker stops');
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout' } }]);
});

test('a refusal behind an attempt of which nobody knows is none of that attempt', () => {
  const { sent, pass, outcomes } = asking();
  sent.shift()?.({ type: 'lost' });
  pass(100);
  sent.shift()?.(refusal('staleGeneration'));
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout', definite: false } }]);
});

test('a refusal of the only attempt is final', () => {
  const { sent, outcomes } = asking();
  sent.shift()?.(refusal('staleGeneration'));
  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'staleGeneration', definite: true } }]);
});

test('all attempts at a change are known for one, and those of the next request for another', () => {
  const { subscribers, sent, asked, pass } = asking();
  const outcomes: Outcome<undefined>[] = [];
  const remove = () => subscribers.deleteSubscriber('s', (outcome) => outcomes.push(outcome));
  sent.shift()?.(refusal('staleGeneration'));
  asked.length = 0;
  remove();
  sent.shift()?.({ type: 'lost' });
  pass(100);
  sent.shift()?.({ type: 'subscribers', correlation: 1, json: JSON.stringify({ ok: true, value: null }), batches: [] });
  expect(outcomes).toEqual([{ ok: true, value: undefined }]);
  remove();
  const [first, second, next] = asked.map(({ attempt }) => attempt);
  expect(asked.map(({ call }) => call)).toEqual(['deleteSubscriber', 'deleteSubscriber', 'deleteSubscriber']);
  expect([typeof first, second === first, next === first]).toEqual(['string', true, false]);
});

test('one request id for changes of two topics is two attempts, and one for the same change the same', () => {
  const { subscribers, asked } = asking();
  asked.length = 0;
  const subscribe = (topic: string) =>
    subscribers.subscribe({ subscriber: 's', topic, start: { at: 'end' }, requestId: 'one' }, () => undefined);
  for (const topic of ['a', 'b', 'a']) subscribe(topic);
  const [a, b, again] = asked.map(({ attempt }) => attempt);
  expect([typeof a, a === b, a === again]).toEqual(['string', false, true]);
});
