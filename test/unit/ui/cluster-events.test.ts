import { describe, expect, test } from 'vitest';
import { clusterEvents, parseEvent } from '../../../ui/src/overview/cluster-events.ts';

const words = { aheadMsOf: () => 0, topicOf: (group: number) => ({ 2: 'log', 20: 'orders' })[group] ?? null };

const eventsOf = (fields: readonly object[], more: Partial<typeof words> = {}) =>
  clusterEvents(
    fields.flatMap((each, offset) => parseEvent({ offset, value: JSON.stringify({ atMs: 1000 + offset, broker: 1, ...each }) }) ?? []),
    { ...words, ...more },
  );

describe('what brokers tell of themselves', () => {
  test.each([
    [{ event: 'started', version: '0.1.0', incarnation: 1 }, 'started', 'Broker 1 started, version 0.1.0'],
    [{ event: 'election', group: 20, term: 4 }, 'election', 'Broker 1 asks for votes: orders, term 4'],
    [{ event: 'leader', group: 1, term: 4 }, 'leader', 'Broker 1 leads the catalog, term 4'],
    [{ event: 'leader', group: 99, term: 4 }, 'leader', 'Broker 1 leads group 99, term 4'],
    [{ event: 'slowSync', group: 2, ms: 312 }, 'slow', 'Broker 1 took 312 ms to write and sync log'],
    [{ event: 'fault', kind: 'crash' }, 'fault', 'Broker 1 was told to act as crashed'],
    [{ event: 'fault', kind: 'recover' }, 'healed', 'Broker 1 acts as crashed no more'],
    [{ event: 'fault', kind: 'pause' }, 'fault', 'Broker 1 was paused by hand: nothing leaves it, nothing is taken'],
    [{ event: 'fault', kind: 'partition', groups: '1,2|3' }, 'fault', 'Broker 1: links cut by hand between 1,2 and 3'],
    [{ event: 'fault', kind: 'delay', ms: 80, link: '1-2' }, 'fault', 'Broker 1: 80 ms delay by hand on link 1-2'],
    [{ event: 'fault', kind: 'delay', ms: 80, link: null }, 'fault', 'Broker 1: 80 ms delay by hand on all links'],
    [{ event: 'fault', kind: 'heal' }, 'healed', 'Broker 1: faults in links ended'],
    [
      { event: 'scheduledDropped', id: '3-1', topic: 'orders', partition: 0, reason: 'it was deleted' },
      'other',
      'Broker 1 gave up what was to be appended later to orders: it was deleted',
    ],
    [{ event: 'something new' }, 'other', 'Broker 1: something new'],
  ])('%j is a sentence', (fields, kind, text) => {
    expect(eventsOf([fields])).toMatchObject([{ kind, text }]);
  });

  test('is one line for many groups at once, and for a fault that several brokers tell of', () => {
    const elected = Array.from({ length: 5 }, (_, group) => ({ event: 'leader', broker: 2, group: 20 + group, term: 7 }));
    const cut = [3, 1, 2].map((broker) => ({ event: 'fault', broker, kind: 'partition', groups: '1,2|3' }));

    expect(eventsOf([...elected, ...cut])).toMatchObject([
      { atMs: 1005, text: 'Brokers 1, 2, 3: links cut by hand between 1,2 and 3', offset: 7 },
      { atMs: 1000, text: 'Broker 2 leads orders, group 21, group 22 and 2 more, term 7', offset: 4 },
    ]);
  });

  test('is several lines where it happened at different times, the newest first', () => {
    const texts = eventsOf([
      { event: 'leader', group: 2, term: 1, atMs: 5000 },
      { event: 'leader', group: 2, term: 2, atMs: 9000 },
    ]).map(({ text }) => text);

    expect(texts).toEqual(['Broker 1 leads log, term 2', 'Broker 1 leads log, term 1']);
  });

  test('is dated by one clock', () => {
    const told = [
      { event: 'started', version: '1', atMs: 60_000, broker: 2 },
      { event: 'started', version: '1', atMs: 10_000, broker: 1 },
    ];

    expect(eventsOf(told, { aheadMsOf: (broker: number) => (broker === 2 ? 58_000 : 0) } as never).map(({ atMs }) => atMs)).toEqual([
      10_000, 2000,
    ]);
  });

  test.each([
    ['no JSON', 'hello'],
    ['nothing', null],
    ['a list', '[1]'],
    ['null', 'null'],
    ['how busy a broker is', '{"atMs": 1, "broker": 1, "event": "load"}'],
    ['an event of nobody', '{"atMs": 1, "event": "started"}'],
    ['an event at no time', '{"atMs": "now", "broker": 1, "event": "started"}'],
  ])('%s is passed over', (_what, value) => {
    expect(parseEvent({ offset: 1, value })).toBeNull();
  });

  test('is told in words though its fields are not what they should be', () => {
    expect(
      eventsOf([
        { event: 'leader', group: 'x', term: {} },
        { event: 'fault', kind: ['a'] },
      ]).map(({ text }) => text),
    ).toEqual(['Broker 1: fault ', 'Broker 1 leads ']);
  });
});
