/** A few brokers in the simulator's world, with calls that run it until they are answered: tests read like usage. */
import { assert } from '../../../src/base/assert.ts';
import { Broker, type BrokerOptions, type BrokerSettings } from '../../../src/broker/index.ts';
import type {
  Answer,
  AppendRequest,
  AppendResult,
  LogError,
  BrokerService,
  Outcome,
  ReadRequest,
  ReadResult,
} from '../../../src/eventlog/index.ts';
import { forEachRecord, RecordBatchBuilder } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { Cluster, type Member } from '../../../src/sim/cluster.ts';
import type { LogLine } from '../../../src/sim/world.ts';

export interface RigOptions {
  readonly brokers?: number;
  readonly seed?: number;
  readonly settings?: Partial<BrokerSettings>;
  readonly logOnly?: boolean;
  readonly change?: (options: BrokerOptions) => BrokerOptions;
}

const lookEveryMs = 20;

export class Rig {
  readonly cluster: Cluster;
  readonly lines: LogLine[] = [];

  constructor(options: RigOptions = {}) {
    this.cluster = new Cluster({
      seed: options.seed ?? 1,
      brokerCount: options.brokers ?? 3,
      makeBroker: (brokerOptions) => new Broker(options.change?.(brokerOptions) ?? brokerOptions),
      settings: options.settings,
      inMemory: false,
      logOnly: options.logOnly ?? false,
      clockSkewMsMax: 0,
      clockDriftMax: 0,
      onLog: (line) => this.lines.push(line),
    });
    for (const member of this.cluster.members) this.cluster.start(member);
    this.until('all brokers are up', () => this.cluster.members.every(({ broker }) => broker !== null));
  }

  /** Runs until this holds; a test that waits in vain ends here. */
  until(what: string, holds: () => boolean, forMs = 20_000): void {
    const { scheduler } = this.cluster.world;
    scheduler.runUntil(scheduler.nowMs + forMs, holds);
    assert(holds(), `within ${forMs} ms: ${what}`);
  }

  /** The same where a look asks brokers, which takes longer than most events: after each of them it would be most of the work. */
  untilSeen(what: string, holds: () => boolean, forMs = 20_000): void {
    const endMs = this.nowMs + forMs;
    while (!holds()) {
      assert(this.nowMs < endMs, `within ${forMs} ms: ${what}`);
      this.run(lookEveryMs);
    }
  }

  run(forMs: number): void {
    const { scheduler } = this.cluster.world;
    scheduler.runUntil(scheduler.nowMs + forMs);
  }

  get nowMs(): number {
    return this.cluster.nowMs;
  }

  member(id: number): Member {
    return this.cluster.member(id);
  }

  broker(id: number): Broker {
    const { broker } = this.member(id);
    assert(broker !== null, `broker ${id} is up`);
    return broker as Broker;
  }

  /** Brokers that are up and not told to act as crashed. */
  get alive(): Member[] {
    return this.cluster.members.filter(({ broker }) => broker !== null && !broker.faults.crashed);
  }

  /** Begins a call; `outcome` is null until it is answered. */
  begin<Value>(id: number, invoke: (service: BrokerService, answer: Answer<Value>) => void): { outcome: Outcome<Value> | null } {
    const call: { outcome: Outcome<Value> | null } = { outcome: null };
    this.cluster.callInside<Value>(this.member(id), invoke, (outcome) => {
      call.outcome = outcome;
    });
    return call;
  }

  call<Value>(id: number, invoke: (service: BrokerService, answer: Answer<Value>) => void): Outcome<Value> {
    const call = this.begin(id, invoke);
    this.until('the call is answered', () => call.outcome !== null);
    return call.outcome as Outcome<Value>;
  }

  /** A call that must succeed. */
  ok<Value>(id: number, invoke: (service: BrokerService, answer: Answer<Value>) => void): Value {
    const outcome = this.call(id, invoke);
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  /** A call that must fail. */
  error<Value>(id: number, invoke: (service: BrokerService, answer: Answer<Value>) => void): LogError {
    const outcome = this.call(id, invoke);
    assert(!outcome.ok, 'the call fails');
    return outcome.error;
  }

  append(id: number, values: readonly string[], more: Partial<AppendRequest> = {}): Outcome<AppendResult> {
    return this.call(id, (service, answer) => service.append(appendOf(values, more), answer));
  }

  appended(id: number, values: readonly string[], more: Partial<AppendRequest> = {}): AppendResult {
    return this.ok(id, (service, answer) => service.append(appendOf(values, more), answer));
  }

  refused(id: number, values: readonly string[], more: Partial<AppendRequest> = {}): LogError {
    return this.error(id, (service, answer) => service.append(appendOf(values, more), answer));
  }

  beginAppend(id: number, values: readonly string[], more: Partial<AppendRequest> = {}): { outcome: Outcome<AppendResult> | null } {
    return this.begin(id, (service, answer) => service.append(appendOf(values, more), answer));
  }

  read(id: number, more: Partial<ReadRequest> = {}): ReadResult {
    return this.ok(id, (service, answer) => service.read(readOf(more), answer));
  }

  /** All visible values of a topic as this broker shows them. */
  values(id: number, topic = 'log'): string[] {
    const values: string[] = [];
    for (let offsetFrom = 0; ; ) {
      const result = this.read(id, { topic, offsetFrom });
      values.push(...valuesOf(result));
      if (result.offsetNext >= result.highWatermark) return values;
      offsetFrom = result.offsetNext;
    }
  }

  /** Who leads a topic in the eyes of a majority, or null. */
  leader(topic = 'log'): number | null {
    const votes = new Map<number, number>();
    for (const { broker } of this.alive) {
      const leader = this.#leaderSeenBy(broker as Broker, topic);
      if (leader !== null && this.alive.some(({ id }) => id === leader)) votes.set(leader, (votes.get(leader) ?? 0) + 1);
    }
    for (const [id, count] of votes) if (count * 2 > this.cluster.members.length) return id;
    return null;
  }

  awaitLeader(topic = 'log'): number {
    this.until(`"${topic}" has a leader`, () => this.leader(topic) !== null);
    return this.leader(topic) as number;
  }

  /** A broker that does not lead the topic. */
  follower(topic = 'log'): number {
    const leader = this.awaitLeader(topic);
    const id = this.alive.find((member) => member.id !== leader)?.id as number;
    if (id !== undefined) this.until(`broker ${id} knows the leader`, () => this.#leaderSeenBy(this.broker(id), topic) === leader);
    return id;
  }

  #leaderSeenBy(broker: Broker, topic: string): number | null {
    // The status is computed at once; only its answer comes later.
    const status = broker.peek();
    return (topic === 'catalog' ? status.catalog : status.partitions.find((one) => one.topic === topic))?.leader ?? null;
  }

  /** Kills and starts whoever leads "log" until this broker does. */
  makeLeader(id: number): void {
    for (let leader = this.awaitLeader(); leader !== id; leader = this.awaitLeader()) {
      this.kill(leader);
      this.awaitLeader();
      this.start(leader);
    }
  }

  /** Runs until something outside the brokers has called back. */
  waitFor<Value>(start: (done: (value: Value) => void) => void): Value {
    const ended: Value[] = [];
    start((value) => ended.push(value));
    this.until('it has called back', () => ended.length > 0);
    return ended[0] as Value;
  }

  createTopic(name: string, at = 1): void {
    this.ok(at, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer));
  }

  kill(id: number, powerLoss = false): void {
    this.cluster.kill(this.member(id), powerLoss);
  }

  start(id: number): void {
    this.cluster.start(this.member(id));
    this.until(`broker ${id} is up`, () => this.member(id).broker !== null);
  }

  /** Cuts a broker off from all others, both ways. */
  isolate(id: number): void {
    for (const other of this.cluster.members) {
      if (other.id === id) continue;
      this.cluster.world.network.block(id, other.id);
      this.cluster.world.network.block(other.id, id);
    }
  }

  heal(): void {
    this.cluster.world.network.unblockAll();
  }

  /** What the consensus checkers of the simulator have seen wrong; empty at the end of every test. */
  get violations(): string[] {
    return this.cluster.reports().flatMap(({ check, violations }) => violations.map((what) => `${check}: ${what}`));
  }
}

export function batchOf(values: readonly string[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(1_700_000_000_000, null, simBytes.utf8Encode(value));
  return builder.finish(simBytes);
}

export function appendOf(values: readonly string[], more: Partial<AppendRequest> = {}): AppendRequest {
  const usual = { topic: 'log', level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
  return { ...usual, batch: batchOf(values), ...more };
}

export function readOf(more: Partial<ReadRequest> = {}): ReadRequest {
  const usual = { topic: 'log', sinceMs: null, bytesMax: 1_000_000, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
  return { offsetFrom: 0, ...usual, ...more };
}

export function valuesOf(result: ReadResult): string[] {
  const values: string[] = [];
  for (const batch of result.batches) {
    forEachRecord(batch, (record) => {
      if (record.offset >= result.offsetFrom) values.push(simBytes.utf8Decode(record.value() ?? new Uint8Array(0)));
    });
  }
  return values;
}
