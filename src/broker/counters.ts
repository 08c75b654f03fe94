import { percentile } from '../base/percentile.ts';
import type { BrokerCounters } from '../eventlog/index.ts';

/** What a broker holds now. */
type HeldNow = Pick<BrokerCounters, 'links' | 'queuedAppendBytes' | 'uncommittedBytes' | 'requestIds' | 'requestSessions'>;

/** What a broker counts since its start. Plain fields: the hot path adds to them. */
export class Counters {
  /** As leader, of whatever broker. */
  appends = 0;
  /** Asked of this broker by its own callers. */
  edgeAppends = 0;
  appendedRecords = 0;
  appendedBytes = 0;
  /** Of its own callers' appends, those that were acknowledged; what Cairn writes for itself is left out, here and of what was read. */
  acknowledgedRecords = 0;
  acknowledgedBytes = 0;
  /** Given to readers from the replicas here, whoever asked. */
  readRecords = 0;
  readBytes = 0;
  refusedAppends = 0;
  duplicateAppends = 0;
  revokes = 0;
  diskWrites = 0;
  /** Of every file and folder (`counted-disk.ts`). */
  diskSyncs = 0;
  elections = 0;
  leaderChanges = 0;
  framesSent = 0;
  framesReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Messages between others that it has passed on along the cube. */
  relayed = 0;
  /** Of those and its own, by a direct link because no edges lead on. */
  relayedDirectly = 0;
  /** Messages between others that got no further here. */
  relaysRefused = 0;
  /** Links that this broker or its peer would not have. */
  refusedLinks = 0;
  /** Connections to others that were taken into use, and those of them that were closed because nobody needed them. */
  linksOpened = 0;
  linksClosedIdle = 0;
  /** Stamps of peers that were too far ahead to be followed. */
  stampsAhead = 0;
  /** The longest since each of those who ask for it asked last (`takeLoopLag`). */
  readonly #loopLagMs = { load: 0, history: 0 };
  #loopLagMsMax = 0;
  /** The last writes of logs with their syncs, in ms; a ring. */
  readonly #syncMs = new Float64Array(512);
  #syncCount = 0;
  /** Those that a history has heard of (`takeSyncMsP99`). */
  #syncsTaken = 0;

  noteLoopLag(ms: number): void {
    if (ms > this.#loopLagMs.load) this.#loopLagMs.load = ms;
    if (ms > this.#loopLagMs.history) this.#loopLagMs.history = ms;
    if (ms > this.#loopLagMsMax) this.#loopLagMsMax = ms;
  }

  /** The longest since the last call of this one. */
  takeLoopLag(of: 'load' | 'history'): number {
    const lag = this.#loopLagMs[of];
    this.#loopLagMs[of] = 0;
    return hundredths(lag);
  }

  noteSync(ms: number): void {
    this.#syncMs[this.#syncCount % this.#syncMs.length] = ms;
    this.#syncCount++;
  }

  /** Of the last 512 syncs. */
  get syncMsP99(): number {
    return this.#syncP99Of(this.#syncCount) ?? 0;
  }

  /** Of those since the last call, of the last 512 where there were more; null where there was none. */
  takeSyncMsP99(): number | null {
    const p99 = this.#syncP99Of(this.#syncCount - this.#syncsTaken);
    this.#syncsTaken = this.#syncCount;
    return p99 === null ? null : hundredths(p99);
  }

  #syncP99Of(last: number): number | null {
    const count = Math.min(last, this.#syncCount, this.#syncMs.length);
    if (count === 0) return null;
    const first = this.#syncCount - count;
    const sorted = Float64Array.from({ length: count }, (_, index) => this.#syncMs[(first + index) % this.#syncMs.length] as number).sort();
    return percentile(sorted, 0.99);
  }

  snapshot(held: HeldNow): BrokerCounters {
    return {
      appends: this.appends,
      appendedRecords: this.appendedRecords,
      appendedBytes: this.appendedBytes,
      acknowledgedRecords: this.acknowledgedRecords,
      acknowledgedBytes: this.acknowledgedBytes,
      readRecords: this.readRecords,
      readBytes: this.readBytes,
      refusedAppends: this.refusedAppends,
      duplicateAppends: this.duplicateAppends,
      revokes: this.revokes,
      diskWrites: this.diskWrites,
      diskSyncs: this.diskSyncs,
      elections: this.elections,
      leaderChanges: this.leaderChanges,
      framesSent: this.framesSent,
      framesReceived: this.framesReceived,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      relayed: this.relayed,
      relayedDirectly: this.relayedDirectly,
      relaysRefused: this.relaysRefused,
      linksOpened: this.linksOpened,
      linksClosedIdle: this.linksClosedIdle,
      refusedLinks: this.refusedLinks,
      stampsAhead: this.stampsAhead,
      loopLagMsMax: hundredths(this.#loopLagMsMax),
      syncMsP99: hundredths(this.syncMsP99),
      ...held,
    };
  }
}

/** More digits than a clock is worth only make a page of numbers hard to read. */
const hundredths = (ms: number): number => Math.round(ms * 100) / 100;
