import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { parseTimeline, TimelineRecorder, type TimelineRun } from '../../../src/timeline/index.ts';

const startS = 1000.5;

test('goes on when the wall clock is set back an hour', () => {
  let elapsedS = 5;
  const rows: string[] = [];
  const recorder = new TimelineRecorder({
    port: 1234,
    scenario: null,
    monotonicS: () => elapsedS,
    open: () => (text) => void rows.push(text),
    storedCounts: () => null,
  });
  recorder.accepted(startS);
  elapsedS += 1.2;
  recorder.received(7);
  recorder.event(1, 'n', 'host:1', startS, startS - 3600);
  elapsedS += 1;
  recorder.flush(true);

  const [run] = parseTimeline(rows.join(''), 'timeline');
  expect(run?.totals.map(({ second, bytes, events, negative }) => [second, bytes, events, negative])).toEqual([
    [0, 0, 0, 0],
    [1, 7, 1, 1],
    [2, 0, 0, 0],
  ]);
});

function rig(): {
  readonly recorder: TimelineRecorder;
  readonly at: (second: number) => number;
  readonly text: () => string;
  readonly run: () => TimelineRun;
} {
  let nowS = startS;
  let text = '';
  const recorder = new TimelineRecorder({
    port: 1234,
    scenario: 'a test',
    monotonicS: () => nowS,
    open: () => (more) => void (text += more),
    storedCounts: () => null,
  });
  const run = (): TimelineRun => {
    recorder.flush(true);
    return parseTimeline(text, 'timeline')[0] as TimelineRun;
  };
  return { recorder, at: (second) => (nowS = startS + second), text: () => text, run };
}

describe('TimelineRecorder', () => {
  test('begins with the first accept: a header, then a row for each second, empty ones too', () => {
    const { recorder, at, text, run } = rig();
    expect(text()).toBe('');

    recorder.accepted(startS);
    at(0.5);
    recorder.received(10);
    at(3.2);
    recorder.received(7);
    const { header, totals } = run();

    expect(totals.map(({ part }) => part)).toEqual([undefined, undefined, undefined, 0.2]);

    expect(header).toEqual({ cairn: 'timeline', version: 1, start: startS, port: 1234, scenario: 'a test' });
    expect(totals.map(({ second, bytes, events, medianMs }) => [second, bytes, events, medianMs])).toEqual([
      [0, 10, 0, null],
      [1, 0, 0, null],
      [2, 0, 0, null],
      [3, 7, 0, null],
    ]);
  });

  test('counts an event in the second in which it is printed, with its delay, for the total and for its connection', () => {
    const { recorder, at, run } = rig();
    recorder.accepted(startS);
    recorder.connected('n', 'host:1');
    recorder.connected('n', 'host:2');

    let nowS = at(0.25);
    recorder.received(300);
    recorder.receivedFrom(1, 'n', 'host:1', 200);
    recorder.receivedFrom(2, 'n', 'host:2', 100);
    recorder.event(1, 'n', 'host:1', nowS - 0.002, nowS);
    recorder.event(1, 'n', 'host:1', nowS - 0.004, nowS);
    recorder.event(2, 'n', 'host:2', nowS + 0.001, nowS);
    recorder.event(2, 'n', 'host:2', Number.NaN, nowS);
    nowS = at(1.1);
    recorder.received(0);
    recorder.event(2, 'n', 'host:2', nowS - 0.0005, nowS);
    recorder.disconnected('n', 'host:1');
    const { totals, nodes } = run();

    expect(totals[0]).toMatchObject({
      events: 4,
      untimed: 1,
      bytes: 300,
      minMs: -1,
      medianMs: 2,
      p90Ms: 4,
      maxMs: 4,
      negative: 1,
      nodes: 2,
    });
    expect(totals[0]?.joined).toEqual([
      ['n', 'host:1'],
      ['n', 'host:2'],
    ]);
    expect(totals[1]).toMatchObject({ events: 1, medianMs: 0.5, nodes: 1, left: [['n', 'host:1']], printed: 5 });
    expect(nodes.map(({ second, address, events, bytes }) => [second, address, events, bytes])).toEqual([
      [0, 'host:1', 2, 200],
      [0, 'host:2', 2, 100],
      [1, 'host:2', 1, 0],
    ]);
  });
});

/** Nearest rank: the value at place ceil(p n), counted from 1. */
function nearestRank(values: readonly number[], hundredths: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.ceil((hundredths * values.length) / 100) - 1] ?? null;
}

test.each([1, 2, 3, 4, 5])('the figures of every row are those of the raw events (seed %i)', (seed) => {
  const random = new SeededRandom(seed);
  const { recorder, at, run } = rig();
  const raw: { readonly second: number; readonly id: number; readonly delayMs: number; readonly bytes: number }[] = [];
  recorder.accepted(startS);
  for (let elapsed = 0; elapsed < 8; elapsed += random.float() * 0.01) {
    const nowS = at(elapsed);
    const id = random.below(4);
    const bytes = 1 + random.below(200);
    // As a node's clock has it: now and then ahead of ours.
    const seconds = nowS - (random.float() ** 4 * 0.1 - 0.001);
    recorder.received(bytes);
    recorder.receivedFrom(id, `n${id}`, `host:${id}`, bytes);
    recorder.event(id, `n${id}`, `host:${id}`, seconds, nowS);
    raw.push({ second: Math.floor(nowS - startS), id, delayMs: (nowS - seconds) * 1000, bytes });
  }
  const { totals, nodes } = run();

  const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value * 1e4) / 1e4);
  const expected = (second: number, id: number | null): object => {
    const those = raw.filter((each) => each.second === second && (id === null || each.id === id));
    const delays = those.map(({ delayMs }) => delayMs);
    return {
      events: those.length,
      bytes: those.reduce((sum, { bytes }) => sum + bytes, 0),
      minMs: rounded(nearestRank(delays, 0.001)),
      medianMs: rounded(nearestRank(delays, 50)),
      p90Ms: rounded(nearestRank(delays, 90)),
      maxMs: rounded(nearestRank(delays, 100)),
      negative: delays.filter((delay) => delay < 0).length,
    };
  };
  expect(raw.length).toBeGreaterThan(1_000);
  expect(totals.length).toBeGreaterThanOrEqual(8);
  for (const row of totals) expect(row, `second ${row.second}`).toMatchObject(expected(row.second, null));
  for (const row of nodes) expect(row, `second ${row.second}, ${row.node}`).toMatchObject(expected(row.second, Number(row.node.slice(1))));
  expect(totals.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(raw.reduce((sum, { bytes }) => sum + bytes, 0));
});

describe('parseTimeline', () => {
  test('reads what is whole at every place where a logger may have been killed', () => {
    const { recorder, at, text } = rig();
    recorder.accepted(startS);
    for (let second = 0; second < 5; second++) {
      at(second + 0.5);
      recorder.received(1);
    }
    recorder.flush(true);
    const whole = text();

    for (let length = 0; length <= whole.length; length++) {
      const torn = whole.slice(0, length);
      const rows = parseTimeline(torn, 'timeline')[0]?.totals.length ?? 0;

      expect(rows).toBeGreaterThanOrEqual(torn.split('\n').length - 2);
    }
  });

  test('takes several runs of one file, the first of them killed in the middle of a row', () => {
    const { recorder, text } = rig();
    recorder.accepted(startS);
    recorder.flush(true);

    const runs = parseTimeline(`${text()}{"second":1,"no\n${text()}`, 'timeline');

    expect(runs.map((run) => run.totals.length)).toEqual([1, 1]);
  });

  test('refuses what is no timeline', () => {
    expect(() => parseTimeline('{"a":1}\n', 'x.txt')).toThrow('Cannot use x.txt as a timeline: line 1 is no row of a timeline');
    expect(() => parseTimeline('abc\ndef\n', 'x.txt')).toThrow('line 1 is no JSON');
  });
});
