import { describe, expect, test } from 'vitest';
import type { HistorySample } from '../../../src/eventlog/history.ts';
import { BrokerHistories, type HistoryAnswer } from '../../../ui/src/overview/history.ts';

const everyMs = 5000;
const startMs = 1_795_000_000_000;

const sample = (endMs: number, more: Partial<HistorySample> = {}): HistorySample => ({
  endMs: startMs + endMs,
  seconds: 5,
  appendedRecords: 50,
  appendedBytes: 0,
  readRecords: 100,
  readBytes: 0,
  requests: 10,
  elections: 0,
  leaderChanges: 0,
  syncP99Ms: null,
  loopLagMs: 0,
  ...more,
});

const answer = (brokers: Readonly<Record<number, readonly HistorySample[] | null>>): HistoryAnswer => ({
  everyMs,
  spanMs: 60_000,
  brokers: Object.entries(brokers).map(([id, samples]) => ({ id: Number(id), address: '', samples })),
  missing: Object.entries(brokers).flatMap(([id, samples]) => (samples === null ? [Number(id)] : [])),
});

const stretch = (from: number, to: number, offsetMs = 0, more: Partial<HistorySample> = {}): HistorySample[] => {
  const samples: HistorySample[] = [];
  for (let at = from; at <= to; at += everyMs) samples.push(sample(at + offsetMs, more));
  return samples;
};

describe('the history of several brokers', () => {
  test('is their sum a second, and the worst of what takes time, whatever the moments at which each of them looked', () => {
    const histories = new BrokerHistories();
    histories.add(
      answer({ 1: stretch(5000, 60_000, 0, { syncP99Ms: 3, loopLagMs: 1 }), 2: stretch(5000, 60_000, 1700, { syncP99Ms: 9 }) }),
    );

    const moments = histories.moments();
    const known = moments.slice(-10);

    expect(moments).toHaveLength(12);
    expect(known.map(({ appended, read, requests, syncMs, lagMs }) => [appended, read, requests, syncMs, lagMs])).toEqual(
      known.map(() => [20, 40, 4, 9, 1]),
    );
  });

  test('ends where all brokers that are there have told of, so that it never ends with a drop', () => {
    const histories = new BrokerHistories();
    histories.add(answer({ 1: stretch(5000, 30_000), 2: stretch(5000, 30_000, 4000) }));

    expect(histories.moments().at(-1)).toMatchObject({ timeMs: startMs + 27_500, appended: 20 });
  });

  test('does not wait for a broker that has stopped, and goes on without it', () => {
    const histories = new BrokerHistories();
    histories.add(answer({ 1: stretch(5000, 60_000), 2: stretch(5000, 30_000) }));
    histories.add(answer({ 1: stretch(55_000, 65_000), 2: null }));

    const moments = histories.moments();

    expect(histories.missing).toEqual([2]);
    expect(moments.at(-1)).toMatchObject({ timeMs: startMs + 62_500, appended: 10 });
    expect(moments.find(({ timeMs }) => timeMs === startMs + 22_500)?.appended).toBe(20);
  });

  test('takes what is new of each answer, though that dates what was known a little differently', () => {
    const histories = new BrokerHistories();
    histories.add(answer({ 1: stretch(5000, 30_000) }));
    histories.add(answer({ 1: stretch(20_000, 35_000, 140) }));
    histories.add(answer({ 1: stretch(25_000, 40_000, -90) }));

    const moments = histories.moments().filter(({ appended }) => appended !== null);

    expect(moments).toHaveLength(8);
    expect(moments.every(({ appended }) => appended === 10)).toBe(true);
  });

  test('has a hole before a broker began, and the rate of a long stretch all along it', () => {
    const histories = new BrokerHistories();
    histories.add(answer({ 1: [sample(20_000), sample(50_000, { seconds: 30, appendedRecords: 300 }), sample(55_000)] }));

    expect(histories.moments().map(({ appended }) => appended)).toEqual([null, null, null, null, 10, 10, 10, 10, 10, 10, 10, 10]);
  });

  test('keeps no more than its span', () => {
    const histories = new BrokerHistories();
    for (let at = 0; at < 600_000; at += everyMs) histories.add(answer({ 1: [sample(at)] }));

    expect(histories.moments()).toHaveLength(12);
    expect(histories.moments()[0]?.timeMs).toBe(startMs + 595_000 - 60_000 + 2500);
  });

  test('of nobody is nothing', () => {
    const histories = new BrokerHistories();
    histories.add(answer({ 1: [], 2: null }));

    expect(histories.moments()).toEqual([]);
  });
});
