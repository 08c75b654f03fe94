import { expect, test } from 'vitest';
import { brokerId, groupId } from '../../../src/base/branded.ts';
import { LogSpans } from '../../../src/broker/log-spans.ts';
import { Spans } from '../../../src/broker/spans.ts';

const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const [group, other] = [groupId(7), groupId(8)];
let nowMs = 0;

function made(): LogSpans {
  nowMs = 0;
  let drawn = 0;
  const random = { bytes: (length: number) => new Uint8Array(length).fill(++drawn) };
  return new LogSpans(new Spans('broker-1', { monotonicMs: () => nowMs, wallMs: () => nowMs }, random), () => nowMs);
}

const endings: Readonly<Record<string, (spans: LogSpans) => void>> = {
  stored: (spans) => spans.stored(group, 11, 0),
  committed: (spans) => spans.committed(group, 11),
  answered: (spans) => spans.answered(group, 10),
};

test.each([
  ['stored', 'committed', 'answered'],
  ['committed', 'answered', 'stored'],
  ['answered', 'stored', 'committed'],
  ['stored', 'answered', 'committed'],
])('a batch of a leader is followed until it is %s, %s and %s', (...order) => {
  const spans = made();
  spans.appended(group, 10, trace);

  for (const name of order) {
    expect(spans.isActive).toBe(true);
    expect(spans.tracesOf(group, 0, 20)).toEqual([{ offsetFrom: 10, context: trace }]);
    endings[name]?.(spans);
  }

  expect(spans.isActive).toBe(false);
  expect(spans.tracesOf(group, 0, 20)).toEqual([]);
});

test('a batch whose end does not come is let go of after ten seconds', () => {
  const spans = made();
  spans.appended(group, 10, trace);
  spans.stored(group, 11, 0);

  spans.expire(9_999);
  expect(spans.isActive).toBe(true);
  spans.expire(10_000);

  expect(spans.isActive).toBe(false);
});

test('a batch of a follower is over when it is stored, and others go on', () => {
  const spans = made();
  spans.received(group, brokerId(2), [{ offsetFrom: 10, context: trace }]);
  spans.received(other, brokerId(2), [{ offsetFrom: 10, context: trace }]);

  spans.stored(group, 11, 0);
  expect(spans.isActive).toBe(true);
  spans.stored(other, 11, 0);

  expect(spans.isActive).toBe(false);
});

test('what is sent of others makes no list while a traced one is under way', () => {
  const spans = made();
  spans.appended(group, 10, trace);

  const ofOthers = [spans.tracesOf(other, 0, 20), spans.tracesOf(group, 0, 10), spans.tracesOf(group, 11, 20)];

  expect(ofOthers).toEqual([[], [], []]);
  expect(new Set(ofOthers).size).toBe(1);
});
