import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { percentile } from '../../base/percentile.ts';
import { SeededRandom } from '../../base/random.ts';
import { type Client, clientBytes, patiently } from '../../client/index.ts';
import { type FencingDescription, LogError } from '../../eventlog/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { Children, LabBrokers, pause, Watchdog } from '../rig/index.ts';
import { dropRule, LinkProxy } from './link-proxy.ts';
import { LonePuller, type Pulling, SharedPullers } from './pullers.ts';
import { addPulled, checkPulled, noFigures, type PulledFigures } from './pulled-once.ts';

export interface SubscribersChaosOptions {
  readonly seed: number;
  readonly publishers: number;
  /** Those that nobody shares, and those that several processes share. */
  readonly subscribers: number;
  readonly shared: number;
  readonly workers: number;
  readonly brokers: number;
  /** Of brokers. */
  readonly kills: number;
  readonly partitions: number;
  readonly folder: string;
  readonly onStep: (line: string) => void;
}

type Kind = 'kill' | 'partition';

interface Fault {
  readonly kind: Kind;
  readonly brokers: readonly number[];
  /** Whose process was killed beside it. */
  readonly puller: string;
  /** From the fault until each of the topics had taken an append that began after it. */
  readonly publishedMs: number;
}

/** From a worker that had not been killed. */
type Taken = { readonly subscriber: string } & FencingDescription;

const topicCount = 5;
const partitionCount = 4;
const appendMsMax = 30_000;
/** Between two records of a publisher. */
const publishEveryMs = 200;
const downMs = [800, 2500] as const;
const standstillMs = 180_000;
/** Far longer than the session of a worker and a busy machine. */
const drainMsMax = 300_000;
/** A worker that waits for brokers is not to be taken for dead. */
const sessionSeconds = 30;

/**
 * `cairn lab chaos --subscribers N`: publishers and subscribers on real brokers that are killed and cut off, one or two at a time, with each fault a process that
 * pulls too. In the end each subscriber has been given every record that was acknowledged to its publisher, once, but for what somebody had who was killed.
 */
export async function runSubscribersChaosLab(options: SubscribersChaosOptions): Promise<LabResult> {
  mkdirSync(options.folder, { recursive: true });
  const proxy = new LinkProxy();
  const children = new Children();
  const brokers = await LabBrokers.start({ count: options.brokers, route: (addresses) => proxy.listen(addresses) });
  const watchdog = new Watchdog(standstillMs, () => `brokers ${brokers.ids.filter((id) => brokers.isRunning(id)).join(', ')} run`);
  try {
    return await watchdog.guard(new SubscribersUnderFaults(options, { brokers, proxy, children, watchdog }).run());
  } finally {
    await children.end();
    await brokers.end();
    await proxy.close();
  }
}

interface Means {
  readonly brokers: LabBrokers;
  readonly proxy: LinkProxy;
  readonly children: Children;
  readonly watchdog: Watchdog;
}

class SubscribersUnderFaults {
  readonly #options: SubscribersChaosOptions;
  readonly #means: Means;
  readonly #random: SeededRandom;
  readonly #client: Client;
  readonly #topics = Array.from({ length: topicCount }, (_, index) => `chaos-${index + 1}`);
  /** What was acknowledged: values by partition and offset. */
  readonly #published = new Map<string, Map<number, string>>();
  /** Of each topic, when the last append that is acknowledged began. */
  readonly #publishedAt = new Map<string, number>();
  readonly #pullings: Pulling[] = [];
  #isStopping = false;

  constructor(options: SubscribersChaosOptions, means: Means) {
    this.#options = options;
    this.#means = means;
    this.#random = new SeededRandom(options.seed);
    this.#client = means.brokers.client(means.brokers.ids, { timeoutMs: appendMsMax });
  }

  async run(): Promise<LabResult> {
    const { folder, onStep } = this.#options;
    const { watchdog } = this.#means;
    watchdog.feed('topics and subscribers');
    await this.#begin();
    const publishers = Array.from({ length: this.#options.publishers }, (_, index) => this.#publish(`publisher-${index + 1}`));
    const publishing = Promise.all(publishers).catch((error: unknown) => watchdog.fail(error));
    const faults: Fault[] = [];
    const schedule = this.#schedule();
    for (const kind of schedule) {
      const fault = await this.#strike(kind);
      faults.push(fault);
      const of = fault.brokers.join(', ');
      onStep(
        `${faults.length} of ${schedule.length}: ${kind} of ${of} and of a puller of ${fault.puller}: all topics took records again after ${Math.round(fault.publishedMs)} ms`,
      );
    }
    watchdog.feed('the end of the publishers');
    this.#isStopping = true;
    await publishing;
    const fencings = await this.#drain();
    const found = new Map(this.#pullings.map((pulling) => [pulling.subscriber, checkPulled(this.#published, pulling.pullers())]));
    writeFileSync(path.join(folder, 'faults.json'), `${JSON.stringify({ faults, found: [...found], fencings }, null, 1)}\n`);
    this.#client.close();
    const records = [...this.#published.values()].reduce((sum, values) => sum + values.size, 0);
    return judge(this.#options, { faults, found, records, fencings });
  }

  async #begin(): Promise<void> {
    const { brokers, children, watchdog } = this.#means;
    const { publishers, subscribers, shared, workers } = this.#options;
    const { subscriptions } = this.#client;
    for (const topic of this.#topics) {
      await this.#client.createTopic(topic, { retentionBytes: null, partitions: partitionCount });
      for (let partition = 0; partition < partitionCount; partition++) this.#published.set(`${topic}/${partition}`, new Map());
    }
    for (let number = 1; number <= publishers; number++)
      await subscriptions.createPublisher({ id: `publisher-${number}`, requestId: null });
    const fail = (error: unknown): void => watchdog.fail(error);
    for (let number = 1; number <= subscribers; number++) {
      const subscriber = `subscriber-${number}`;
      await subscriptions.createSubscriber({ id: subscriber, requestId: null });
      for (const topic of this.#topics) await subscriptions.subscribe({ subscriber, topic, start: { at: 'beginning' } });
      const isShared = number <= shared;
      const sharedBy = { children, subscriber, servers: brokers.urls, workers, sessionSeconds, fail };
      this.#pullings.push(isShared ? new SharedPullers(sharedBy) : new LonePuller(this.#client, subscriber, fail));
    }
  }

  /** One record after another, each under a request id until it is acknowledged. */
  async #publish(publisher: string): Promise<void> {
    const random = new SeededRandom(this.#options.seed * 1000 + Number(publisher.slice('publisher-'.length)));
    for (let count = 0; !this.#isStopping && !this.#means.watchdog.hasBarked; count++) {
      const topic = random.pick(this.#topics);
      const partition = random.below(partitionCount);
      const value = `${publisher} ${count}`;
      const builder = new RecordBatchBuilder();
      builder.add(Date.now(), null, clientBytes.utf8Encode(value));
      const batch = builder.finish(clientBytes);
      const request = { topic, partition, batch, level: 'quorum', sequence: 0, expectedOffset: null, timeoutMs: appendMsMax } as const;
      const beganMs = performance.now();
      const { offset } = await patiently(this.#client, () =>
        this.#client.subscriptions.publish({ ...request, publisher, requestId: value }),
      );
      this.#published.get(`${topic}/${partition}`)?.set(offset, value);
      this.#publishedAt.set(topic, Math.max(beganMs, this.#publishedAt.get(topic) ?? 0));
      await pause(publishEveryMs);
    }
  }

  #schedule(): readonly Kind[] {
    const { kills, partitions } = this.#options;
    const left: Kind[] = [...Array<Kind>(kills).fill('kill'), ...Array<Kind>(partitions).fill('partition')];
    const order: Kind[] = [];
    while (left.length > 0) order.push(...left.splice(this.#random.below(left.length), 1));
    return order;
  }

  async #strike(kind: Kind): Promise<Fault> {
    const { brokers, watchdog } = this.#means;
    await pause(this.#random.between(100, 500));
    const minority = Math.floor((brokers.ids.length - 1) / 2);
    const victims = new Set<number>();
    const count = this.#random.between(1, minority);
    while (victims.size < count) victims.add(this.#random.pick(brokers.ids));
    const killed = this.#random.pick(this.#pullings);
    watchdog.feed(`a ${kind} of broker ${[...victims].join(', ')}, and of a puller of ${killed.subscriber}`);
    const startedMs = performance.now();
    const isPullerFirst = this.#random.chance(0.5);
    const first = isPullerFirst ? killed.kill() : null;
    await this.#inject(kind, victims);
    await pause(this.#random.between(...downMs));
    // A pull that is under way may wait for the brokers: they do not wait for it.
    const killing = first ?? killed.kill();
    await this.#undo(kind, victims);
    await killing;
    watchdog.feed(`records in all topics after a ${kind} of broker ${[...victims].join(', ')}`);
    while (!watchdog.hasBarked && this.#topics.some((topic) => (this.#publishedAt.get(topic) ?? 0) < startedMs)) await pause(20);
    return { kind, brokers: [...victims], puller: killed.subscriber, publishedMs: performance.now() - startedMs };
  }

  async #inject(kind: Kind, victims: ReadonlySet<number>): Promise<void> {
    const { brokers, proxy } = this.#means;
    if (kind === 'kill') {
      await Promise.all([...victims].map((id) => brokers.kill(id, 'SIGKILL')));
      return;
    }
    for (const one of victims)
      for (const other of brokers.ids) {
        if (victims.has(other)) continue;
        proxy.set(one, other, dropRule);
        proxy.set(other, one, dropRule);
      }
  }

  async #undo(kind: Kind, victims: ReadonlySet<number>): Promise<void> {
    const { brokers, proxy } = this.#means;
    if (kind === 'kill') await Promise.all([...victims].map((id) => brokers.restart(id)));
    else proxy.heal();
  }

  /** Until nothing is left for anybody. What was taken from workers that had not been killed. */
  async #drain(): Promise<readonly Taken[]> {
    const { watchdog } = this.#means;
    const untilMs = performance.now() + drainMsMax;
    const taken: Taken[] = [];
    for (const pulling of this.#pullings) {
      watchdog.feed(`what is left for ${pulling.subscriber}`);
      for (;;) {
        const { cursors, fencings } = await patiently(this.#client, () =>
          this.#client.subscriptions.describeSubscriber(pulling.subscriber),
        );
        // Behind the last record stand marks of Cairn's own, which nobody is given.
        const behind = cursors.filter(({ lagMs }) => lagMs !== 0);
        if (behind.length === 0) {
          const lived = fencings.filter(({ worker }) => !pulling.isGone(worker));
          taken.push(...lived.map((fencing) => ({ subscriber: pulling.subscriber, ...fencing })));
          break;
        }
        if (performance.now() > untilMs || watchdog.hasBarked) {
          const where = behind.map(({ topic, partition, lag }) => `${topic}/${partition} ${String(lag)}`).join(', ');
          throw new LogError('checkFailed', `Cannot go on: "${pulling.subscriber}" is behind after ${drainMsMax / 1000} s: ${where}`);
        }
        watchdog.feed();
        await pause(200);
      }
    }
    await Promise.all(this.#pullings.map((pulling) => pulling.finish()));
    return taken;
  }
}

interface Found {
  readonly faults: readonly Fault[];
  readonly found: ReadonlyMap<string, PulledFigures>;
  readonly records: number;
  readonly fencings: readonly Taken[];
}

function judge(options: SubscribersChaosOptions, { faults, found, records, fencings }: Found): LabResult {
  const kinds: readonly Kind[] = ['kill', 'partition'];
  const rows = kinds.flatMap((kind) => {
    const times = faults.filter((fault) => fault.kind === kind).map(({ publishedMs }) => publishedMs);
    const sorted = times.toSorted((a, b) => a - b);
    if (sorted.length === 0) return [];
    const ms = { p50: Math.round(percentile(sorted, 0.5)), p99: Math.round(percentile(sorted, 0.99)) };
    return [{ fault: kind, times: sorted.length, 'all topics take records again p50 ms': ms.p50, 'p99 ms': ms.p99 }];
  });
  const all = [...found.values()].reduce(addPulled, noFigures);
  const { publishers, subscribers, shared, workers, brokers, kills, partitions, seed } = options;
  const none = (name: string, got: number) => check(name, got === 0, 0, got);
  return {
    lab: 'chaos',
    command: `cairn lab chaos --subscribers ${subscribers}`,
    about:
      'Publishers and subscribers on real brokers that are killed and cut off, at most a minority at a time, and with each fault a puller is killed: one of the processes that share a subscriber, or a subscriber of its own, with what it has processed and not acknowledged. In the end every subscriber has been given every record that was acknowledged to its publisher, once but for that.',
    settings: { seed, publishers, subscribers, 'of them shared': shared, 'processes of each': workers, brokers, kills, partitions },
    results: [
      ...rows,
      {
        fault: 'all',
        times: faults.length,
        records,
        given: all.given,
        'given again after a kill': all.againAfterKill,
        'times that something was taken from a worker that lived': fencings.length,
      },
    ],
    graphs: [],
    checks: [
      check('faults injected', faults.length === kills + partitions, kills + partitions, faults.length),
      check('records given', all.given >= records * subscribers, `at least ${records * subscribers}`, all.given),
      none('acknowledged records that a subscriber was not given', all.missing),
      none('records given again though nobody was killed', all.doubled),
      none('records below what the same puller had been given', all.back),
      none('records given before one that stands in front of them', all.jumped),
      none('records with another value than was published', all.wrong),
    ],
    targets: [],
  };
}
