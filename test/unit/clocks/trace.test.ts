import { describe, expect, test } from 'vitest';
import {
  chromeText,
  correctedTimes,
  formatTraceEvent,
  type OrderedTrace,
  orderTrace,
  parseTrace,
  parseTraceEvent,
  shivizLines,
  shivizParser,
  skewOf,
  takeStretch,
  type TraceEvent,
} from '../../../src/clocks/index.ts';

/** Three processes by hand: `a` sends to `b`, `b` to `c`, and `c` does something of its own before it hears. */
class Written {
  readonly events: TraceEvent[] = [];
  readonly #seqs = new Map<string, number>();

  add(process: string, kind: string, atMs: number, more: Partial<TraceEvent> = {}): TraceEvent {
    const seq = (this.#seqs.get(process) ?? 0) + 1;
    this.#seqs.set(process, seq);
    const event = { process, seq, kind, atMs, trueMs: null, stamp: null, link: null, fields: {}, ...more };
    this.events.push(event);
    return event;
  }

  send(from: string, to: string, sequence: number, atMs: number, message = 'append'): void {
    this.add(from, 'send', atMs, { link: { to, connection: 'c1', sequence }, fields: { message } });
  }

  receive(from: string, to: string, sequence: number, atMs: number, message = 'append'): void {
    this.add(to, 'receive', atMs, { link: { from, connection: 'c1', sequence }, fields: { message } });
  }
}

function threeProcesses(): Written {
  const written = new Written();
  written.add('a', 'started', 100);
  written.send('a', 'b', 1, 110);
  written.add('c', 'commit', 111, { fields: { highWatermark: 4 } });
  written.receive('a', 'b', 1, 120);
  written.send('b', 'c', 1, 121);
  written.receive('b', 'c', 1, 130);
  return written;
}

const ordered = (events: readonly TraceEvent[]): OrderedTrace => {
  const result = orderTrace(events);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const find = (trace: OrderedTrace, process: string, seq: number): number =>
  trace.events.findIndex((event) => event.process === process && event.seq === seq);

describe('a line of a trace', () => {
  const event: TraceEvent = {
    process: 'broker-1',
    seq: 7,
    kind: 'send',
    atMs: 1767225600123,
    trueMs: 12.5,
    stamp: { ms: 1767225600123, counter: 2 },
    link: { to: 'broker-2', connection: '5be0c1a27f03', sequence: 4 },
    fields: { message: 'appendEntries', group: 2, topic: null },
  };

  test('is read as it was written', () => {
    const line = formatTraceEvent(event);

    expect(line.endsWith('\n')).toBe(true);
    expect(parseTraceEvent(line)).toEqual({ ok: true, value: event });
  });

  test.each([
    ['of another version', { v: 2 }, /version is 2/],
    ['of nobody', { process: '' }, /process is ""/],
    ['of a process whose name breaks lines', { process: 'a\nb' }, /process is/],
    ['without a number', { seq: 1.5 }, /seq is 1.5/],
    ['of no kind', { kind: 'two words' }, /kind is "two words"/],
    ['without a time', { atMs: 'now' }, /atMs is "now"/],
    ['with half a stamp', { stamp: { ms: 1 } }, /stamp is not/],
    ['that is sent and received', { link: { to: 'a', from: 'b', connection: 'c', sequence: 1 } }, /link is not/],
    ['that is a receive without a link', { kind: 'receive', link: undefined }, /receive without a link/],
    ['with an object in a field', { more: {} }, /field "more"/],
  ])('%s is refused, and why is said', (_what, change, reason) => {
    const value = { ...(JSON.parse(formatTraceEvent(event)) as object), ...change };

    const parsed = parseTraceEvent(JSON.stringify(value));

    expect(parsed.ok ? '' : parsed.error).toMatch(reason);
  });

  test('that is none is named by its number in the file', () => {
    expect(parseTrace(`${formatTraceEvent(event)}\nnonsense\n`)).toEqual({
      ok: false,
      error: 'line 3 is no event of a trace: it is not JSON',
    });
    expect(parseTrace('\n\n').ok).toBe(false);
  });
});

describe('the order of a trace', () => {
  test('is that of each process and of its messages, and nothing else', () => {
    const trace = ordered(threeProcesses().events);
    const [start, sent, own] = [find(trace, 'a', 1), find(trace, 'a', 2), find(trace, 'c', 1)];
    const [received, passedOn, last] = [find(trace, 'b', 1), find(trace, 'b', 2), find(trace, 'c', 2)];

    expect(trace.happenedBefore(start, last)).toBe(true);
    expect(trace.happenedBefore(sent, received)).toBe(true);
    expect(trace.happenedBefore(received, passedOn)).toBe(true);
    expect([trace.happenedBefore(own, received), trace.happenedBefore(sent, own)]).toEqual([false, false]);
    expect([trace.happenedBefore(last, start), trace.happenedBefore(start, start)]).toEqual([false, false]);
  });

  test('asks no clock: where one is an hour behind, a message is still sent before it is received', () => {
    const written = threeProcesses();
    const wrong = written.events.map((event) => (event.process === 'b' ? { ...event, atMs: event.atMs - 3_600_000 } : event));

    const trace = ordered(wrong);

    expect(trace.events.map(({ process, seq }) => `${process}${seq}`).indexOf('a2')).toBeLessThan(find(trace, 'b', 1));
    expect(trace.sendOf[find(trace, 'b', 1)]).toBe(find(trace, 'a', 2));
  });

  test('counts what has no other end', () => {
    const written = threeProcesses();
    written.send('c', 'a', 9, 140);
    written.receive('d', 'a', 3, 141);

    const trace = ordered(written.events);

    expect([trace.unpairedSends, trace.unpairedReceives]).toEqual([1, 1]);
  });

  test('does not pair messages of two connections that have the same number', () => {
    const written = threeProcesses();
    written.add('b', 'receive', 150, { link: { from: 'a', connection: 'c2', sequence: 1 } });

    const trace = ordered(written.events);

    expect(trace.unpairedReceives).toBe(1);
  });

  test('is none where a message is received before it was sent, and that is said', () => {
    const written = new Written();
    written.receive('b', 'a', 1, 1);
    written.send('a', 'b', 1, 2);
    written.receive('a', 'b', 1, 3);
    written.send('b', 'a', 1, 4);

    expect(orderTrace(written.events)).toEqual({
      ok: false,
      error: 'messages are received before they were sent: event 1 of a, event 1 of b',
    });
  });

  test('is none of two recordings in one', () => {
    const { events } = threeProcesses();

    const result = orderTrace([...events, ...events]);

    expect(result.ok ? '' : result.error).toMatch(/event 1 of a is there twice/);
  });
});

describe('the skew of a trace', () => {
  /** `b` is 10 s ahead of `a`, `c` 4 s behind; a message takes 3 to 7 ms, `a` and `c` never speak. */
  function skewed(): TraceEvent[] {
    const written = new Written();
    for (let i = 0; i < 10; i++) {
      const at = i * 100;
      written.send('a', 'b', i, at);
      written.receive('a', 'b', i, at + 10_000 + 3 + (i % 5));
      written.send('b', 'a', i, at + 10_000 + 20);
      written.receive('b', 'a', i, at + 20 + 3 + ((i + 2) % 5));
      written.add('b', 'send', at + 10_000 + 40, { link: { to: 'c', connection: 'x', sequence: i } });
      written.add('c', 'receive', at - 4000 + 40 + 5, { link: { from: 'b', connection: 'x', sequence: i } });
      written.add('c', 'send', at - 4000 + 60, { link: { to: 'b', connection: 'x', sequence: i } });
      written.add('b', 'receive', at + 10_000 + 60 + 5, { link: { from: 'c', connection: 'x', sequence: i } });
    }
    return written.events;
  }

  test('is known within the time that messages take, also between those that never spoke', () => {
    const { skews, isInconsistent } = skewOf(ordered(skewed()));

    expect(isInconsistent).toBe(false);
    for (const [process, ahead] of [
      ['a', 0],
      ['b', 10_000],
      ['c', -4000],
    ] as const) {
      const found = skews.find((each) => each.process === process);
      expect(Math.abs((found?.aheadMs ?? Number.NaN) - ahead)).toBeLessThanOrEqual(found?.errorMs ?? -1);
      expect(found?.errorMs).toBeLessThan(11);
    }
  });

  test('brings the times of all together, no message before it was sent', () => {
    const trace = ordered(skewed());
    const times = correctedTimes(trace, skewOf(trace));

    const early = trace.events.filter((_, index) => {
      const send = trace.sendOf[index] as number;
      return send >= 0 && (times[index] as number) < (times[send] as number);
    });
    expect(early).toEqual([]);
    expect(Math.max(...times)).toBeLessThan(1100);
  });

  test('is not known where a clock was set meanwhile', () => {
    const { events } = threeProcesses();
    const written = new Written();
    written.send('a', 'b', 1, 100);
    written.receive('a', 'b', 1, 105);
    written.send('a', 'b', 2, 200);
    written.receive('a', 'b', 2, -5000);
    written.send('b', 'a', 1, 300);
    written.receive('b', 'a', 1, 305);

    expect(skewOf(ordered(written.events)).isInconsistent).toBe(true);
    // And nothing is claimed where messages went one way only.
    expect(skewOf(ordered(events)).skews.map(({ aheadMs }) => aheadMs)).toEqual([0, null, null]);
  });
});

describe('a trace that somebody made to do harm', () => {
  const line = (more: Readonly<Record<string, unknown>>): string =>
    `${JSON.stringify({ v: 1, process: 'a', seq: 1, kind: 'x', atMs: 5, ...more })}\n`;
  const problem = (text: string, most?: number): string => {
    const parsed = parseTrace(text, most);
    return parsed.ok ? '' : parsed.error;
  };

  test('is refused in one sentence that names the line', () => {
    expect(problem(`${line({})}${line({ seq: 2, atMs: 1e300 })}`)).toBe('line 2 is no event of a trace: its atMs is 1e+300, not a time');
    expect(problem(line({ trueMs: -1e16 }))).toMatch(/^line 1 .* its trueMs is -10000000000000000, not a time$/);
    expect(problem(line({ stamp: { ms: 1e200, counter: 0 } }))).toMatch(/its stamp is not/);
    expect(problem('['.repeat(19_000))).toBe('line 1 is no event of a trace: it is not JSON');
    expect(problem(`{"v":1,"a":${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}}`)).toMatch(/its process is missing/);
    expect(problem(line({ deep: [[]] }))).toMatch(/its field "deep" is neither/);
    expect(problem('{"__proto__":{"v":1,"process":"a","seq":1,"kind":"x","atMs":5}}')).toMatch(/its version is missing/);
    expect(problem(line({}).repeat(3), 2)).toBe('it holds more than 2 events');
    expect(problem('\u0000\n')).toMatch(/not JSON/);
    expect(problem('')).toBe('it holds no event');
    expect(problem(line({}).slice(0, -5))).toMatch(/^line 1 .* not JSON$/);
  });

  test('may name a process or a field as every object has one, and changes nothing by it', () => {
    const text = `{"v":1,"process":"__proto__","seq":1,"kind":"x","atMs":5,"__proto__":"mine","constructor":"too"}\n${line({ process: 'toString' })}`;
    const parsed = parseTrace(text);
    const trace = ordered(parsed.ok ? parsed.value : []);

    expect([...shivizLines(trace)].join('')).toContain('__proto__ {"__proto__":1}\nx: __proto__ mine, constructor too\n');
    const chrome = JSON.parse([...chromeText(trace, correctedTimes(trace, skewOf(trace)), 'x')].join('')) as { traceEvents: unknown[] };
    expect(chrome.traceEvents).toHaveLength(4);
    expect(trace.events.map((event) => formatTraceEvent(event)).join('')).toContain('"__proto__":"mine"');
    expect(({} as Record<string, unknown>)['mine']).toBeUndefined();
  });
});

describe('exports of a trace', () => {
  test('for ShiViz are read by its parser, and each host counts 1, 2, 3', () => {
    const written = threeProcesses();
    written.receive('d', 'b', 8, 150);
    const text = [...shivizLines(ordered(written.events))].join('');

    const found = [...text.matchAll(new RegExp(shivizParser, 'g'))].map(({ groups }) => groups as Record<string, string>);

    // All of the text and nothing else, as ShiViz demands.
    expect(found.map(({ host, clock, event }) => `${host} ${clock}\n${event}\n`).join('')).toBe(text);
    const own = new Map<string, number>();
    for (const { host = '', clock = '' } of found) {
      const entries = JSON.parse(clock) as Record<string, number>;
      expect(entries[host]).toBe((own.get(host) ?? 0) + 1);
      own.set(host, entries[host] as number);
      // No entry runs ahead of what its host has done by then.
      for (const [name, count] of Object.entries(entries)) expect(count).toBeLessThanOrEqual(own.get(name) ?? 0);
    }
    expect(found.at(-1)?.['event']).toBe('receive append from d (unpaired: its send is not in this trace)');
    expect(own.size).toBe(3);
  });

  test('for chrome://tracing are JSON with a slice for each event and both ends of each arrow', () => {
    const trace = ordered(threeProcesses().events);

    const text = [...chromeText(trace, correctedTimes(trace, skewOf(trace)), 'made up')].join('');

    const { traceEvents, displayTimeUnit } = JSON.parse(text) as {
      traceEvents: { ph: string; id?: number; ts: number }[];
      displayTimeUnit: string;
    };
    const count = (ph: string): number => traceEvents.filter((each) => each.ph === ph).length;
    expect([count('M'), count('X'), count('s'), count('f')]).toEqual([3, 6, 2, 2]);
    expect(displayTimeUnit).toBe('ms');
    for (const end of traceEvents.filter(({ ph }) => ph === 'f')) {
      const start = traceEvents.find(({ ph, id }) => ph === 's' && id === end.id);
      expect(start?.ts).toBeLessThanOrEqual(end.ts);
    }
  });
});

describe('a stretch of a trace', () => {
  const options = { fromMs: null, toMs: null, eventsMax: 100, topic: null, chatter: false };

  test('leaves out heartbeats and what answers them, and keeps what moves a batch', () => {
    const written = new Written();
    const frame = (kind: 'send' | 'receive', process: string, other: string, sequence: number, message: string, bytes: number): void => {
      const link = kind === 'send' ? { to: other, connection: 'x', sequence } : { from: other, connection: 'x', sequence };
      written.add(process, kind, written.events.length, { link, fields: { message, bytes } });
    };
    frame('send', 'a', 'b', 1, 'appendEntries', 93);
    frame('receive', 'b', 'a', 1, 'appendEntries', 93);
    frame('send', 'b', 'a', 1, 'appendEntriesResponse', 89);
    frame('receive', 'a', 'b', 1, 'appendEntriesResponse', 89);
    frame('send', 'a', 'b', 3, 'joined', 172);
    frame('receive', 'b', 'a', 3, 'joined', 172);
    frame('send', 'a', 'c', 1, 'pulse', 60);
    frame('receive', 'c', 'a', 1, 'pulse', 60);
    frame('send', 'c', 'a', 1, 'pulseAnswer', 60);
    frame('receive', 'a', 'c', 1, 'pulseAnswer', 60);
    frame('send', 'a', 'b', 2, 'appendEntries', 500);
    frame('receive', 'b', 'a', 2, 'appendEntries', 500);
    written.add('b', 'stored', 6, { fields: { end: 4 } });
    frame('send', 'b', 'a', 2, 'appendEntriesResponse', 89);
    frame('receive', 'a', 'b', 2, 'appendEntriesResponse', 89);
    written.add('b', 'role', 7, { fields: { role: 'preCandidate', term: 1 } });
    frame('send', 'b', 'a', 3, 'joined', 172);
    frame('receive', 'a', 'b', 3, 'joined', 172);
    const trace = ordered(written.events);
    const times = correctedTimes(trace, skewOf(trace));

    const quiet = takeStretch(trace, times, options);
    const whole = takeStretch(trace, times, { ...options, chatter: true });

    expect(quiet.ok ? quiet.value.events.length : 0).toBe(8);
    expect(whole.ok ? whole.value.events.length : 0).toBe(18);
  });

  test('begins a little before the first trouble, and says how much found no room', () => {
    const written = new Written();
    for (let i = 0; i < 50; i++) written.add('a', 'commit', i * 100);
    written.add('a', 'killed', 5000);
    written.add('a', 'start', 6000);
    const trace = ordered(written.events);
    const times = correctedTimes(trace, skewOf(trace));

    const around = takeStretch(trace, times, options);
    const tight = takeStretch(trace, times, { ...options, fromMs: 0, toMs: 4000, eventsMax: 10 });

    expect(around.ok ? [around.value.fromMs, around.value.events.length] : []).toEqual([4940, 2]);
    expect(tight.ok ? [tight.value.events.length, tight.value.left, tight.value.toMs] : []).toEqual([10, 31, 900]);
  });

  test('has the first trouble in it, however much happened just before', () => {
    const written = new Written();
    for (let i = 0; i < 600; i++) written.add('a', 'commit', 4900 + i / 6);
    written.add('a', 'killed', 5000);
    for (let i = 0; i < 600; i++) written.add('b', 'commit', 5000 + i);
    const trace = ordered(written.events);
    const times = correctedTimes(trace, skewOf(trace));

    const around = takeStretch(trace, times, { ...options, eventsMax: 90 });

    expect(around.ok ? around.value.events.map((index) => trace.events[index]?.kind).indexOf('killed') : -1).toBe(30);
    expect(around.ok ? [around.value.fromMs, around.value.toMs, around.value.events.length] : []).toEqual([95, 158, 90]);
  });

  test('that is empty is an error that says where the trace is', () => {
    const trace = ordered(threeProcesses().events);
    const times = correctedTimes(trace, skewOf(trace));

    const later = takeStretch(trace, times, { ...options, fromMs: 60_000 });
    const other = takeStretch(trace, times, { ...options, topic: 'orders' });

    expect(later.ok ? '' : later.error).toMatch(/nothing happened from 60.000 s to its end: the trace reaches from 0.000 s to 0.030 s/);
    expect(other.ok ? '' : other.error).toBe('the trace has no event of topic "orders"; it has no topic at all');
    expect(takeStretch(trace, times, { ...options, fromMs: 9, toMs: 3 })).toMatchObject({ error: 'it would end before it begins' });
  });
});
