import { describe, expect, test } from 'vitest';
import { CausalRing } from '../../../src/broker/causal-ring.ts';
import { parseTraceEvent, formatTraceEvent, type TraceEvent, type TraceLink } from '../../../src/clocks/index.ts';

/** A ring of four events; each is noted a ms after the one before. */
function makeRing(eventsMax = 4): CausalRing {
  let ms = 1000;
  return new CausalRing(2, { wallMs: () => ++ms }, () => ({ ms: ms + 1, counter: 7 }), eventsMax);
}

const all = (ring: CausalRing): TraceEvent[] =>
  Array.from({ length: ring.count - ring.first + 1 }, (_, index) => ring.event(ring.first + index));

describe('the ring of causal events', () => {
  test('keeps the last ones, and their numbers show how many are gone', () => {
    const ring = makeRing();

    for (let end = 1; end <= 6; end++) ring.commit(5, end);

    expect([ring.first, ring.count]).toEqual([3, 6]);
    expect(all(ring).map(({ seq, fields }) => [seq, fields['highWatermark']])).toEqual([
      [3, 3],
      [4, 4],
      [5, 5],
      [6, 6],
    ]);
  });

  test('is empty at first', () => {
    expect(all(makeRing())).toEqual([]);
  });

  test('gives what was noted, as lines that can be read', () => {
    const ring = makeRing(32);
    ring.topicOf = (group) => (group === 5 ? 'orders' : null);
    const link = { peer: 3, connection: 0x5be0c1a27f03 };

    ring.sent(link, 18, 5, 9, 120, 1500);
    ring.received(link, 99, 0, 2, 32, 1501);
    ring.role(5, { role: 'leader', term: 4, leader: 2, endOffset: 10, highWatermark: 8 });
    ring.append(5, 10, 12, 2 ** 52 + 3, 4);
    ring.duplicate(5, 10, 2 ** 52 + 3, 4);
    ring.submit(5, 1, 2 ** 52 + 3, 4, 2);
    ring.fault('fenced', 5);
    ring.handover(5, 3);
    ring.started(6);

    const events = all(ring);
    for (const event of events) expect(parseTraceEvent(formatTraceEvent(event))).toEqual({ ok: true, value: event });
    expect(events.map(({ kind, link: of, fields }) => [kind, of, fields])).toEqual([
      [
        'send',
        { to: 'broker-3', connection: '5be0c1a27f03', sequence: 9 },
        { message: 'appendEntries', bytes: 120, group: 5, topic: 'orders' },
      ],
      ['receive', { from: 'broker-3', connection: '5be0c1a27f03', sequence: 2 }, { message: 'kind99', bytes: 32 }],
      ['role', null, { role: 'leader', term: 4, leader: 'broker-2', end: 10, highWatermark: 8, group: 5, topic: 'orders' }],
      ['append', null, { offsetFrom: 10, offsetTo: 12, producer: 2 ** 52 + 3, sequence: 4, group: 5, topic: 'orders' }],
      ['duplicate', null, { offsetFrom: 10, producer: 2 ** 52 + 3, sequence: 4, group: 5, topic: 'orders' }],
      ['submit', null, { leader: 'broker-1', attempt: 2, producer: 2 ** 52 + 3, sequence: 4, group: 5, topic: 'orders' }],
      ['fault', null, { fault: 'fenced', group: 5, topic: 'orders' }],
      ['handover', null, { to: 'broker-3', group: 5, topic: 'orders' }],
      ['started', null, { incarnation: 6 }],
    ]);
    expect(events[0]).toMatchObject({ process: 'broker-2', atMs: 1500, stamp: { counter: 7 } });
  });

  test('tells what agents sent and heard by their names, with their own clocks', () => {
    const ring = makeRing(32);
    const link = { agent: ring.meetAgent('agent-n-5be0c1'), connection: 0x5be0c1000001 };

    ring.sentToAgent(link, 1, 'wait', 0);
    ring.receivedOfAgent(link, 1, { stamp: { ms: 1.9e12, counter: 65_535 }, lines: 0, wallMs: 1.9e12 - 4094 }, 1);
    ring.receivedOfAgent(link, 2, { stamp: { ms: 1.9e12, counter: 3 }, lines: 262_143, wallMs: null }, 0);
    ring.sentToAgent(link, 2, 'ok', 2 ** 30);
    ring.sentToAgent(link, 3, 'no', 0);

    const events = all(ring);
    for (const event of events) expect(parseTraceEvent(formatTraceEvent(event))).toEqual({ ok: true, value: event });
    const way = (direction: 'from' | 'to', sequence: number): TraceLink => ({
      [direction]: 'agent-n-5be0c1',
      connection: '5be0c1000001',
      sequence,
    });
    expect(events.map(({ kind, link: of, fields }) => [kind, of, fields])).toEqual([
      ['send', way('to', 1), { message: 'wait' }],
      ['receive', way('from', 1), { message: 'here', answers: 1, sentMs: 1.9e12 - 4094, sentStampMs: 1.9e12, sentStampCounter: 65_535 }],
      ['receive', way('from', 2), { message: 'lines', lines: 262_143, sentMs: null, sentStampMs: 1.9e12, sentStampCounter: 3 }],
      ['send', way('to', 2), { message: 'ok', stored: 2 ** 30 }],
      ['send', way('to', 3), { message: 'no' }],
    ]);
  });

  test('keeps the names of so many agents as may be connected', () => {
    const ring = makeRing(8);
    const links = Array.from({ length: 10_001 }, (_, index) => ({ agent: ring.meetAgent(`agent-named-${index}`), connection: index }));

    for (const link of [links[0], links[1]]) if (link !== undefined) ring.sentToAgent(link, 1, 'wait', 0);

    expect(all(ring).map(({ link }) => link?.to)).toEqual(['agent-0', 'agent-named-1']);
    expect(ring.meetAgent('one more')).toBe((links.at(-1)?.agent ?? 0) + 1);
  });

  test('says the roles again before they are gone', () => {
    const ring = makeRing(40);
    const replicas = [{ group: 5, raft: { role: 'follower', term: 3, leader: 1, endOffset: 0, highWatermark: 0 } }] as const;

    for (let end = 0; end < 200; end++) {
      ring.commit(5, end);
      ring.restate(() => replicas);
    }

    expect(all(ring).filter(({ kind }) => kind === 'state').length).toBeGreaterThanOrEqual(3);
  });
});
