import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { appendDefaults, batchOf, type Client, forEachRead } from '../../src/client/index.ts';
import { LabBrokers, pause } from '../../src/lab/rig/index.ts';
import { report, seedsWithinBudget } from './budget.ts';

const topics = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `topic-${name}`);
const killsARound = 4;
const awayMs = 1000;

/** Appends one number after the other to a topic, and keeps those that were acknowledged. */
class Writer {
  readonly acknowledged: number[] = [];
  readonly #client: Client;
  readonly #topic: string;
  #isOver = false;
  readonly done: Promise<void>;

  constructor(client: Client, topic: string) {
    this.#client = client;
    this.#topic = topic;
    this.done = this.#run();
  }

  end(): void {
    this.#isOver = true;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const batch = batchOf([{ value: String(number) }]);
      // Under a request id the client tries again as often as it takes, and each number is there once.
      await this.#client.append({ ...appendDefaults, timeoutMs: 30_000, topic: this.#topic, batch, requestId: `${this.#topic}/${number}` });
      this.acknowledged.push(number);
    }
  }
}

async function numbersIn(client: Client, topic: string): Promise<number[]> {
  const numbers: number[] = [];
  for (let offsetFrom = 0; ; ) {
    const wanted = {
      topic,
      offsetFrom,
      sinceMs: null,
      bytesMax: 1_000_000,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
    } as const;
    const result = await client.read(wanted);
    forEachRead(result, (record) => void numbers.push(Number(Buffer.from(record.value() ?? []).toString())));
    if (result.offsetNext >= result.highWatermark) return numbers;
    offsetFrom = result.offsetNext;
  }
}

test('topics on three of eight brokers lose, double and reorder nothing while their leaders are killed', async () => {
  let rounds = 0;
  let appends = 0;
  for (const seed of seedsWithinBudget({ countMax: 20 })) {
    const random = new SeededRandom(seed);
    const brokers = await LabBrokers.start({ count: 8 });
    try {
      const admin = brokers.client();
      for (const topic of topics) await admin.createTopic(topic, { retentionBytes: null });
      // Each through brokers of its own, most of which have no replica of it.
      const clients = topics.map((_, index) => brokers.client(brokers.ids.slice(index % 4, (index % 4) + 5)));
      const writers = topics.map((topic, index) => new Writer(clients[index] as Client, topic));
      for (let kill = 0; kill < killsARound; kill++) {
        await pause(300 + random.below(500));
        const { partitions } = await admin.explain(random.pick(topics));
        const victim = partitions[0]?.leader ?? random.pick(brokers.ids);
        if (!brokers.isRunning(victim)) continue;
        await brokers.kill(victim);
        await pause(awayMs);
        await brokers.restart(victim);
      }
      for (const writer of writers) writer.end();
      await Promise.all(writers.map(({ done }) => done));

      for (const [index, topic] of topics.entries()) {
        const values = await numbersIn(admin, topic);
        expect(values, `${topic}, seed ${seed}`).toEqual(writers[index]?.acknowledged);
        appends += values.length;
      }
      for (const client of [admin, ...clients]) client.close();
    } finally {
      await brokers.end();
    }
    rounds++;
  }
  report(`topics on eight brokers: ${rounds} of 20 rounds of ${killsARound} kills, ${appends.toLocaleString('en')} appends`);
});
