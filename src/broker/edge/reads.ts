import { type Offset, offset } from '../../base/branded.ts';
import { type Answer, describeOffsets, type EndRequest, type EndResult, type ReadRequest, type ReadResult } from '../../eventlog/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import { batchOf, isControl, producerId, producerKind, recordCount, stampMs } from '../../record/index.ts';
import { describeFailure, type ReadFailure } from '../../storage/index.ts';
import type { Barriers } from './barriers.ts';
import { type Core, failure } from '../core.ts';
import type { Replica } from '../replica/index.ts';
import { isOfCairn } from '../well-known.ts';

/** A read that cannot be made as fresh as asked in this time fails with `notCurrent`. */
export const freshnessMs = 5000;
/** A reader that asks for more than this broker has heard of is asked about for so long at least. */
const beyondMs = 2000;
const bytesMaxMost = 8 * 1024 * 1024;

interface Reader {
  readonly request: ReadRequest;
  readonly replica: Replica;
  readonly answer: Answer<ReadResult>;
  /** Where the answer begins; null until `sinceMs` is resolved. */
  offsetFrom: number | null;
  /** How far was looked: past control and revoked batches. */
  position: number;
  /** Until the read is as fresh as asked, then until the first record comes. */
  deadlineMs: number;
  /** Until then it waits for the first record, once it has begun. */
  untilMs: number | null;
  /** The disk has until then to answer what it was asked. */
  diskDeadlineMs: number;
  state: 'freshening' | 'resolving' | 'asking' | 'deriving' | 'reading' | 'waiting' | 'done';
}

interface Fetched {
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
  readonly revokes: number;
  readonly batches: readonly Uint8Array[];
  readonly times: readonly number[];
  readonly records: number;
  readonly bytes: number;
  readonly next: number;
}

type Given = Pick<Fetched, 'batches' | 'times' | 'records' | 'bytes'>;

const nothing: Given = { batches: [], times: [], records: 0, bytes: 0 };

/** Reading topics: from memory at the tail, else from disk, always below the high watermark. */
export class Reads {
  readonly #core: Core;
  readonly #barriers: Barriers;
  readonly #readers = new Map<Replica, Set<Reader>>();
  /** The last answer of each replica, until the next tick: a thousand followers of one topic ask the same, and a thousand topics keep nothing for long. */
  readonly #memo = new Map<Replica, Fetched>();

  constructor(core: Core, barriers: Barriers) {
    this.#core = core;
    this.#barriers = barriers;
  }

  begin(request: ReadRequest, replica: Replica, answer: Answer<ReadResult>): void {
    const deadlineMs = this.#core.nowMs() + freshnessMs;
    const { offsetFrom } = request;
    const reader: Reader = {
      request,
      replica,
      answer,
      offsetFrom,
      position: 0,
      deadlineMs,
      untilMs: null,
      diskDeadlineMs: 0,
      state: 'freshening',
    };
    const readers = this.#readers.get(replica);
    if (readers === undefined) this.#readers.set(replica, new Set([reader]));
    else readers.add(reader);
    if (request.cancel !== undefined) request.cancel.onCancel = () => this.#core.later(() => this.#cancel(reader));
    if (request.freshness === 'linearizable') {
      this.#barriers.begin(replica.group, deadlineMs, (isCurrent) => {
        if (reader.state !== 'freshening') return;
        if (isCurrent) this.#resolve(reader);
        else this.#notCurrent(reader, 'no leader confirmed its end in time');
      });
    } else {
      this.#core.later(() => this.#freshen(reader));
    }
  }

  end({ topic, freshness }: EndRequest, replica: Replica, answer: Answer<EndResult>): void {
    const give = (isConfirmed: boolean): void => {
      const asOfMs = isConfirmed ? 0 : replica.asOfMs(this.#core.nowMs());
      this.#core.later(() => answer({ ok: true, value: { topic, offset: replica.visible, freshness, asOfMs } }));
    };
    if (freshness !== 'linearizable') return give(false);
    this.#barriers.begin(replica.group, this.#core.nowMs() + freshnessMs, (isCurrent) => {
      const message = `Cannot read the end of topic "${topic}": no leader confirmed it in time`;
      if (isCurrent) give(true);
      else this.#core.later(() => answer(failure('notCurrent', message)));
    });
  }

  #freshen(reader: Reader): void {
    if (reader.state !== 'freshening' || reader.request.freshness === 'linearizable') return;
    const isFresh = reader.request.freshness === 'local' || reader.replica.visible >= reader.request.sessionOffset;
    if (isFresh) this.#resolve(reader);
  }

  #resolve(reader: Reader): void {
    const { sinceMs } = reader.request;
    if (reader.offsetFrom !== null || sinceMs === null) {
      reader.offsetFrom ??= reader.replica.log.logStartOffset;
      return this.#start(reader);
    }
    reader.state = 'resolving';
    reader.diskDeadlineMs = this.#core.nowMs() + freshnessMs;
    reader.replica.log.offsetSince(sinceMs, (result) => {
      if (reader.state !== 'resolving') return;
      if (!result.ok) return this.#failed(reader, result.error);
      reader.offsetFrom = Math.min(result.value, reader.replica.visible);
      this.#start(reader);
      this.#core.wake();
    });
  }

  #start(reader: Reader): void {
    const { replica, request } = reader;
    // Whoever named no offset wants what there is: retention may have removed what was found for them a moment ago.
    if (request.offsetFrom === null) reader.offsetFrom = Math.max(reader.offsetFrom as number, replica.log.logStartOffset);
    const from = reader.offsetFrom as number;
    if (from < replica.log.logStartOffset) return this.#outOfRange(reader);
    reader.untilMs ??= this.#core.nowMs() + request.waitMs;
    if (!isHeardOf(replica, from)) return request.freshness === 'linearizable' ? this.#outOfRange(reader) : this.#ask(reader);
    reader.position = from;
    reader.deadlineMs = reader.untilMs;
    this.#continue(reader);
  }

  /** A broker that is behind does not know whether the topic goes so far: its leader does. */
  #ask(reader: Reader): void {
    const { replica } = reader;
    reader.state = 'asking';
    // Again and again for as long as the reader has time: whoever goes away meanwhile leaves no question behind for long.
    this.#barriers.begin(replica.group, this.#core.nowMs() + beyondMs, (isCurrent) => {
      if (reader.state !== 'asking') return;
      if (!isCurrent && this.#core.nowMs() < (reader.untilMs as number))
        this.#core.later(() => {
          if (reader.state === 'asking') this.#ask(reader);
        });
      else if (!isCurrent)
        this.#notCurrent(reader, `this broker shows it up to its end ${replica.visible}, and no leader said in time how far it goes`);
      else if (isHeardOf(replica, reader.offsetFrom as number)) this.#start(reader);
      else this.#outOfRange(reader);
    });
  }

  #outOfRange(reader: Reader): void {
    const { replica, request, offsetFrom } = reader;
    const { logStartOffset } = replica.log;
    const range = `it holds ${describeOffsets(logStartOffset, replica.visible)}`;
    const message = `Cannot read topic "${request.topic}" from offset ${String(offsetFrom)}: ${range}`;
    this.#finish(reader, failure('offsetOutOfRange', message, { logStartOffset, endOffset: replica.visible }));
  }

  #continue(reader: Reader): void {
    const { replica, request } = reader;
    if (!replica.isDerived) {
      // What is revoked is not known until the log has been read again.
      if (reader.state !== 'deriving') reader.deadlineMs = Math.max(reader.deadlineMs, this.#core.nowMs() + freshnessMs);
      reader.state = 'deriving';
      return;
    }
    if (reader.position >= replica.visible) {
      if (request.waitMs > 0 && this.#core.nowMs() < reader.deadlineMs && request.cancel?.cancelled !== true) {
        reader.state = 'waiting';
        return;
      }
      return this.#give(reader, nothing);
    }
    const to = replica.visible;
    const cached = replica.raft.batches(offset(reader.position), to);
    if (cached !== null) return this.#fetched(reader, this.#pick(reader, cached, to));
    reader.state = 'reading';
    reader.diskDeadlineMs = this.#core.nowMs() + freshnessMs;
    const bytesMax = clampBytes(request.bytesMax);
    replica.log.read({ offsetFrom: offset(reader.position), offsetTo: to, bytesMax }, (result) => {
      if (reader.state !== 'reading') return;
      this.#core.wake();
      if (!replica.isDerived) return this.#continue(reader);
      if (result.ok) return this.#fetched(reader, this.#pick(reader, result.value, to));
      this.#failed(reader, result.error);
    });
  }

  /** Damage fences the log here, whoever meets it. What the disk cannot read now it may read later, and another broker's can: that is one failed read. */
  #failed(reader: Reader, error: ReadFailure): void {
    const { replica, request } = reader;
    if (error.kind === 'belowLogStart' && request.offsetFrom === null) return this.#start(reader);
    const code = failureCodes[error.kind];
    if (error.kind === 'corrupt') replica.damaged(error);
    const message = `Cannot read topic "${request.topic}": ${describeFailure(error)}`;
    this.#finish(reader, failure(code, message, { logStartOffset: replica.log.logStartOffset }));
  }

  /** Leaves out what readers skip; stops at the first batch that would be too much. */
  #pick(reader: Reader, found: readonly LogBatch[], to: Offset): Fetched {
    const { replica } = reader;
    const { producers } = replica.tail;
    const bytesMax = clampBytes(reader.request.bytesMax);
    const memo = this.#memo.get(replica);
    const isSame = memo !== undefined && memo.from === reader.position && memo.to === to && memo.bytesMax === bytesMax;
    if (isSame && memo.revokes === producers.revokesVersion) return memo;
    const batches: Uint8Array[] = [];
    const times: number[] = [];
    let records = 0;
    let bytes = 0;
    let next = reader.position;
    for (const { bytes: frame, offsetFrom, offsetTo } of found) {
      const batch = batchOf(frame);
      if (!isControl(batch) && !isRevoked(replica, batch, offsetFrom)) {
        if (bytes + batch.length > bytesMax && batches.length > 0) break;
        bytes += batch.length;
        records += recordCount(batch);
        batches.push(batch);
        times.push(stampMs(frame));
      }
      next = offsetTo;
    }
    const fetched = { from: reader.position, to, bytesMax, revokes: producers.revokesVersion, batches, times, records, bytes, next };
    this.#memo.set(replica, fetched);
    return fetched;
  }

  #fetched(reader: Reader, fetched: Fetched): void {
    const isEmpty = fetched.batches.length === 0;
    const isStuck = fetched.next === reader.position;
    reader.position = fetched.next;
    // Control batches alone are no answer while more can be read or waited for.
    if (isEmpty && !isStuck) return this.#continue(reader);
    this.#give(reader, fetched);
  }

  #give(reader: Reader, { batches, times, records, bytes }: Given): void {
    const { replica, request } = reader;
    if (!isOfCairn(request.topic)) {
      this.#core.counters.readRecords += records;
      this.#core.counters.readBytes += bytes;
    }
    const isConfirmed = request.freshness === 'linearizable' && replica.raft.role === 'leader';
    this.#finish(reader, {
      ok: true,
      value: {
        topic: request.topic,
        offsetFrom: reader.offsetFrom as number,
        offsetNext: reader.position,
        batches,
        times,
        highWatermark: replica.visible,
        logStartOffset: replica.log.logStartOffset,
        asOfMs: isConfirmed ? 0 : replica.asOfMs(this.#core.nowMs()),
        lag: replica.lag,
      },
    });
  }

  #notCurrent(reader: Reader, reason: string): void {
    this.#finish(reader, failure('notCurrent', `Cannot read topic "${reader.request.topic}": ${reason}`));
  }

  #finish(reader: Reader, outcome: Parameters<Answer<ReadResult>>[0]): void {
    if (reader.state === 'done') return;
    reader.state = 'done';
    const readers = this.#readers.get(reader.replica);
    readers?.delete(reader);
    if (readers?.size === 0) this.#readers.delete(reader.replica);
    if (reader.request.cancel !== undefined) reader.request.cancel.onCancel = null;
    this.#core.later(() => reader.answer(outcome));
  }

  #cancel(reader: Reader): void {
    if (reader.state === 'done') return;
    reader.offsetFrom ??= reader.replica.visible;
    reader.position = Math.max(reader.position, reader.offsetFrom);
    this.#give(reader, nothing);
  }

  /** More of a replica can be read. */
  advanced(replica: Replica): void {
    for (const reader of this.#readers.get(replica) ?? []) {
      if (reader.state === 'waiting' || reader.state === 'deriving') this.#continue(reader);
      else if (reader.state === 'freshening') this.#freshen(reader);
      else if (reader.state === 'asking' && isHeardOf(replica, reader.offsetFrom as number)) this.#start(reader);
    }
  }

  expire(nowMs: number): void {
    if (this.#memo.size > 0) this.#memo.clear();
    for (const reader of this.#all()) {
      const isOnDisk = reader.state === 'reading' || reader.state === 'resolving';
      if (isOnDisk && nowMs >= reader.diskDeadlineMs) this.#notCurrent(reader, 'the disk of this broker did not answer in time');
      if (nowMs < reader.deadlineMs) continue;
      if (reader.state === 'waiting') this.#give(reader, nothing);
      else if (reader.state === 'deriving') this.#notCurrent(reader, 'this broker is reading its log again');
      else if (reader.state === 'freshening' && reader.request.freshness === 'session') {
        this.#notCurrent(
          reader,
          `this broker shows it up to its end ${reader.replica.visible}, not yet to ${reader.request.sessionOffset}`,
        );
      }
    }
  }

  *#all(): Generator<Reader> {
    for (const readers of this.#readers.values()) yield* readers;
  }

  /** Ends every read, or those of one replica. */
  abandon(code: 'crashed' | 'shuttingDown' | 'unknownTopic' | 'fenced', reason: string, replica: Replica | null = null): void {
    for (const reader of replica === null ? this.#all() : (this.#readers.get(replica) ?? [])) {
      this.#finish(reader, failure(code, `Cannot read topic "${reader.request.topic}": ${reason}`));
    }
  }
}

const failureCodes = { belowLogStart: 'offsetOutOfRange', closed: 'shuttingDown', corrupt: 'fenced', unreadable: 'diskFailed' } as const;

/** Whether the topic is known here to go so far, or may, by what this log holds. */
const isHeardOf = ({ visible, lag, log }: Replica, at: number): boolean => at <= Math.max(visible + lag, log.endOffset);

const clampBytes = (bytes: number): number => Math.max(1, Math.min(bytes, bytesMaxMost));

/** Only a revoke that is committed itself hides anything. */
function isRevoked(replica: Replica, batch: Uint8Array, at: number): boolean {
  const { producers } = replica.tail;
  if (!producers.hidesAny) return false;
  const id = producerId(batch);
  return producerKind(id) === 'requestId' && producers.hides(id, at, replica.raft.highWatermark);
}
