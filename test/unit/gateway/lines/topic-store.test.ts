import { expect, test } from 'vitest';
import { withPromises } from '../../../../src/eventlog/index.ts';
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
