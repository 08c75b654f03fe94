// R25 taken as sent
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/** Of a leader’s pulses those that an answer may still count for. */
const pulsesKept = 64;

/**
 * What joined messages can break. Whatever a replica takes from a peer, that peer has sent to it in that group: no answer of one group counts for another. And
 * a pulse confirms a leader by a peer only if that peer has answered this very pulse, and lets each of the groups rest that are counted.
 */
export class TakenAsSent {
  readonly findings = new Findings('R25');
  /** Fingerprints of all that was sent over each way. */
  readonly #sent = new Map<string, Set<number>>();
  /** Groups that were quiet under a broker when it sent each of its last pulses, in this life. */
  readonly #pulses = new Map<BrokerId, Map<number, ReadonlySet<GroupId>>>();
  /** What was answered to pulses, by the way that they came. */
  readonly #answers = new Map<string, Map<number, Set<GroupId>>>();

  started(broker: BrokerId): void {
    this.#pulses.delete(broker);
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    entryOf(this.#sent, wayOf(broker, message.to), () => new Set<number>()).add(fingerprintOf(group, message));
  }

  received(group: GroupId, broker: BrokerId, message: Message): void {
    this.findings.checked++;
    if (this.#sent.get(wayOf(message.from, broker))?.has(fingerprintOf(group, message)) === true) return;
    this.findings.violate(
      `group ${group}: broker ${broker} took ${message.type} of term ${message.term} that broker ${message.from} has not sent to it in this group`,
    );
  }

  pulsed(broker: BrokerId, round: number, groups: Iterable<GroupId>): void {
    keep(
      entryOf(this.#pulses, broker, () => new Map()),
      round,
      new Set(groups),
    );
  }

  /** A broker answers a pulse of another one. */
  rests(broker: BrokerId, leader: BrokerId, round: number, groups: Iterable<GroupId>): void {
    const answers = entryOf(this.#answers, wayOf(broker, leader), () => new Map<number, Set<GroupId>>());
    const before = answers.get(round);
    if (before === undefined) keep(answers, round, new Set(groups));
    else for (const group of groups) before.add(group);
  }

  confirmed(broker: BrokerId, peer: BrokerId, round: number, groups: Iterable<GroupId>): void {
    this.findings.checked++;
    const answer = this.#answers.get(wayOf(peer, broker))?.get(round);
    if (answer === undefined) {
      this.findings.violate(`broker ${broker} counts pulse ${round} as confirmed by broker ${peer}, which has not answered it`);
      return;
    }
    const pulse = this.#pulses.get(broker)?.get(round);
    for (const group of groups) {
      if (pulse?.has(group) === true && !answer.has(group))
        this.findings.violate(`group ${group}: broker ${broker} counts pulse ${round} as confirmed by broker ${peer}, which does not rest`);
    }
  }
}

const wayOf = (from: BrokerId, to: BrokerId): string => `${from} ${to}`;

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** The newest, by when they were put in. */
function keep<Value>(map: Map<number, Value>, key: number, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > pulsesKept && oldest !== undefined) map.delete(oldest);
}

const typeCodes = { requestVote: 1, requestVoteResponse: 2, appendEntries: 3, appendEntriesResponse: 4, timeoutNow: 5 } as const;

/** Not from where entries go on: a follower answers for those that wait for room. */
function fingerprintOf(group: GroupId, message: Message): number {
  let hash = mix(mix(mix(typeCodes[message.type], group), message.term), 7);
  switch (message.type) {
    case 'requestVote':
      hash = mix(mix(mix(hash, (message.preVote ? 1 : 0) + (message.transfer ? 2 : 0)), message.endOffset), message.lastTerm);
      break;
    case 'requestVoteResponse':
      hash = mix(hash, (message.preVote ? 1 : 0) + (message.granted ? 2 : 0));
      break;
    case 'appendEntries':
      hash = mix(mix(mix(hash, message.highWatermark), message.readContext), message.number);
      hash = mix(mix(hash, message.batches.length), message.batches.at(-1)?.offsetTo ?? 0);
      break;
    case 'appendEntriesResponse':
      hash = mix(mix(mix(hash, message.success ? 1 : 0), message.matchOffset), message.requestOffset);
      hash = mix(mix(hash, message.readContext), message.number);
      break;
    case 'timeoutNow':
      break;
  }
  return hash;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0xcc9e2d51);
  return mixed ^ (mixed >>> 15);
}
