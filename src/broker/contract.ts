import type { BrokerId, GroupId, Offset, Term } from '../base/branded.ts';
import type { Life } from '../base/life.ts';
import type { Result } from '../base/result.ts';
import type { AgentCauses, TraceEvent, TraceSource } from '../clocks/index.ts';
import type {
  AgedSample,
  BrokerCounters,
  BrokerService,
  FaultSwitch,
  LogError,
  ScheduleService,
  SpanService,
  SubscriptionService,
} from '../eventlog/index.ts';
import type { BrokerAddress, Host } from '../host/index.ts';
import type { Membership, Message, Persist, Ready, RestoredState, Role, TermStart } from '../raft/index.ts';
import type { SegmentScanner } from '../storage/index.ts';
import type { BrokerSettings } from './settings.ts';

/** What makes one broker. */
export interface BrokerOptions {
  readonly host: Host;
  readonly self: BrokerAddress;
  /** All configured brokers, this one included. */
  readonly brokers: readonly BrokerAddress[];
  readonly settings: BrokerSettings;
  readonly version: string;
  /**
   * Names the cluster for a data directory that has no identity yet. All brokers of a fresh cluster are given the same one; where it is null it is
   * derived from the configured addresses.
   */
  readonly clusterId: string | null;
  /** Proves brokers to one another by challenge and response; null only on loopback or with --insecure-listen. */
  readonly secret: Uint8Array | null;
  /** Contract 2's drop-in has no catalog: only the topic `log`, nothing written before `/exit`. */
  readonly logOnly: boolean;
  /**
   * Something that this process must not survive (first failed write or sync: `diskFailed`). The broker has already stopped acknowledging;
   * the daemon ends the process with the exit code of the catalogue.
   */
  readonly onFatal: (error: LogError) => void;
  /** What this broker did in the last `withinMs`, oldest first, for those who ask. Left out: it keeps no history. */
  readonly history?: (withinMs: number) => readonly AgedSample[];
  /** Makes searches of topics. Left out: this thread does, between its turns, and finds texts only. */
  readonly scanner?: SegmentScanner;
  /** Sees what every replica does; for checkers. */
  readonly observer?: BrokerObserver;
}

/**
 * Watches one broker and its replicas as they go, so that a checker sees every change once and at a bounded cost. It is called during the turn,
 * changes nothing and calls nothing of the broker.
 */
export interface BrokerObserver {
  /** The data is open, and this is how peers will know this start. */
  started(life: Life): void;
  /** A link to or from this life of a peer is taken into use. */
  met(peer: BrokerId, life: Life): void;
  /** A replica starts from this: what storage found, the checksum of its last frame, and who its members are. */
  opened(group: GroupId, state: RestoredState, lastChecksum: number, membership: Membership): void;
  /** A message of a peer is about to be looked at. */
  received(group: GroupId, message: Message): void;
  /** Right after each `raft.ready()` that owes something, before the host acts on it. */
  ready(group: GroupId, ready: Ready, replica: ReplicaView): void;
  /** The persist is synced, before its `then` leaves. */
  persisted(group: GroupId, persist: Persist): void;
  /** A pulse leaves that stands for the heartbeats of these groups, which are quiet under this broker (docs/decisions/0022). */
  pulsed(round: number, groups: Iterable<GroupId>): void;
  /** A pulse of a peer is answered: these groups rest here. */
  rests(peer: BrokerId, round: number, groups: Iterable<GroupId>): void;
  /** A peer has answered this pulse, and does not object to any of these. */
  confirmed(peer: BrokerId, round: number, groups: Iterable<GroupId>): void;
  /**
   * A message between others, or of this broker, goes on along the cube: where it has been, this broker the last, over whom, to whom, and whether by a direct
   * link for want of edges.
   */
  passed(hops: readonly BrokerId[], next: BrokerId, to: BrokerId, isDirect: boolean, reaches: (broker: BrokerId) => boolean): void;
  /** What is derived from a group's log has come to `at`: all records below it have taken effect and none above. `digest` looks at the whole state. */
  derived(group: GroupId, what: DerivedFrom, at: number, digest: () => number): void;
  /** Each causal event as it is noted; left out where no run is recorded, because it makes objects. */
  readonly happened?: (event: TraceEvent) => void;
}

/**
 * What brokers derive from logs: of each log who has appended what, of the catalog's the topics and brokers, of some what publishers and subscribers there are, or
 * what is to be appended later.
 */
export type DerivedFrom = 'producers' | 'topics' | 'subscribers' | 'scheduled';

/** A replica as it stands, uncommitted and unsynced tail included. */
export interface ReplicaView {
  readonly role: Role;
  readonly term: Term;
  readonly leader: BrokerId | null;
  readonly endOffset: Offset;
  readonly highWatermark: Offset;
  readonly termStarts: readonly TermStart[];
}

export interface RecentCounts {
  readonly counters: BrokerCounters;
  /** The longest that the event loop came late, and the 99th percentile of syncs, null without one; both since the last call. */
  readonly loopLagMs: number;
  readonly syncP99Ms: number | null;
}

/**
 * A broker as the daemon, the gateway and the simulator see it. `new Broker(options)` touches nothing; `open` reads the disk and joins.
 * All answers come through callbacks, at most once, never during the call.
 */
export interface BrokerApi extends BrokerService {
  /** Locks and opens the data, then takes part. Fails with dataInUse, dataUnusable, wrongIdentity, corruptData, diskFailed. */
  open(done: (result: Result<undefined, LogError>) => void): void;
  readonly faults: FaultSwitch;
  readonly subscriptions: SubscriptionService;
  /** What was given to be appended later. */
  readonly schedules: ScheduleService;
  /** What it did and heard last (docs/reference/trace.md). */
  readonly trace: TraceSource;
  /** Of traced requests (docs/decisions/0033). */
  readonly spans: SpanService;
  /** For the line gateway beside it. */
  readonly agents: AgentCauses;
  /** Syncs of its disk since its start: while there are more of them it stores something, which searches are not to hold up. */
  readonly diskSyncs: number;
  /** What it has counted, and of some things how they were since this was asked last: for whoever keeps its history. */
  takeCounts(): RecentCounts;
  /** True once all logs are open and `log` has a leader that this broker knows, or is damaged here: /readyz. */
  readonly ready: boolean;
  /**
   * Graceful stop: refuses new appends, transfers leadership, waits for what is in flight (bounded by `graceMs`), marks and closes the logs.
   */
  close(graceMs: number, done: () => void): void;
}
