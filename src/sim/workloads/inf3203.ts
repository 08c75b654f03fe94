/**
 * Contract 2 in virtual time: N brokers that keep only `log`, in memory; the course's client with its crash threads; `PUT /`, `/crash`, `/recover` and
 * `/exit` restated over the broker's service, with the gateway's rule that what was not answered is revoked. What the client saw and what the servers
 * left is the outcome, to be judged by the course's comparer.
 */
import { SeededRandom } from '../../base/random.ts';
import { Broker, type BrokerApi, type BrokerOptions } from '../../broker/index.ts';
import type { Answer, AppendResult, Outcome, ReadResult } from '../../eventlog/index.ts';
import { forEachRecord, RecordBatchBuilder } from '../../record/index.ts';
import { simBytes } from '../bytes.ts';
import type { CheckReport } from '../checkers/verdict.ts';
import { Cluster, type Member } from '../cluster.ts';
import { type Scenario, scenarios } from './course-scenarios.ts';

interface Put {
  readonly word: string;
  readonly server: number;
  readonly sentMs: number;
  readonly endedMs: number;
  readonly ok: boolean;
  /** Nobody listened; never, since the simulated servers all start in time. */
  readonly refused: boolean;
  /** Answered although the client believed the server crashed. */
  readonly warned: boolean;
}

interface Post {
  readonly server: number;
  readonly action: 'crash' | 'recover' | 'exit';
  readonly sentMs: number;
  readonly endedMs: number;
  readonly ok: boolean;
}

export interface CourseRun {
  readonly seed: number;
  readonly puts: readonly Put[];
  /** In the order in which the servers took them: two threads may crash and recover one server within a millisecond. */
  readonly posts: readonly Post[];
  /** Lines of the servers' files, by server; null if a server left none. */
  readonly logs: readonly (readonly string[] | null)[];
  readonly checks: readonly CheckReport[];
  readonly elections: number;
  readonly simulatedMs: number;
  readonly traceHash: string;
}

export interface CourseOptions {
  readonly seed: number;
  readonly servers: number;
  readonly scenario: number;
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
}

const startUpMs = 2000;
/** Far beyond the longest client; only a broker that never answers `/exit` gets here. */
const endMs = 60 * 60_000;
const finalWaitMs = 10_000;
const putTimeoutMs = 5000;
const gatewayTimeoutMs = 4000;
const revokeRetryMs = 200;

export function runCourse(options: CourseOptions): CourseRun {
  const scenario = scenarios[options.scenario] as Scenario;
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount: options.servers,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    inMemory: true,
    logOnly: true,
    clockSkewMsMax: 0,
    clockDriftMax: 0,
  });
  const { scheduler } = cluster.world;
  const random = new SeededRandom(options.seed).fork();
  for (const member of cluster.members) cluster.start(member);
  const client = new CourseClient(cluster, scenario, random);
  scheduler.schedule(startUpMs, 'client', 0, () => client.begin());
  while (!client.done && cluster.nowMs < endMs && scheduler.step());
  return {
    seed: options.seed,
    puts: client.puts,
    posts: client.posts,
    logs: client.gateways.map(({ lines }) => lines),
    checks: cluster.reports(),
    elections: cluster.watch.electionCount,
    simulatedMs: Math.round(cluster.nowMs),
    traceHash: scheduler.traceHash,
  };
}

/** What stands between the course's client and one broker: part of its process. */
class CourseGateway {
  readonly #cluster: Cluster;
  readonly #member: Member;
  readonly #random: SeededRandom;
  readonly #running = new Map<string, () => void>();
  readonly #unanswered = new Set<string>();
  #putCount = 0;
  #recoveredMs: number | null = null;
  lines: string[] | null = null;

  constructor(cluster: Cluster, member: Member, random: SeededRandom) {
    this.#cluster = cluster;
    this.#member = member;
    this.#random = random;
  }

  get #crashed(): boolean {
    return this.#member.broker?.faults.crashed ?? true;
  }

  /** `ended(false)`: the connection closed without a byte. */
  put(word: string, ended: (ok: boolean) => void): void {
    const { broker, machine } = this.#member;
    if (broker === null || machine.process === null || this.#crashed) {
      ended(false);
      return;
    }
    const requestId = `put-${this.#member.id}-${++this.#putCount}`;
    let over = false;
    const abandon = (mayTakeEffect: boolean): void => {
      if (over) return;
      over = true;
      this.#running.delete(requestId);
      ended(false);
      if (!mayTakeEffect) return;
      this.#unanswered.add(requestId);
      this.#revoke(requestId);
    };
    this.#running.set(requestId, () => abandon(true));
    machine.process.schedule(gatewayTimeoutMs, 'timer', () => abandon(true));
    const builder = new RecordBatchBuilder();
    builder.add(0, null, simBytes.utf8Encode(word));
    this.#cluster.callInside<AppendResult>(
      this.#member,
      (service, answer) =>
        service.append(
          {
            topic: 'log',
            batch: builder.finish(simBytes),
            level: 'quorum',
            timeoutMs: gatewayTimeoutMs,
            requestId,
            sequence: 0,
            expectedOffset: null,
          },
          answer,
        ),
      (outcome) => {
        if (over) return;
        if (!outcome.ok || !outcome.value.committed) {
          abandon(outcome.ok || !outcome.error.definite);
          return;
        }
        over = true;
        this.#running.delete(requestId);
        ended(true);
      },
    );
  }

  crash(): void {
    this.#recoveredMs = null;
    this.#member.broker?.faults.crash();
    for (const abandon of this.#running.values()) abandon();
  }

  recover(): void {
    if (this.#crashed) this.#recoveredMs = this.#cluster.nowMs;
    this.#member.broker?.faults.recover();
    for (const requestId of this.#unanswered) this.#revoke(requestId);
  }

  #revoke(requestId: string): void {
    if (this.#crashed || !this.#unanswered.has(requestId)) return;
    this.#cluster.callInside<undefined>(
      this.#member,
      (service, answer) => service.revoke({ topic: 'log' }, requestId, answer),
      (outcome) => {
        if (outcome.ok) this.#unanswered.delete(requestId);
        else this.#member.machine.process?.schedule(revokeRetryMs + this.#random.below(20), 'timer', () => this.#revoke(requestId));
      },
    );
  }

  /** Collects the file's lines, also while crashed; whoever came back and has heard of no leader since asks first what it has missed. */
  exit(done: () => void): void {
    const lines: string[] = [];
    const backForMs = this.#recoveredMs === null ? null : this.#cluster.nowMs - this.#recoveredMs;
    const take = (outcome: Outcome<ReadResult>): void => {
      if (!outcome.ok) {
        done();
        return;
      }
      const { batches, offsetFrom, offsetNext } = outcome.value;
      for (const batch of batches) {
        forEachRecord(batch, (record) => {
          if (record.offset >= offsetFrom) lines.push(simBytes.utf8Decode(record.value() ?? new Uint8Array(0)));
        });
      }
      if (offsetNext > offsetFrom) {
        this.#read(offsetNext, 'local', take);
        return;
      }
      this.lines = lines;
      done();
    };
    this.#read(0, 'local', (held) => {
      const isBehind = held.ok && backForMs !== null && (held.value.asOfMs >= backForMs || held.value.lag > 0);
      if (!isBehind) take(held);
      else this.#read(0, 'linearizable', (current) => take(current.ok ? current : held));
    });
  }

  #read(offsetFrom: number, freshness: 'local' | 'linearizable', done: Answer<ReadResult>): void {
    const request = { topic: 'log', offsetFrom, sinceMs: null, bytesMax: 65_536, freshness, sessionOffset: 0, waitMs: 0 } as const;
    this.#cluster.callInside<ReadResult>(this.#member, (service, answer) => service.read(request, answer), done);
  }
}

/** One thread that puts words, threads that crash and recover, a wait, and one `/exit` after another. */
class CourseClient {
  readonly puts: Put[] = [];
  readonly posts: Post[] = [];
  readonly gateways: readonly CourseGateway[];
  done = false;
  readonly #cluster: Cluster;
  readonly #scenario: Scenario;
  readonly #random: SeededRandom;
  readonly #wayRandom: SeededRandom;
  /** By server: how many threads believe that they hold it crashed. */
  readonly #holds: number[];

  constructor(cluster: Cluster, scenario: Scenario, random: SeededRandom) {
    this.#cluster = cluster;
    this.#scenario = scenario;
    this.#random = random.fork();
    this.#wayRandom = random.fork();
    this.gateways = cluster.members.map((member) => new CourseGateway(cluster, member, random.fork()));
    this.#holds = cluster.members.map(() => 0);
  }

  begin(): void {
    const threadCount = this.#scenario.crashThreads(this.gateways.length);
    for (let thread = 0; thread < threadCount; thread++) this.#crashNext(this.#random.fork());
    this.#putNext();
  }

  #after(delayMs: number, run: () => void): void {
    this.#cluster.world.scheduler.schedule(delayMs, 'client', 0, run);
  }

  /** The way to a server or back: connecting included. */
  #travel(run: () => void): void {
    this.#after(0.2 + this.#wayRandom.float(), run);
  }

  #pause([from, to]: readonly [number, number], random: SeededRandom, run: () => void): void {
    this.#after(random.between(from, to) * 1000, run);
  }

  #putNext(): void {
    if (this.puts.length === this.#scenario.entryCount) {
      this.#after(finalWaitMs, () => this.#exitNext(0));
      return;
    }
    const server = this.#random.below(this.gateways.length);
    const word = `lorem${String(this.puts.length).padStart(3, '0')}${String(this.#random.below(10_000)).padStart(4, '0')}`;
    const sentMs = this.#cluster.nowMs;
    const held = (this.#holds[server] as number) > 0;
    let ended = false;
    const end = (ok: boolean): void => {
      if (ended) return;
      ended = true;
      this.puts.push({ word, server, sentMs, endedMs: this.#cluster.nowMs, ok, refused: false, warned: ok && held });
      this.#pause(this.#scenario.logIntervalS, this.#random, () => this.#putNext());
    };
    this.#after(putTimeoutMs, () => end(false));
    this.#travel(() => this.gateways[server]?.put(word, (ok) => this.#travel(() => end(ok))));
  }

  #crashNext(random: SeededRandom): void {
    if (this.done) return;
    const server = random.below(this.gateways.length);
    this.#post(server, 'crash', (gateway) => {
      gateway.crash();
      return () => {
        this.#holds[server] = (this.#holds[server] as number) + 1;
        this.#pause(this.#scenario.crashedS, random, () =>
          this.#post(server, 'recover', (recovered) => {
            recovered.recover();
            return () => {
              this.#holds[server] = (this.#holds[server] as number) - 1;
              this.#pause(this.#scenario.crashIntervalS, random, () => this.#crashNext(random));
            };
          }),
        );
      };
    });
  }

  /** A server that has gone answers nothing, and its thread ends there. */
  #post(server: number, action: 'crash' | 'recover', act: (gateway: CourseGateway) => () => void): void {
    const sentMs = this.#cluster.nowMs;
    this.#travel(() => {
      const gateway = this.gateways[server];
      if (gateway === undefined || gateway.lines !== null) return;
      const goOn = act(gateway);
      const post = { server, action, sentMs, endedMs: Number.POSITIVE_INFINITY, ok: true };
      this.posts.push(post);
      this.#travel(() => {
        post.endedMs = this.#cluster.nowMs;
        goOn();
      });
    });
  }

  #exitNext(server: number): void {
    const gateway = this.gateways[server];
    if (gateway === undefined) {
      this.done = true;
      return;
    }
    const sentMs = this.#cluster.nowMs;
    this.#travel(() =>
      gateway.exit(() =>
        this.#travel(() => {
          this.posts.push({ server, action: 'exit', sentMs, endedMs: this.#cluster.nowMs, ok: gateway.lines !== null });
          // The process has ended: its peers are without it from here on.
          this.#cluster.kill(this.#cluster.member(server + 1), false);
          this.#exitNext(server + 1);
        }),
      ),
    );
  }
}
