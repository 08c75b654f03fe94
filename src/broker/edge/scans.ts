import { offset } from '../../base/branded.ts';
import { type Answer, describeOffsets, type ScanGap, type ScanRequest, type ScanResult, type ScanSink } from '../../eventlog/index.ts';
import type { MissingRange, RangeScanned, ReadFailure, SegmentScanner } from '../../storage/index.ts';
import type { Barriers } from './barriers.ts';
import { type Core, failure } from '../core.ts';
import type { Replica } from '../replica/index.ts';
import { freshnessMs } from './reads.ts';

/** How long a search that was ended may take to say how far it came: a disk may hang. */
const endingMs = 1000;
/** Searches under way in one broker: each has a window of its own in memory. */
const scansMax = 64;

interface Scan {
  readonly request: ScanRequest;
  readonly replica: Replica;
  readonly sink: ScanSink;
  readonly answer: Answer<ScanResult>;
  readonly deadlineMs: number;
  /** The search begins by then, or not at all. */
  readonly beginByMs: number;
  state: 'freshening' | 'deriving' | 'resolving' | 'searching' | 'done';
  /** Why it ends before its end, once that is so. */
  ending: string | null;
  endByMs: number;
  /** All is taken that was found below this offset. */
  takenTo: number;
  /** Something was found behind it that nobody took. */
  isCut: boolean;
  cancel: () => void;
  /** Given what was found, the taker has not asked for more yet. */
  next: (() => void) | null;
}

interface Begun {
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly asOfMs: number;
  readonly lag: number;
}

/**
 * Searches of topics: as fresh as a read of the same words, over what is committed when they begin, and made by whoever can read the files beside the turns of
 * this broker. What was removed, damaged or not reached is told offset by offset, never passed over.
 */
export class Scans {
  readonly #core: Core;
  readonly #barriers: Barriers;
  readonly #scanner: SegmentScanner;
  readonly #scans = new Set<Scan>();

  constructor(core: Core, barriers: Barriers, scanner: SegmentScanner) {
    this.#core = core;
    this.#barriers = barriers;
    this.#scanner = scanner;
  }

  get count(): number {
    return this.#scans.size;
  }

  begin(request: ScanRequest, replica: Replica, sink: ScanSink, answer: Answer<ScanResult>): void {
    if (this.#scans.size >= scansMax) {
      const message = `Cannot search topic "${request.topic}": ${scansMax} searches are under way in this broker`;
      return this.#core.later(() => answer(failure('overloaded', message)));
    }
    const nowMs = this.#core.nowMs();
    const deadlineMs = nowMs + request.timeoutMs;
    const beginByMs = Math.min(deadlineMs, nowMs + freshnessMs);
    const scan: Scan = {
      request,
      replica,
      sink,
      answer,
      deadlineMs,
      beginByMs,
      state: 'freshening',
      ending: null,
      endByMs: 0,
      takenTo: 0,
      isCut: false,
      cancel: () => undefined,
      next: null,
    };
    this.#scans.add(scan);
    const { cancel } = request;
    if (cancel !== undefined) cancel.onCancel = () => this.#core.later(() => this.#stop(scan, 'it was cancelled'));
    if (request.freshness === 'linearizable') {
      this.#barriers.begin(replica.group, beginByMs, (isCurrent) => {
        if (scan.state !== 'freshening') return;
        if (isCurrent) this.#derived(scan);
        else this.#notCurrent(scan, 'no leader confirmed its end in time');
      });
    } else {
      this.#core.later(() => this.#freshen(scan));
    }
  }

  #freshen(scan: Scan): void {
    const { freshness, sessionOffset } = scan.request;
    if (scan.state !== 'freshening' || freshness === 'linearizable') return;
    if (freshness === 'local' || scan.replica.visible >= sessionOffset) this.#derived(scan);
  }

  /** What is revoked is not known until the log has been read again. */
  #derived(scan: Scan): void {
    scan.state = 'deriving';
    if (scan.replica.isDerived) this.#resolve(scan);
  }

  /** Log time never goes back along a log, so a range of time is one of offsets. */
  #resolve(scan: Scan): void {
    scan.state = 'resolving';
    const { request, replica } = scan;
    const begun: Begun = {
      logStartOffset: replica.log.logStartOffset,
      highWatermark: replica.visible,
      asOfMs: request.freshness === 'linearizable' && replica.raft.role === 'leader' ? 0 : replica.asOfMs(this.#core.nowMs()),
      lag: replica.lag,
    };
    this.#offsetAt(scan, begun, request.sinceMs, (since) => {
      this.#offsetAt(scan, begun, request.untilMs, (until) => {
        const offsetFrom = Math.max(request.offsetFrom ?? begun.logStartOffset, since ?? 0);
        if (offsetFrom > begun.highWatermark) return this.#outOfRange(scan, begun, offsetFrom);
        const offsetTo = Math.min(request.offsetTo ?? begun.highWatermark, until ?? begun.highWatermark, begun.highWatermark);
        this.#search(scan, begun, offsetFrom, Math.max(offsetFrom, offsetTo));
      });
    });
  }

  #offsetAt(scan: Scan, begun: Begun, timeMs: number | null, found: (offset: number | null) => void): void {
    if (timeMs === null) return found(null);
    scan.replica.log.offsetSince(timeMs, (result) => {
      if (scan.state !== 'resolving') return;
      if (result.ok) return found(Math.min(result.value, begun.highWatermark));
      this.#finish(scan, failure('diskFailed', `Cannot search topic "${scan.request.topic}": its times cannot be read`));
    });
  }

  #outOfRange(scan: Scan, { logStartOffset, highWatermark }: Begun, offsetFrom: number): void {
    const range = `it holds ${describeOffsets(logStartOffset, highWatermark)}`;
    const message = `Cannot search topic "${scan.request.topic}" from offset ${offsetFrom}: ${range}`;
    this.#finish(scan, failure('offsetOutOfRange', message, { logStartOffset, endOffset: highWatermark }));
  }

  #search(scan: Scan, begun: Begun, offsetFrom: number, offsetTo: number): void {
    const { request, replica } = scan;
    scan.state = 'searching';
    scan.sink.begin?.({ partition: request.partition ?? 0, offsetFrom, offsetTo, ...begun });
    const search = {
      range: replica.log.locate(offset(offsetFrom), offset(offsetTo)),
      query: request.query,
      hidden: replica.tail.producers.hiddenAt(begun.highWatermark),
    };
    const running = this.#scanner.scan(
      search,
      (chunk, next) => {
        // Nobody takes what comes after the answer.
        if (scan.state !== 'searching' || scan.ending !== null) {
          scan.isCut = true;
          return next();
        }
        scan.next = next;
        scan.takenTo = chunk.offsetTo;
        scan.sink.take(chunk, () => this.#release(scan, next));
      },
      (result) => {
        if (scan.state !== 'searching') return;
        if (result.ok) this.#found(scan, begun, offsetFrom, result.value);
        else this.#finish(scan, failure('invalidRequest', `Cannot search topic "${request.topic}": ${result.error}`));
      },
    );
    scan.cancel = () => running.cancel();
  }

  #release(scan: Scan, next: () => void): void {
    if (scan.next !== next) return;
    scan.next = null;
    next();
  }

  /** A search that waits for its taker waits no longer. */
  #end(scan: Scan): void {
    scan.cancel();
    if (scan.next !== null) this.#release(scan, scan.next);
  }

  #found(scan: Scan, begun: Begun, offsetFrom: number, found: RangeScanned): void {
    const { request, ending } = scan;
    for (const { corruption, offsetFrom: at } of found.missing) if (corruption !== null) this.#confirm(scan.replica, at);
    const gaps: ScanGap[] = whatIsMissing(scan, found, offsetFrom).map(({ offsetFrom: from, offsetTo, reason, detail }) => ({
      offsetFrom: from,
      offsetTo,
      reason,
      detail: reason === 'stopped' ? (detail ?? ending) : detail,
    }));
    const { topic, partition = 0 } = request;
    const { selected, engine, asked, bytesRead, filtered } = found;
    const stats = { engine, asked, bytesRead, ...filtered };
    this.#finish(scan, { ok: true, value: { topic, partition, offsetFrom, offsetTo: found.offsetTo, gaps, selected, ...begun, stats } });
  }

  /** Damage that another thread has met is read again by the log itself, whose word fences it. */
  #confirm(replica: Replica, at: number): void {
    replica.log.read({ offsetFrom: offset(at), offsetTo: offset(at + 1), bytesMax: 1 }, (result) => {
      const error: ReadFailure | null = result.ok ? null : result.error;
      if (error?.kind === 'corrupt') replica.damaged(error);
      this.#core.wake();
    });
  }

  #stop(scan: Scan, detail: string): void {
    if (scan.state === 'done' || scan.ending !== null) return;
    if (scan.state !== 'searching') {
      return this.#finish(scan, failure('notCurrent', `Cannot search topic "${scan.request.topic}": ${detail} before it began`));
    }
    scan.ending = detail;
    scan.endByMs = this.#core.nowMs() + endingMs;
    this.#end(scan);
  }

  #notCurrent(scan: Scan, reason: string): void {
    this.#finish(scan, failure('notCurrent', `Cannot search topic "${scan.request.topic}": ${reason}`));
  }

  #finish(scan: Scan, outcome: Parameters<Answer<ScanResult>>[0]): void {
    if (scan.state === 'done') return;
    scan.state = 'done';
    this.#scans.delete(scan);
    if (scan.request.cancel !== undefined) scan.request.cancel.onCancel = null;
    this.#core.later(() => scan.answer(outcome));
  }

  /** More of a replica can be read. */
  advanced(replica: Replica): void {
    for (const scan of this.#scans) {
      if (scan.replica !== replica) continue;
      if (scan.state === 'freshening') this.#freshen(scan);
      else if (scan.state === 'deriving' && replica.isDerived) this.#resolve(scan);
    }
  }

  expire(nowMs: number): void {
    for (const scan of this.#scans) {
      if (scan.state === 'searching') {
        if (nowMs >= scan.deadlineMs) this.#stop(scan, `its time of ${scan.request.timeoutMs} ms is spent`);
        if (scan.ending !== null && nowMs >= scan.endByMs) this.#notCurrent(scan, 'the disk of this broker did not answer in time');
      } else if (nowMs >= scan.beginByMs) {
        this.#notCurrent(scan, scan.state === 'deriving' ? 'this broker is reading its log again' : 'this broker could not begin in time');
      }
    }
  }

  /** Ends every search, or those of one replica: what was found may have been taken already, and the error says that there was more. */
  abandon(code: 'crashed' | 'shuttingDown' | 'unknownTopic' | 'fenced', reason: string, replica: Replica | null = null): void {
    for (const scan of this.#scans) {
      if (replica !== null && scan.replica !== replica) continue;
      this.#end(scan);
      this.#finish(scan, failure(code, `Cannot search topic "${scan.request.topic}": ${reason}`));
    }
  }
}

/** A search that was ended may have found more than was taken from it. */
function whatIsMissing({ isCut, takenTo }: Scan, { missing, offsetTo }: RangeScanned, offsetFrom: number): readonly MissingRange[] {
  if (!isCut) return missing;
  const from = Math.max(offsetFrom, takenTo);
  const before = missing.filter((gap) => gap.offsetFrom < from).map((gap) => ({ ...gap, offsetTo: Math.min(gap.offsetTo, from) }));
  return [...before, { offsetFrom: from, offsetTo, reason: 'stopped', detail: null, corruption: null }];
}
