/** What the clients of a run know and count together, and the checks of what they are answered. */
import { type GroupId, groupId } from '../../base/branded.ts';
import type { AppendResult, Freshness, Level, ReadResult, TopicDescription } from '../../eventlog/index.ts';
import { simBytes } from '../bytes.ts';
import { StatedStaleness } from '../checkers/l13-stated-staleness.ts';
import { AcknowledgedByAMajority } from '../checkers/p1-acknowledged-by-a-majority.ts';
import { ChecksumOnEveryRead } from '../checkers/st2-checksum-on-every-read.ts';
import { MinorityNeverAcknowledges } from '../checkers/v1-minority-never-acknowledges.ts';
import type { Findings } from '../checkers/verdict.ts';
import type { Cluster } from '../cluster.ts';
import type { History } from '../history.ts';
import { placesOf } from '../place-name.ts';
import { logGroup, logTopic } from '../../broker/index.ts';

export interface ClientSettings {
  /** The partitions of those that are there for the whole run. */
  readonly topics: readonly string[];
  /** Of these the ones that clients are at most of the time, and all that subscribers have; left out, all. */
  readonly busyTopics?: readonly string[];
  /** Topics that come and go have up to so many partitions. */
  readonly passingPartitionsMax?: number;
  /** Mean pause between two operations of one client. */
  readonly thinkMs: number;
  readonly recordsMax: number;
  readonly fillBytesMax: number;
  /** One append in forty has values of up to so many bytes: large batches go ways of their own, from the gateway to the disk. */
  readonly largeFillBytesMax?: number;
  readonly levels?: readonly Level[];
  /** Longest pause before a client tries again. */
  readonly retryMsMax?: number;
}

/** What the clients of a run share. */
export class ClientWorld {
  readonly cluster: Cluster;
  readonly history: History;
  readonly settings: ClientSettings;
  running = true;
  appendsInFlight = 0;
  operationsInFlight = 0;
  longestGapMs = 0;
  lastAckMs = 0;
  /** The groups of all partitions, as far as they are known. */
  readonly groups = new Map<string, GroupId>([[logTopic, logGroup]]);
  readonly #acknowledgedByAMajority: AcknowledgedByAMajority;
  readonly #minorityNeverAcknowledges: MinorityNeverAcknowledges;
  readonly #statedStaleness = new StatedStaleness();
  readonly #checksumOnEveryRead = new ChecksumOnEveryRead(simBytes);
  /** Partitions of topics that come and go while the clients run. */
  readonly passingTopics: string[] = [];
  /** Ends of acknowledged appends, by topic: tokens for session reads. */
  readonly tokens = new Map<string, number>();
  #count = 0;

  constructor(cluster: Cluster, history: History, settings: ClientSettings) {
    this.cluster = cluster;
    this.history = history;
    this.settings = settings;
    this.#acknowledgedByAMajority = new AcknowledgedByAMajority(cluster.watch.ledger, cluster.watch.members);
    this.#minorityNeverAcknowledges = new MinorityNeverAcknowledges(cluster.watch.ledger, cluster.watch.members);
  }

  get findings(): readonly Findings[] {
    return [this.#acknowledgedByAMajority, this.#minorityNeverAcknowledges, this.#statedStaleness, this.#checksumOnEveryRead].map(
      ({ findings }) => findings,
    );
  }

  /** What was known to be committed of a topic, by anybody, at this moment. */
  committedEnd(topic: string): number {
    const group = this.groups.get(topic);
    return group === undefined ? 0 : this.cluster.watch.committedEnd(group);
  }

  /** A broker has answered a read. */
  answered(broker: number, topic: string, { highWatermark, lag, asOfMs, batches }: ReadResult, freshness: Freshness): void {
    this.#checksumOnEveryRead.read(topic, broker, batches);
    const group = this.groups.get(topic);
    if (
      group === undefined ||
      freshness !== 'local' ||
      this.history.deletedTopics.has(topic) ||
      this.cluster.isDamaged(this.cluster.member(broker))
    )
      return;
    const local = { topic, broker, highWatermark, lag, asOfMs };
    this.#statedStaleness.answered(local, this.cluster.watch.ledger.group(group), this.cluster.nowMs);
  }

  /** A topic was made: its partitions can be used from now on. */
  made({ name, group, partitions = [] }: TopicDescription): void {
    const groups = partitions.length === 0 ? [group] : partitions.map((partition) => partition.group);
    for (const [index, place] of placesOf(name, groups.length).entries()) this.groups.set(place, groupId(groups[index] as number));
    this.history.hasPartitions(name, groups.length);
    this.cluster.world.coverage.reach('partition.made', groups.length);
  }

  /** The number of the next client. */
  nextNumber(): number {
    return ++this.#count;
  }

  acknowledged(topic: string, result: AppendResult): void {
    const { nowMs } = this.cluster;
    const group = this.groups.get(topic);
    if (group !== undefined && !this.history.deletedTopics.has(topic)) {
      this.#acknowledgedByAMajority.acknowledged(group, result);
      this.#minorityNeverAcknowledges.acknowledged(group, result);
    }
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.lastAckMs);
    this.lastAckMs = nowMs;
  }
}
