/** Reading a topic from its beginning to its end, one request after the other on one connection, from one broker. */
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { atLeast, median } from '../figures.ts';
import { BatchCounter, JsonCounter, type RecordCounter } from '../reading/counters.ts';
import { Reader } from '../reading/reader.ts';
import type { Scenario } from '../scenario.ts';
import type { Place, World } from '../world.ts';

const bytesPerRequest = 4 * 1024 * 1024;

interface Form {
  readonly name: string;
  readonly about: string;
  readonly type: string;
  readonly query: string;
  readonly fillMs: number;
  readonly counter: () => RecordCounter;
  readonly target: (run: ReadRun) => readonly [name: string, got: number, least: number, unit: string];
}

interface ReadRun {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly records: number;
}

export const readScenarios: readonly Scenario[] = [
  reading({
    name: 'read-binary',
    about: 'reading from one broker in the binary form (RecordBatch), first to last',
    type: 'application/vnd.cairn.batches',
    query: `bytesMax=${bytesPerRequest}`,
    fillMs: 4000,
    counter: () => new BatchCounter(),
    target: ({ bytesPerSecond }) => ['reading in the binary form', bytesPerSecond / 1e6, 300, ' MB/s'],
  }),
  reading({
    name: 'read-json',
    about: 'reading from one broker as JSON, first to last',
    type: 'application/json',
    query: `bytesMax=${bytesPerRequest}&max=10000`,
    fillMs: 2000,
    counter: () => new JsonCounter(),
    target: ({ recordsPerSecond }) => ['reading as JSON', recordsPerSecond, 100_000, ' records/s'],
  }),
];

function reading({ name, about, type, query, fillMs, counter, target }: Form): Scenario {
  return {
    name,
    about,
    run: async (world) => {
      const { settings } = world;
      const place = await world.freshTopic();
      const acknowledged = await fill(world, place, fillMs);
      // A follower serves reads of what is committed as well as the leader does; one of them is asked.
      const server = place.brokers.ids.find((id) => id !== place.leader) ?? place.leader;
      const url = place.brokers.url(server);
      await settle(place, server);
      const runs: ReadRun[] = [];
      for (let round = 1; round <= settings.rounds; round++) {
        const run = await readAll(url, `/v1/topics/${place.topic}/records?level=local&${query}`, type, counter());
        runs.push(run);
        settings.say(
          `${name}, round ${round} of ${settings.rounds}: ${Math.round(run.bytesPerSecond / 1e6)} MB/s, ${Math.round(run.recordsPerSecond)} records/s`,
        );
      }
      const middle: ReadRun = {
        bytesPerSecond: median(runs.map((run) => run.bytesPerSecond)),
        recordsPerSecond: median(runs.map((run) => run.recordsPerSecond)),
        records: runs[0]?.records ?? 0,
      };
      const client = place.brokers.client();
      await client.deleteTopic(place.topic);
      client.close();
      return {
        rows: [
          {
            scenario: name,
            party: 'Cairn, a follower',
            'MB/s': middle.bytesPerSecond / 1e6,
            'records/s': Math.round(middle.recordsPerSecond),
            records: middle.records,
          },
        ],
        targets: [atLeast(...target(middle))],
        counts: runs.map((run, index) => ({ of: `${name}, round ${index + 1}`, acknowledged, readBack: run.records })),
      };
    },
  };
}

/** In requests of many records, as what fills a log of this size does. */
async function fill({ settings }: World, { brokers, topic, leader }: Place, forMs: number): Promise<number> {
  const url = brokers.url(leader);
  const recordsPerRequest = 1000;
  const request = makeAppendRequest(url, { topic, form: 'batches', recordBytes: settings.recordBytes, recordsPerRequest });
  const load = await HttpLoad.connect({ url, connections: 4, request });
  const { answered } = await load.run(Math.min(forMs, settings.measureMs * 2));
  load.close();
  return answered * recordsPerRequest;
}

/** Until the broker that is asked knows all of it. */
export async function settle({ brokers, topic, leader }: Place, server: number): Promise<void> {
  const [first, second] = [brokers.client([leader]), brokers.client([server])];
  const { offset } = await first.end({ topic, freshness: 'linearizable' });
  while ((await second.end({ topic, freshness: 'local' })).offset < offset) await new Promise((resolve) => setTimeout(resolve, 20));
  first.close();
  second.close();
}

export async function readAll(url: string, target: string, type: string, counter: RecordCounter): Promise<ReadRun> {
  const reader = await Reader.connect(url);
  const beganMs = performance.now();
  let bytes = 0;
  for (let offset = 0; ; ) {
    const got = await reader.get(`${target}&from=${offset}`, type, counter);
    bytes += got.bytes;
    const next = counter.offsetNext ?? Number(got.header('cairn-offset-next'));
    if (next <= offset) break;
    offset = next;
  }
  const tookMs = performance.now() - beganMs;
  reader.close();
  return { bytesPerSecond: (bytes / tookMs) * 1000, recordsPerSecond: (counter.records / tookMs) * 1000, records: counter.records };
}
