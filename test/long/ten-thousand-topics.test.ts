// As many topics as there may be, on three brokers: what they take up, and that all are there again after a kill. `npm run bench -- --only topics-idle,topics-led-again`
// measures a thousand.
import { expect, it } from 'vitest';
import { appendDefaults, batchOf } from '../../src/client/index.ts';
import { diskBytes, inTurns, LabBrokers, makeTopics, readMemoryBytes, whenAllLed } from '../../src/lab/rig/index.ts';
import { report } from './budget.ts';

/** `cairn.events` counts too. */
const count = 10_000 - 1;
const prefix = 'many-';
const memoryBytesMost = 1.2e9;
const diskBytesMost = 1e9;
const patienceMs = 120_000;

it('three brokers hold 10,000 topics in 1.2 GB of memory and 1 GB of disk each, and have them again after a kill', async () => {
  const names = Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const brokers = await LabBrokers.start({ count: 3 });
  try {
    const startedMs = performance.now();
    await makeTopics(brokers, names);
    const madeS = (performance.now() - startedMs) / 1000;
    for (const id of brokers.ids) await whenAllLed(brokers, id, { prefix, count }, patienceMs);
    const client = brokers.client();
    await expect(client.createTopic('one-too-many', { retentionBytes: null })).rejects.toMatchObject({ code: 'tooManyTopics' });
    // All of them are used once: a topic is to cost no more after that than before.
    const append = { ...appendDefaults, timeoutMs: 60_000 };
    await inTurns(names, 64, (topic) => client.append({ ...append, requestId: topic, topic, batch: batchOf([{ value: topic }]) }));
    const offsets = await Promise.all(
      [0, 4999, count - 1].map(async (at) => client.end({ topic: `${prefix}${at}`, freshness: 'linearizable' })),
    );
    expect(offsets.every(({ offset }) => offset > 0)).toBe(true);

    const memory = brokers.ids.map((id) => readMemoryBytes(brokers.pid(id) ?? 0));
    const disk = brokers.ids.map((id) => diskBytes(brokers.dataFolder(id)));
    const mb = (values: readonly number[]): string => values.map((bytes) => Math.round(bytes / 1e6)).join(', ');
    report(`10,000 topics made in ${madeS.toFixed(0)} s: ${mb(memory)} MB of memory, ${mb(disk)} MB of disk`);
    expect(Math.max(...memory)).toBeLessThanOrEqual(memoryBytesMost);
    expect(Math.max(...disk)).toBeLessThanOrEqual(diskBytesMost);

    await brokers.kill(2);
    const againMs = await whenAllLed(brokers, 1, { prefix, count }, patienceMs, (leader) => leader !== 2);
    const restartedMs = performance.now();
    await brokers.restart(2);
    await whenAllLed(brokers, 2, { prefix, count }, patienceMs);
    report(
      `led again ${(againMs / 1000).toFixed(1)} s after a kill; known to that broker ${((performance.now() - restartedMs) / 1000).toFixed(1)} s after its start`,
    );
    client.close();
  } finally {
    await brokers.end();
  }
});
