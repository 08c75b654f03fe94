import type { BrokerId, GroupId } from '../base/branded.ts';
import type { TraceContext } from '../base/trace-context.ts';
import type { OpenSpan } from '../eventlog/index.ts';
import { type BatchTrace, batchTracesMax } from '../wire/index.ts';
import type { Spans } from './spans.ts';

/** Traced batches on their way to disks and followers at once; of others these spans are missing. */
const followedMax = 256;
/** One whose end has not come by then was cut, or its group is fenced. */
const followedMs = 10_000;
const noTraces: readonly BatchTrace[] = [];

interface Followed {
  readonly group: GroupId;
  readonly offsetFrom: number;
  /** What its fsync here, and at its followers its way there, is part of. */
  readonly context: TraceContext;
  /** Of a follower: from when it came until it is acknowledged. */
  readonly replicating: OpenSpan | null;
  readonly untilMs: number;
  isStored: boolean;
  /** Of a leader. */
  isCommitted: boolean;
  isAnswered: boolean;
}

/**
 * Which batches on their way through logs are traced: what a log stores, it stores for many appends at once, and what it is told is where it has come to. A
 * follower's is over when it is stored; a leader's, which followers may be sent, when it is stored, committed and answered. Empty but while a traced append is
 * under way, and `isActive` says so: all others cost a look at that, and while one is under way a look at each of those, but no object.
 */
export class LogSpans {
  readonly #spans: Spans;
  readonly #nowMs: () => number;
  readonly #followed: Followed[] = [];
  isActive = false;

  constructor(spans: Spans, nowMs: () => number) {
    this.#spans = spans;
    this.#nowMs = nowMs;
  }

  /** A leader has put it into its log. */
  appended(group: GroupId, offsetFrom: number, context: TraceContext): void {
    this.#follow(group, offsetFrom, context, null);
  }

  /** A follower was sent these. */
  received(group: GroupId, from: BrokerId, batches: readonly BatchTrace[]): void {
    for (const { offsetFrom, context } of batches) {
      const isKnown = this.#followed.some(
        (one) => one.group === group && one.offsetFrom === offsetFrom && one.replicating?.parentId === context.spanId,
      );
      if (isKnown || this.#followed.length >= followedMax) continue;
      const replicating = this.#spans.begin('replicate', context, { leader: from, offset: offsetFrom });
      this.#follow(group, offsetFrom, replicating.context, replicating);
    }
  }

  #follow(group: GroupId, offsetFrom: number, context: TraceContext, replicating: OpenSpan | null): void {
    if (this.#followed.length >= followedMax) return;
    const untilMs = this.#nowMs() + followedMs;
    this.#followed.push({ group, offsetFrom, context, replicating, untilMs, isStored: false, isCommitted: false, isAnswered: false });
    this.isActive = true;
  }

  /** Of a leader: the traces of these batches, for whoever is sent them. */
  tracesOf(group: number, offsetFrom: number, offsetTo: number): readonly BatchTrace[] {
    let found: BatchTrace[] | null = null;
    for (const one of this.#followed) {
      if (one.group !== group || one.replicating !== null || one.offsetFrom < offsetFrom || one.offsetFrom >= offsetTo) continue;
      found ??= [];
      if (found.length < batchTracesMax) found.push({ offsetFrom: one.offsetFrom, context: one.context });
    }
    return found ?? noTraces;
  }

  /** What of this log stands below `offsetTo` is on the disk; the last write with its sync began at `startedMs` on the monotonic clock. */
  stored(group: GroupId, offsetTo: number, startedMs: number): void {
    for (const one of this.#followed) {
      if (one.group !== group || one.isStored || one.offsetFrom >= offsetTo) continue;
      one.isStored = true;
      this.#spans.end(this.#spans.beginAt(startedMs, 'fsync', one.context));
      if (one.replicating !== null) this.#spans.end(one.replicating);
    }
    this.#tidy(Number.NEGATIVE_INFINITY);
  }

  /** What of this log stands below `offsetTo` is committed. */
  committed(group: GroupId, offsetTo: number): void {
    for (const one of this.#followed) if (one.group === group && one.offsetFrom < offsetTo) one.isCommitted = true;
    this.#tidy(Number.NEGATIVE_INFINITY);
  }

  /** Whoever appended this batch has been told, whatever it was. */
  answered(group: GroupId, offsetFrom: number): void {
    for (const one of this.#followed) {
      if (one.group === group && one.offsetFrom === offsetFrom && one.replicating === null) one.isAnswered = true;
    }
    this.#tidy(Number.NEGATIVE_INFINITY);
  }

  expire(nowMs: number): void {
    this.#tidy(nowMs);
  }

  /** Lets go of what is over, and of what has been followed for too long. */
  #tidy(nowMs: number): void {
    let kept = 0;
    for (const one of this.#followed) if (nowMs < one.untilMs && !isOver(one)) this.#followed[kept++] = one;
    this.#followed.length = kept;
    this.isActive = kept > 0;
  }
}

const isOver = ({ replicating, isStored, isCommitted, isAnswered }: Followed): boolean =>
  isStored && (replicating !== null || (isCommitted && isAnswered));
