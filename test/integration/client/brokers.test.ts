import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../../../src/client/index.ts';
import { LabBrokers } from '../../../src/lab/rig/brokers.ts';
import { eventLogConformance } from '../../conformance/event-log.ts';

let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(() => brokers.end());

eventLogConformance(
  'the client over HTTP, three brokers behind it',
  async () => {
    const client = new Client({ servers: brokers.urls, attemptMs: 60_000, timeoutMs: 60_000 });
    return { log: client, close: () => client.close() };
  },
  { batchBytesMax: 8 * 1024 * 1024, revokes: false },
);

test('a client that was given one broker learns the others and goes on when it dies', async () => {
  const client = new Client({ servers: [brokers.url(1)], timeoutMs: 15_000 });
  await client.end({ topic: 'log', freshness: 'linearizable' });
  await client.end({ topic: 'log', freshness: 'linearizable' });
  await expect.poll(() => client.servers.length).toBe(3);

  await brokers.kill(1);

  expect((await client.end({ topic: 'log', freshness: 'linearizable' })).topic).toBe('log');
  client.close();
});
