import { batchOf, type Client } from '../../client/index.ts';
import { SeededRandom } from '../../base/random.ts';
import { LogError } from '../../eventlog/index.ts';
import { Latencies } from '../bench/latencies.ts';
import { type Attempt, pause } from '../rig/index.ts';
import type { Cluster } from './cluster.ts';
import { inMs, inRate, type Row } from './part.ts';

export interface TopicLoadOptions {
  readonly cluster: Cluster;
  readonly topics: readonly string[];
  /** Peers that publish and read at the same time, each through brokers of its own choice. */
  readonly peers: number;
  readonly seed: number;
}

/** A read of the newest of a topic, or a publish; failed when nobody has answered by then, whoever was asked how often. */
const timeoutMs = 2000;
const attemptMs = 1000;
const binsMax = 80;
const publishShare = 0.7;
const valueBytes = 100;

interface Asked {
  readonly topic: string;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly isDone: boolean;
}

/**
 * Peers that publish to random topics and read from them, as programs do: a broker that does not answer is left for another one, under the same request id.
 * What they were told is kept, to be compared with what is there afterwards.
 */
export class TopicLoad {
  readonly attempts = new Map<string, Attempt[]>();
  readonly #options: TopicLoadOptions;
  readonly #asked: Asked[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #name: string;
  #isStopping = false;
  #ticks = 0;

  /** @param name that no other load on these topics has */
  constructor(name: string, options: TopicLoadOptions) {
    this.#name = name;
    this.#options = options;
    for (const topic of options.topics) this.attempts.set(topic, []);
  }

  start(): void {
    const random = new SeededRandom(this.#options.seed);
    for (let peer = 0; peer < this.#options.peers; peer++) {
      const own = random.fork();
      this.#running.push(this.#work(peer, own));
    }
    // A mistake of ours is told by `stop`.
    for (const running of this.#running) running.catch(() => undefined);
  }

  /** Once all that is on its way has been answered or given up. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  /** What was answered or given up from one time to another. */
  figures(fromMs: number, toMs: number): Row {
    const asked = this.#asked.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs);
    const done = asked.filter(({ isDone }) => isDone);
    const latencies = new Latencies();
    for (const { sentMs, endedMs } of done) latencies.record(endedMs - sentMs);
    const { p50, p99 } = latencies.summary();
    return {
      'requests/s': inRate(done.length / ((toMs - fromMs) / 1000)),
      'p50 ms': inMs(p50),
      'p99 ms': inMs(p99),
      failed: asked.filter(({ isDone }) => !isDone).length,
      'failed %': inMs((asked.filter(({ isDone }) => !isDone).length / Math.max(1, asked.length)) * 100),
      'longest gap of all ms': Math.round(longestGapMs(done, fromMs, toMs)),
      'longest gap of a topic ms': Math.round(
        Math.max(
          ...this.#options.topics.map((topic) =>
            longestGapMs(
              done.filter((each) => each.topic === topic),
              fromMs,
              toMs,
            ),
          ),
        ),
      ),
    };
  }

  /** Answers a second over time, in seconds from `fromMs` on. */
  rates(fromMs: number, toMs: number): readonly (readonly [seconds: number, perSecond: number])[] {
    const binMs = Math.max(100, (toMs - fromMs) / binsMax);
    const counts = Array.from({ length: Math.floor((toMs - fromMs) / binMs) }, () => 0);
    for (const { endedMs, isDone } of this.#asked) {
      const bin = Math.floor((endedMs - fromMs) / binMs);
      if (isDone && bin in counts) counts[bin] = (counts[bin] as number) + 1;
    }
    return counts.map((count, bin) => [((bin + 0.5) * binMs) / 1000, count / (binMs / 1000)] as const);
  }

  async #work(peer: number, random: SeededRandom): Promise<void> {
    const { cluster, topics } = this.#options;
    const first = peer % cluster.ids.length;
    const client = await this.#connect([...cluster.ids.slice(first), ...cluster.ids.slice(0, first)]);
    try {
      for (let count = 0; !this.#isStopping; count++) {
        const topic = random.pick(topics);
        if (random.chance(publishShare)) await this.#publish(client, topic, `${this.#name}-${peer}-${count}`);
        else await this.#read(client, topic);
      }
    } finally {
      client.close();
    }
  }

  /** A client that has been answered once: before that it takes a refused connection for a wrong address and gives up. */
  async #connect(ids: readonly number[]): Promise<Client> {
    const client = this.#options.cluster.brokers.client(ids, { timeoutMs, attemptMs });
    while (!this.#isStopping && !(await client.brokers().then(() => true, isLogError))) await pause(20);
    return client;
  }

  async #publish(client: Client, topic: string, value: string): Promise<void> {
    const batch = batchOf([{ value: `${value} `.padEnd(valueBytes, '.') }]);
    const [sentMs, invoked] = [performance.now(), ++this.#ticks];
    let outcome: Pick<Attempt, 'offset' | 'term' | 'ackedBy' | 'failure'>;
    try {
      const { offset, term, ackedBy } = await client.append({
        topic,
        batch,
        level: 'quorum',
        timeoutMs,
        requestId: null,
        sequence: 0,
        expectedOffset: null,
      });
      outcome = { offset, term, ackedBy, failure: null };
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      outcome = { offset: null, term: null, ackedBy: [], failure: { code: error.code, definite: error.definite } };
    }
    const endedMs = performance.now();
    this.#asked.push({ topic, sentMs, endedMs, isDone: outcome.failure === null });
    this.attempts.get(topic)?.push({ value, sentMs, endedMs, invoked, completed: ++this.#ticks, isProbe: false, ...outcome });
  }

  async #read(client: Client, topic: string): Promise<void> {
    const newest = this.attempts.get(topic)?.at(-1)?.offset ?? 0;
    const sentMs = performance.now();
    const asked = {
      topic,
      offsetFrom: newest,
      sinceMs: null,
      bytesMax: 4096,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
    } as const;
    const isDone = await client.read(asked).then(() => true, isLogError);
    this.#asked.push({ topic, sentMs, endedMs: performance.now(), isDone });
  }
}

/** False for a request that failed; what is no failure of a request is thrown on. */
function isLogError(error: unknown): false {
  if (error instanceof LogError) return false;
  throw error;
}

/** Between two answers; both ends of the time count as one. */
function longestGapMs(done: readonly Asked[], fromMs: number, toMs: number): number {
  const times = [fromMs, ...done.map(({ endedMs }) => endedMs).filter((ms) => ms > fromMs && ms < toMs), toMs].toSorted((a, b) => a - b);
  return times.slice(1).reduce((most, ms, index) => Math.max(most, ms - (times[index] as number)), 0);
}

/** What a record of this load says, without its padding. */
export const valueOf = (text: string): string => text.slice(0, text.indexOf(' '));
