// R17 check quorum
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { Message } from '../../raft/index.ts';
import type { Members } from './r20-members.ts';
import { Findings } from './verdict.ts';

/** Times of an office are on a clock that stands still while the leader sleeps. */
interface Office {
  readonly term: number;
  awakeMs: number;
  seenAtMs: number;
  /** When each peer was last heard to answer in this term. */
  readonly heardMs: Map<BrokerId, number>;
}

interface Times {
  readonly electionTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** The slowest clock that is injected. */
const slowestRate = 0.8;

/**
 * A leader that has not heard a majority answer for an election timeout steps down. It counts in ticks and is seen at its heartbeats, so two of these are
 * added, and all of it on the slowest clock. Of a quiet group the pulses of its leader stand for the heartbeats. A leader that was not seen for more than a heartbeat has slept, which does not count.
 */
export class CheckQuorum {
  readonly findings = new Findings('R17');
  readonly #members: Members;
  readonly #timesOf: (broker: BrokerId) => Times;
  readonly #offices = new Map<string, Office>();

  constructor(members: Members, timesOf: (broker: BrokerId) => Times) {
    this.#members = members;
    this.#timesOf = timesOf;
  }

  received(group: GroupId, broker: BrokerId, message: Message, nowMs: number): void {
    if (message.type !== 'appendEntriesResponse') return;
    const office = this.#offices.get(`${group}/${broker}`);
    if (office === undefined || office.term !== message.term) return;
    this.#pass(office, nowMs, this.#timesOf(broker));
    office.heardMs.set(message.from, office.awakeMs);
  }

  /** Quiet groups of a leader are seen at its pulses, and confirmed by those who answer them. */
  pulsed(groups: Iterable<GroupId>, broker: BrokerId, nowMs: number): void {
    for (const group of groups) {
      const office = this.#offices.get(`${group}/${broker}`);
      if (office !== undefined) this.#look(group, broker, office, nowMs);
    }
  }

  confirmed(peer: BrokerId, groups: Iterable<GroupId>, broker: BrokerId, nowMs: number): void {
    for (const group of groups) {
      const office = this.#offices.get(`${group}/${broker}`);
      if (office === undefined) continue;
      this.#pass(office, nowMs, this.#timesOf(broker));
      office.heardMs.set(peer, office.awakeMs);
    }
  }

  changed(group: GroupId, broker: BrokerId, replica: ReplicaView, nowMs: number): void {
    const key = `${group}/${broker}`;
    if (replica.role !== 'leader') {
      this.#offices.delete(key);
      return;
    }
    let office = this.#offices.get(key);
    if (office === undefined || office.term !== replica.term) {
      office = { term: replica.term, awakeMs: 0, seenAtMs: nowMs, heardMs: new Map() };
      this.#offices.set(key, office);
    }
    this.#look(group, broker, office, nowMs);
  }

  #look(group: GroupId, broker: BrokerId, office: Office, nowMs: number): void {
    const times = this.#timesOf(broker);
    const limitMs = (times.electionTimeoutMs + 2 * times.heartbeatMs) / slowestRate;
    this.#pass(office, nowMs, times);
    const others = this.#members.majorityOf(group) - 1;
    if (others === 0 || office.awakeMs <= limitMs) return;
    this.findings.checked++;
    const voters = this.#members.votersOf(group);
    const answers = [...office.heardMs]
      .filter(([peer]) => voters.includes(peer))
      .map(([, ms]) => ms)
      .sort((a, b) => b - a);
    const silentMs = office.awakeMs - (answers[others - 1] ?? 0);
    if (silentMs > limitMs) {
      this.findings.violate(
        `group ${group}: broker ${broker} still leads term ${office.term}, and no majority has answered it for ${silentMs.toFixed(0)} ms`,
      );
      this.#offices.delete(`${group}/${broker}`);
    }
  }

  restarted(group: GroupId, broker: BrokerId): void {
    this.#offices.delete(`${group}/${broker}`);
  }

  #pass(office: Office, nowMs: number, { heartbeatMs }: Times): void {
    office.awakeMs += Math.min(nowMs - office.seenAtMs, heartbeatMs / slowestRate);
    office.seenAtMs = nowMs;
  }
}
