import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { percentile } from '../../base/percentile.ts';
import { SeededRandom } from '../../base/random.ts';
import { LogError } from '../../eventlog/index.ts';
import {
  addFigures,
  type Attempt,
  checkCopies,
  checkFigures,
  type Copy,
  countDamage,
  figuresOf,
  LabBrokers,
  leaderAsSeenBy,
  Load,
  longestGapMs,
  pause,
  readCopy,
  type RunFigures,
  Watchdog,
} from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { dropRule, LinkProxy } from './link-proxy.ts';

export interface TopicsChaosOptions {
  readonly seed: number;
  readonly topics: number;
  readonly brokers: number;
  readonly kills: number;
  readonly pauses: number;
  readonly partitions: number;
  /** Times that all brokers are stopped gently and started again, one after another. */
  readonly restarts: number;
  readonly folder: string;
  readonly onStep: (line: string) => void;
}

type Kind = 'kill' | 'pause' | 'partition';

/** A topic whose leader a fault has hit, though a majority of its replicas went on. */
interface Outage {
  readonly topic: string;
  /** From the fault to the answer of the first append under another leader. */
  readonly writableMs: number;
}

interface FaultOfTopics {
  readonly kind: Kind;
  readonly brokers: readonly number[];
  readonly outages: readonly Outage[];
  /** Topics without a majority meanwhile: nothing is promised for them but that they lose nothing. */
  readonly withoutMajority: number;
  readonly convergedMs: number;
}

interface Restarts {
  readonly stops: number;
  readonly unclean: number;
  readonly failed: number;
  readonly gapsMs: readonly number[];
}

const appendMsMax = 30_000;
/** A client that asks a broker which hangs turns to another after this, and half a second for the way. */
const attemptMs = 400;
/** Between two appends of one client: they are to meet faults, not to fill the disk. */
const pauseMs = 20;
const standstillMs = 120_000;
const convergeMsMax = 60_000;
const writableMsMost = 1500;
const downMs = [1500, 3500] as const;

/**
 * `cairn lab chaos --topics N`: topics on some of many brokers, each with a client of its own that has one append in flight, while those that lead are killed,
 * stopped and cut off, one or two at a time, and then all of them are restarted in turn. In the end every acknowledged record is looked for on every replica.
 */
export async function runTopicsChaosLab(options: TopicsChaosOptions): Promise<LabResult> {
  mkdirSync(options.folder, { recursive: true });
  const proxy = new LinkProxy();
  const brokers = await LabBrokers.start({ count: options.brokers, route: (addresses) => proxy.listen(addresses) });
  const watchdog = new Watchdog(
    standstillMs,
    () => `broker ${brokers.ids.filter((id) => !brokers.isRunning(id)).join(', ') || 'none'} is gone`,
  );
  try {
    return await watchdog.guard(new TopicsUnderFaults(options, brokers, proxy, watchdog).run());
  } finally {
    await brokers.end();
    await proxy.close();
  }
}

interface Loaded {
  readonly name: string;
  readonly replicas: readonly number[];
  readonly load: Load;
}

interface View {
  readonly leader: number;
  readonly term: number;
}

class TopicsUnderFaults {
  readonly #options: TopicsChaosOptions;
  readonly #brokers: LabBrokers;
  readonly #proxy: LinkProxy;
  readonly #watchdog: Watchdog;
  readonly #random: SeededRandom;
  readonly #topics: Loaded[] = [];

  constructor(options: TopicsChaosOptions, brokers: LabBrokers, proxy: LinkProxy, watchdog: Watchdog) {
    this.#options = options;
    this.#brokers = brokers;
    this.#proxy = proxy;
    this.#watchdog = watchdog;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<LabResult> {
    const { folder, onStep } = this.#options;
    await this.#begin();
    const faults: FaultOfTopics[] = [];
    const schedule = this.#schedule();
    for (const kind of schedule) {
      const fault = await this.#strike(kind);
      faults.push(fault);
      const waited = fault.outages.map(({ writableMs }) => Math.round(writableMs));
      const others = fault.withoutMajority === 0 ? '' : `, ${fault.withoutMajority} without a majority`;
      onStep(
        `${faults.length} of ${schedule.length}: ${kind} of ${fault.brokers.join(', ')}: ${waited.length} topics writable again after ${waited.join(', ')} ms${others}`,
      );
    }
    const restarts = await this.#restartAll();
    this.#watchdog.feed('the end of the load');
    await Promise.all(this.#topics.map(({ load }) => load.stop()));
    const figures: RunFigures[] = [];
    for (const topic of this.#topics) {
      const copies = await this.#copiesOf(topic);
      const { attempts } = topic.load;
      const damage = checkCopies(attempts, copies);
      if (countDamage(damage) > 0) writeFileSync(path.join(folder, `${topic.name}.json`), JSON.stringify({ attempts, copies }));
      figures.push(figuresOf({ attempts, copies, damage }));
    }
    writeFileSync(path.join(folder, 'faults.json'), `${JSON.stringify({ faults, restarts }, null, 1)}\n`);
    return judge(this.#options, { faults, restarts, figures: addFigures(figures), copies: this.#replicaCount() });
  }

  #replicaCount(): number {
    return this.#topics.reduce((sum, { replicas }) => sum + replicas.length, 0);
  }

  async #begin(): Promise<void> {
    const brokers = this.#brokers;
    const admin = brokers.client();
    for (let number = 1; number <= this.#options.topics; number++) {
      const name = `chaos-${number}`;
      const { partition } = await admin.createTopic(name, { retentionBytes: null });
      const common = { brokers, topic: name, workers: 1, timeoutMs: appendMsMax, attemptMs, pauseMs, watchdog: this.#watchdog };
      // A client that stays: what is measured is a topic that can be written, not a client that looks for a broker.
      const load = new Load({ ...common, appendsPerClient: Number.POSITIVE_INFINITY, brokerFirst: number });
      this.#topics.push({ name, replicas: partition.replicas, load });
    }
    admin.close();
    for (const { load } of this.#topics) load.start();
    await Promise.all(this.#topics.map(({ load }) => load.acknowledgedAfter(performance.now())));
  }

  #schedule(): readonly Kind[] {
    const { kills, pauses, partitions } = this.#options;
    const left: Kind[] = [];
    for (const [kind, count] of [
      ['kill', kills],
      ['pause', pauses],
      ['partition', partitions],
    ] as const)
      for (let i = 0; i < count; i++) left.push(kind);
    const order: Kind[] = [];
    while (left.length > 0) order.push(...left.splice(this.#random.below(left.length), 1));
    return order;
  }

  // ---------------------------------------------------------------------------------------------------------------- faults

  async #strike(kind: Kind): Promise<FaultOfTopics> {
    const watchdog = this.#watchdog;
    watchdog.feed(`the leaders before a ${kind}`);
    await pause(this.#random.between(100, 500));
    const views = new Map<string, View>();
    await Promise.all(this.#topics.map(async (topic) => views.set(topic.name, await this.#viewOf(topic))));
    const victims = this.#victims(kind, views);
    watchdog.feed(`a ${kind} of broker ${victims.join(', ')}`);
    const startedMs = performance.now();
    await this.#inject(kind, victims);
    const isHit = ({ name }: Loaded): boolean => victims.includes(views.get(name)?.leader ?? 0);
    const livesOn = ({ replicas }: Loaded): boolean => 2 * replicas.filter((id) => !victims.includes(id)).length > replicas.length;
    const hit = this.#topics.filter(isHit);
    const promised = hit.filter(livesOn);
    const outages = Promise.all(promised.map((topic) => this.#writableAgain(topic, startedMs, views.get(topic.name)?.term ?? 0)));
    await pause(this.#random.between(...downMs));
    const overMs = performance.now();
    await this.#undo(kind, victims);
    watchdog.feed(`topics that are writable after a ${kind} of broker ${victims.join(', ')}`);
    const found = await outages;
    await this.#converge(kind);
    return {
      kind,
      brokers: victims,
      outages: found,
      withoutMajority: hit.length - promised.length,
      convergedMs: performance.now() - overMs,
    };
  }

  /** One that leads, and now and then a second one; of a partition, a minority. */
  #victims(kind: Kind, views: ReadonlyMap<string, View>): readonly number[] {
    const { ids } = this.#brokers;
    const victims = new Set([this.#random.pick([...views.values()]).leader]);
    const minority = Math.floor((ids.length - 1) / 2);
    const count = kind === 'partition' ? this.#random.between(1, minority) : this.#random.chance(0.25) ? 2 : 1;
    while (victims.size < Math.min(count, minority)) victims.add(this.#random.pick(ids));
    return [...victims];
  }

  async #inject(kind: Kind, victims: readonly number[]): Promise<void> {
    if (kind === 'kill') await Promise.all(victims.map((id) => this.#brokers.kill(id, 'SIGKILL')));
    else if (kind === 'pause') for (const id of victims) this.#brokers.signal(id, 'SIGSTOP');
    else {
      for (const one of victims) {
        for (const other of this.#brokers.ids) {
          if (victims.includes(other)) continue;
          this.#proxy.set(one, other, dropRule);
          this.#proxy.set(other, one, dropRule);
        }
      }
    }
  }

  async #undo(kind: Kind, victims: readonly number[]): Promise<void> {
    if (kind === 'kill') await Promise.all(victims.map((id) => this.#brokers.restart(id)));
    else if (kind === 'pause') for (const id of victims) this.#brokers.signal(id, 'SIGCONT');
    else this.#proxy.heal();
  }

  /** What the replica says that knows the highest term. */
  async #viewOf({ name, replicas }: Loaded): Promise<View> {
    const untilMs = performance.now() + convergeMsMax;
    while (performance.now() < untilMs) {
      const views = await Promise.all(replicas.map((id) => leaderAsSeenBy(this.#brokers, id, name)));
      const newest = views.filter((view) => view !== null).toSorted((a, b) => b.term - a.term)[0];
      if (newest !== undefined) return newest;
      await pause(25);
    }
    throw new LogError('noLeader', `Cannot go on: topic "${name}" has no leader after ${convergeMsMax / 1000} s`);
  }

  /** An append is acknowledged under a leader that was elected since. */
  async #writableAgain({ name, load }: Loaded, startedMs: number, termBefore: number): Promise<Outage> {
    const isNew = ({ offset, term, endedMs }: Attempt): boolean => offset !== null && (term ?? 0) > termBefore && endedMs > startedMs;
    for (let afterMs = startedMs; ; ) {
      const acknowledged = await load.acknowledgedAfter(afterMs);
      // The one that was in flight may have come first; one that the leader of before acknowledged had not been reached by the fault yet.
      const first = load.attempts.slice(-attemptsLookedAt).find(isNew);
      if (first !== undefined) return { topic: name, writableMs: first.endedMs - startedMs };
      afterMs = acknowledged.endedMs;
    }
  }

  /** Until every replica shows by itself what had been acknowledged when this began. */
  async #converge(after: string): Promise<void> {
    const untilMs = performance.now() + convergeMsMax;
    const any = this.#brokers.client(this.#brokers.ids, { timeoutMs: convergeMsMax });
    const catchUp = async (topic: string, id: number, end: number): Promise<void> => {
      const client = this.#brokers.client([id]);
      for (let at = 0; at < end && !this.#watchdog.hasBarked; ) {
        at = await client.end({ topic, freshness: 'local' }).then(
          (own) => own.offset,
          () => at,
        );
        if (at >= end) break;
        if (performance.now() > untilMs)
          throw new LogError('checkFailed', `Cannot go on after ${after}: broker ${id} is at ${at} of ${end} of "${topic}"`);
        await pause(25);
      }
      client.close();
    };
    await Promise.all(
      this.#topics.map(async ({ name, replicas }) => {
        const { offset } = await any.end({ topic: name, freshness: 'linearizable' });
        await Promise.all(replicas.map((id) => catchUp(name, id, offset)));
      }),
    );
    any.close();
  }

  // --------------------------------------------------------------------------------------------------------------- restarts

  async #restartAll(): Promise<Restarts> {
    const { restarts, onStep } = this.#options;
    const failuresOf = ({ load }: Loaded): number => load.attempts.filter(({ failure }) => failure !== null).length;
    const failedBefore = this.#topics.reduce((sum, topic) => sum + failuresOf(topic), 0);
    const gapsMs: number[] = [];
    let unclean = 0;
    let stops = 0;
    for (let round = 1; round <= restarts; round++) {
      for (const id of this.#brokers.ids) {
        this.#watchdog.feed(`the restart of broker ${id}`);
        const stoppedMs = performance.now();
        const { code } = await this.#brokers.kill(id, 'SIGTERM');
        await pause(200);
        gapsMs.push(
          Math.max(...this.#topics.map(({ load }) => longestGapMs(load.attempts.slice(-attemptsLookedAt), stoppedMs, performance.now()))),
        );
        await this.#brokers.restart(id);
        if (code !== 0) unclean++;
        stops++;
      }
      onStep(
        `rolling restart ${round} of ${restarts}: longest gap of a topic ${Math.round(Math.max(...gapsMs.slice(-this.#brokers.ids.length)))} ms`,
      );
    }
    const failed = this.#topics.reduce((sum, topic) => sum + failuresOf(topic), 0) - failedBefore;
    return { stops, unclean, failed, gapsMs };
  }

  async #copiesOf({ name, replicas }: Loaded): Promise<Copy[]> {
    this.#watchdog.feed(`the end of "${name}"`);
    const client = this.#brokers.client();
    const { offset } = await client.end({ topic: name, freshness: 'linearizable' });
    client.close();
    const copies: Copy[] = [];
    for (const id of replicas) copies.push(await readCopy(this.#brokers, id, name, offset, this.#watchdog));
    return copies;
  }
}

/** More than one client makes during a fault or a stop. */
const attemptsLookedAt = 1000;

interface Found {
  readonly faults: readonly FaultOfTopics[];
  readonly restarts: Restarts;
  readonly figures: RunFigures;
  readonly copies: number;
}

function judge(options: TopicsChaosOptions, { faults, restarts, figures, copies }: Found): LabResult {
  const kinds: readonly Kind[] = ['kill', 'pause', 'partition'];
  const sorted = (of: readonly FaultOfTopics[]): readonly number[] =>
    of.flatMap(({ outages }) => outages.map(({ writableMs }) => writableMs)).toSorted((a, b) => a - b);
  const row = (fault: string, of: readonly FaultOfTopics[]) => {
    const writable = sorted(of);
    return {
      fault,
      times: of.length,
      'topics whose leader was hit': writable.length,
      'writable again p50 ms': Math.round(percentile(writable, 0.5)),
      'p99 ms': Math.round(percentile(writable, 0.99)),
      'max ms': Math.round(writable.at(-1) ?? 0),
      'without a majority': of.reduce((sum, { withoutMajority }) => sum + withoutMajority, 0),
      'all equal max ms': Math.round(Math.max(0, ...of.map(({ convergedMs }) => convergedMs))),
    };
  };
  const rows = kinds.flatMap((kind) => {
    const of = faults.filter((fault) => fault.kind === kind);
    return of.length === 0 ? [] : [row(kind, of)];
  });
  const all = sorted(faults);
  const p99 = Math.round(percentile(all, 0.99));
  const gapMost = Math.round(Math.max(0, ...restarts.gapsMs));
  const restartRow = {
    fault: 'gentle stop',
    times: restarts.stops,
    'longest gap p50 ms': Math.round(
      percentile(
        restarts.gapsMs.toSorted((a, b) => a - b),
        0.5,
      ),
    ),
    'longest gap max ms': gapMost,
  };
  return {
    lab: 'chaos',
    command: `cairn lab chaos --topics ${options.topics}`,
    about:
      'Topics on some of many real brokers, each with a client of its own that has one append in flight. Brokers that lead are killed, stopped and cut off, one or two at a time and of a partition a minority, and then all are stopped gently and started again in turn. In the end every record that was acknowledged is looked for on every replica of its topic.',
    settings: {
      seed: options.seed,
      topics: options.topics,
      brokers: options.brokers,
      kills: options.kills,
      pauses: options.pauses,
      partitions: options.partitions,
      'rolling restarts': options.restarts,
      'a client waits for one broker, ms': attemptMs,
    },
    results: [...rows, ...(faults.length === 0 ? [] : [row('all', faults)]), ...(restarts.stops === 0 ? [] : [restartRow])],
    graphs: [
      {
        name: 'writable-again',
        kind: 'chart',
        title: 'From a fault of its leader until a topic takes appends again',
        xTitle: 'fault',
        xScale: 'numbers',
        yTitle: 'time (ms)',
        series: kinds.flatMap((kind) => {
          const points = faults.flatMap((fault, index) =>
            fault.kind === kind ? fault.outages.map(({ writableMs }) => [index + 1, writableMs] as const) : [],
          );
          return points.length === 0 ? [] : [{ label: kind, marks: 'points' as const, points }];
        }),
      },
    ],
    checks: [
      check('faults injected', faults.length + restarts.stops > 0, 'more than 0', faults.length + restarts.stops),
      check('appends that failed during rolling restarts', restarts.failed === 0, 0, restarts.failed),
      check('brokers that did not end with code 0', restarts.unclean === 0, 0, restarts.unclean),
      ...checkFigures(figures, copies),
    ],
    targets: all.length === 0 ? [] : [check('writable again, p99', p99 <= writableMsMost, `at most ${writableMsMost} ms`, `${p99} ms`)],
  };
}
