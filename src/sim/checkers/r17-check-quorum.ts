// R17 check quorum
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/contract.ts';
import type { Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

interface Office {
  readonly term: number;
  sinceMs: number;
  seenMs: number;
  /** When each peer last answered this leader, by what was sent. */
  readonly answeredMs: Map<BrokerId, number>;
}

/** A leader beats several times in this time; one that was not seen for longer has slept. */
const asleepAfterMs = 1000;

/** A leader that a majority has not answered for an election timeout steps down. What a network can hold an answer back is added. */
export class CheckQuorum {
  readonly findings = new Findings('R17');
  readonly #others: number;
  readonly #limitMs: number;
  readonly #offices = new Map<string, Office>();

  constructor(voterCount: number, limitMs: number) {
    this.#others = Math.floor(voterCount / 2);
    this.#limitMs = limitMs;
  }

  sent(group: GroupId, broker: BrokerId, message: Message, nowMs: number): void {
    if (message.type !== 'appendEntriesResponse') return;
    const office = this.#offices.get(`${group}/${message.to}`);
    if (office?.term === message.term) office.answeredMs.set(broker, nowMs);
  }

  changed(group: GroupId, broker: BrokerId, replica: ReplicaView, nowMs: number): void {
    const key = `${group}/${broker}`;
    if (replica.role !== 'leader') {
      this.#offices.delete(key);
      return;
    }
    let office = this.#offices.get(key);
    if (office === undefined || office.term !== replica.term) {
      office = { term: replica.term, sinceMs: nowMs, seenMs: nowMs, answeredMs: new Map() };
      this.#offices.set(key, office);
    }
    if (nowMs - office.seenMs > asleepAfterMs) office.sinceMs = nowMs;
    office.seenMs = nowMs;
    if (this.#others === 0 || nowMs - office.sinceMs <= this.#limitMs) return;
    this.findings.checked++;
    const times = [...office.answeredMs.values()].sort((a, b) => b - a);
    const quorumMs = times[this.#others - 1] ?? office.sinceMs;
    if (nowMs - quorumMs > this.#limitMs) {
      this.findings.violate(
        `group ${group}: broker ${broker} still leads term ${replica.term}, and no majority has answered it for ${(nowMs - quorumMs).toFixed(0)} ms`,
      );
      office.sinceMs = nowMs;
    }
  }

  restarted(group: GroupId, broker: BrokerId): void {
    this.#offices.delete(`${group}/${broker}`);
  }
}
