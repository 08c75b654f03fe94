import type { ClockBounds, TraceSource } from '../../../clocks/index.ts';
import type { BrokerService, FaultSwitch, Schedules, SearchableLog, SpanService, Subscriptions } from '../../../eventlog/index.ts';
import type { Bytes, Clock, Logger } from '../../../host/index.ts';
import type { BatchLimits } from '../../../record/index.ts';
import type { BodiesInFlight } from '../bodies.ts';
import type { SearchOptions } from '../grep/index.ts';
import type { LargeRecords } from '../large-records.ts';
import type { ReadRoom } from '../read-room.ts';
import type { HttpSettings } from '../settings.ts';
import type { OneATurn } from '../../../search/index.ts';

/** What is known of the clocks of spooling agents that are connected here: of at most `max`, and how many there are beside. */
export type AgentClocksOf = (max: number) => {
  readonly agents: readonly {
    readonly process: string;
    readonly address: string;
    readonly bounds: ClockBounds | null;
    readonly stampsAhead: number;
  }[];
  readonly left: number;
};

/** What the routes work with. */
export interface ApiContext {
  readonly service: BrokerService;
  /** The same with promises. */
  readonly log: SearchableLog;
  readonly subscriptions: Subscriptions;
  readonly schedules: Schedules;
  readonly trace: TraceSource;
  readonly agentClocks: AgentClocksOf;
  readonly spans: SpanService;
  readonly spanExport: () => { readonly exported: number; readonly dropped: number };
  readonly isReady: () => boolean;
  readonly settings: HttpSettings;
  readonly limits: BatchLimits;
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly logger: Logger;
  readonly version: string;
  readonly search: SearchOptions;
  readonly faultInjection: boolean;
  readonly crash: () => void;
  readonly recover: () => void;
  readonly linkFaults: Pick<FaultSwitch, 'links' | 'switchLinks'>;
  readonly connectionCount: () => number;
  readonly revokesPending: () => number;
  /** Connections whose other end did not accept this broker's certificate. */
  readonly distrustCount: () => number;
  /** Plain appends, which are answered before they reach a route here. */
  readonly observeAppends: (onAnswered: (status: number, seconds: number) => void) => void;
  /** Folder with the built page (`index.html`). */
  readonly pageFolder: string;
  /** Answers of `follow` that are open now. */
  readonly followers: { count: number };
  readonly turns: OneATurn;
  readonly readRoom: ReadRoom;
  readonly bodies: BodiesInFlight;
  readonly large: LargeRecords;
  /** Requests without the right token. */
  readonly unauthorizedCount: () => number;
}
