import { SeededRandom } from '../../base/random.ts';
import { type Check, check, type Graph } from '../report/index.ts';
import { type Api, ApiClient, apis, type Standing } from './api-client.ts';
import { failedOf, failuresOf, type Measured, perSecond, runAlike, runClients } from './clients.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { inMs, inRate, type Part, type Row } from './part.ts';
import { labelOfBroker, replicasOfContract } from './topics.ts';

export interface ApisOptions {
  readonly cluster: Cluster;
  /** How many at once, one figure after another. */
  readonly clients: readonly number[];
  /** Of one API at one broker: at most so many requests, and so long. */
  readonly requestsMax: number;
  readonly msMax: number;
  /** All APIs at once: so long. */
  readonly mixedMs: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** One API at one broker with so many clients. */
interface Cell {
  readonly clients: number;
  readonly broker: number;
  readonly api: Api;
  readonly measured: Measured;
}

/** Evaluation 6: each API at each broker, one after another; then all of them at random brokers at once. */
export async function runApis(options: ApisOptions): Promise<Part> {
  const { cluster, clients, say, seed } = options;
  const random = new SeededRandom(seed);
  const standing = await prepare(options);
  const cells: Cell[] = [];
  const mixed = new Map<number, ReadonlyMap<Api, Measured>>();
  for (const count of clients) {
    say(`Each API at each broker, ${count} at once`);
    const all = Array.from({ length: count }, (_, index) => new ApiClient(cluster.http, `c${count}-${index}`, standing, random.fork()));
    await Promise.all(all.map((client, index) => client.prepare(cluster.url(1 + (index % brokerCount)))));
    for (const broker of cluster.ids) cells.push(...(await measureBroker(options, all, broker)));
    say(`All APIs at random brokers, ${count} at once`);
    mixed.set(count, await measureMixed(options, all, random));
  }
  return { results: rowsOf(cells, mixed, clients), checks: checksOf(cells, mixed), graphs: graphsOf(cells, clients) };
}

/** Records enough in each topic that no pull finds nothing: a subscriber pulls all of its requests from one. */
async function prepare({ cluster, clients, requestsMax, mixedMs }: ApisOptions): Promise<Standing> {
  const standing = { publisher: 'standing', topics: await cluster.topicAtEach('standing', replicasOfContract) };
  await cluster.http.json(cluster.url(1), 'POST', '/v1/publishers', { id: standing.publisher });
  const recordsEach =
    clients.reduce((sum, count) => Math.max(sum, Math.ceil(requestsMax / count) * brokerCount), 0) + Math.ceil(mixedMs / 4);
  const lines = Array.from({ length: linesOfBatch }, (_, index) => `line ${index}`.padEnd(lineBytes, '.')).join('\n');
  const batches = Math.ceil(recordsEach / linesOfBatch) * brokerCount;
  let begun = 0;
  await runAlike({ clients: brokerCount, requestsMax: batches, msMax: Number.POSITIVE_INFINITY }, () => {
    const topic = standing.topics[begun++ % brokerCount] as string;
    return () => cluster.http.ask(cluster.url(1), 'POST', `/v1/topics/${topic}/records`, { body: lines, type: 'text/plain' });
  });
  return standing;
}

const linesOfBatch = 20;
const lineBytes = 100;

async function measureBroker(options: ApisOptions, clients: readonly ApiClient[], broker: number): Promise<readonly Cell[]> {
  const { cluster, requestsMax, msMax } = options;
  const origin = cluster.url(broker);
  const cells: Cell[] = [];
  for (const api of apis) {
    // One for each at least.
    const bounds = { clients: clients.length, requestsMax: Math.max(requestsMax, clients.length), msMax };
    const measured = await runAlike(bounds, (client) => (clients[client] as ApiClient).next(api, origin));
    cells.push({ clients: clients.length, broker, api, measured });
  }
  await deleteRest(clients, origin);
  return cells;
}

/** Topics that were made faster than they were deleted: none is left for the next broker's figures. */
async function deleteRest(clients: readonly ApiClient[], origin: string): Promise<void> {
  const bounds = { clients: clients.length, requestsMax: Number.POSITIVE_INFINITY, msMax: Number.POSITIVE_INFINITY };
  await runAlike(bounds, (client) => (clients[client] as ApiClient).next('delete_topic', origin));
}

async function measureMixed(
  { cluster, mixedMs }: ApisOptions,
  clients: readonly ApiClient[],
  random: SeededRandom,
): Promise<ReadonlyMap<Api, Measured>> {
  const bounds = { clients: clients.length, requestsMax: Number.POSITIVE_INFINITY, msMax: mixedMs };
  const measured = await runClients(bounds, (client) => {
    const origin = cluster.url(random.pick(cluster.ids));
    const drawn = random.pick(apis);
    const send = (clients[client] as ApiClient).next(drawn, origin);
    if (send !== null) return { kind: drawn, send };
    // What was drawn has nothing to be done to yet: it is made first.
    const other = drawn === 'subscribe' ? 'create_subscriber' : 'create_topic';
    return { kind: other, send: (clients[client] as ApiClient).next(other, origin) as () => Promise<unknown> };
  });
  await deleteRest(clients, cluster.url(1));
  return measured;
}

function rowsOf(
  cells: readonly Cell[],
  mixed: ReadonlyMap<number, ReadonlyMap<Api, Measured>>,
  clients: readonly number[],
): readonly Row[] {
  const sums = clients.flatMap((count) =>
    apis.map((api): Row => {
      const own = cells.filter((cell) => cell.clients === count && cell.api === api);
      const rates = own.map(({ measured }) => perSecond(measured));
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
      const mix = mixed.get(count)?.get(api);
      return {
        part: '6. each API, the eight brokers together',
        clients: count,
        api,
        'p50 ms': inMs(median(own.map(({ measured }) => measured.latencyMs.p50))),
        'p99 ms': inMs(Math.max(...own.map(({ measured }) => measured.latencyMs.p99))),
        'requests/s at a broker': inRate(mean),
        'least of a broker': inRate(Math.min(...rates)),
        'most of a broker': inRate(Math.max(...rates)),
        'all APIs at once, p50 ms': mix === undefined ? null : inMs(mix.latencyMs.p50),
        'p99 ms at once': mix === undefined ? null : inMs(mix.latencyMs.p99),
        'requests/s at once': mix === undefined ? null : inRate(perSecond(mix)),
      };
    }),
  );
  const each = apis.flatMap((api) =>
    [...new Set(cells.map(({ broker }) => broker))].map((broker): Row => {
      const own = cells.filter((cell) => cell.api === api && cell.broker === broker);
      const figures = own.map(({ clients: count, measured }) => ({
        [`${count}: p50 ms`]: inMs(measured.latencyMs.p50),
        [`${count}: p99 ms`]: inMs(measured.latencyMs.p99),
        [`${count}: requests/s`]: inRate(perSecond(measured)),
      }));
      return { part: '6. each API on each broker', api, broker: labelOfBroker(broker), ...Object.assign({}, ...figures) };
    }),
  );
  return [...sums, ...each];
}

/** The lower one of two in the middle. */
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1] ?? 0;

function checksOf(cells: readonly Cell[], mixed: ReadonlyMap<number, ReadonlyMap<Api, Measured>>): readonly Check[] {
  const all = [...cells.map(({ measured }) => measured), ...[...mixed.values()].flatMap((each) => [...each.values()])];
  const failed = all.reduce((sum, measured) => sum + failedOf(measured), 0);
  const empty = cells.filter(({ measured }) => measured.answered === 0).length;
  const said = all.map(failuresOf).filter((text) => text !== '');
  return [
    check('6. requests that failed, all brokers alive', failed === 0, 0, failed === 0 ? 0 : `${failed}: ${said.slice(0, 5).join('; ')}`),
    check(`6. APIs at a broker without any answer, of ${cells.length}`, empty === 0, 0, empty),
  ];
}

function graphsOf(cells: readonly Cell[], clients: readonly number[]): readonly Graph[] {
  const categories = [...new Set(cells.map(({ broker }) => broker))].map(labelOfBroker);
  const bars = (count: number, barOf: (measured: Measured) => { value: number; low: number; high: number }) =>
    apis.map((api) => ({
      label: api,
      bars: cells.filter((cell) => cell.api === api && cell.clients === count).map(({ measured }) => barOf(measured)),
    }));
  const clientsText = (count: number): string => (count === 1 ? 'one client' : `${count} clients`);
  return clients.flatMap((count): readonly Graph[] => [
    {
      kind: 'bars',
      name: `throughput-${count}`,
      title: `Throughput of each API at each broker, ${clientsText(count)}`,
      xTitle: 'broker, as a vertex of the cube',
      yTitle: 'requests/s',
      categories,
      series: bars(count, (measured) => exact(perSecond(measured))),
    },
    {
      kind: 'bars',
      name: `latency-${count}`,
      title: `Latency of each API at each broker, ${clientsText(count)}`,
      xTitle: 'broker, as a vertex of the cube',
      yTitle: 'ms: p50 as a bar, and up to p99',
      categories,
      series: bars(count, ({ latencyMs: { p50, p99 } }) => ({ value: p50, low: p50, high: p99 })),
    },
  ]);
}

const exact = (value: number) => ({ value, low: value, high: value });
