import { beforeEach, expect, test } from 'vitest';
import { DelayLine } from '../../../../src/broker/peers/delay-line.ts';

interface Started {
  readonly atMs: number;
  readonly fire: () => void;
}

let nowMs = 0;
let isPaused = false;
let timers: Started[] = [];
let left: { readonly byte: number; readonly atMs: number }[] = [];
let line: DelayLine;

beforeEach(() => {
  nowMs = 0;
  isPaused = false;
  timers = [];
  left = [];
  line = new DelayLine(
    {
      conditions: {
        get isPaused() {
          return isPaused;
        },
        isCutOff: () => false,
        delayMs: () => 0,
      },
      nowMs: () => nowMs,
      startTimer: (delayMs, fire) => {
        const timer = { atMs: nowMs + delayMs, fire };
        timers.push(timer);
        return { cancel: () => void (timers = timers.filter((one) => one !== timer)) };
      },
    },
    { send: ([chunk]) => void left.push({ byte: chunk?.[0] ?? -1, atMs: nowMs }), bytesQueued: 7, close: () => undefined },
  );
});

function runTo(untilMs: number): void {
  for (;;) {
    const [next] = timers.toSorted((a, b) => a.atMs - b.atMs);
    if (next === undefined || next.atMs > untilMs) break;
    timers = timers.filter((one) => one !== next);
    nowMs = next.atMs;
    next.fire();
  }
  nowMs = untilMs;
}

const frame = (byte: number, length = 10): Uint8Array[] => [new Uint8Array(length).fill(byte)];

test('without a delay nothing waits', () => {
  line.send(frame(1), 0);

  expect(left).toEqual([{ byte: 1, atMs: 0 }]);
  expect([line.bytesQueued, timers.length]).toEqual([7, 0]);
});

test('a thousand frames leave in order, each after its time, by one timer, and count until they have left', () => {
  for (let i = 0; i < 1000; i++) {
    runTo(i);
    line.send(frame(i % 256), 3000);
    expect(timers).toHaveLength(1);
  }
  expect(line.bytesQueued).toBe(10_007);

  runTo(3499);
  expect([left.length, line.bytesQueued]).toEqual([500, 5007]);
  runTo(10_000);

  expect(left).toEqual(Array.from({ length: 1000 }, (_, i) => ({ byte: i % 256, atMs: 3000 + i })));
  expect([line.bytesQueued, timers.length]).toEqual([7, 0]);
  line.send(frame(7), 5);
  runTo(20_000);
  expect(left.at(-1)).toEqual({ byte: 7, atMs: 10_005 });
});

test('what waits leaves at once when the delay changes, ahead of what comes then', () => {
  line.send(frame(1), 1000);
  line.send(frame(2), 1000);

  line.release();
  line.send(frame(3), 0);
  line.send(frame(4), 10);
  runTo(5000);

  expect(left).toEqual([1, 2, 3].map((byte) => ({ byte, atMs: 0 })).concat({ byte: 4, atMs: 10 }));
});

test('in a pause nothing leaves, and what waited for it is lost', () => {
  line.send(frame(1), 1000);
  isPaused = true;
  line.release();
  line.send(frame(2), 1000);
  line.send(frame(3), 0);
  runTo(5000);
  isPaused = false;
  line.release();
  runTo(9000);

  expect(left).toEqual([]);
  expect([line.bytesQueued, timers.length]).toEqual([7, 0]);
});

test('a link that closes while it is given what waits is given no more, and nothing counts', () => {
  const closing = new DelayLine(
    {
      conditions: { isPaused: false, isCutOff: () => false, delayMs: () => 0 },
      nowMs: () => nowMs,
      startTimer: (delayMs, fire) => {
        timers.push({ atMs: nowMs + delayMs, fire });
        return { cancel: () => undefined };
      },
    },
    {
      send: () => closing.drop(),
      bytesQueued: 0,
      close: () => undefined,
    },
  );
  closing.send(frame(1), 10);
  closing.send(frame(2), 10);

  runTo(20);

  expect(closing.bytesQueued).toBe(0);
});
