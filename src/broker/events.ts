import { RecordBatchBuilder } from '../record/index.ts';
import type { Appends } from './edge/index.ts';
import type { Core } from './core.ts';
import type { Topics } from './catalog/index.ts';
import { eventsTopic } from './well-known.ts';

export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** Events that wait because the topic is not there yet or has no leader; the oldest are worth most, so new ones are dropped. */
const waitingMax = 256;
const appendMs = 10_000;
const loadMs = 1000;
/** An idle broker says so this often: once a second would cost every replica a sync for nothing. */
const idleLoadMs = 10_000;
const slowLagMs = 250;

/**
 * What this broker tells about itself, as JSON values in `cairn.events`: started, election, leader, slow sync, fault, load. Fire and forget through the
 * append path; bounded, and what cannot be told is dropped and counted.
 */
export class Events {
  readonly #core: Core;
  readonly #appends: Appends;
  readonly #topics: Topics;
  #waiting: string[] = [];
  #inFlight = 0;
  #dropped = 0;
  #lastLoadMs = 0;
  #lastEdgeAppends = 0;
  #hasNews = true;

  constructor(core: Core, appends: Appends, topics: Topics) {
    this.#core = core;
    this.#appends = appends;
    this.#topics = topics;
  }

  get dropped(): number {
    return this.#dropped;
  }

  note(event: string, fields: EventFields = {}): void {
    this.#hasNews = true;
    this.#add(event, fields);
  }

  #add(event: string, fields: EventFields): void {
    if (this.#waiting.length + this.#inFlight >= waitingMax) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(JSON.stringify({ atMs: this.#core.host.clock.wallMs(), broker: this.#core.self, event, ...fields }));
  }

  tick(nowMs: number): void {
    if (nowMs - this.#lastLoadMs >= loadMs) this.#load(nowMs);
    if (this.#waiting.length > 0) this.#send();
  }

  #load(nowMs: number): void {
    const { counters } = this.#core;
    const lagMs = counters.takeLoopLag('load');
    const appends = counters.edgeAppends - this.#lastEdgeAppends;
    const isIdle = appends === 0 && lagMs < slowLagMs && !this.#hasNews;
    if (isIdle && nowMs - this.#lastLoadMs < idleLoadMs) return;
    this.#add('load', {
      appends,
      seconds: Math.round((nowMs - this.#lastLoadMs) / 100) / 10,
      loopLagMs: Math.round(lagMs * 10) / 10,
      syncP99Ms: Math.round(counters.syncMsP99 * 100) / 100,
      queuedBytes: this.#appends.queuedBytes,
      dropped: this.#dropped,
    });
    this.#lastLoadMs = nowMs;
    this.#lastEdgeAppends = counters.edgeAppends;
    this.#hasNews = false;
  }

  #send(): void {
    const group = this.#topics.group({ topic: eventsTopic });
    const replica = group === null ? undefined : this.#core.replica(group);
    if (group === null || replica === undefined || this.#inFlight > 0) return;
    const values = this.#waiting;
    this.#waiting = [];
    if (replica.log.sizeBytes > this.#core.settings.eventsRetentionBytes) {
      // A replica is away, so that nothing may be removed for it.
      this.#dropped += values.length;
      return;
    }
    const { bytes, clock } = this.#core.host;
    const builder = new RecordBatchBuilder();
    for (const value of values) builder.add(Math.floor(clock.wallMs()), null, bytes.utf8Encode(value));
    this.#inFlight = values.length;
    const request = {
      topic: eventsTopic,
      batch: builder.finishUnsealed(),
      level: 'quorum' as const,
      timeoutMs: appendMs,
      requestId: null,
      sequence: 0,
      expectedOffset: null,
    };
    this.#appends.append(group, request, (outcome) => {
      this.#inFlight = 0;
      if (!outcome.ok) this.#dropped += values.length;
    });
  }
}
