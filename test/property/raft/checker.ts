import { type BrokerId, firstOffset, type Offset } from '../../../src/base/branded.ts';
import type { LogBatch, Membership, Message, Raft, Ready } from '../../../src/raft/index.ts';
import type { RigDisk } from './disk.ts';

/** A broken promise; `check` names it as the paper or the list of invariants does. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly check: string;

  constructor(check: string, detail: string) {
    super(`${check}: ${detail}`);
    this.check = check;
  }
}

/** A batch with the hash of the log that it ends: equal chains mean equal logs up to here. */
interface Link {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly term: number;
  readonly chain: number;
}

/** The checker's own copy of one replica's log in memory, kept by what `ready` says. */
interface Shadow {
  links: Link[];
  endOffset: Offset;
  highWatermark: number;
  leaderOfTerm: number | null;
}

/**
 * Looks at every step of every replica from outside, with memory that no crash touches. Each comparison of logs is one comparison of chain
 * hashes, so a step costs about as much as what it changed.
 */
export class Checker {
  readonly #membership: Membership;
  readonly #leaders = new Map<number, BrokerId>();
  readonly #chains = new Map<string, number>();
  readonly #votes = new Map<string, BrokerId>();
  readonly #shadows = new Map<BrokerId, Shadow>();
  /** What any replica has ever held to be committed. */
  readonly #ledger: Link[] = [];
  /** The term in which each of them was committed, which never falls. */
  readonly #committedInTerm: number[] = [];
  readonly #reads = new Map<number, number>();

  constructor(membership: Membership) {
    this.#membership = membership;
  }

  get committedEnd(): number {
    return this.#ledger.at(-1)?.offsetTo ?? 0;
  }

  get committedCount(): number {
    return this.#ledger.length;
  }

  started(raft: Raft, disk: RigDisk): void {
    const shadow: Shadow = { links: [], endOffset: firstOffset, highWatermark: 0, leaderOfTerm: null };
    for (const batch of disk.batches) this.#extend(raft, shadow, batch);
    shadow.endOffset = raft.endOffset;
    this.#shadows.set(raft.id, shadow);
  }

  readBegan(context: number): void {
    this.#reads.set(context, this.committedEnd);
  }

  /** After every step, with what the step owed. */
  stepped(raft: Raft, ready: Ready | null, disks: ReadonlyMap<BrokerId, RigDisk>): void {
    const shadow = this.#shadows.get(raft.id) as Shadow;
    const wasLeader = shadow.leaderOfTerm === raft.term;
    if (ready !== null && ready.truncatedTo !== null) this.#cut(raft, shadow, ready.truncatedTo, wasLeader);
    this.#takeNewBatches(raft, shadow);
    this.#checkLeader(raft, shadow, wasLeader);
    this.#checkHighWatermark(raft, shadow, disks);
    for (const { context, highWatermark } of ready?.reads ?? []) {
      const least = this.#reads.get(context) as number;
      if (highWatermark < least)
        throw new Violation('Stale Read', `read ${context} at ${highWatermark}, but ${least} was committed before`);
    }
    for (const peer of ready?.rolledBack ?? [])
      throw new Violation('False Rollback', `${raft.id} says that ${peer} lost what it had synced`);
  }

  /** When a message leaves its sender (R7): everything that it says about the sender is on the sender's disk. */
  sent(message: Message, disk: RigDisk): void {
    const isPreVote = 'preVote' in message && message.preVote;
    if (!isPreVote && message.term > disk.vote.term) {
      throw new Violation(
        'Persist Before Send',
        `a message of term ${message.term} left ${message.from}, whose disk knows term ${disk.vote.term}`,
      );
    }
    if (message.type === 'requestVote' && !message.preVote) this.#voted(message.term, message.from, message.from, disk);
    if (message.type === 'requestVoteResponse' && !message.preVote && message.granted)
      this.#voted(message.term, message.from, message.to, disk);
    if (message.type === 'appendEntriesResponse' && message.success && message.matchOffset > disk.endOffset) {
      throw new Violation('Persist Before Send', `${message.from} acknowledged ${message.matchOffset}, its disk ends at ${disk.endOffset}`);
    }
  }

  /** When the faults are over: everyone ends with the same log, all of it committed. */
  converged(rafts: Iterable<Raft>): void {
    const seen = new Set<string>();
    for (const raft of rafts) {
      const shadow = this.#shadows.get(raft.id) as Shadow;
      seen.add(`end ${raft.endOffset} hw ${raft.highWatermark} chain ${shadow.links.at(-1)?.chain}`);
    }
    if (seen.size !== 1) throw new Violation('Convergence', [...seen].join('; '));
  }

  #voted(term: number, voter: BrokerId, candidate: BrokerId, disk: RigDisk): void {
    const key = `${term}/${voter}`;
    const before = this.#votes.get(key);
    if (before !== undefined && before !== candidate)
      throw new Violation('One Vote', `${voter} voted in term ${term} for ${before} and ${candidate}`);
    if (disk.vote.term === term && disk.vote.votedFor !== candidate) {
      throw new Violation(
        'Persist Before Send',
        `${voter} says that it voted for ${candidate} in term ${term}, its disk says ${disk.vote.votedFor}`,
      );
    }
    this.#votes.set(key, candidate);
  }

  #cut(raft: Raft, shadow: Shadow, truncatedTo: Offset, wasLeader: boolean): void {
    if (wasLeader && raft.role === 'leader') throw new Violation('Leader Append-Only', `leader ${raft.id} cut its log at ${truncatedTo}`);
    while ((shadow.links.at(-1)?.offsetTo ?? 0) > truncatedTo) shadow.links.pop();
    shadow.endOffset = truncatedTo;
    if (truncatedTo < shadow.highWatermark)
      throw new Violation('State Machine Safety', `${raft.id} cut at ${truncatedTo}, below its high watermark`);
  }

  #takeNewBatches(raft: Raft, shadow: Shadow): void {
    if (raft.endOffset === shadow.endOffset) return;
    for (const batch of raft.batches(shadow.endOffset, raft.endOffset) ?? []) this.#extend(raft, shadow, batch);
    shadow.endOffset = raft.endOffset;
    if ((shadow.links.at(-1)?.offsetTo ?? 0) !== raft.endOffset) {
      throw new Violation('Host Contract', `the batches of ${raft.id} do not reach its end ${raft.endOffset}`);
    }
  }

  #extend(raft: Raft, shadow: Shadow, batch: LogBatch): void {
    const chain = mix(mix(mix(shadow.links.at(-1)?.chain ?? 7, batch.offsetTo), batch.term), batch.bytes[0] ?? 0);
    const key = `${batch.offsetFrom}/${batch.term}`;
    const known = this.#chains.get(key);
    if (known !== undefined && known !== chain) {
      throw new Violation('Log Matching', `${raft.id} has another log up to batch ${key} than someone had`);
    }
    this.#chains.set(key, chain);
    shadow.links.push({ offsetFrom: batch.offsetFrom, offsetTo: batch.offsetTo, term: batch.term, chain });
  }

  #checkLeader(raft: Raft, shadow: Shadow, wasLeader: boolean): void {
    shadow.leaderOfTerm = raft.role === 'leader' ? raft.term : null;
    if (raft.role !== 'leader' || wasLeader) return;
    const other = this.#leaders.get(raft.term);
    if (other !== undefined && other !== raft.id)
      throw new Violation('Election Safety', `${other} and ${raft.id} lead in term ${raft.term}`);
    this.#leaders.set(raft.term, raft.id);
    // Votes that come late can still make a leader of a term that others have left: it owes nothing that a later term has committed (Raft §5.4).
    const last = this.#ledger[this.#committedInTerm.findLastIndex((inTerm) => inTerm < raft.term)];
    if (last !== undefined && linkEndingAt(shadow.links, last.offsetTo)?.chain !== last.chain) {
      throw new Violation('Leader Completeness', `${raft.id} leads term ${raft.term} without what is committed up to ${last.offsetTo}`);
    }
  }

  #checkHighWatermark(raft: Raft, shadow: Shadow, disks: ReadonlyMap<BrokerId, RigDisk>): void {
    if (raft.highWatermark === shadow.highWatermark) return;
    if (raft.highWatermark < shadow.highWatermark) throw new Violation('State Machine Safety', `the high watermark of ${raft.id} fell`);
    const last = linkEndingAt(shadow.links, raft.highWatermark);
    if (last === null)
      throw new Violation('State Machine Safety', `the high watermark ${raft.highWatermark} of ${raft.id} is inside a batch`);
    if (raft.role === 'leader' && last.term !== raft.term) {
      throw new Violation('Commit Rule', `leader ${raft.id} of term ${raft.term} commits a batch of term ${last.term} by counting`);
    }
    const previous = shadow.highWatermark;
    shadow.highWatermark = raft.highWatermark;
    for (let i = indexEndingAfter(shadow.links, previous); i < shadow.links.length; i++) {
      const link = shadow.links[i] as Link;
      if (link.offsetTo > raft.highWatermark) break;
      this.#commit(raft, link, disks);
    }
  }

  #commit(raft: Raft, link: Link, disks: ReadonlyMap<BrokerId, RigDisk>): void {
    if (link.offsetTo <= this.committedEnd) {
      if (linkEndingAt(this.#ledger, link.offsetTo)?.chain !== link.chain) {
        throw new Violation('State Machine Safety', `${raft.id} commits another log up to ${link.offsetTo} than someone did`);
      }
      return;
    }
    if (link.offsetFrom !== this.committedEnd)
      throw new Violation('State Machine Safety', `${raft.id} commits another batch at ${link.offsetFrom}`);
    this.#ledger.push(link);
    this.#committedInTerm.push(raft.term);
    for (const voters of [this.#membership.voters, this.#membership.votersOutgoing]) {
      const holders = voters.filter((voter) => holds(disks.get(voter) as RigDisk, link));
      if (holders.length * 2 <= voters.length && voters.length > 0) {
        throw new Violation(
          'Committed Means Durable',
          `[${link.offsetFrom},${link.offsetTo}) is committed and on the disks of ${holders.join(', ') || 'none'}`,
        );
      }
    }
  }
}

function holds(disk: RigDisk, link: Link): boolean {
  for (let i = disk.batches.length - 1; i >= 0; i--) {
    const batch = disk.batches[i] as LogBatch;
    if (batch.offsetFrom <= link.offsetFrom) return batch.offsetFrom === link.offsetFrom && batch.term === link.term;
  }
  return false;
}

function indexEndingAfter(links: readonly Link[], end: number): number {
  let low = 0;
  let high = links.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((links[middle] as Link).offsetTo > end) high = middle;
    else low = middle + 1;
  }
  return low;
}

function linkEndingAt(links: readonly Link[], end: number): Link | null {
  const link = links[indexEndingAfter(links, end - 1)];
  return link !== undefined && link.offsetTo === end ? link : null;
}

function mix(hash: number, value: number): number {
  const h = Math.imul(hash ^ value, 0x9e3779b1);
  return Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ (h >>> 13);
}
