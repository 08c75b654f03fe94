// R23 sent once
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { Message, Persist } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/** What a leader has sent to one peer in one term since nothing between the two was lost. */
interface Stream {
  readonly term: number;
  /** Of its two brokers, when it began. */
  readonly disturbances: number;
  sentBytes: number;
  storedBytes: number;
  isViolated: boolean;
}

/** One window may be on its way, one was on its way when something was lost and is refused, and one goes where a connection is given up for being slow. */
const windows = 3;

/**
 * A batch goes to a peer once. Between two brokers of whom none was killed, and where nothing was lost, repeated or overtaken, a leader sends what its peer
 * comes to store and a few windows more, however slow the line is: without a loss nothing has to be sent again. So bytes sent for each byte that is needed
 * come to 1, and a leader that begins anew at every heartbeat is found however it comes about.
 */
export class SentOnce {
  readonly findings = new Findings('R23');
  readonly #inFlightBytesMaxOf: (broker: BrokerId) => number;
  /** By group, leader and peer. */
  readonly #streams = new Map<string, Stream>();
  /** By pair of brokers, or a broker and itself: how often. */
  readonly #disturbances = new Map<number, number>();

  /** Of all batches, to all peers. */
  sentBytes = 0;
  /** Of one message so far. */
  #largestBytes = 0;

  constructor(inFlightBytesMaxOf: (broker: BrokerId) => number) {
    this.#inFlightBytesMaxOf = inFlightBytesMaxOf;
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'appendEntries' || message.batches.length === 0) return;
    this.findings.checked++;
    const stream = this.#stream(group, broker, message.to, message.term);
    const bytes = message.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    stream.sentBytes += bytes;
    this.sentBytes += bytes;
    this.#largestBytes = Math.max(this.#largestBytes, bytes);
    // Where the window is not full yet one more message goes, whatever its length.
    const allowed = stream.storedBytes + windows * (this.#inFlightBytesMaxOf(broker) + this.#largestBytes);
    if (stream.isViolated || stream.sentBytes <= allowed) return;
    stream.isViolated = true;
    this.findings.violate(
      `group ${group}: leader ${broker} sent ${stream.sentBytes} bytes to broker ${message.to} in term ${message.term}, which has stored ${stream.storedBytes} of them, though nothing was lost; ${allowed} are allowed`,
    );
  }

  /** A follower hands over what it has taken from its leader. */
  stored(group: GroupId, broker: BrokerId, { role, leader, term }: ReplicaView, { batches }: Persist): void {
    if (role === 'leader' || leader === null || batches.length === 0) return;
    const stream = this.#stream(group, leader, broker, term);
    for (const { bytes } of batches) stream.storedBytes += bytes.length;
  }

  /** Something between these two was lost, repeated or overtaken; with null between one and all others. */
  disturbed(one: number, other: number | null): void {
    const key = pairOf(one, other ?? one);
    this.#disturbances.set(key, (this.#disturbances.get(key) ?? 0) + 1);
  }

  #stream(group: GroupId, leader: BrokerId, peer: BrokerId, term: number): Stream {
    const key = `${group}/${leader}/${peer}`;
    const disturbances = this.#disturbancesOf(leader, peer) + this.#disturbancesOf(leader, leader) + this.#disturbancesOf(peer, peer);
    let stream = this.#streams.get(key);
    if (stream === undefined || stream.term !== term || stream.disturbances !== disturbances) {
      stream = { term, disturbances, sentBytes: 0, storedBytes: 0, isViolated: false };
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #disturbancesOf(one: number, other: number): number {
    return this.#disturbances.get(pairOf(one, other)) ?? 0;
  }
}

/** Ids of brokers have 20 bits. */
const pairOf = (one: number, other: number): number => Math.min(one, other) * 0x10_0000 + Math.max(one, other);
