import { expect, test } from 'vitest';
import { runTask } from '../../../src/base/task.ts';
import type { Answer, ReadRequest, ReadResult, RecordService } from '../../../src/eventlog/index.ts';
import type { Clock } from '../../../src/host/index.ts';
import { type Found, TopicReads, type Wanted } from '../../../src/subscribers/topic-reads.ts';
import { batchOfValues } from '../../conformance/event-log.ts';

/** A clock that stands until it is moved, and reads that are answered by hand. */
function reading() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    startTimer: (delayMs, fire) => {
      const timer = { atMs: nowMs + delayMs, fire };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    defer: (run) => run(),
  };
  const asked = new Map<string, { readonly request: ReadRequest; readonly answer: Answer<ReadResult> }>();
  const log = {
    read: (request: ReadRequest, answer: Answer<ReadResult>) => void asked.set(request.topic, { request, answer }),
  } as unknown as RecordService;
  const reads = new TopicReads(log, clock);
  const gatherSome = (topics: readonly string[], records = 9, bytes = 9999): { found: readonly Found[] | null } => {
    const gathered: { found: readonly Found[] | null } = { found: null };
    const all = topics.map((topic): Wanted => ({ topic, topicId: 1, partition: 0, group: topic.length, generation: 1, offsetFrom: 0 }));
    runTask(
      () => reads.gather(all, 'linearizable', { records, bytes }),
      (found) => {
        gathered.found = found;
      },
    );
    return gathered;
  };
  const gather = (...topics: string[]) => gatherSome(topics);
  const answer = (topic: string, ...values: string[]): void => {
    const batches = values.length === 0 ? [] : [batchOfValues(...values)];
    const end = values.length;
    const value = { topic, offsetFrom: 0, offsetNext: end, batches, times: [], highWatermark: end, logStartOffset: 0, asOfMs: 0, lag: 0 };
    asked.get(topic)?.answer({ ok: true, value });
    asked.delete(topic);
  };
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const timer of [...timers].filter(({ atMs }) => atMs <= nowMs)) {
      timers.delete(timer);
      timer.fire();
    }
  };
  return { asked, gather, gatherSome, answer, pass, timers };
}

const shown = (found: readonly Found[] | null): unknown =>
  found?.map(({ wanted, part, problem }) => [wanted.topic, part?.offsetTo ?? null, problem?.code ?? null]);

test('what cannot be read in time is a problem beside what the others have, and is read for nobody', () => {
  const { asked, gather, answer, pass } = reading();
  const first = gather('dead', 'living');
  answer('living', 'a', 'b');
  expect(first.found).toBeNull();
  const request = asked.get('dead')?.request;
  pass(1500);
  expect(shown(first.found)).toEqual([
    ['dead', null, 'notCurrent'],
    ['living', 2, null],
  ]);
  expect(request?.cancel?.cancelled).toBe(true);
  // What it says now, cancelled, is no sign that it can be read.
  answer('dead');

  const second = gather('dead', 'living');
  expect([...asked.keys()]).toEqual(['living']);
  answer('living', 'a', 'b');
  expect(shown(second.found)).toEqual([
    ['living', 2, null],
    ['dead', null, 'notCurrent'],
  ]);
});

test('what was late is read again where the others have nothing, and taken for living once it is answered', () => {
  const { asked, gather, answer, pass, timers } = reading();
  gather('dead');
  pass(1500);
  asked.clear();
  const second = gather('dead', 'living');
  answer('living');
  expect([...asked.keys()]).toEqual(['dead']);
  answer('dead', 'x');
  expect(shown(second.found)).toEqual([
    ['living', null, null],
    ['dead', 1, null],
  ]);
  gather('dead', 'living');
  expect([...asked.keys()].sort()).toEqual(['dead', 'living']);
  answer('dead');
  answer('living');
  expect(timers.size).toBe(0);
});

test('what was late is not left out where it is taken for living while the others are read', () => {
  const { asked, gather, answer, pass } = reading();
  gather('dead');
  pass(1500);
  asked.clear();
  pass(4900);
  const second = gather('dead', 'living');
  pass(200);
  answer('living');
  answer('dead', 'x');
  expect(shown(second.found)).toEqual([
    ['living', null, null],
    ['dead', 1, null],
  ]);
});

test('of few records little is read, and on from there until they have come', () => {
  const { asked, gatherSome } = reading();
  const one = gatherSome(['t'], 2, 1024 * 1024);
  const sizes: number[] = [];
  for (const [offset, isLast] of [
    [0, false],
    [1, true],
  ] as const) {
    const { request, answer } = asked.get('t') as NonNullable<ReturnType<typeof asked.get>>;
    expect(request.offsetFrom).toBe(offset);
    sizes.push(request.bytesMax);
    const batches = [batchOfValues(`value ${offset}`)];
    // As a log gives it: where it stands.
    for (const batch of batches) new DataView(batch.buffer, batch.byteOffset).setBigInt64(0, BigInt(offset));
    const common = { topic: 't', times: [], highWatermark: 9, logStartOffset: 0, asOfMs: 0, lag: 0 };
    answer({ ok: true, value: { ...common, offsetFrom: offset, offsetNext: offset + 1, batches } });
    expect(one.found !== null).toBe(isLast);
  }
  expect(sizes).toEqual([2048, 8192]);
  expect(one.found).toMatchObject([{ part: { offsetFrom: 0, offsetTo: 2, batches: [{}, {}] }, problem: null }]);
});
