/** What all brokers did lately, asked of one of them. */
import { expect, test } from 'vitest';
import { decodeHistoryQuery, encodeHistoryQuery, parseHistory } from '../../../src/broker/history-query.ts';
import { encodeTopicQuery } from '../../../src/broker/topic-query.ts';
import type { AgedSample, KnownHistory } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { Rig } from './rig.ts';

const sample = (broker: number, agoMs: number): AgedSample => ({
  agoMs,
  seconds: 5,
  appendedRecords: broker,
  appendedBytes: 0,
  readRecords: 0,
  readBytes: 0,
  requests: 0,
  elections: 0,
  leaderChanges: 0,
  syncP99Ms: null,
  loopLagMs: 0,
});

/** Each broker did something 20 and 3 seconds ago. */
const newRig = (): Rig =>
  new Rig({
    change: (options) => ({
      ...options,
      history: (withinMs) => [sample(options.self.id, 20_000), sample(options.self.id, 3000)].filter(({ agoMs }) => agoMs <= withinMs),
    }),
  });

const historyOf = (rig: Rig, withinMs: number): readonly KnownHistory[] =>
  rig.ok<readonly KnownHistory[]>(1, (service, answer) => service.history(withinMs, answer));

test('one broker tells what all did, by its own wall clock, as far back as it is asked', () => {
  const rig = newRig();
  rig.awaitLeader();

  const all = historyOf(rig, 60_000);
  const wallMs = rig.broker(1).peek().wallMs;

  expect(all.map(({ id, samples }) => [id, samples?.map(({ appendedRecords }) => appendedRecords)])).toEqual([
    [1, [1, 1]],
    [2, [2, 2]],
    [3, [3, 3]],
  ]);
  for (const { samples } of all) {
    const ages = (samples ?? []).map(({ endMs }) => wallMs - endMs);
    expect(Math.abs((ages[0] ?? 0) - 20_000)).toBeLessThan(500);
    expect(Math.abs((ages[1] ?? 0) - 3000)).toBeLessThan(500);
    expect(samples?.[0]).not.toHaveProperty('agoMs');
  }
  expect(historyOf(rig, 5000).map(({ samples }) => samples?.length)).toEqual([1, 1, 1]);
});

test('a broker that does not answer is named, and is no error', () => {
  const rig = newRig();
  rig.awaitLeader();
  rig.cluster.kill(rig.member(3), false);

  const all = historyOf(rig, 60_000);

  expect(all.map(({ id, samples }) => [id, samples?.length ?? null])).toEqual([
    [1, 2],
    [2, 2],
    [3, null],
  ]);
});

test('a broker of before, which answers with its status, has no history', () => {
  const rig = new Rig();
  rig.awaitLeader();

  expect(parseHistory(JSON.stringify(rig.broker(2).peek()))).toBeNull();
  expect(parseHistory('{"history": [{"agoMs": "soon"}]}')).toBeNull();
  expect(parseHistory('no JSON')).toBeNull();
  // One that keeps none says so.
  expect(historyOf(rig, 60_000).map(({ samples }) => samples)).toEqual([[], [], []]);
});

test('what is asked of a status is told from what is asked of a history', () => {
  expect(decodeHistoryQuery(encodeHistoryQuery(5000, simBytes), simBytes)).toBe(5000);
  expect(decodeHistoryQuery(encodeTopicQuery(null, simBytes), simBytes)).toBeNull();
  expect(decodeHistoryQuery(encodeTopicQuery({ prefix: 'a', after: '', limit: 1 }, simBytes), simBytes)).toBeNull();
  expect(decodeHistoryQuery(simBytes.utf8Encode('{"historyMs": -1}'), simBytes)).toBeNull();
  expect(decodeHistoryQuery(simBytes.utf8Encode('null'), simBytes)).toBeNull();
});

test('counts what callers append and readers are given, once, and not what Cairn says of itself', () => {
  const rig = new Rig();
  rig.awaitLeader();
  const { acknowledgedRecords, readRecords } = rig.broker(2).peek().counters;

  rig.appended(2, ['a', 'b', 'c'], { requestId: 'once' });
  rig.appended(2, ['a', 'b', 'c'], { requestId: 'once' });
  rig.until('the events are there', () => rig.read(2, { topic: 'cairn.events', freshness: 'local' }).batches.length > 0);
  rig.until('broker 2 shows them', () =>
    rig
      .broker(2)
      .peek()
      .partitions.some(({ topic, highWatermark }) => topic === 'log' && highWatermark > 3),
  );
  const before = rig.broker(2).peek().counters;
  rig.read(2, { freshness: 'local' });

  const { counters } = rig.broker(2).peek();
  expect(before.acknowledgedRecords - acknowledgedRecords).toBe(3);
  expect(before.readRecords).toBe(readRecords);
  expect(counters.readRecords - before.readRecords).toBe(3);
  expect(counters.readBytes).toBeGreaterThan(before.readBytes);
  expect(counters.acknowledgedBytes).toBeGreaterThan(0);
});
