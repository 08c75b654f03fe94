import { type BrokerId, brokerId, type Offset, offset, type Term, term } from '../../src/base/branded.ts';
import {
  describe,
  describeReady,
  type Input,
  type LoadRequest,
  type LogBatch,
  type Membership,
  type Message,
  type Persist,
  Raft,
  type RaftConfig,
} from '../../src/raft/index.ts';
import { describeBatches } from '../../src/raft/describe.ts';
import { RigDisk } from '../property/raft/disk.ts';

/**
 * Several cores with an explicit network and explicit disks, driven by the commands of a transcript. Nothing happens by itself: a message waits on
 * its link until it is delivered, a write until it is synced. There is no randomness: every follower waits as long as it may, 2 * election - 1 ticks,
 * so that after `election` ticks it no longer protects its leader and does not campaign yet.
 *
 *     cluster 1 2 3 [outgoing 3 4 5] [learners 6] [election=10] [heartbeat=2] [append=1000] [window=1000] [bulk=1000] [uncommitted=1000] [cache=1000]
 *     restore 1 t6 1x3 4x2 5:3       disk of broker 1: term 6, three batches of one record of term 1, two of term 4, one of three records of term 5
 *     tick 1 [count]    campaign 1 (ticks until it campaigns)    propose 1 [records] [times]    read 1 7    transfer 1 2|best    stepDown 1
 *     unreachable 1 2   reachable 1 2     deliver 1->2 [count|all]    drop 1->2 [all]    again 1->2 (the last one delivered, once more)    sync 1    load 1
 *     settle [except 1] (delivers, syncs and loads until nothing is left, but on the disk of 1)     isolate 3     heal     crash 1     restart 1     lose 1 5 (restarts with a disk cut to 5)
 *     status     disks     peers 1     acknowledged 1 5     refusal 1
 *
 * `quiet` before a command hides what it prints. A batch has 10 bytes.
 */
export class ScenarioCluster {
  readonly #replicas = new Map<BrokerId, Replica>();
  readonly #disks = new Map<BrokerId, RigDisk>();
  readonly #links = new Map<string, Message[]>();
  readonly #delivered = new Map<string, Message>();
  readonly #isolated = new Set<BrokerId>();
  #config: Omit<RaftConfig, 'id'> | null = null;
  #lines: string[] = [];
  #requestCount = 0;

  /** Carries out one line and gives what happened. */
  run(line: string): string[] {
    this.#lines = [];
    const words = line.trim().split(/\s+/);
    const isQuiet = words[0] === 'quiet';
    this.#command(isQuiet ? words.slice(1) : words);
    return isQuiet ? [] : this.#lines;
  }

  #command([name, ...words]: string[]): void {
    const first = words[0] ?? '';
    switch (name) {
      case 'cluster':
        return this.#start(words);
      case 'restore':
        return this.#restore(id(first), words[1] as string, words.slice(2));
      case 'tick':
        for (let i = 0; i < Number(words[1] ?? 1); i++) this.#step(id(first), { type: 'tick' });
        return;
      case 'campaign':
        return this.#campaign(id(first));
      case 'propose':
        for (let i = 0; i < Number(words[2] ?? 1); i++) this.#propose(id(first), Number(words[1] ?? 1));
        return;
      case 'read':
        return this.#step(id(first), { type: 'read', context: Number(words[1]) });
      case 'transfer':
        return this.#step(id(first), { type: 'transferLeadership', to: words[1] === 'best' ? null : id(words[1]) });
      case 'stepDown':
        return this.#step(id(first), { type: 'stepDown' });
      case 'unreachable':
        return this.#step(id(first), { type: 'unreachable', peer: id(words[1]) });
      case 'reachable':
        return this.#step(id(first), { type: 'reachable', peer: id(words[1]) });
      case 'deliver':
        return this.#deliver(first, words[1] === 'all' ? Number.POSITIVE_INFINITY : Number(words[1] ?? 1));
      case 'drop':
        return this.#drop(first, words[1] === 'all');
      case 'again':
        return this.#receive(this.#delivered.get(first) as Message);
      case 'sync':
        return this.#sync(id(first));
      case 'load':
        return this.#load(id(first));
      case 'settle':
        return this.#settle(words[1] === undefined ? null : id(words[1]));
      case 'isolate':
        this.#isolated.add(id(first));
        return;
      case 'heal':
        return this.#isolated.clear();
      case 'crash':
        return this.#crash(id(first));
      case 'restart':
        return this.#restart(id(first));
      case 'lose':
        return this.#lose(id(first), Number(words[1]));
      case 'status':
        return this.#status();
      case 'disks':
        return this.#printDisks();
      case 'peers':
        for (const { peer, matchOffset, nextOffset, state, inFlightBytes } of this.#raft(id(first)).peers) {
          this.#print(`${peer} ${state} match ${matchOffset} next ${nextOffset} in flight ${inFlightBytes}`);
        }
        return;
      case 'acknowledged':
        return this.#print(
          this.#raft(id(first))
            .acknowledgedBy(offset(Number(words[1])))
            .join(' ') || 'none',
        );
      case 'refusal':
        return this.#print(JSON.stringify(this.#raft(id(first)).refusal()));
      default:
        throw new Error(`Unknown command: ${name}`);
    }
  }

  #start(words: string[]): void {
    const settings = new Map(words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]));
    const members: Record<string, BrokerId[]> = { voters: [], outgoing: [], learners: [] };
    let list = members['voters'] as BrokerId[];
    for (const word of words.filter((each) => !each.includes('='))) {
      if (word in members) list = members[word] as BrokerId[];
      else list.push(id(word));
    }
    const membership: Membership = {
      voters: members['voters'] as BrokerId[],
      votersOutgoing: members['outgoing'] as BrokerId[],
      learners: members['learners'] as BrokerId[],
    };
    const setting = (name: string, otherwise: number): number => Number(settings.get(name) ?? otherwise);
    this.#config = {
      membership,
      electionTicks: setting('election', 10),
      heartbeatTicks: setting('heartbeat', 2),
      randomBelow: (limit) => limit - 1,
      noOp: (offsetFrom, inTerm) => makeBatch(offsetFrom, inTerm, 1),
      appendBytesMax: setting('append', 1000),
      inFlightBytesMax: setting('window', 1000),
      bulkBytesMin: setting('bulk', 1000),
      uncommittedBytesMax: setting('uncommitted', 1000),
      cacheBytesMax: () => setting('cache', 1000),
    };
    const all = new Set([...membership.voters, ...membership.votersOutgoing, ...membership.learners]);
    for (const member of [...all].sort((a, b) => a - b)) {
      this.#disks.set(member, new RigDisk());
      this.#restart(member);
    }
  }

  #restore(member: BrokerId, inTerm: string, batches: string[]): void {
    const disk = new RigDisk();
    disk.vote = { term: term(Number(inTerm.slice(1))), votedFor: null };
    for (const word of batches) {
      const [, batchTerm, kind, count] = /^(\d+)([x:])(\d+)$/.exec(word) as unknown as [string, string, string, string];
      const batchCount = kind === 'x' ? Number(count) : 1;
      const records = kind === 'x' ? 1 : Number(count);
      for (let i = 0; i < batchCount; i++) disk.batches.push(makeBatch(disk.endOffset, term(Number(batchTerm)), records));
    }
    this.#disks.set(member, disk);
    this.#restart(member);
  }

  #raft(member: BrokerId): Raft {
    return this.#replica(member).raft;
  }

  #replica(member: BrokerId): Replica {
    const replica = this.#replicas.get(member);
    if (replica === undefined) throw new Error(`Broker ${member} is not up`);
    return replica;
  }

  #step(member: BrokerId, input: Input): void {
    const replica = this.#replica(member);
    replica.raft.step(input);
    const ready = replica.raft.ready();
    if (ready === null) return;
    for (const line of describeReady(ready)) this.#print(`${member}: ${line}`);
    for (const message of ready.send) this.#send(message);
    replica.persist ??= ready.persist;
    replica.loads.push(...ready.load);
  }

  #campaign(member: BrokerId): void {
    const { role } = this.#raft(member);
    const asked = this.#requestCount;
    while (this.#raft(member).role === role && this.#requestCount === asked) this.#step(member, { type: 'tick' });
  }

  #propose(member: BrokerId, records: number): void {
    const raft = this.#raft(member);
    const refusal = raft.refusal();
    if (refusal !== null) return this.#print(`${member}: refused ${JSON.stringify(refusal)}`);
    this.#step(member, { type: 'propose', batch: makeBatch(raft.endOffset, raft.term, records) });
  }

  #send(message: Message): void {
    if (message.type === 'requestVote') this.#requestCount++;
    if (this.#isolated.has(message.from) !== this.#isolated.has(message.to)) return this.#print(`lost ${describe(message)}`);
    const key = `${message.from}->${message.to}`;
    this.#links.set(key, [...(this.#links.get(key) ?? []), message]);
  }

  #deliver(link: string, count: number): void {
    const waiting = this.#links.get(link) ?? [];
    for (let i = 0; i < count && waiting.length > 0; i++) this.#receive(waiting.shift() as Message);
  }

  #receive(message: Message): void {
    this.#delivered.set(`${message.from}->${message.to}`, message);
    if (!this.#replicas.has(message.to)) return this.#print(`lost ${describe(message)}`);
    this.#step(message.to, { type: 'receive', message });
  }

  #drop(link: string, all: boolean): void {
    const waiting = this.#links.get(link) ?? [];
    for (const message of waiting.splice(0, all ? waiting.length : 1)) this.#print(`dropped ${describe(message)}`);
  }

  #sync(member: BrokerId): void {
    const replica = this.#replica(member);
    const { persist } = replica;
    if (persist === null) return this.#print(`${member}: nothing to sync`);
    replica.persist = null;
    (this.#disks.get(member) as RigDisk).complete(persist);
    for (const message of persist.then) this.#send(message);
    this.#step(member, { type: 'persisted', id: persist.id });
  }

  #load(member: BrokerId): void {
    const request = this.#replica(member).loads.shift();
    if (request === undefined) return this.#print(`${member}: nothing to load`);
    const batches = (this.#disks.get(member) as RigDisk).read(request.offsetFrom, request.offsetTo, request.bytesMax);
    this.#step(member, { type: 'loaded', request, batches });
  }

  #settle(except: BrokerId | null): void {
    let isBusy = true;
    for (let rounds = 0; isBusy; rounds++) {
      if (rounds > 1000) throw new Error('The cluster does not come to rest');
      isBusy = false;
      for (const link of [...this.#links.keys()].sort()) {
        if (this.#links.get(link)?.length === 0) continue;
        isBusy = true;
        this.#deliver(link, Number.POSITIVE_INFINITY);
      }
      for (const [member, replica] of this.#replicas) {
        if (member === except || (replica.persist === null && replica.loads.length === 0)) continue;
        isBusy = true;
        if (replica.persist !== null) this.#sync(member);
        if (replica.loads.length > 0) this.#load(member);
      }
    }
  }

  /** What was not synced is gone, and so is what was under way to or from the broker. */
  #crash(member: BrokerId): void {
    this.#replicas.delete(member);
    for (const link of this.#links.keys()) {
      if (link.split('->').map(Number).includes(member)) this.#links.set(link, []);
    }
  }

  #restart(member: BrokerId): void {
    this.#crash(member);
    const disk = this.#disks.get(member) as RigDisk;
    const config = this.#config as Omit<RaftConfig, 'id'>;
    this.#replicas.set(member, { raft: new Raft({ ...config, id: member }, disk.restore()), persist: null, loads: [] });
  }

  #lose(member: BrokerId, end: number): void {
    const disk = this.#disks.get(member) as RigDisk;
    while (disk.endOffset > end) disk.batches.pop();
    this.#restart(member);
  }

  #status(): void {
    for (const [member, { raft }] of sorted(this.#replicas)) {
      const ends = `end ${raft.endOffset} synced ${raft.syncedOffset} hw ${raft.highWatermark}`;
      this.#print(`${member} ${raft.role} t${raft.term} leader ${raft.leader ?? '-'} ${ends}`);
    }
  }

  #printDisks(): void {
    for (const [member, disk] of sorted(this.#disks)) this.#print(`${member}: ${describeBatches(disk.batches) || 'empty'}`);
  }

  #print(line: string): void {
    this.#lines.push(line);
  }
}

interface Replica {
  readonly raft: Raft;
  persist: Persist | null;
  loads: LoadRequest[];
}

function id(word: string | undefined): BrokerId {
  return brokerId(Number(word));
}

function sorted<Value>(map: ReadonlyMap<BrokerId, Value>): [BrokerId, Value][] {
  return [...map].sort(([a], [b]) => a - b);
}

function makeBatch(offsetFrom: Offset, inTerm: Term, records: number): LogBatch {
  return { offsetFrom, offsetTo: offset(offsetFrom + records), term: inTerm, bytes: new Uint8Array(10) };
}
