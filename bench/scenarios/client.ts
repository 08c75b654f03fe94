/**
 * What the client library costs the program that uses it, in processor time of this process, next to what has to be done in any case: a producer next to the
 * batch builder alone and to the load generator with batches made beforehand, single appends next to the load generator, following next to reading as JSON.
 */
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { clientBytes } from '../../src/client/index.ts';
import { CairnClient } from '../../src/library/index.ts';
import { RecordBatchBuilder } from '../../src/record/index.ts';
import { atLeast, atMost, median } from '../figures.ts';
import { JsonCounter } from '../reading/counters.ts';
import type { Scenario } from '../scenario.ts';
import type { Place, World } from '../world.ts';
import { readAll, settle } from './reading.ts';

const recordsPerRequest = 1000;
const connections = 8;
/** As the producer's own. */
const batchBytes = 256 * 1024;
const bytesPerRequest = 4 * 1024 * 1024;

/** So many of something in so long, and what it cost this process. */
interface Run {
  readonly count: number;
  readonly perSecond: number;
  readonly microsPerOne: number;
}

export const clientScenario: Scenario = {
  name: 'client',
  about: 'the client library: a producer, single appends, following, next to the same without it',
  run: async (world) => {
    const { settings } = world;
    const place = await world.freshTopic();
    const url = place.brokers.url(place.leader);
    const rounds: { readonly [Part in keyof Parts]: Run }[] = [];
    let acknowledged = 0;
    for (let round = 1; round <= settings.rounds; round++) {
      const parts = await measureRound(world, place, url);
      acknowledged += parts.producer.count + parts.append.count + parts.load.count + parts.batches.count * recordsPerRequest;
      rounds.push(parts);
      settings.say(`client, round ${round} of ${settings.rounds}: ${Math.round(parts.producer.perSecond)} records/s by a producer`);
    }
    await settle(place, place.leader);
    const followed: Run[] = [];
    const asJson: number[] = [];
    for (let round = 1; round <= settings.rounds; round++) {
      followed.push(await follow(url, place.topic, acknowledged));
      const path = `/v1/topics/${place.topic}/records?level=local&bytesMax=${bytesPerRequest}&max=10000`;
      asJson.push((await readAll(url, path, 'application/json', new JsonCounter())).recordsPerSecond);
    }
    const client = place.brokers.client();
    await client.deleteTopic(place.topic);
    client.close();

    const of = (part: keyof Parts, figure: 'perSecond' | 'microsPerOne'): number => median(rounds.map((each) => each[part][figure]));
    const row = (party: string, part: keyof Parts, recordsPerOne = 1): Record<string, string | number> => ({
      scenario: 'client',
      party,
      'records/s': Math.round(of(part, 'perSecond') * recordsPerOne),
      'CPU µs/record': of(part, 'microsPerOne') / recordsPerOne,
    });
    const followedPerSecond = median(followed.map(({ perSecond }) => perSecond));
    return {
      rows: [
        row('batch builder alone', 'builder'),
        row('producer', 'producer'),
        row('load generator, batches made beforehand', 'batches', recordsPerRequest),
        row('append, one at a time', 'append'),
        row('load generator, one at a time', 'load'),
        {
          scenario: 'client',
          party: 'follow',
          'records/s': Math.round(followedPerSecond),
          'CPU µs/record': median(followed.map(({ microsPerOne }) => microsPerOne)),
        },
        { scenario: 'client', party: 'reading as JSON', 'records/s': Math.round(median(asJson)) },
      ],
      targets: [
        atMost(
          'a producer: processor time a record to the batch builder alone',
          of('producer', 'microsPerOne') / of('builder', 'microsPerOne'),
          2,
        ),
        atLeast(
          'a producer: records/s to http-batches',
          of('producer', 'perSecond') / (of('batches', 'perSecond') * recordsPerRequest),
          0.4,
        ),
        atMost('append: processor time to that of the load generator', of('append', 'microsPerOne') / of('load', 'microsPerOne'), 3),
        atLeast('following: records/s to reading as JSON', followedPerSecond / median(asJson), 1),
      ],
      counts: followed.map(({ count }, index) => ({ of: `client, followed ${index + 1}`, acknowledged, readBack: count })),
    };
  },
};

interface Parts {
  readonly builder: Run;
  readonly producer: Run;
  readonly batches: Run;
  readonly append: Run;
  readonly load: Run;
}

async function measureRound({ settings }: World, { topic }: Place, url: string): Promise<Parts> {
  const { recordBytes, measureMs, warmUpMs } = settings;
  const value = new Uint8Array(recordBytes).fill(0x61);
  const client = new CairnClient({ servers: [url] });
  const untilAfter = (ms: number): (() => boolean) => {
    const untilMs = performance.now() + ms;
    return () => performance.now() < untilMs;
  };

  const build = (goesOn: () => boolean): number => {
    const builder = new RecordBatchBuilder({ capacityBytes: batchBytes * 2 });
    let count = 0;
    for (; goesOn(); count += recordsPerRequest) {
      for (let index = 0; index < recordsPerRequest; index++) {
        builder.add(Date.now(), null, value);
        if (builder.sizeBytes >= batchBytes) builder.finish(clientBytes);
      }
    }
    return count;
  };
  build(untilAfter(warmUpMs));
  const builder = await measured(() => build(untilAfter(measureMs / 2)));

  const produce = async (goesOn: () => boolean): Promise<number> => {
    const producer = client.producer(topic);
    let count = 0;
    for (; goesOn(); count += recordsPerRequest) {
      for (let index = 0; index < recordsPerRequest; index++) {
        const full = producer.append(value);
        if (full !== undefined) await full;
      }
    }
    await producer.close();
    return count;
  };
  const warm = await produce(untilAfter(warmUpMs));
  const producer = await measured(() => produce(untilAfter(measureMs)));

  const one = async (goesOn: () => boolean): Promise<number> => {
    let count = 0;
    for (; goesOn(); count++) await client.append(topic, value);
    return count;
  };
  const warmOne = await one(untilAfter(warmUpMs));
  const append = await measured(() => one(untilAfter(measureMs)));
  await client.close();

  const batches = await loadOf(url, topic, { recordBytes, records: recordsPerRequest, connectionCount: connections, measureMs });
  const load = await loadOf(url, topic, { recordBytes, records: 1, connectionCount: 1, measureMs });
  // What warmed up is in the topic too.
  return { builder, producer: withMore(producer, warm), batches, append: withMore(append, warmOne), load };
}

const withMore = (run: Run, count: number): Run => ({ ...run, count: run.count + count });

async function loadOf(
  url: string,
  topic: string,
  {
    recordBytes,
    records,
    connectionCount,
    measureMs,
  }: { recordBytes: number; records: number; connectionCount: number; measureMs: number },
): Promise<Run> {
  const request = makeAppendRequest(url, { topic, form: 'batches', recordBytes, recordsPerRequest: records });
  const load = await HttpLoad.connect({ url, connections: connectionCount, request });
  const warm = await load.run(measureMs / 4);
  const run = await measured(async () => (await load.run(measureMs)).answered);
  load.close();
  return withMore(run, warm.answered);
}

async function follow(url: string, topic: string, count: number): Promise<Run> {
  const client = new CairnClient({ servers: [url] });
  const run = await measured(async () => {
    let seen = 0;
    for await (const record of client.follow(topic)) {
      if (record.value !== null) seen++;
      if (seen === count) break;
    }
    return seen;
  });
  await client.close();
  return run;
}

async function measured(work: () => number | Promise<number>): Promise<Run> {
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const count = await work();
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(before);
  return { count, perSecond: (count / tookMs) * 1000, microsPerOne: (user + system) / count };
}
