/**
 * HTTP <-> `EventLog`: translation only (design, D9, D10). `Front` (`front.ts`) is the server and everything that must be quick or exact:
 * guards, plain appends, the hand-over of peers. `contract2/` are the course's routes, `api/` those of `/v1` with fastify, loaded later.
 */
import type { TraceSource } from '../../clocks/index.ts';
import {
  type ScheduleService,
  type SubscriptionService,
  withPromises,
  withSchedulePromises,
  withSubscriptionPromises,
} from '../../eventlog/index.ts';
import { type BatchLimits, defaultBatchLimits } from '../../record/index.ts';
import type { AgentClocksOf } from './api/index.ts';
import { BodiesInFlight } from './bodies.ts';
import { Front, type FrontOptions } from './front.ts';
import type { SearchOptions } from './grep/index.ts';
import { LargeRecords } from './large-records.ts';
import { ReadRoom } from './read-room.ts';
import { OneATurn } from '../../search/index.ts';

export { Front } from './front.ts';
export { hashToken } from './guards.ts';
export { defaultHttpSettings, type HttpSettings } from './settings.ts';

export interface GatewayOptions extends Omit<FrontOptions, 'loadApi' | 'limits' | 'bodies' | 'turns' | 'large'> {
  readonly version: string;
  readonly subscriptions: SubscriptionService;
  readonly schedules: ScheduleService;
  readonly trace: TraceSource;
  readonly agentClocks: AgentClocksOf;
  /** Spans that a collector has taken, and that were dropped. */
  readonly spanExport: () => { readonly exported: number; readonly dropped: number };
  /** What searches find here. */
  readonly search: SearchOptions;
  /** Largest record batch that the broker takes. */
  readonly batchBytesMax: number;
  /** Folder with the built page. */
  readonly pageFolder: string;
  /** `record-thread.ts`, or what was built from it. */
  readonly recordThread: string;
}

export function createHttpGateway(options: GatewayOptions): Front {
  const { version, pageFolder, subscriptions, schedules, trace, agentClocks, search, broker, settings, clock, bytes, logger } = options;
  const { faultInjection, spans, spanExport } = options;
  const limits: BatchLimits = { ...defaultBatchLimits, batchBytesMax: Math.min(options.batchBytesMax, defaultBatchLimits.batchBytesMax) };
  const bodies = new BodiesInFlight(settings.bodiesBytesMax);
  const turns = new OneATurn();
  const large = new LargeRecords(options.recordThread);
  const readRoom = new ReadRoom(settings.readBytesMax, settings.slowReaderPatienceMs, clock);
  return new Front({
    ...options,
    limits,
    bodies,
    turns,
    large,
    loadApi: async (front) => {
      const { createApi } = await import('./api/index.ts');
      return createApi({
        service: broker,
        log: withPromises(broker),
        subscriptions: withSubscriptionPromises(subscriptions),
        schedules: withSchedulePromises(schedules),
        trace,
        agentClocks,
        spans,
        spanExport,
        isReady: () => broker.ready,
        settings,
        limits,
        clock,
        bytes,
        logger,
        version,
        search,
        faultInjection,
        crash: () => front.crash(),
        recover: () => front.recover(),
        linkFaults: broker.faults,
        connectionCount: () => front.connectionCount,
        revokesPending: () => front.revokesPending,
        distrustCount: () => front.distrustCount,
        observeAppends: (onAnswered) => front.observeAppends(onAnswered),
        pageFolder,
        followers: { count: 0 },
        turns,
        readRoom,
        bodies,
        large,
        unauthorizedCount: () => front.unauthorizedCount,
      });
    },
  });
}
