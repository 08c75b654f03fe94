import { SeededRandom } from '../../base/random.ts';
import { check, type Graph } from '../report/index.ts';
import { type Api, apis } from './api-client.ts';
import { type Measured, perSecond, runAlike } from './clients.ts';
import type { Cluster } from './cluster.ts';
import { RequestFailed } from './http.ts';
import { askWire } from './old-wire.ts';
import { inMs, inRate, type Part } from './part.ts';
import { brokersOf } from './topics.ts';

export interface WireApisOptions {
  readonly cluster: Cluster;
  /** Of each API; at most so long. */
  readonly requestsMax: number;
  readonly msMax: number;
  readonly seed: number;
}

/**
 * Contract 3: requests/s, one client, one request at a time, a connection each. What the seed's report says, and its program on a machine of two cores where
 * topics exist: it deletes the topic before it times publish, subscribe and pull, and so times `not found`.
 */
const seedRates: Readonly<Record<Api, { readonly report: number; readonly program: number }>> = {
  create_publisher: { report: 569, program: 1274 },
  create_subscriber: { report: 587, program: 1849 },
  create_topic: { report: 111, program: 430 },
  publish: { report: 440, program: 437 },
  subscribe: { report: 528, program: 1207 },
  pull: { report: 517, program: 1245 },
  delete_topic: { report: 584, program: 371 },
};

/** The contract's target: above the report; of `delete_topic`, which the report times as `not found`, above the program. */
const targetOf = (api: Api): number => (api === 'delete_topic' ? seedRates.delete_topic.program : seedRates[api].report);

/** Each API on the old wire as its clients ask: creation at 000, all else straight at the home. */
export async function runWireApis({ cluster, requestsMax, msMax, seed }: WireApisOptions): Promise<Part> {
  const random = new SeededRandom(seed);
  const ask = async (broker: number, action: Api, fields: Readonly<Record<string, string>>, expected: RegExp): Promise<void> => {
    const answer = await askWire(cluster.brokers.wirePort(broker), { action, ...fields });
    if (!expected.test(answer)) throw new RequestFailed('otherAnswer', null, `${action} was answered ${answer}`);
  };
  const homeOf = (topic: string): number => brokersOf(topic, cluster.ids.length, 1)[0] as number;
  const newTopic = (): string => `wire-${random.next()}`;
  const publisher_id = 'wire-publisher';
  const [topics, subscribers]: [string[], string[]] = [[], []];
  const measured = new Map<Api, Measured>();
  const measure = async (api: Api, next: (index: number) => (() => Promise<unknown>) | null): Promise<void> => {
    let index = 0;
    measured.set(api, await runAlike({ clients: 1, requestsMax, msMax }, () => next(index++)));
  };

  await measure('create_publisher', (index) => () => ask(1, 'create_publisher', { publisher_id: `wire-p${index}` }, /created\.$/));
  await measure('create_subscriber', (index) => async () => {
    await ask(1, 'create_subscriber', { subscriber_id: `wire-s${index}` }, /created\.$/);
    subscribers.push(`wire-s${index}`);
  });
  await measure('create_topic', () => async () => {
    const topic = newTopic();
    await ask(homeOf(topic), 'create_topic', { publisher_id, topic }, /^Topic has been successfully created/);
    topics.push(topic);
  });
  await measure('publish', (index) => () => {
    const topic = topics[index % topics.length] as string;
    return ask(homeOf(topic), 'publish', { publisher_id, topic, content: `message ${index}` }, /^Message published/);
  });
  const pairs: { readonly subscriber_id: string; readonly topic: string }[] = [];
  await measure('subscribe', (index) => {
    const pair = { subscriber_id: subscribers[index % subscribers.length] as string, topic: topics[index % topics.length] as string };
    pairs.push(pair);
    return () => ask(homeOf(pair.topic), 'subscribe', pair, /subscribed to/);
  });
  await measure('pull', (index) => {
    const pair = pairs[index % pairs.length] as (typeof pairs)[number];
    return () => ask(homeOf(pair.topic), 'pull', pair, /^\[/);
  });
  await measure('delete_topic', () => {
    const topic = topics.pop();
    return topic === undefined
      ? null
      : () => ask(homeOf(topic), 'delete_topic', { publisher_id, topic }, /^Topic has been successfully deleted/);
  });
  const rateOf = (api: Api): number => perSecond(measured.get(api) as Measured);
  const failed = apis.reduce((sum, api) => sum + [...(measured.get(api) as Measured).failed.values()].reduce((a, b) => a + b, 0), 0);
  return {
    results: apis.map((api) => ({
      part: '6. the old wire beside the seed: one client, a connection each, requests/s',
      api,
      "seed's report": seedRates[api].report,
      "seed's program": seedRates[api].program,
      here: inRate(rateOf(api)),
      'p50 ms': inMs((measured.get(api) as Measured).latencyMs.p50),
      'p99 ms': inMs((measured.get(api) as Measured).latencyMs.p99),
    })),
    checks: [check('6. requests on the old wire that were answered otherwise than done', failed === 0, 0, failed)],
    targets: apis.map((api) =>
      check(`${api} on the old wire, requests/s`, rateOf(api) >= targetOf(api), `at least ${targetOf(api)}`, inRate(rateOf(api))),
    ),
    graphs: [graphOf(rateOf)],
  };
}

function graphOf(rateOf: (api: Api) => number): Graph {
  const bars = (rate: (api: Api) => number) => apis.map((api) => ({ value: rate(api), low: rate(api), high: rate(api) }));
  return {
    kind: 'bars',
    name: 'old-wire',
    title: 'The old wire: one client, one request at a time, a connection each',
    xTitle: 'API',
    yTitle: 'requests/s',
    categories: apis,
    series: [
      { label: "seed's report, on its machine", bars: bars((api) => seedRates[api].report) },
      { label: "seed's program, another machine of 2 cores", bars: bars((api) => seedRates[api].program) },
      { label: 'here', bars: bars(rateOf) },
    ],
  };
}
