import { expect, test, vi } from 'vitest';
import { type EventLog, LogError, withPromises } from '../../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../../src/eventlog/memory-log.ts';
import type { LineSource } from '../../../../src/gateway/lines/line-sink.ts';
import { defaultLineSettings, TopicStore } from '../../../../src/gateway/lines/index.ts';
import { systemBytes } from '../../../../src/system/bytes.ts';
import { testClock } from '../../../support/clock.ts';
import { storedLines, testTopic } from '../../../support/line-gateway.ts';

const source: LineSource = { id: 1, name: Buffer.from('n'), nameText: 'n', address: '127.0.0.1:1', acceptedS: 0 };

test('lines that come before their topic is there wait for it, and none is given up', async () => {
  const memory = new MemoryLog({ clock: testClock(), bytes: systemBytes });
  const told: string[] = [];
  const store = new TopicStore({
    log: withPromises(memory),
    bytes: systemBytes,
    topic: testTopic,
    settings: defaultLineSettings,
    whenFull: 'wait',
    diagnostics: { tell: (_kind, sentence) => void told.push(sentence) },
    wallMs: () => 1_000,
    newId: () => 'id',
  });
  const line = Buffer.from('1.5 early');

  store.addPlain(source, line, 0, line.length, 1.5);
  store.flushPlain(source);
  await new Promise((resolve) => setImmediate(resolve));
  expect(store).toMatchObject({ pendingCount: 1, stored: 0, unstored: 0 });

  await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
  store.topicIsThere();
  while (store.pendingCount > 0) await new Promise((resolve) => setImmediate(resolve));

  expect(await storedLines(memory)).toEqual([{ key: 'n', value: '1.5 early', timestampMs: 1_500 }]);
  expect(told).toEqual([]);
});

test('a batch that is stored again says how old its first attempt is', async () => {
  const memory = withPromises(new MemoryLog({ clock: testClock(), bytes: systemBytes }));
  await memory.createTopic(testTopic, { retentionBytes: null });
  const ages: (number | undefined)[] = [];
  const log: EventLog = {
    ...memory,
    append: (request) => {
      ages.push(request.firstAttemptMs);
      return ages.length < 3 ? Promise.reject(new LogError('connectionLost', 'gone')) : memory.append(request);
    },
  };
  const store = new TopicStore({
    log,
    bytes: systemBytes,
    topic: testTopic,
    settings: defaultLineSettings,
    whenFull: 'wait',
    diagnostics: { tell: () => undefined },
    wallMs: () => 1_000,
    newId: () => 'id',
  });
  const line = Buffer.from('1.5 x');

  store.topicIsThere();
  store.addPlain(source, line, 0, line.length, 1.5);
  store.flushPlain(source);
  await vi.waitFor(() => expect(store.stored).toBe(1));

  expect(ages).toEqual([undefined, expect.any(Number), expect.any(Number)]);
  expect(ages[2]).toBeGreaterThan(ages[1] as number);
});
