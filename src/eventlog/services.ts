/**
 * The port between everything that speaks to people and programs (gateways, client, search, page) and whatever keeps the log (design, D9).
 *
 * `LogService` is the callback form that a broker implements and the simulator drives; `EventLog` (`promises.ts`) is the same with promises for
 * code outside the machine-free rooms. Each is composed of parts: the records, searches of them, the topics, the cluster.
 */
import type { KnownHistory } from './history.ts';
import type { LogError } from './log-error.ts';
import type {
  AppendRequest,
  AppendResult,
  BrokerStatus,
  EndRequest,
  EndResult,
  KnownBroker,
  LinkFault,
  LinkFaults,
  ReadRequest,
  ReadResult,
  RecordsOf,
  ScanRequest,
  ScanResult,
  ScanSink,
  SequenceRequest,
  TopicChanges,
  TopicDescription,
  TopicPage,
  TopicPlacement,
  TopicQuery,
  TopicSettings,
} from './types.ts';

export type Outcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: LogError };
export type Answer<Value> = (outcome: Outcome<Value>) => void;

/** Records of one partition of a topic. @public */
export interface RecordService {
  append(request: AppendRequest, answer: Answer<AppendResult>): void;
  read(request: ReadRequest, answer: Answer<ReadResult>): void;
  end(request: EndRequest, answer: Answer<EndResult>): void;
  /** The next sequence that would be accepted from this request id (0 when it was never heard of): where an interrupted stream resumes. */
  nextSequence(request: SequenceRequest, answer: Answer<number>): void;
}

/** Searches of records, made where they are. From afar they are asked for as a search of many machines is: see `search/`. @public */
export interface SearchService {
  /** Searches what is committed; the answer comes after the last chunk was taken. */
  scan(request: ScanRequest, sink: ScanSink, answer: Answer<ScanResult>): void;
}

/** The topics there are. @public */
export interface TopicService {
  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void;
  alterTopic(name: string, changes: TopicChanges, answer: Answer<TopicDescription>): void;
  deleteTopic(name: string, answer: Answer<undefined>): void;
  /** At most `topicPageMax` of them. */
  listTopics(query: TopicQuery, answer: Answer<TopicPage>): void;
  describeTopic(name: string, answer: Answer<TopicDescription>): void;
}

/** Who keeps the log. @public */
export interface ClusterService {
  /** This broker. Which of its topics are shown, null leaves to it (`BrokerStatus.partitions`). */
  status(query: TopicQuery | null, answer: Answer<BrokerStatus>): void;
  /** Every configured broker; one that does not answer in time is named with `status: null` (promise 5). */
  brokers(query: TopicQuery | null, answer: Answer<readonly KnownBroker[]>): void;
}

/** All that another engine would have to give. */
export interface LogService extends RecordService, SearchService, TopicService, ClusterService {}

/** What a broker of ours gives beside the port: to the course's routes, to `explain` and to the metrics, to nobody else. */
export interface BrokerService extends LogService {
  /**
   * Poisons a request id in the partition that it was for: appended before, its records are skipped by later readers; not yet appended, it never will be.
   * Retried until it is in the log.
   */
  revoke(records: RecordsOf, requestId: string, answer: Answer<undefined>): void;
  /** How many partitions a topic has had, the last is how many it has, as far as this broker knows; null for one that it does not know (yet). */
  partitionsOf(topic: string): readonly number[] | null;
  /** Answers once `partitionsOf` knows all that anybody had given the topic when this was asked, with how much of the time is left then. */
  whenPartitionsKnown(topic: string, timeoutMs: number, answer: Answer<number>): void;
  /** Where a topic is, and why. */
  explain(topic: string, answer: Answer<TopicPlacement>): void;
  status(query: TopicQuery | null, answer: Answer<CountedStatus>): void;
  /** What every configured broker did in the last `withinMs`; one that does not answer in time is named with `samples: null` (promise 5). */
  history(withinMs: number, answer: Answer<readonly KnownHistory[]>): void;
}

export interface CountedStatus extends BrokerStatus {
  readonly counters: BrokerCounters;
}

/** Since the start of the process; the metrics page shows the same numbers. */
export type BrokerCounters = {
  readonly appends: number;
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  /** Those three are what this broker took as leader, whoever asked. These are what its own callers appended, without what Cairn writes for itself. */
  readonly acknowledgedRecords: number;
  readonly acknowledgedBytes: number;
  /** Given to readers from the replicas here, without what Cairn has written for itself. */
  readonly readRecords: number;
  readonly readBytes: number;
  readonly refusedAppends: number;
  readonly duplicateAppends: number;
  readonly revokes: number;
  readonly diskWrites: number;
  readonly diskSyncs: number;
  readonly elections: number;
  readonly leaderChanges: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Messages between others that it has passed on; those of them, and of its own, that took a direct link; those that got no further here. */
  readonly relayed: number;
  readonly relayedDirectly: number;
  readonly relaysRefused: number;
  /** Connections to other brokers that were taken into use, those of them that were closed because nobody needed them, and those that stand now. */
  readonly linksOpened: number;
  readonly linksClosedIdle: number;
  readonly links: number;
  readonly refusedLinks: number;
  readonly stampsAhead: number;
  readonly loopLagMsMax: number;
  readonly syncMsP99: number;
  readonly queuedAppendBytes: number;
  /** Of the partitions that it leads: bytes that no majority has yet, request ids remembered, and those of them with more than one batch. */
  readonly uncommittedBytes: number;
  readonly requestIds: number;
  readonly requestSessions: number;
};

/** Faults on purpose. */
export interface FaultSwitch {
  /** The switch of contract 2: while crashed nothing leaves the broker and everything in memory stays. */
  readonly crashed: boolean;
  crash(): void;
  recover(): void;
  /** Null where there are none. */
  readonly links: LinkFaults | null;
  /** Does this to the broker's own links, or says why it cannot: `invalidRequest`. */
  switchLinks(fault: LinkFault): LogError | null;
}
