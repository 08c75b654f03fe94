import { expect, test } from 'vitest';
import { type LogService, LogError, withPromises, withSubscriptionPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { memorySubscriptions } from '../../../src/subscribers/memory.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { pulledValues } from '../../conformance/subscriptions.ts';
import { testClock } from '../../support/clock.ts';

/** A log that can forget the beginning of one topic, as retention does. */
class Trimmable extends MemoryLog {
  topic = '';
  logStart = 0;

  override read(...[request, answer]: Parameters<LogService['read']>): void {
    const { topic, offsetFrom } = request;
    if (topic !== this.topic || (offsetFrom ?? this.logStart) >= this.logStart)
      return super.read(topic === this.topic && offsetFrom === null ? { ...request, offsetFrom: this.logStart } : request, answer);
    const details = { logStartOffset: this.logStart, endOffset: 3 };
    const error = new LogError('offsetOutOfRange', `Cannot read topic "${topic}": it begins at ${this.logStart}`, details);
    setImmediate(() => answer({ ok: false, error }));
  }
}

test('a cursor below what is kept is an error with the choices, moves nowhere by itself, and holds up no other topic', async () => {
  const clock = testClock();
  const memory = new Trimmable({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  for (const topic of ['trimmed', 'whole']) {
    await log.createTopic(topic, { retentionBytes: null });
    await subscriptions.subscribe({ subscriber: 's', topic, start: { at: 'beginning' } });
    const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
    for (const value of ['a', 'b', 'c']) await log.append({ topic, batch: batchOfValues(`${topic} ${value}`), ...common });
  }
  memory.topic = 'trimmed';
  memory.logStart = 2;
  const request = { subscriber: 's', mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9999 } as const;
  const pull = (topics: readonly string[] | null) => subscriptions.pull({ ...request, topics, waitMs: 0, freshness: 'linearizable' });

  const both = await pull(null);
  expect(pulledValues(both)).toEqual(['whole a', 'whole b', 'whole c']);
  expect(both.problems).toMatchObject([
    { topic: 'trimmed', code: 'cursorOutOfRange', details: { logStartOffset: 2, endOffset: 3, cursor: 0 } },
  ]);
  await expect(pull(['trimmed'])).rejects.toMatchObject({ code: 'cursorOutOfRange', message: expect.stringContaining('seek') as string });
  const described = await subscriptions.describeSubscriber('s');
  expect(described.cursors.map(({ topic, offset, problem }) => [topic, offset, problem !== null])).toEqual([
    ['trimmed', 0, true],
    ['whole', 0, false],
  ]);

  // What was processed before it was removed can be acknowledged all the same, with a pull too.
  await expect(subscriptions.ack({ subscriber: 's', positions: [{ topic: 'trimmed', offset: 1 }] })).resolves.toMatchObject({
    cursors: [{ offset: 1 }],
  });

  await subscriptions.seek({ subscriber: 's', topic: 'trimmed', partition: null, to: { at: 'beginning' }, preview: false });
  expect(pulledValues(await pull(['trimmed']))).toEqual(['trimmed c']);
});

test('many pulls of one subscriber at once are served one after another, and beyond a limit refused', async () => {
  const clock = testClock();
  const memory = new MemoryLog({ clock, bytes: systemBytes });
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  await subscriptions.subscribe({ subscriber: 's', topic: 'log', start: { at: 'end' } });
  const request = {
    subscriber: 's',
    topics: null,
    mode: 'explicit',
    number: null,
    acknowledge: [],
    recordsMax: 9,
    bytesMax: 9999,
  } as const;
  const cancel = { cancelled: false, onCancel: null as (() => void) | null };
  const waiting = Array.from({ length: 16 }, (_, index) =>
    subscriptions.pull({ ...request, waitMs: 20_000, freshness: 'local', ...(index === 0 ? { cancel } : {}) }),
  );
  await expect(subscriptions.pull({ ...request, waitMs: 0, freshness: 'local' })).rejects.toMatchObject({ code: 'overloaded' });
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await withPromises(memory).append({ topic: 'log', batch: batchOfValues('a'), ...common });
  expect((await Promise.all(waiting)).map(pulledValues)).toEqual(waiting.map(() => ['a']));
});
