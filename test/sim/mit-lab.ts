// The test harness of MIT 6.5840's Raft labs, restated over the simulator: real brokers that keep only `log`, on simulated disks, in virtual time.
//
// A "command" is an append of one record at level `leader`, called at a broker that leads; its "index" is the count of visible records up to it, since
// a new leader's no-op takes an offset too. "Disconnected" cuts every link of a broker both ways; "crash" kills its process and "start" begins
// another on what its disk kept. The labs' network: each message takes 0-26 ms and one in ten is lost; long reordering holds two replies in three
// back for 200-2,200 ms, which here is one message in three, since the wire does not tell replies from requests.
import assert from 'node:assert/strict';
import { SeededRandom } from '../../src/base/random.ts';
import type { BrokerObserver } from '../../src/broker/contract.ts';
import { Broker } from '../../src/broker/index.ts';
import type { AppendResult } from '../../src/eventlog/index.ts';
import type { Message, Role } from '../../src/raft/index.ts';
import { batchOf, frameChecksum, isControl } from '../../src/record/index.ts';
import type { GroupLedger, ReplicaTrack } from '../../src/sim/checkers/replica-ledger.ts';
import { Cluster } from '../../src/sim/cluster.ts';
import { batchOfValues, recordsOf } from '../../src/sim/history.ts';

export interface Proposal {
  readonly broker: number;
  readonly value: number;
  settled: boolean;
  offset: number | null;
  term: number | null;
}

/** The labs' scale for elections; sleeps are in its multiples. */
export const electionTimeoutMs = 1000;

interface Place {
  role: Role;
  term: number;
}

export class MitLab {
  readonly cluster: Cluster;
  readonly random: SeededRandom;
  readonly connected: boolean[];
  /** Requests that the consensus core sent, as the labs count calls. */
  requestCount = 0;
  readonly #places: Place[];
  /** Values of data batches by their frame's checksum. */
  readonly #values = new Map<number, readonly number[]>();
  #nextValue = 1000;
  #turn = 0;

  constructor(count: number, seed: number, options: { readonly unreliable?: boolean } = {}) {
    this.random = new SeededRandom(seed).fork();
    this.connected = Array.from({ length: count }, () => true);
    this.#places = Array.from({ length: count }, () => ({ role: 'follower', term: 0 }));
    this.cluster = new Cluster({
      seed,
      brokerCount: count,
      makeBroker: (brokerOptions) =>
        new Broker({ ...brokerOptions, observer: this.#observer(brokerOptions.self.id, brokerOptions.observer) }),
      inMemory: false,
      logOnly: true,
      clockSkewMsMax: 0,
      clockDriftMax: 0,
    });
    if (options.unreliable === true) this.setUnreliable();
    for (const member of this.cluster.members) this.cluster.start(member);
    this.sleep(100);
  }

  get count(): number {
    return this.connected.length;
  }

  get ids(): number[] {
    return this.connected.map((_, index) => index + 1);
  }

  setUnreliable(): void {
    Object.assign(this.cluster.world.network.conditions, { delayMsMin: 0, delayMsMax: 26, lossRate: 0.1, reorderingRate: 1 });
  }

  setLongReordering(): void {
    Object.assign(this.cluster.world.network.conditions, { longDelayRate: 1 / 3, longDelayMsMin: 200, longDelayMsMax: 2200 });
  }

  sleep(ms: number): void {
    this.cluster.world.scheduler.runUntil(this.cluster.nowMs + ms);
  }

  newValue(): number {
    return this.#nextValue++;
  }

  disconnect(broker: number): void {
    this.connected[broker - 1] = false;
    this.#wire(broker);
  }

  connect(broker: number): void {
    this.connected[broker - 1] = true;
    this.#wire(broker);
  }

  #wire(broker: number): void {
    const { network } = this.cluster.world;
    for (const other of this.ids) {
      if (other === broker) continue;
      const open = this.isConnected(broker) && this.isConnected(other);
      for (const [from, to] of [
        [broker, other],
        [other, broker],
      ] as const) {
        if (open) network.unblock(from, to);
        else network.block(from, to);
      }
    }
  }

  isConnected(broker: number): boolean {
    return this.connected[broker - 1] === true;
  }

  isUp(broker: number): boolean {
    return this.cluster.isUp(this.cluster.member(broker));
  }

  crash(broker: number): void {
    this.cluster.kill(this.cluster.member(broker), this.random.chance(0.5));
    this.disconnect(broker);
  }

  /** Begins another life, not yet connected. */
  start(broker: number): void {
    if (this.isUp(broker)) this.crash(broker);
    this.cluster.start(this.cluster.member(broker));
  }

  role(broker: number): Place {
    return this.#places[broker - 1] as Place;
  }

  isLeader(broker: number): boolean {
    return this.isUp(broker) && this.role(broker).role === 'leader';
  }

  /** One leader in the newest term among the connected brokers, within ten looks. */
  checkOneLeader(): number {
    for (let look = 0; look < 10; look++) {
      this.sleep(450 + this.random.below(100));
      const leaders = new Map<number, number[]>();
      for (const id of this.ids) {
        if (!this.isConnected(id) || !this.isLeader(id)) continue;
        const { term } = this.role(id);
        leaders.set(term, [...(leaders.get(term) ?? []), id]);
      }
      for (const [term, ids] of leaders) assert.equal(ids.length, 1, `one leader in term ${term}, not ${ids.join(' and ')}`);
      const newest = [...leaders].toSorted(([a], [b]) => b - a)[0];
      if (newest !== undefined) return newest[1][0] as number;
    }
    throw new Error('expected one leader, got none');
  }

  checkTerms(): number {
    const terms = new Set(this.ids.filter((id) => this.isConnected(id)).map((id) => this.role(id).term));
    assert.equal(terms.size, 1, `the connected brokers agree on the term, not on ${[...terms].join(', ')}`);
    return [...terms][0] as number;
  }

  checkNoLeader(): void {
    const leaders = this.ids.filter((id) => this.isConnected(id) && this.isLeader(id));
    assert.deepEqual(leaders, [], 'no leader among the connected brokers');
  }

  /** Proposes at a broker if it leads; the result comes while time passes. */
  propose(broker: number, value: number, fillBytes = 0): Proposal | null {
    const member = this.cluster.member(broker);
    if (!this.isLeader(broker) || member.broker === null) return null;
    const proposal: Proposal = { broker, value, settled: false, offset: null, term: null };
    this.cluster.callInside<AppendResult>(
      member,
      (service, answer) =>
        service.append(
          {
            topic: 'log',
            batch: batchOfValues(value, value + 1, fillBytes, 0),
            level: 'leader',
            timeoutMs: 2000,
            requestId: null,
            sequence: 0,
            expectedOffset: null,
          },
          answer,
        ),
      (outcome) => {
        proposal.settled = true;
        if (!outcome.ok) return;
        proposal.offset = outcome.value.offset;
        proposal.term = outcome.value.term;
      },
    );
    return proposal;
  }

  /** Waits until the leader has it, at most half a second; null if it has not. */
  offsetOf(proposal: Proposal | null): number | null {
    if (proposal === null) return null;
    for (let i = 0; i < 100 && !proposal.settled && this.isUp(proposal.broker); i++) this.sleep(5);
    return proposal.offset;
  }

  #ledger(): GroupLedger | undefined {
    return [...this.cluster.watch.ledger.groups][0];
  }

  /** How many brokers know that the record at this offset is committed. */
  committedCount(offset: number): number {
    const replicas: ReplicaTrack[] = [...(this.#ledger()?.replicas.values() ?? [])];
    return replicas.filter((replica) => replica.highWatermark > offset).length;
  }

  /** Values of all committed data records, in order. */
  committedValues(): number[] {
    return (this.#ledger()?.committed ?? []).flatMap((batch) => this.#values.get(batch.checksum) ?? []);
  }

  /** The labs' index of a committed value: how many data records there are up to and with it; 0 if it is not committed. */
  indexOf(value: number): number {
    return this.committedValues().indexOf(value) + 1;
  }

  /** Gets a value agreed by at least so many brokers within 10 s; gives its index. */
  one(value: number, expectedCount: number, retry: boolean, fillBytes = 0): number {
    const untilMs = this.cluster.nowMs + 10_000;
    while (this.cluster.nowMs < untilMs) {
      let offset: number | null = null;
      for (let tried = 0; tried < this.count && offset === null; tried++) {
        this.#turn = (this.#turn % this.count) + 1;
        if (this.isConnected(this.#turn)) offset = this.offsetOf(this.propose(this.#turn, value, fillBytes));
      }
      if (offset === null) {
        this.sleep(50);
        continue;
      }
      const agreedUntilMs = this.cluster.nowMs + 2000;
      while (this.cluster.nowMs < agreedUntilMs) {
        if (this.committedCount(offset) >= expectedCount && this.indexOf(value) > 0) return this.indexOf(value);
        this.sleep(20);
      }
      assert(retry, `value ${value} is agreed by ${expectedCount} brokers without a second try`);
    }
    throw new Error(`value ${value} was not agreed by ${expectedCount} brokers within 10 s`);
  }

  /** Every property that was watched holds. */
  end(): void {
    const reports = this.cluster.reports().filter(({ status }) => status !== 'pass');
    assert.deepEqual(
      reports.map(({ check, violations, unknown }) => ({ check, violations, unknown })),
      [],
    );
  }

  #observer(broker: number, inner: BrokerObserver | undefined): BrokerObserver {
    const place = this.role(broker);
    const count = (messages: readonly Message[]): void => {
      for (const { type } of messages) if (type === 'requestVote' || type === 'appendEntries' || type === 'timeoutNow') this.requestCount++;
    };
    return {
      started: (life) => inner?.started(life),
      met: (peer, life) => inner?.met(peer, life),
      opened: (group, state, lastChecksum, membership) => {
        place.role = 'follower';
        place.term = state.vote.term;
        inner?.opened(group, state, lastChecksum, membership);
      },
      received: (group, message) => inner?.received(group, message),
      ready: (group, ready, replica) => {
        place.role = replica.role;
        place.term = replica.term;
        count(ready.send);
        for (const { bytes } of ready.persist?.batches ?? []) {
          if (isControl(batchOf(bytes))) continue;
          const values = recordsOf([batchOf(bytes)], 0).filter((_, index) => index % 2 === 1);
          this.#values.set(frameChecksum(bytes), values);
        }
        inner?.ready(group, ready, replica);
      },
      persisted: (group, persist) => {
        count(persist.then);
        inner?.persisted(group, persist);
      },
      pulsed: (round, groups) => inner?.pulsed(round, groups),
      rests: (peer, round, groups) => inner?.rests(peer, round, groups),
      passed: (hops, next, to, isDirect, reaches) => inner?.passed(hops, next, to, isDirect, reaches),
      confirmed: (peer, round, groups) => inner?.confirmed(peer, round, groups),
      derived: (group, what, at, digest) => inner?.derived(group, what, at, digest),
    };
  }
}
