/**
 * What many topics cost: the load of one topic spread over others, topics as they are made, the price of an append by how many topics are busy, and that of
 * each hop of a request that goes to a broker without the topic.
 */
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { countRecords, type Load, measureAppends } from '../../src/lab/bench/measure.ts';
import { findLeader, inTurns, type LabBrokers, readCpuMs } from '../../src/lab/rig/index.ts';
import type { Graph } from '../../src/lab/report/index.ts';
import { distanceBetween } from '../../src/placement/index.ts';
import { compare, type Party } from '../compare.ts';
import { atLeast, atMost, digits, median, type Row } from '../figures.ts';
import type { Count, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const connections = 64;
const topicsOver = 20;
const madeAtOnce = 1000;
/** Of a quick run. */
const madeAtOnceQuick = 100;
const busyTopics = [1, 10, 100, 1000] as const;
const busyTopicsQuick = [1, 10, 100] as const;
/** Topics are made so many at a time where it is not that which is measured. */
const makingAtOnce = 16;
const cubeBrokers = 8;

const isQuick = ({ settings }: World): boolean => settings.rounds === 1;

/** Topics of a load, which is on the leader of each. */
class Topics {
  readonly names: readonly string[];
  readonly load: HttpLoad;
  readonly #brokers: LabBrokers;

  private constructor(brokers: LabBrokers, names: readonly string[], load: HttpLoad) {
    this.#brokers = brokers;
    this.names = names;
    this.load = load;
  }

  static async make(world: World, brokers: LabBrokers, names: readonly string[], records: number, inFlight = connections): Promise<Topics> {
    await inTurns(names, makingAtOnce, (name) => make(brokers, name));
    const leaders = await Promise.all(names.map((name) => findLeader(brokers, name)));
    const { recordBytes } = world.settings;
    const targets = names.map((topic, at) => {
      const url = brokers.url(leaders[at] as number);
      const form = records === 1 ? ('text' as const) : ('batches' as const);
      return { url, request: makeAppendRequest(url, { topic, form, recordBytes, recordsPerRequest: records }) };
    });
    const each = Array.from({ length: Math.max(inFlight, names.length) }, (_, at) => targets[at % targets.length] as (typeof targets)[0]);
    return new Topics(brokers, names, await HttpLoad.connectAll(each));
  }

  async count(): Promise<number> {
    const client = this.#brokers.client();
    let count = 0;
    await inTurns(this.names, makingAtOnce, async (name) => {
      const own = await countRecords(client, name);
      count += own;
    });
    client.close();
    return count;
  }

  async end(): Promise<void> {
    this.load.close();
    const client = this.#brokers.client();
    await inTurns(this.names, makingAtOnce, (name) => client.deleteTopic(name));
    client.close();
  }
}

async function make(brokers: LabBrokers, name: string): Promise<void> {
  const client = brokers.client();
  await client.createTopic(name, { retentionBytes: null });
  client.close();
}

const named = (what: string, count: number): readonly string[] => Array.from({ length: count }, (_, at) => `bench-${what}-${at + 1}`);

/** 64 clients over 20 topics, against the same on one topic of the same brokers. */
const spread = (name: string, records: number, least: Readonly<{ three: number; eight: number }>): Scenario => ({
  name,
  about: `64 clients over 20 topics, ${records === 1 ? 'one record a request' : `${records} records a request`}, against one topic on the same brokers`,
  onlyWhenNamed: true,
  run: async (world) => {
    const brokers = await world.brokers();
    const { warmUpMs, measureMs, rounds, say } = world.settings;
    const party = async (called: string, topicCount: number): Promise<Party> => {
      const topics = await Topics.make(world, brokers, named(`${name}-of-${topicCount}`, topicCount), records);
      let acknowledged = 0;
      return {
        name: called,
        inFlight: connections,
        durability: 'synced by a majority',
        measure: async () => {
          const figures = await measureAppends(brokers, topics.load, { recordsPerRequest: records, warmUpMs, measureMs });
          acknowledged += figures.acknowledgedInAll;
          const { recordsPerSecond, latencyMs, syncs, recordsAcknowledged, cpuPercent } = figures;
          return { recordsPerSecond, latencyMs, syncs, records: recordsAcknowledged, loadPercent: cpuPercent };
        },
        finish: async () => {
          const readBack = await topics.count();
          await topics.end();
          return { acknowledged, readBack };
        },
      };
    };
    const one = 'one topic';
    const parties = [await party(`${topicsOver} topics`, topicsOver), await party(one, 1)];
    const expected = brokers.ids.length >= cubeBrokers ? least.eight : least.three;
    const targets = (ratio: number | null): ReturnType<typeof atLeast>[] =>
      ratio === null ? [] : [atLeast(`${name}, against one topic, ${brokers.ids.length} brokers`, ratio, expected)];
    return compare({ scenario: name, rounds, parties, say, targets: (ratios) => targets(ratios.rate(one)) });
  },
});

/** Topics made one at a time, next to appends one at a time, and many at once. */
const making: Scenario = {
  name: 'topics-made',
  about: 'topics made one at a time next to appends one at a time, and 1,000 at once',
  onlyWhenNamed: true,
  run: async (world) => {
    const brokers = await world.brokers();
    const { measureMs, rounds, say } = world.settings;
    const one = await Topics.make(world, brokers, ['bench-made-beside'], 1, 1);
    const client = brokers.client();
    const created: number[] = [];
    const appended: number[] = [];
    const ratios: number[] = [];
    let made = 0;
    for (let round = 0; round < rounds; round++) {
      const { answered, tookMs } = await one.load.run(measureMs);
      appended.push((answered / tookMs) * 1000);
      const beganMs = performance.now();
      let count = 0;
      for (; performance.now() < beganMs + measureMs; count++)
        await client.createTopic(`bench-made-${round}-${count}`, { retentionBytes: null });
      made += count;
      created.push((count / (performance.now() - beganMs)) * 1000);
      ratios.push((created.at(-1) as number) / (appended.at(-1) as number));
      say(
        `topics-made, round ${round + 1} of ${rounds}: ${digits(created.at(-1) as number)}/s beside ${digits(appended.at(-1) as number)} appends/s`,
      );
    }
    const atOnce = named('made-at-once', isQuick(world) ? madeAtOnceQuick : madeAtOnce);
    const beganMs = performance.now();
    await Promise.all(atOnce.map((name) => client.createTopic(name, { retentionBytes: null })));
    const tookS = (performance.now() - beganMs) / 1000;
    made += atOnce.length;
    const { count: readBack } = await client.listTopics({ prefix: 'bench-made-', after: '', limit: 1 });
    for (;;) {
      const { topics } = await client.listTopics({ prefix: 'bench-made-', after: '', limit: 1000 });
      if (topics.length === 0) break;
      await inTurns(topics, makingAtOnce, ({ name }) => client.deleteTopic(name));
    }
    one.load.close();
    client.close();
    const rows: Row[] = [
      { scenario: 'topics-made', party: 'topics, one at a time', 'requests/s': Math.round(median(created)) },
      { scenario: 'topics-made', party: 'appends, one at a time', 'requests/s': Math.round(median(appended)) },
      {
        scenario: 'topics-made',
        party: `${atOnce.length} topics at once`,
        'requests/s': Math.round(atOnce.length / tookS),
        'all after, s': tookS,
      },
    ];
    return {
      rows,
      targets: [
        // 280 a second where one append at a time makes 1,700.
        atLeast('topics made one at a time, beside appends one at a time', median(ratios), 280 / 1700),
        atMost(`${atOnce.length} topics made at once`, tookS, 3, ' s'),
      ],
      // The one that was appended to is among them.
      counts: [{ of: 'topics-made', acknowledged: made + 1, readBack }],
    };
  },
};

/** What an append costs all brokers by how many topics are busy. */
const busy: Scenario = {
  name: 'busy-topics',
  about: 'processor time of all brokers for an append at 1, 10, 100 and 1,000 busy topics, a connection each and 64 at least',
  onlyWhenNamed: true,
  run: async (world) => {
    const { warmUpMs, measureMs, say } = world.settings;
    const rows: Row[] = [];
    const counts: Count[] = [];
    const costs: { readonly topics: number; readonly cpuUs: number }[] = [];
    for (const topicCount of isQuick(world) ? busyTopicsQuick : busyTopics) {
      const brokers = await world.brokers();
      const topics = await Topics.make(world, brokers, named(`busy-of-${topicCount}`, topicCount), 1);
      const cpuMs = (): number => brokers.ids.reduce((sum, id) => sum + readCpuMs(brokers.pid(id) ?? 0), 0);
      const warmUp = await topics.load.run(warmUpMs);
      const before = cpuMs();
      const figures = await measureAppends(brokers, topics.load, { recordsPerRequest: 1, warmUpMs: 0, measureMs });
      const cpuUs = ((cpuMs() - before) / figures.acknowledgedInAll) * 1000;
      say(`busy-topics, ${topicCount}: ${digits(figures.recordsPerSecond)} records/s, ${digits(cpuUs)} us of processor time each`);
      costs.push({ topics: topicCount, cpuUs });
      rows.push({
        scenario: 'busy-topics',
        party: topicCount === 1 ? '1 busy topic' : `${topicCount} busy topics`,
        'in flight': Math.max(connections, topicCount),
        'records/s': Math.round(figures.recordsPerSecond),
        'p50 ms': figures.latencyMs.p50,
        'p99 ms': figures.latencyMs.p99,
        'CPU us for each append': cpuUs,
        'records per fsync': figures.recordsPerSync,
      });
      counts.push({
        of: `busy-topics, ${topicCount}`,
        acknowledged: warmUp.answered + figures.acknowledgedInAll,
        readBack: await topics.count(),
      });
      await topics.end();
    }
    return { rows, targets: [], counts, graphs: [graphOf(costs)] };
  },
};

const graphOf = (costs: readonly { readonly topics: number; readonly cpuUs: number }[]): Graph => ({
  name: 'busy-topics',
  kind: 'chart',
  title: 'Processor time of all brokers for an append',
  xTitle: 'busy topics, powers of ten',
  yTitle: 'microseconds',
  series: [{ label: 'an append', marks: 'line', points: costs.map(({ topics, cpuUs }) => [Math.log10(topics), cpuUs] as const) }],
});

/** A request that goes along the cube, against one that goes to the leader. */
const hops: Scenario = {
  name: 'per-hop',
  about: 'what each hop along the cube of eight brokers adds to an append, against one that goes to the leader',
  onlyWhenNamed: true,
  run: async (world) => {
    await world.quiet();
    const brokers = await world.startBrokers(cubeBrokers);
    const topic = 'bench-hops';
    const { recordBytes, warmUpMs, measureMs, rounds, say } = world.settings;
    try {
      await make(brokers, topic);
      const leader = await findLeader(brokers, topic);
      const client = brokers.client();
      const { replicas } = (await client.describeTopic(topic)).partition;
      // Those that have it go to the leader by a link of their own.
      const asked = [leader, ...brokers.ids.filter((id) => !replicas.includes(id))];
      const hopsOf = (id: number): number => distanceBetween(id - 1, leader - 1);
      const loads = new Map<number, Load>();
      for (const id of asked) {
        if (loads.has(hopsOf(id))) continue;
        const url = brokers.url(id);
        const request = makeAppendRequest(url, { topic, form: 'text', recordBytes, recordsPerRequest: 1 });
        loads.set(hopsOf(id), await HttpLoad.connect({ url, connections: 1, request }));
      }
      let acknowledged = 0;
      const p50s = new Map<number, number[]>([...loads.keys()].map((away) => [away, []]));
      for (const load of loads.values()) acknowledged += (await load.run(warmUpMs)).answered;
      for (let round = 0; round < rounds; round++) {
        for (const [away, load] of loads) {
          const { answered, latencyMs } = await load.run(measureMs);
          acknowledged += answered;
          p50s.get(away)?.push(latencyMs.p50);
        }
      }
      for (const load of loads.values()) load.close();
      const readBack = await countRecords(client, topic);
      client.close();
      const direct = p50s.get(0) ?? [];
      const perHop = (away: number): number =>
        median((p50s.get(away) ?? []).map((p50, round) => (p50 - (direct[round] ?? Number.NaN)) / away));
      const aways = [...loads.keys()].toSorted((a, b) => a - b);
      for (const away of aways) say(`per-hop, ${away}: p50 ${digits(median(p50s.get(away) ?? []))} ms`);
      return {
        rows: aways.map(
          (away): Row => ({
            scenario: 'per-hop',
            party: away === 0 ? 'the leader' : `${away} ${away === 1 ? 'hop' : 'hops'} away`,
            'in flight': 1,
            'p50 ms': median(p50s.get(away) ?? []),
            'ms for each hop': away === 0 ? null : perHop(away),
          }),
        ),
        targets: aways.filter((away) => away > 0).map((away) => atMost(`a hop of ${away} on the way`, perHop(away), 0.3, ' ms')),
        counts: [{ of: 'per-hop', acknowledged, readBack }],
      };
    } finally {
      await brokers.end();
    }
  },
};

export const manyTopicsScenarios: readonly Scenario[] = [
  spread('topics-20', 1, { three: 0.55, eight: 0.35 }),
  spread('topics-20-batches', 1000, { three: 0.8, eight: 0.6 }),
  making,
  busy,
  hops,
];
