import type { ErrorCode } from '../base/errors.ts';
import { type CancelSignal, type Freshness, LogError, type Outcome, type ReadResult, type RecordService } from '../eventlog/index.ts';
import type { Clock, Timer } from '../host/index.ts';
import { baseOffset, lastOffsetDelta } from '../record/index.ts';
import type { PartitionPlace } from './places.ts';

export interface MergedReaderOptions {
  readonly log: Pick<RecordService, 'read'>;
  readonly clock: Clock;
  readonly topic: string;
  /** Where to begin in each partition. */
  readonly places: readonly PartitionPlace[];
  /** Of all partitions together; of each at least a batch is held. */
  readonly bytesMax: number;
  readonly freshness: Freshness;
  /** With `session`: how far each partition must have come. */
  readonly sessionOffsets: readonly number[];
  /** Whose records the first partitions have to hold, where that is known. */
  readonly groups?: readonly number[];
  /** A partition that has not answered after this is silent: the others are read without it. */
  readonly silentMs: number;
}

/** What comes next in order of log time. */
export interface MergedPiece {
  readonly partition: number;
  readonly batch: Uint8Array;
  /** Log time, ms since 1970. */
  readonly timeMs: number;
  /** Records below are not meant. */
  readonly offsetFrom: number;
  /** Where its partition goes on behind it. */
  readonly offsetTo: number;
}

export interface MissingPartition {
  readonly partition: number;
  /** As a sentence without its full stop. */
  readonly reason: string;
}

/** Before a partition that said that it cannot be read now is asked again. */
const againMs = 250;

interface Held {
  readonly batch: Uint8Array;
  readonly timeMs: number;
  readonly offsetTo: number;
}

/** One partition, as far as it is read. */
interface Source {
  readonly partition: number;
  place: PartitionPlace;
  /** Ascending; read and not given yet. */
  held: readonly Held[];
  given: number;
  /** Where it goes on behind what is held. */
  next: number | null;
  /** Nothing more was there when it was asked last. */
  isAtEnd: boolean;
  /** Asked, and not answered yet: how that is ended. */
  asking: { cancelled: boolean; onCancel: (() => void) | null } | null;
  /** Why it is read without, once it is. */
  silent: string | null;
  asOfMs: number;
  lag: number;
  /** Whose records they are; a topic that is made again has others. */
  group: number | undefined;
}

/** It may answer yet, or another time. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'notCurrent',
  'noLeader',
  'notLeader',
  'starting',
  'fenced',
  'diskFailed',
  'overloaded',
  'timeout',
  'connectionLost',
]);

/**
 * All partitions of a topic as one stream of batches in order of log time, and of equal ones in order of partitions. A batch is given once every other
 * partition has shown what it has next, or that it has nothing more; where one does not say so in time the others are given without it, and it is named.
 * It is never passed over: it goes on where it was, later. So behind the end of what there is, records come in the order in which they are found.
 *
 * `fill` reads on, then `piece` gives batch after batch, each until `advance` says how far it was taken.
 */
export class MergedReader {
  readonly #options: MergedReaderOptions;
  readonly #sources: Source[];
  #filling: Filling | null = null;

  constructor(options: MergedReaderOptions) {
    this.#options = options;
    const { places, groups = [] } = options;
    this.#sources = places.map((place, partition) => sourceOf(partition, place, groups[partition]));
  }

  /** The topic has so many partitions by now: those that were added are read from their beginning. */
  grow(count: number): void {
    while (this.#sources.length < count) this.#sources.push(sourceOf(this.#sources.length, { from: 'start' }, undefined));
  }

  /** Where to go on, behind all that was taken. */
  get places(): readonly PartitionPlace[] {
    return this.#sources.map(({ place }) => place);
  }

  get missing(): readonly MissingPartition[] {
    return this.#sources.flatMap(({ partition, silent }) => (silent === null ? [] : [{ partition, reason: silent }]));
  }

  /** Of the partition that was current least lately. */
  get asOfMs(): number {
    return Math.max(...this.#sources.map(({ asOfMs }) => asOfMs));
  }

  get lag(): number {
    return this.#sources.reduce((sum, { lag }) => sum + lag, 0);
  }

  /** All that was there when each partition was asked last has been given, of those that answer. */
  get isAtEnd(): boolean {
    return this.#sources.every((source) => isEmpty(source) && (source.isAtEnd || source.silent !== null));
  }

  /**
   * Reads on in every partition of which nothing is held; where none has anything, waits for up to `waitMs` until one has. Fails where no partition
   * answers, and where one says what the others would not make good, as that the place is none.
   */
  fill(waitMs: number, cancel: CancelSignal, done: (error: LogError | null) => void): void {
    for (const source of this.#sources) if (isEmpty(source)) source.isAtEnd = false;
    const over = (error: LogError | null): void => {
      cancel.onCancel = null;
      done(error);
    };
    this.#ask(0, cancel, (error) => {
      const hasSome = this.#sources.some((source) => !isEmpty(source));
      if (error !== null || hasSome || waitMs <= 0 || cancel.cancelled || !this.isAtEnd) return over(error);
      for (const source of this.#sources) source.isAtEnd = false;
      this.#ask(waitMs, cancel, over);
    });
  }

  /** What comes next; null where that must be read first, or nothing is there. */
  piece(): MergedPiece | null {
    let first: Source | null = null;
    for (const source of this.#sources) {
      if (isEmpty(source)) {
        if (!source.isAtEnd && source.silent === null) return null;
      } else if (first === null || timeOf(source) < timeOf(first)) first = source;
    }
    const held = first?.held[first.given];
    if (first === null || held === undefined) return null;
    const offsetFrom = first.place.from === 'offset' ? first.place.offset : 0;
    return { partition: first.partition, batch: held.batch, timeMs: held.timeMs, offsetFrom, offsetTo: held.offsetTo };
  }

  /** Of the piece that is next all below this offset was taken. */
  advance({ partition, offsetTo }: MergedPiece, offset = offsetTo): void {
    const source = this.#sources[partition] as Source;
    source.place = { from: 'offset', offset };
    if (offset < offsetTo) return;
    source.given++;
    if (isEmpty(source)) rest(source);
  }

  /** Nobody reads on: what is asked is not waited for. */
  close(): void {
    this.#filling = null;
    for (const { asking } of this.#sources) stop(asking);
  }

  #ask(waitMs: number, cancel: CancelSignal, done: (error: LogError | null) => void): void {
    const untilMs = this.#options.clock.monotonicMs() + waitMs;
    const filling: Filling = { done, cancel, timer: null, isWaiting: waitMs > 0, untilMs, isTimeUp: false };
    this.#filling = filling;
    cancel.onCancel = () => {
      for (const { asking } of this.#sources) stop(asking);
    };
    for (const source of this.#sources) {
      if (isEmpty(source) && !source.isAtEnd && source.asking === null) this.#read(source, waitMs);
    }
    filling.timer = this.#options.clock.startTimer(waitMs + this.#options.silentMs, () => {
      filling.isTimeUp = true;
      for (const source of this.#sources) {
        if (source.asking !== null) source.silent ??= `it has not answered within ${this.#options.silentMs} ms`;
      }
      this.#look();
    });
    this.#look();
  }

  #read(source: Source, waitMs: number): void {
    const { log, topic, bytesMax, freshness, sessionOffsets } = this.#options;
    const { partition, place, group } = source;
    const asking: NonNullable<Source['asking']> = { cancelled: false, onCancel: null };
    source.asking = asking;
    log.read(
      {
        topic,
        partition,
        offsetFrom: source.next ?? (place.from === 'offset' ? place.offset : null),
        sinceMs: source.next === null && place.from === 'since' ? place.timeMs : null,
        bytesMax: Math.max(1, Math.floor(bytesMax / this.#sources.length)),
        freshness,
        sessionOffset: sessionOffsets[partition] ?? 0,
        waitMs,
        cancel: asking,
        ...(group === undefined ? {} : { group }),
      },
      (outcome) => {
        source.asking = null;
        this.#answered(source, outcome, asking.cancelled);
        this.#look();
      },
    );
  }

  #answered(source: Source, outcome: Outcome<ReadResult>, isCancelled: boolean): void {
    if (!outcome.ok) {
      const { error } = outcome;
      source.silent = error.message;
      if (!passing.has(error.code)) this.#end(error);
      else if (this.#filling?.isWaiting === true) this.#askAgain(source, this.#filling);
      return;
    }
    const { value } = outcome;
    // Somebody else had something first: what is there is asked for again.
    if (isCancelled && value.batches.length === 0) return void (source.isAtEnd = true);
    const wasSilent = source.silent !== null;
    source.silent = null;
    source.group = value.group;
    source.asOfMs = value.asOfMs;
    source.lag = value.lag;
    if (source.place.from !== 'offset') source.place = { from: 'offset', offset: value.offsetFrom };
    source.next = value.offsetNext;
    source.isAtEnd = value.offsetNext >= value.highWatermark;
    source.held = heldOf(value);
    source.given = 0;
    if (isEmpty(source)) {
      rest(source);
      if (wasSilent) this.#waitOn(source);
    } else if (this.#filling?.isWaiting === true) for (const { asking } of this.#sources) stop(asking);
  }

  /** Others may have nothing for long. */
  #askAgain(source: Source, filling: Filling): void {
    this.#options.clock.startTimer(againMs, () => {
      if (this.#filling === filling && source.asking === null) this.#read(source, 0);
    });
  }

  /** It answers again: what comes to it is waited for with the others, as long as none of them has anything. */
  #waitOn(source: Source): void {
    const filling = this.#filling;
    if (filling === null || filling.cancel.cancelled || !this.#sources.every(isEmpty)) return;
    const leftMs = filling.untilMs - this.#options.clock.monotonicMs();
    if (leftMs > 0) this.#read(source, leftMs);
  }

  /** Ends the filling once everybody has answered or is read without. */
  #look(): void {
    if (this.#filling === null) return;
    const isAnybody = this.#sources.some(({ silent }) => silent === null);
    // Where there is nobody else those that have been silent are waited for too.
    const isWaitedFor = ({ asking, silent }: Source): boolean => asking !== null && (silent === null || !isAnybody);
    if (!this.#filling.isTimeUp && this.#sources.some(isWaitedFor)) return;
    const [first] = this.missing;
    this.#end(isAnybody || first === undefined ? null : new LogError('notCurrent', `No partition can be read: ${first.reason}`));
  }

  #end(error: LogError | null): void {
    const filling = this.#filling;
    if (filling === null) return;
    this.#filling = null;
    filling.timer?.cancel();
    filling.done(error);
  }
}

interface Filling {
  readonly done: (error: LogError | null) => void;
  readonly cancel: CancelSignal;
  timer: Timer | null;
  /** For what comes: the first that comes is enough. */
  readonly isWaiting: boolean;
  readonly untilMs: number;
  isTimeUp: boolean;
}

const sourceOf = (partition: number, place: PartitionPlace, group: number | undefined): Source => ({
  partition,
  place,
  held: [],
  given: 0,
  next: null,
  isAtEnd: false,
  asking: null,
  silent: null,
  asOfMs: 0,
  lag: 0,
  group,
});

const isEmpty = ({ held, given }: Source): boolean => given >= held.length;

const timeOf = ({ held, given }: Source): number => held[given]?.timeMs ?? Number.POSITIVE_INFINITY;

/** Behind what is held there may be what no reader is shown. */
function rest(source: Source): void {
  source.held = [];
  source.given = 0;
  if (source.next !== null) source.place = { from: 'offset', offset: source.next };
}

function stop(asking: Source['asking']): void {
  if (asking === null || asking.cancelled) return;
  asking.cancelled = true;
  asking.onCancel?.();
}

function heldOf({ batches, times = [] }: ReadResult): readonly Held[] {
  return batches.map((batch, index) => ({ batch, timeMs: times[index] ?? 0, offsetTo: baseOffset(batch) + lastOffsetDelta(batch) + 1 }));
}
