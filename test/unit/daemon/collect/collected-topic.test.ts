import { afterEach, expect, test, vi } from 'vitest';
import { CollectedTopic, lookEveryMs } from '../../../../src/daemon/collect/collected-topic.ts';
import { type EventLog, withPromises } from '../../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../../src/eventlog/memory-log.ts';
import { systemBytes } from '../../../../src/system/bytes.ts';
import { testClock } from '../../../support/clock.ts';

afterEach(() => void vi.useRealTimers());

/** The log answers in turns of the loop, which are real. */
const passTime = async (): Promise<void> => {
  vi.advanceTimersByTime(lookEveryMs);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function collected(): Promise<{ readonly log: EventLog; readonly topic: CollectedTopic; readonly told: (readonly number[])[] }> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const log = withPromises(new MemoryLog({ clock: testClock(), bytes: systemBytes }));
  const told: (readonly number[])[] = [];
  const topic = new CollectedTopic(log, 'lines', {
    created: () => undefined,
    there: (partitions) => told.push(partitions),
    delayed: (error) => expect.fail(error.message),
  });
  await topic.make();
  return { log, topic, told };
}

test('partitions that are added to a topic are told of at the next look, once', async () => {
  const { log, topic, told } = await collected();

  await log.alterTopic('lines', { partitions: 4 });
  await passTime();
  await passTime();
  await log.alterTopic('lines', { partitions: 6 });
  await passTime();
  topic.close();

  expect(told).toEqual([[1], [1, 4], [1, 4, 6]]);
});

test('a topic that is gone is told of when it is made again, and not at a look', async () => {
  const { log, topic, told } = await collected();

  await log.deleteTopic('lines');
  await passTime();
  await Promise.all([topic.make(), topic.make()]);
  topic.close();
  await log.alterTopic('lines', { partitions: 2 });
  await passTime();

  expect(told).toEqual([[1], [1]]);
});
