import { SeededRandom } from '../../base/random.ts';
import { distanceBetween, makeCube } from '../../placement/index.ts';
import { Latencies } from '../bench/latencies.ts';
import { check, type Graph } from '../report/index.ts';
import { failedOf, type Measured, perSecond, runAlike } from './clients.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import type { HttpAnswer } from './http.ts';
import { inMs, inRate, type Part, type Row } from './part.ts';
import { replicasOfContract } from './topics.ts';

export interface ForwardingOptions {
  readonly cluster: Cluster;
  /** Of each ordered pair of brokers, and of each broker with itself. */
  readonly requests: number;
  /** For the largest rate at each distance, with so many clients: so long. */
  readonly rateMs: number;
  readonly rateClients: number;
  /** With each delay, of each kind of request: so long, with so many clients. */
  readonly delayMs: number;
  readonly delayClients: number;
  readonly delays: readonly number[];
  readonly seed: number;
  readonly say: (line: string) => void;
}

const cube = makeCube(brokerCount);
const distances = Array.from({ length: cube.dimensions + 1 }, (_, distance) => distance);

/** From a broker that is asked to the home of what it is asked for. */
interface Pair {
  readonly from: number;
  readonly home: number;
  readonly distance: number;
}

const pairs: readonly Pair[] = Array.from({ length: brokerCount }, (_, from) =>
  Array.from({ length: brokerCount }, (_, home) => ({ from: from + 1, home: home + 1, distance: distanceBetween(from, home) })),
).flat();

/** As contract 3 has it: the highest differing bit first. */
function wayBetween(from: number, home: number): readonly number[] {
  const way = [from];
  let at = from - 1;
  for (let bit = cube.dimensions - 1; bit >= 0; bit--) {
    if (((at ^ (home - 1)) & (1 << bit)) === 0) continue;
    at ^= 1 << bit;
    way.push(at + 1);
  }
  return way;
}

/** Topics homed at each broker, in their order. */
interface Topics {
  /** On their home alone: nothing but the way and its disk is in a figure. */
  readonly alone: readonly string[];
  /** On the home and its three neighbours. */
  readonly replicated: readonly string[];
}

/** Evaluation 7, first half: what a hop costs, and what a slow network makes of it. */
export async function runForwarding(options: ForwardingOptions): Promise<readonly Part[]> {
  const { cluster, say } = options;
  const topics: Topics = {
    alone: await cluster.topicAtEach('on-its-home', 1),
    replicated: await cluster.topicAtEach('on-four', replicasOfContract),
  };
  for (const topic of [...topics.alone, ...topics.replicated]) await append(cluster, 1, topic);
  say('Every broker asks for topics of every other');
  const hops = await measureHops(options, topics);
  say('Delays between brokers');
  return [hops, await measureDelays(options, topics)];
}

const append = (cluster: Cluster, broker: number, topic: string): Promise<HttpAnswer> =>
  cluster.http.ask(cluster.url(broker), 'POST', `/v1/topics/${topic}/records`, {
    body: value,
    type: 'text/plain',
    headers: { 'cairn-hops': 'true' },
  });

const value = '.'.repeat(100);

const read = (cluster: Cluster, broker: number, topic: string, level: string): Promise<HttpAnswer> =>
  cluster.http.ask(cluster.url(broker), 'GET', `/v1/topics/${topic}/records?from=0&max=1&bytesMax=1&level=${level}&format=json`);

async function measureHops({ cluster, requests, rateMs, rateClients, seed }: ForwardingOptions, { alone }: Topics): Promise<Part> {
  const random = new SeededRandom(seed);
  const [appends, reads] = [distances.map(() => new Latencies()), distances.map(() => new Latencies())];
  const wrong: string[] = [];
  for (let round = 0; round < requests; round++) {
    for (const { from, home, distance } of pairs) {
      const topic = alone[home - 1] as string;
      const sentMs = performance.now();
      const { headers } = await append(cluster, from, topic);
      const answeredMs = performance.now();
      await read(cluster, from, topic, 'linearizable');
      appends[distance]?.record(answeredMs - sentMs);
      reads[distance]?.record(performance.now() - answeredMs);
      const expected = wayBetween(from, home).join(', ');
      const went = String(headers['cairn-hops']);
      if (went !== expected) wrong.push(`${went} in place of ${expected}`);
    }
  }
  const rates: Measured[] = [];
  for (const distance of distances) {
    const own = pairs.filter((pair) => pair.distance === distance);
    const bounds = { clients: rateClients, requestsMax: Number.POSITIVE_INFINITY, msMax: rateMs };
    rates.push(
      await runAlike(bounds, () => {
        const { from, home } = random.pick(own);
        return () => append(cluster, from, alone[home - 1] as string);
      }),
    );
  }
  const rows = distances.map((distance): Row => {
    const [own, ownReads] = [appends[distance]?.summary(), reads[distance]?.summary()];
    return {
      part: '7. forwarding, by hops',
      hops: distance,
      pairs: pairs.filter((pair) => pair.distance === distance).length,
      'publish p50 ms': inMs(own?.p50 ?? 0),
      'publish p99 ms': inMs(own?.p99 ?? 0),
      'read p50 ms': inMs(ownReads?.p50 ?? 0),
      'read p99 ms': inMs(ownReads?.p99 ?? 0),
      'largest rate, publishes/s': inRate(perSecond(rates[distance] as Measured)),
    };
  });
  const failed = rates.reduce((sum, rate) => sum + failedOf(rate), 0);
  return {
    results: rows,
    checks: [
      check(
        `7. ways that are not the highest differing bit first, of ${pairs.length * requests}`,
        wrong.length === 0,
        0,
        wrong.length === 0 ? 0 : `${wrong.length}: ${wrong[0] ?? ''}`,
      ),
      check('7. requests that failed on their way', failed === 0, 0, failed),
    ],
    graphs: [hopsGraph(rows), ratesGraph(rows, rateClients)],
  };
}

const column = (row: Row, name: string): number => Number(row[name]);
const exact = (value: number) => ({ value, low: value, high: value });
const hopsText = (row: Row): string => (row['hops'] === 1 ? '1 hop' : `${column(row, 'hops')} hops`);

function hopsGraph(rows: readonly Row[]): Graph {
  const series = (what: 'publish' | 'read') => ({
    label: what,
    bars: rows.map((row) => {
      const p50 = column(row, `${what} p50 ms`);
      return { value: p50, low: p50, high: column(row, `${what} p99 ms`) };
    }),
  });
  return {
    kind: 'bars',
    name: 'hops',
    title: 'A request for a topic homed elsewhere, by hops along the cube',
    xTitle: 'hops from the broker asked to the home',
    yTitle: 'ms: p50 as a bar, and up to p99',
    categories: rows.map(hopsText),
    series: [series('publish'), series('read')],
  };
}

function ratesGraph(rows: readonly Row[], clients: number): Graph {
  return {
    kind: 'bars',
    name: 'hops-rate',
    title: `Largest rate by hops, ${clients} clients at random brokers`,
    xTitle: 'hops from the broker asked to the home',
    yTitle: 'publishes/s, all brokers together',
    categories: rows.map(hopsText),
    series: [{ label: 'publish', bars: rows.map((row) => exact(column(row, 'largest rate, publishes/s'))) }],
  };
}

/** In the columns of a table, and in graphs. */
const kinds = [
  'publish, on its home alone',
  'publish, four replicas',
  'linearizable read, on its home alone',
  'linearizable read, four replicas',
  'local read, four replicas',
] as const;
type Kind = (typeof kinds)[number];

async function measureDelays(options: ForwardingOptions, topics: Topics): Promise<Part> {
  const { cluster, delays, delayMs, delayClients, seed, say } = options;
  const random = new SeededRandom(seed + 1);
  const send = (kind: Kind): (() => Promise<unknown>) => {
    const [broker, index] = [random.pick(cluster.ids), random.below(brokerCount)];
    const [alone, replicated] = [topics.alone[index] as string, topics.replicated[index] as string];
    switch (kind) {
      case 'publish, on its home alone':
        return () => append(cluster, broker, alone);
      case 'publish, four replicas':
        return () => append(cluster, broker, replicated);
      case 'linearizable read, on its home alone':
        return () => read(cluster, broker, alone, 'linearizable');
      case 'linearizable read, four replicas':
        return () => read(cluster, broker, replicated, 'linearizable');
      case 'local read, four replicas':
        return () => read(cluster, broker, replicated, 'local');
    }
  };
  const measured: { readonly delay: number; readonly kind: Kind; readonly own: Measured }[] = [];
  try {
    for (const delay of delays) {
      say(`${delay} ms a hop`);
      await cluster.fault({ action: 'delay', ms: delay, link: null });
      for (const kind of kinds) {
        const bounds = { clients: delayClients, requestsMax: Number.POSITIVE_INFINITY, msMax: delayMs };
        measured.push({ delay, kind, own: await runAlike(bounds, () => send(kind)) });
      }
    }
  } finally {
    await cluster.fault({ action: 'heal' });
  }
  const failed = measured.reduce((sum, { own }) => sum + failedOf(own), 0);
  const late = measured.filter(({ delay, own }) => delay > 0 && own.latencyMs.max < delay).length;
  const rows = measured.map(
    ({ delay, kind, own }): Row => ({
      part: '7. delay between brokers set by hand',
      'ms a hop': delay,
      what: kind,
      'p50 ms': inMs(own.latencyMs.p50),
      'p99 ms': inMs(own.latencyMs.p99),
      'requests/s': inRate(perSecond(own)),
    }),
  );
  return {
    results: rows,
    checks: [
      check('7. requests that failed because of a delay', failed === 0, 0, failed),
      check('7. kinds of requests none of which felt the delay that was set', late === 0, 0, late),
    ],
    graphs: [
      {
        kind: 'chart',
        name: 'delay',
        title: 'A delay on each hop between brokers, any broker asked for any topic',
        xTitle: 'delay (ms a hop)',
        yTitle: 'latency (ms), p50',
        series: kinds.map((kind) => ({
          label: kind,
          marks: 'line' as const,
          points: measured.filter((each) => each.kind === kind).map(({ delay, own }) => [delay, own.latencyMs.p50] as const),
        })),
      },
    ],
  };
}
