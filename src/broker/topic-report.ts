import { type GroupId, groupId } from '../base/branded.ts';
import {
  type BrokerStatus,
  type KeptPartition,
  type PartitionStatus,
  statusTopicsMax,
  type TopicQuery,
  type TopicTotals,
  worstTopicsMax,
} from '../eventlog/index.ts';
import { type CatalogState, numbered, type Partition, type Topic, topicPage } from './catalog/index.ts';
import type { Groups } from './replica/index.ts';
import { eventsTopic, logGroup, logTopic } from './well-known.ts';

export interface TopicReportOptions {
  readonly groups: Pick<Groups, 'replica' | 'fenced' | 'status'>;
  /** Null while the catalog is not open: then `log` is all that is known. */
  readonly topics: () => KeptTopics | null;
  nowMs(): number;
}

/** What is asked of `Topics`. */
export interface KeptTopics {
  readonly catalog: { readonly state: CatalogState };
  isHere(partition: Partition): boolean;
  statusOf(partition: Partition): PartitionStatus;
}

/** So many topics are looked at in a millisecond, on an average, however often it is asked: sums over more than a status shows may be that old. */
const topicsPerMs = 4;

/** Sums over all topics, and which of them stand out. */
interface Survey {
  readonly atMs: number;
  readonly totals: Omit<TopicTotals, 'count' | 'matching' | 'shown' | 'next' | 'asOfMs'>;
  readonly worst: readonly GroupId[];
}

type Shown = Pick<BrokerStatus, 'topics' | 'partitions'>;

/** What the status of a broker says of its topics: all of them where they are few, else sums, those that stand out, and on demand a page of the others. */
export class TopicReport {
  readonly #options: TopicReportOptions;
  #last: Survey | null = null;

  constructor(options: TopicReportOptions) {
    this.#options = options;
  }

  of(query: TopicQuery | null): Shown {
    const topics = this.#options.topics();
    const state = topics?.catalog.state;
    const count = 1 + (state?.topics.length ?? 0);
    const isMany = 1 + (state?.partitionCount ?? 0) > statusTopicsMax;
    const { totals, worst, atMs } = this.#survey(topics, 1 + (state?.partitionCount ?? 0));
    const sums = { ...totals, count, asOfMs: this.#options.nowMs() - atMs };
    if (query === null || topics === null || state === undefined) {
      const partitions = isMany
        ? worst.flatMap((group) => this.#partition(topics, group))
        : [null, ...(state?.topics ?? [])].flatMap((topic) => this.#kept(topics, topic));
      const shown = isMany ? new Set(partitions.map(({ topic }) => topic)).size : count;
      return { topics: { ...sums, matching: count, shown, next: null }, partitions };
    }
    const page = topicPage(state, { ...query, limit: Math.min(query.limit, statusTopicsMax) });
    const partitions = page.topics.flatMap((topic) => this.#kept(topics, topic));
    return { topics: { ...sums, matching: page.count, shown: page.topics.length, next: page.next }, partitions };
  }

  /** What this broker keeps of a topic; null stands for `log`. */
  #kept(topics: KeptTopics | null, topic: Topic | null): readonly KeptPartition[] {
    if (topic === null) return [{ topic: logTopic, ...this.#options.groups.status(logGroup) }];
    const here = topics === null ? [] : topic.partitions.filter((partition) => topics.isHere(partition));
    return here.flatMap((partition) => (topics === null ? [] : [{ ...numbered({ topic, partition }), ...topics.statusOf(partition) }]));
  }

  /** Of a topic that is gone by now, nothing. */
  #partition(topics: KeptTopics | null, group: GroupId): readonly KeptPartition[] {
    if (group === logGroup) return this.#kept(topics, null);
    const place = topics?.catalog.state.placeOf(group);
    return place === undefined || topics === null ? [] : [{ ...numbered(place), ...topics.statusOf(place.partition) }];
  }

  #survey(topics: KeptTopics | null, count: number): Survey {
    const nowMs = this.#options.nowMs();
    const isFew = count <= statusTopicsMax;
    if (!isFew && this.#last !== null && nowMs - this.#last.atMs < count / topicsPerMs) return this.#last;
    const survey = this.#take(topics, nowMs);
    this.#last = isFew ? null : survey;
    return survey;
  }

  #take(topics: KeptTopics | null, atMs: number): Survey {
    const { groups } = this.#options;
    const state = topics?.catalog.state;
    const sums = { leads: 0, leaderless: 0, fenced: 0, unreadable: 0, sizeBytes: 0 };
    const behind = new Map<number, number>();
    const [troubled, lagging, largest] = [new Top(), new Top(), new Top()];
    const look = (group: GroupId): void => {
      const replica = groups.replica(group);
      if (replica === undefined) {
        const isFenced = groups.fenced(group) !== null;
        if (isFenced) sums.fenced++;
        else sums.leaderless++;
        troubled.offer(isFenced ? 3 : 1, group);
        return;
      }
      const { raft, log } = replica;
      const isLeaderless = raft.leader === null;
      sums.sizeBytes += log.sizeBytes;
      if (isLeaderless) sums.leaderless++;
      if (log.unreadableRanges > 0) sums.unreadable++;
      troubled.offer(log.unreadableRanges > 0 ? 2 : Number(isLeaderless), group);
      largest.offer(log.sizeBytes, group);
      if (raft.role !== 'leader') return;
      sums.leads++;
      let most = 0;
      for (const { peer, matchOffset } of raft.peers) {
        const offsets = Math.max(0, raft.endOffset - matchOffset);
        if (offsets > most) most = offsets;
        behind.set(peer, (behind.get(peer) ?? 0) + offsets);
      }
      lagging.offer(most, group);
    };
    look(logGroup);
    for (const { partitions } of state?.topics ?? []) {
      for (const partition of partitions) if (topics?.isHere(partition) === true) look(groupId(partition.group));
    }
    const events = state?.topic(eventsTopic)?.partitions ?? [];
    const own = [logGroup, ...events.map(({ group }) => groupId(group))];
    return {
      atMs,
      totals: { ...sums, behind: [...behind].map(([broker, offsets]) => ({ broker, offsets })) },
      worst: [...new Set([...troubled.groups, ...lagging.groups, ...largest.groups, ...own])],
    };
  }
}

/** Those with the largest values above 0, largest first. */
class Top {
  readonly #kept: { readonly value: number; readonly group: GroupId }[] = [];

  offer(value: number, group: GroupId): void {
    const kept = this.#kept;
    if (value <= 0 || (kept.length === worstTopicsMax && value <= (kept.at(-1)?.value ?? 0))) return;
    let place = kept.length;
    while (place > 0 && (kept[place - 1]?.value ?? 0) < value) place--;
    kept.splice(place, 0, { value, group });
    if (kept.length > worstTopicsMax) kept.pop();
  }

  get groups(): readonly GroupId[] {
    return this.#kept.map(({ group }) => group);
  }
}
