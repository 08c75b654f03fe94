import { type BrokerId, brokerId, type Offset, offset, type Term } from '../../../src/base/branded.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Input, LoadRequest, LogBatch, Membership, Message, Persist, Raft, RaftConfig, Ready } from '../../../src/raft/index.ts';
import { Checker, Violation } from './checker.ts';
import { RigDisk } from './disk.ts';

export interface RigOptions {
  readonly seed: number;
  readonly steps?: number;
  readonly membership?: Membership;
  /** The core under test: broken ones must be caught. */
  readonly Raft: typeof Raft;
  /** A host that breaks the rules: changes what the core owes before it is carried out. */
  readonly distort?: (ready: Ready) => Ready;
}

export interface RigOutcome {
  readonly committedCount: number;
  readonly readCount: number;
  readonly loadCount: number;
  readonly truncationCount: number;
  readonly tornCount: number;
}

interface Replica {
  raft: Raft;
  readonly disk: RigDisk;
  persist: Persist | null;
  loads: LoadRequest[];
  isUp: boolean;
}

const electionTicks = 10;

const ids = (...values: number[]): BrokerId[] => values.map(brokerId);
const memberships: readonly Membership[] = [
  { voters: ids(1), votersOutgoing: [], learners: [] },
  { voters: ids(1, 2), votersOutgoing: [], learners: [] },
  { voters: ids(1, 2, 3), votersOutgoing: [], learners: [] },
  { voters: ids(1, 2, 3), votersOutgoing: [], learners: [] },
  { voters: ids(1, 2, 3, 4, 5), votersOutgoing: [], learners: [] },
  { voters: ids(1, 2, 3), votersOutgoing: [], learners: ids(4) },
  { voters: ids(1, 2, 3), votersOutgoing: ids(3, 4, 5), learners: [] },
];

/**
 * A cluster of cores on simulated disks and a hostile network, and a checker behind every step. Only what a sync has covered survives a crash; a
 * crash during a write keeps any prefix of it. One seed is one run.
 */
export class Rig {
  readonly #random: SeededRandom;
  readonly #replicas = new Map<BrokerId, Replica>();
  readonly #disks = new Map<BrokerId, RigDisk>();
  readonly #checker: Checker;
  readonly #options: RigOptions;
  readonly #membership: Membership;
  #network: Message[] = [];
  /** Copies that arrive once more, much later. */
  readonly #late: Message[] = [];
  /** Its clock runs slow, so that it can believe to lead when others have moved on. */
  #slow: BrokerId | null = null;
  /** Brokers on the other side; a message between the sides is lost. */
  #isolated = new Set<BrokerId>();
  #lossChance = 0;
  /** The mood of the run. */
  readonly #faultChance: number;
  readonly #orderChance: number;
  #nextContext = 1;
  #readCount = 0;
  #loadCount = 0;
  #truncationCount = 0;
  #tornCount = 0;

  constructor(options: RigOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#membership = options.membership ?? this.#random.pick(memberships);
    this.#faultChance = this.#random.pick([0.01, 0.03, 0.1]);
    this.#orderChance = this.#random.pick([1, 0.8, 0.3]);
    this.#checker = new Checker(this.#membership);
    const members = new Set([...this.#membership.voters, ...this.#membership.votersOutgoing, ...this.#membership.learners]);
    for (const id of members) {
      const disk = new RigDisk();
      this.#disks.set(id, disk);
      this.#replicas.set(id, { raft: this.#makeRaft(id, disk), disk, persist: null, loads: [], isUp: true });
    }
    for (const { raft, disk } of this.#replicas.values()) this.#checker.started(raft, disk);
  }

  /** Faults for a while, then calm until all agree. */
  run(): RigOutcome {
    const steps = this.#options.steps ?? 3000;
    for (let i = 0; i < steps; i++) this.#disturb();
    this.#calm();
    return {
      committedCount: this.#checker.committedCount,
      readCount: this.#readCount,
      loadCount: this.#loadCount,
      truncationCount: this.#truncationCount,
      tornCount: this.#tornCount,
    };
  }

  #makeRaft(id: BrokerId, disk: RigDisk): Raft {
    const config: RaftConfig = {
      id,
      membership: this.#membership,
      electionTicks,
      heartbeatTicks: 2,
      randomBelow: (limit) => this.#random.below(limit),
      noOp: (offsetFrom, inTerm) => this.#batch(offsetFrom, inTerm, 1, id),
      appendBytesMax: 60,
      inFlightBytesMax: 150,
      bulkBytesMin: 50,
      uncommittedBytesMax: 400,
      cacheBytesMax: () => 100,
    };
    return new this.#options.Raft(config, disk.restore());
  }

  #batch(offsetFrom: Offset, inTerm: Term, count: number, marker: number): LogBatch {
    const bytes = new Uint8Array(10 + count);
    bytes[0] = marker;
    return { offsetFrom, offsetTo: offset(offsetFrom + count), term: inTerm, bytes };
  }

  #disturb(): void {
    const random = this.#random;
    const replica = random.pick([...this.#replicas.values()]);
    if (random.chance(this.#faultChance)) return this.#fault(replica);
    const chance = random.below(100);
    if (chance < 41) this.#deliver();
    else if (chance < 57) this.#tick(replica);
    else if (chance < 80) this.#sync(replica);
    else if (chance < 92) this.#propose(replica);
    else if (chance < 95) this.#read(replica);
    else this.#load(replica);
  }

  #fault(replica: Replica): void {
    const random = this.#random;
    const ids = [...this.#replicas.keys()];
    const chance = random.below(100);
    if (chance < 10) this.#crash(replica);
    else if (chance < 50) this.#restart(replica);
    else if (chance < 60) this.#isolated = new Set(ids.filter(() => random.chance(0.4)));
    else if (chance < 68) this.#isolated.clear();
    else if (chance < 72) this.#lossChance = random.pick([0, 0, 0.1, 0.5]);
    else if (chance < 80) this.#step(replica, { type: 'transferLeadership', to: random.chance(0.5) ? null : random.pick(ids) });
    else if (chance < 84) this.#step(replica, { type: 'stepDown' });
    else if (chance < 90) this.#step(replica, { type: random.pick(['unreachable', 'reachable'] as const), peer: random.pick(ids) });
    else if (chance < 94) this.#tickAll(electionTicks);
    else if (chance < 97) this.#leaveBehind(replica);
    else this.#deliverLate();
  }

  /** A broker, best a leader, that is cut off while its clock runs slow: it does not notice for long that others have moved on. */
  #leaveBehind(otherwise: Replica): void {
    const { raft } = [...this.#replicas.values()].find((replica) => replica.raft.role === 'leader') ?? otherwise;
    this.#slow = raft.id;
    this.#isolated = new Set([raft.id]);
  }

  #tickAll(count: number): void {
    for (let i = 0; i < count; i++) for (const replica of this.#replicas.values()) this.#tick(replica);
  }

  #tick(replica: Replica): void {
    if (replica.raft.id !== this.#slow || this.#random.chance(0.15)) this.#step(replica, { type: 'tick' });
  }

  #step(replica: Replica, input: Input): void {
    if (!replica.isUp) return;
    replica.raft.step(input);
    this.#carryOut(replica);
  }

  #carryOut(replica: Replica): void {
    const owed = replica.raft.ready();
    this.#checker.stepped(replica.raft, owed, this.#disks);
    if (owed === null) return;
    if (owed.truncatedTo !== null) this.#truncationCount++;
    this.#readCount += owed.reads.length;
    const ready = this.#options.distort?.(owed) ?? owed;
    for (const message of ready.send) this.#sendMessage(replica, message);
    if (ready.persist !== null) {
      if (replica.persist !== null) throw new Violation('One Write', `${replica.raft.id} has two writes outstanding`);
      replica.persist = ready.persist;
    }
    replica.loads.push(...ready.load);
  }

  #sendMessage(replica: Replica, message: Message): void {
    this.#checker.sent(message, replica.disk);
    this.#network.push(message);
  }

  /** Any message may overtake any other, be lost, or come twice. */
  #deliver(): void {
    if (this.#network.length === 0) return;
    const random = this.#random;
    const index = random.chance(this.#orderChance) ? 0 : random.below(this.#network.length);
    const message = this.#network[index] as Message;
    if (!random.chance(0.05)) this.#network.splice(index, 1);
    if (random.chance(0.02)) this.#late[this.#late.length < 20 ? this.#late.length : random.below(20)] = message;
    if (this.#network.length > 200) this.#network.splice(0, 50);
    if (random.chance(this.#lossChance) || this.#isolated.has(message.from) !== this.#isolated.has(message.to)) return;
    this.#step(this.#replicas.get(message.to) as Replica, { type: 'receive', message });
  }

  #deliverLate(): void {
    if (this.#late.length === 0) return;
    const message = this.#random.pick(this.#late);
    this.#step(this.#replicas.get(message.to) as Replica, { type: 'receive', message });
  }

  #sync(replica: Replica): void {
    const { persist } = replica;
    if (persist === null || !replica.isUp) return;
    replica.persist = null;
    replica.disk.complete(persist);
    for (const message of persist.then) this.#sendMessage(replica, message);
    this.#step(replica, { type: 'persisted', id: persist.id });
  }

  #propose(replica: Replica): void {
    if (!replica.isUp || replica.raft.refusal() !== null) return;
    const { raft } = replica;
    this.#step(replica, {
      type: 'propose',
      batch: this.#batch(raft.endOffset, raft.term, this.#random.between(1, 4), this.#random.below(256)),
    });
  }

  #read(replica: Replica): void {
    if (!replica.isUp) return;
    const context = this.#nextContext++;
    this.#checker.readBegan(context);
    this.#step(replica, { type: 'read', context });
  }

  #load(replica: Replica): void {
    const request = replica.loads.shift();
    if (request === undefined || !replica.isUp) return;
    this.#loadCount++;
    const batches = this.#random.chance(0.1) ? [] : replica.disk.read(request.offsetFrom, request.offsetTo, request.bytesMax);
    this.#step(replica, { type: 'loaded', request, batches });
  }

  #crash(replica: Replica): void {
    if (!replica.isUp) return;
    replica.isUp = false;
    if (replica.persist !== null) {
      replica.disk.tear(replica.persist, (limit) => this.#random.below(limit));
      this.#tornCount++;
    }
    replica.persist = null;
    replica.loads = [];
  }

  #restart(replica: Replica): void {
    if (replica.isUp) return;
    replica.isUp = true;
    replica.raft = this.#makeRaft(replica.raft.id, replica.disk);
    this.#checker.started(replica.raft, replica.disk);
  }

  /** No more faults: a leader is found and commits what it has, a last proposal is committed everywhere, all logs are equal. */
  #calm(): void {
    this.#isolated.clear();
    this.#lossChance = 0;
    this.#slow = null;
    const replicas = [...this.#replicas.values()];
    for (const replica of replicas) this.#restart(replica);
    let proposedEnd = Number.POSITIVE_INFINITY;
    let proposedTerm = -1;
    for (let round = 0; round < 40 * electionTicks; round++) {
      this.#settle();
      if (replicas.every(({ raft }) => raft.highWatermark >= proposedEnd)) return this.#checker.converged(replicas.map(({ raft }) => raft));
      // A leader that does not know yet that it was replaced may propose in vain: then the next one proposes again.
      const leader = replicas.find(
        ({ raft }) => raft.term > proposedTerm && raft.refusal() === null && raft.highWatermark === raft.endOffset,
      );
      if (leader !== undefined) {
        proposedTerm = leader.raft.term;
        this.#propose(leader);
        proposedEnd = leader.raft.endOffset;
      } else {
        this.#tickAll(1);
      }
    }
    const states = replicas.map(({ raft }) => `${raft.id} ${raft.role} t${raft.term} hw ${raft.highWatermark} end ${raft.endOffset}`);
    throw new Violation('Liveness', `no proposal was committed everywhere in ${40 * electionTicks} calm ticks: ${states.join('; ')}`);
  }

  #settle(): void {
    for (let i = 0; i < 10_000; i++) {
      const message = this.#network.shift();
      if (message !== undefined) this.#step(this.#replicas.get(message.to) as Replica, { type: 'receive', message });
      let isBusy = message !== undefined;
      for (const replica of this.#replicas.values()) {
        if (replica.persist !== null) {
          this.#sync(replica);
          isBusy = true;
        }
        const request = replica.loads.shift();
        if (request !== undefined) {
          this.#loadCount++;
          const batches = replica.disk.read(request.offsetFrom, request.offsetTo, request.bytesMax);
          this.#step(replica, { type: 'loaded', request, batches });
          isBusy = true;
        }
      }
      if (!isBusy) return;
    }
    throw new Violation('Liveness', 'the cluster does not come to rest');
  }
}
