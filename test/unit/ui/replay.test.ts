import { describe, expect, test } from 'vitest';
import { formatTraceEvent, type TraceEvent } from '../../../src/clocks/index.ts';
import { run } from '../../../src/sim/run.ts';
import { Replay } from '../../../ui/src/trace/replay.ts';

const event = (
  process: string,
  seq: number,
  trueMs: number,
  kind: string,
  fields: TraceEvent['fields'] = {},
  link: TraceEvent['link'] = null,
): TraceEvent => ({
  process,
  seq,
  kind,
  atMs: trueMs,
  trueMs,
  stamp: null,
  link,
  fields,
});

const orders = { group: 20, topic: 'orders' };
/** Broker 1 leads, sends to broker 2, is killed while a second message is lost, and a check is violated. */
const written: readonly TraceEvent[] = [
  event('simulator', 1, 0, 'run', { seed: 9, brokers: 2, minutes: 1 }),
  event('broker-1', 1, 0, 'start'),
  event('broker-2', 1, 0, 'start'),
  event('broker-1', 2, 100, 'role', { role: 'leader', term: 3, leader: 'broker-1', end: 5, highWatermark: 5, ...orders }),
  event('broker-1', 3, 200, 'append', { offsetFrom: 5, offsetTo: 7, ...orders }),
  event('broker-1', 4, 200, 'send', { message: 'appendEntries', ...orders }, { to: 'broker-2', connection: 'x', sequence: 1 }),
  event('simulator', 2, 205, 'begins', { what: 'slow 2' }),
  event('broker-2', 2, 210, 'receive', { message: 'appendEntries', ...orders }, { from: 'broker-1', connection: 'x', sequence: 1 }),
  event('broker-1', 5, 300, 'send', { message: 'appendEntries', ...orders }, { to: 'broker-2', connection: 'x', sequence: 2 }),
  event('broker-1', 6, 301, 'killed'),
  event('simulator', 3, 400, 'violation', { check: 'L1', message: 'an append is gone' }),
  event('simulator', 4, 500, 'ends', { what: 'slow 2' }),
];

function opened(events: readonly TraceEvent[]): Replay {
  const result = Replay.open(events.map(formatTraceEvent).join(''), 'a file');
  if ('problem' in result) throw new Error(result.problem);
  return result.replay;
}

describe('a replayed trace', () => {
  test('shows what each broker was at a moment, forwards and backwards', () => {
    const replay = opened(written);

    const leads = replay.at(250, 'orders').brokers[0];
    const dead = replay.at(350, 'orders').brokers[0];
    const again = replay.at(250, 'orders').brokers[0];

    expect(leads).toMatchObject({ name: 'broker-1', state: 'up', replica: { role: 'leader', term: 3, end: 7, highWatermark: 5 } });
    expect(dead).toMatchObject({ state: 'down', trouble: 'killed', replica: null });
    expect(again).toEqual(leads);
  });

  test('shows messages on their way, as far as they are, and those that are lost', () => {
    const replay = opened(written);

    expect(replay.at(205, 'orders').inFlight).toEqual([
      { from: 'broker-1', to: 'broker-2', message: 'appendEntries', progress: 0.5, isLost: false },
    ]);
    expect(replay.at(220, 'orders').inFlight).toEqual([]);
    expect(replay.at(310, 'orders').inFlight).toMatchObject([{ isLost: true }]);
    expect(replay.at(205, 'log').inFlight).toEqual([]);
  });

  test('has faults while they last, and a violated check from its place on', () => {
    const replay = opened(written);

    expect([replay.at(204, 'orders').faults, replay.at(450, 'orders').faults, replay.at(500, 'orders').faults]).toEqual([
      [],
      ['slow 2'],
      [],
    ]);
    expect([replay.at(399, 'orders').violations, replay.at(400, 'orders').violations]).toEqual([[], ['L1: an append is gone']]);
    expect(replay.marks.map(({ kind, atMs }) => [kind, atMs])).toEqual([
      ['leader', 100],
      ['fault', 205],
      ['fault', 301],
      ['violation', 400],
    ]);
    expect(replay.about).toBe('seed 9, 2 brokers, 1 minutes');
  });

  test('says in a sentence why a file is none', () => {
    expect(Replay.open('{"a":1}\n', 'x.json')).toEqual({
      problem: 'x.json cannot be shown: line 1 is no event of a trace: its version is missing, only 1 is understood',
    });
  });

  test('has agents as far as brokers heard them, and nothing on its way to one that it does not know', () => {
    const way = { connection: '5be0c1000001', sequence: 1 };
    const heard = { message: 'lines', lines: 2, sentMs: 130, sentStampMs: 130, sentStampCounter: 0 };
    const replay = opened([
      { ...event('broker-1', 1, 100, 'receive', heard, { from: 'agent-n-5be0c1', ...way }), trueMs: null },
      { ...event('broker-1', 2, 110, 'send', { message: 'ok', stored: 2 }, { to: 'agent-n-5be0c1', ...way }), trueMs: null },
      { ...event('broker-1', 3, 111, 'send', { message: 'wait' }, { to: 'agent-m-aaaaaa', ...way }), trueMs: null },
    ]);

    expect(replay.names).toEqual(['broker-1', 'agent-n-5be0c1']);
    expect(replay.at(replay.spanMs, '').inFlight.map(({ to, isLost }) => [to, isLost])).toEqual([['agent-n-5be0c1', true]]);
  });

  test('of somebody who means harm names and shows so much and no more', () => {
    const flood = Array.from({ length: 600 }, (_, index) => [
      event('simulator', index * 2 + 1, index, 'violation', { check: 'L1', message: 'x'.repeat(10_000) }),
      event('simulator', index * 2 + 2, index, 'begins', { what: `what ${index}` }),
      event('broker-1', index + 1, index, 'append', { offsetTo: 1, topic: `topic-${index}` }),
    ]).flat();

    const replay = opened(flood);

    const { faults, violations } = replay.at(replay.spanMs, 'topic-1');
    expect([replay.topics.length, faults.length, violations.length, violations[0]?.length]).toEqual([500, 100, 100, 401]);
  });

  test('of a run of the simulator knows at the end what its brokers know', () => {
    const lines: string[] = [];
    run({
      seed: 4,
      brokers: 3,
      minutes: 0.02,
      faults: ['crash', 'pause', 'leaderStop'],
      onTrace: (one) => void lines.push(formatTraceEvent(one)),
    });

    const result = Replay.open(lines.join(''), 'run');
    const replay = 'replay' in result ? result.replay : opened([]);
    const { brokers } = replay.at(replay.spanMs, 'log');

    expect(brokers.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
    expect(brokers.filter(({ replica }) => replica?.role === 'leader').length).toBe(1);
    expect(new Set(brokers.map(({ replica }) => replica?.term)).size).toBe(1);
  });
});
