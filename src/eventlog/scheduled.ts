/** Records that are appended later (docs/decisions/0036): what waits is listed, and may be cancelled until its delivery begins. */
import { promised } from './promises.ts';
import type { Answer } from './services.ts';
import type { AppendResult } from './types.ts';

/** Farthest ahead: 30 days. */
export const scheduledAheadMsMax = 30 * 24 * 3600 * 1000;

/** Of the records of one request that are for one time and one partition, together. */
export const scheduledBytesMax = 1_000_000;

/** Most of one answer. */
export const scheduledPageMax = 1000;

/** As it is shown to people and programs: what is appended later has no offset yet, and no term and time there. */
export function shownAppend(result: AppendResult): unknown {
  if (result.scheduled === undefined) return result;
  const { scheduled, offset: _offset, term: _term, timestampMs: _timestampMs, ...rest } = result;
  return { ...rest, scheduled: true, ...scheduled };
}

export interface ScheduledQuery {
  /** Of this topic; null for all. */
  readonly topic: string | null;
  /** Behind this place, as `ScheduledPage.next` names it; null from the beginning. */
  readonly after: string | null;
  readonly limit: number;
}

/** Records that were given together, for one time and one partition: they are delivered together. */
export interface ScheduledRecords {
  /** By which they are cancelled. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  /** They are appended when the log time of their partition is this, or later. Milliseconds since 1970. */
  readonly deliverAtMs: number;
  readonly count: number;
  /** Without what the log adds. */
  readonly bytes: number;
  /** `delivering`: nothing cancels them any more. */
  readonly state: 'waiting' | 'delivering';
  /** Why they are not delivered yet though they are due, as a sentence without its full stop; null where nothing is known. */
  readonly problem: string | null;
}

export interface ScheduledPage {
  /** The next one to be delivered first. */
  readonly scheduled: readonly ScheduledRecords[];
  /** What to give as `after` for those that follow; null where these are the last. */
  readonly next: string | null;
  readonly totals: ScheduledTotals;
}

/** Of the cluster, all topics together; each counts what was given together as one. */
export interface ScheduledTotals {
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly delivered: number;
  readonly cancelled: number;
  /** Their topic was deleted, or would never take them. */
  readonly dropped: number;
}

export interface Cancelled {
  readonly id: string;
}

export interface ScheduleService {
  listScheduled(query: ScheduledQuery, answer: Answer<ScheduledPage>): void;
  /** `notScheduled` where it does not wait, or no more; `beingDelivered` where it is too late. */
  cancelScheduled(id: string, answer: Answer<Cancelled>): void;
}

/** `ScheduleService` with promises. Failures reject with a `LogError`. */
export interface Schedules {
  listScheduled(query: ScheduledQuery): Promise<ScheduledPage>;
  cancelScheduled(id: string): Promise<Cancelled>;
}

export function withSchedulePromises(service: ScheduleService): Schedules {
  return {
    listScheduled: (query) => promised((answer) => service.listScheduled(query, answer)),
    cancelScheduled: (id) => promised((answer) => service.cancelScheduled(id, answer)),
  };
}
