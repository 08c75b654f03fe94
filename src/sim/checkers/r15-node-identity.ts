// R15 node identity
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Life } from '../../base/life.ts';
import type { Message } from '../../raft/index.ts';
import type { Members } from './r20-members.ts';
import { Findings } from './verdict.ts';

/** One broker's lives in their order, by their nonces. */
interface Lives {
  readonly nonces: string[];
  /** Those that its disk has seen. */
  seen: string[];
  /** The disk was lost or put back: the life that is the first on what is there now, and the lives that this disk has forgotten. */
  impostor: { readonly firstIndex: number; readonly lost: ReadonlySet<string> } | null;
}

/**
 * A broker whose disk was wiped or rolled back does not act under its old id: whoever has dealt with a life that this disk has forgotten deals with it no
 * more, neither by a link nor by a vote, however often it has itself been started since. Who never met such a life cannot know.
 */
export class NodeIdentity {
  readonly findings = new Findings('R15');
  readonly #members: Members;
  readonly #lives = new Map<BrokerId, Lives>();
  /** Who has dealt with which lives of whom: `broker/peer`, over all its own lives on the disk that it has. */
  readonly #met = new Map<string, Set<string>>();
  /** Who voted, by group, term and candidate, and whether its disk was another then. */
  readonly #voters = new Map<string, Map<BrokerId, { readonly isImpostor: boolean }>>();

  constructor(members: Members) {
    this.#members = members;
  }

  isImpostor(broker: BrokerId): boolean {
    return this.#livesOf(broker).impostor !== null;
  }

  /** The lives that this broker's disk has seen. */
  seenBy(broker: BrokerId): readonly string[] {
    return [...this.#livesOf(broker).seen];
  }

  /** Its disk is from now on one that has seen these lives, and no others. */
  becameImpostor(broker: BrokerId, seen: readonly string[]): void {
    const lives = this.#livesOf(broker);
    lives.seen = [...seen];
    lives.impostor = { firstIndex: lives.nonces.length, lost: new Set(lives.nonces.filter((nonce) => !seen.includes(nonce))) };
    for (const key of this.#met.keys()) if (key.startsWith(`${broker}/`)) this.#met.delete(key);
  }

  /** Whether it has dealt with a life of the peer that is not among these, and so must know a disk that has seen only these from the peer's. */
  hasMetBeyond(broker: BrokerId, peer: BrokerId, seen: readonly string[]): boolean {
    return [...(this.#met.get(`${broker}/${peer}`) ?? [])].some((nonce) => !seen.includes(nonce));
  }

  started(broker: BrokerId, { nonce }: Life): void {
    const { nonces, seen } = this.#livesOf(broker);
    nonces.push(nonce);
    seen.push(nonce);
  }

  /** `broker` takes a link to or from this life of `peer` into use. */
  met(broker: BrokerId, peer: BrokerId, { nonce }: Life): void {
    this.findings.checked++;
    const { nonces, impostor } = this.#livesOf(peer);
    const isOfImpostor = impostor !== null && nonces.indexOf(nonce) >= impostor.firstIndex;
    if (isOfImpostor && this.#knewBetter(broker, peer)) {
      this.findings.violate(`broker ${broker} deals with broker ${peer} although it met a life of it that its disk has forgotten`);
    }
    const key = `${broker}/${peer}`;
    const met = this.#met.get(key) ?? new Set();
    met.add(nonce);
    this.#met.set(key, met);
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'requestVoteResponse' || !message.granted || message.preVote) return;
    const key = `${group}/${message.term}/${message.to}`;
    const voters = this.#voters.get(key) ?? new Map<BrokerId, { readonly isImpostor: boolean }>();
    voters.set(broker, { isImpostor: this.isImpostor(broker) });
    this.#voters.set(key, voters);
  }

  /** Votes between two of whom one knew that the other is not who it was do not count. */
  elected(group: GroupId, broker: BrokerId, term: number): void {
    this.findings.checked++;
    let count = 1;
    for (const [voter, { isImpostor }] of this.#voters.get(`${group}/${term}/${broker}`) ?? [])
      if (!(isImpostor && this.#knewBetter(broker, voter)) && !this.#knewBetter(voter, broker)) count++;
    const majority = this.#members.majorityOf(group);
    if (count < majority) {
      this.findings.violate(
        `group ${group}: broker ${broker} leads term ${term} with ${count} votes between brokers that are who they were; ${majority} are a majority`,
      );
    }
  }

  #knewBetter(broker: BrokerId, peer: BrokerId): boolean {
    const lost = this.#livesOf(peer).impostor?.lost;
    const met = this.#met.get(`${broker}/${peer}`);
    return lost !== undefined && met !== undefined && [...met].some((nonce) => lost.has(nonce));
  }

  #livesOf(broker: BrokerId): Lives {
    let lives = this.#lives.get(broker);
    if (lives === undefined) {
      lives = { nonces: [], seen: [], impostor: null };
      this.#lives.set(broker, lives);
    }
    return lives;
  }
}
