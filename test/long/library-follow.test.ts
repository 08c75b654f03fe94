/** The client library at three real brokers of which some are killed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { CairnClient } from '../../src/library/index.ts';

let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(() => brokers.end());

test('who follows misses nothing and is given nothing twice while the brokers that are asked are killed', async () => {
  const client = new CairnClient({ servers: [brokers.url(1)], timeoutMs: 60_000 });
  await client.topics.create('followed', { partitions: 2 });
  const count = 90;
  const following = (async (): Promise<string[]> => {
    const seen: string[] = [];
    for await (const record of client.follow('followed')) {
      seen.push(record.text());
      if (seen.length === count) break;
    }
    return seen;
  })();

  let killed = 0;
  for (let number = 0; number < count; number++) {
    if (number % 30 === 10 && number < 60) {
      killed = brokers.urls.indexOf(client.batches.servers[0] as string) + 1;
      await brokers.kill(killed);
    }
    if (number % 30 === 20 && number < 60) await brokers.restart(killed);
    await client.append('followed', { key: `k${number}`, value: String(number) });
  }

  const seen = await following;
  expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: count }, (_, number) => String(number)));
  await client.close();
});
