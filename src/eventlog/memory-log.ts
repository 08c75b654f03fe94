/**
 * The in-memory twin of a broker: `BrokerService` over arrays, alone, with nothing on a disk. It passes the same conformance suite as the real
 * ones (`test/conformance/event-log.ts`), so gateways, the page and commands can be tested against it.
 *
 * A topic is an array of placed batches, a revoke takes one offset as a control batch would. `stall()` lets a test hold what is appended
 * before it commits, as a broker without a majority does.
 */
import type { ErrorCode } from '../base/errors.ts';
import { offset, term } from '../base/branded.ts';
import { toHex } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Bytes, Clock, RegexCompiler, Timer } from '../host/index.ts';
import { type GrepAsker, makeRecordSearch, type RecordSearch } from '../query/index.ts';
import { baseOffset, recordCount, setPlacement } from '../record/index.ts';
import { LogError } from './log-error.ts';
import { describeOffsets } from './offsets.ts';
import { refuseLinkFault } from './link-faults.ts';
import { refuseAppend, refusePartition, refuseRead, refuseScan, refuseSettings } from './ranges.ts';
import { isTopicName, shownTopic, topicNameRule } from './topic-name.ts';
import type { Answer, BrokerCounters, BrokerService, CountedStatus, FaultSwitch } from './services.ts';
import type {
  AppendRequest,
  AppendResult,
  EndRequest,
  EndResult,
  KnownBroker,
  PartitionStatus,
  ReadRequest,
  ReadResult,
  ScanRequest,
  ScanResult,
  ScanSink,
  SequenceRequest,
  TopicDescription,
  TopicPage,
  TopicPlacement,
  TopicQuery,
  TopicSettings,
} from './types.ts';
import { statusTopicsMax, topicPageMax } from './types.ts';

interface StoredBatch {
  readonly bytes: Uint8Array;
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly timestampMs: number;
  readonly requestId: string | null;
}

interface Stream {
  nextSequence: number;
  revoked: boolean;
  readonly results: Map<number, AppendResult>;
}

interface Topic {
  readonly name: string;
  readonly group: number;
  readonly settings: TopicSettings;
  readonly createdMs: number;
  readonly batches: StoredBatch[];
  readonly streams: Map<string, Stream>;
  readonly waiting: Set<() => void>;
  endOffset: number;
  sizeBytes: number;
}

export interface MemoryLogOptions {
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly batchBytesMax?: number;
  readonly address?: string;
  /** What searches need for more than texts. */
  readonly regex?: RegexCompiler;
  readonly grep?: GrepAsker;
}

const builtInTopics = ['log', 'cairn.events'];
const self = 1;

export class MemoryLog implements BrokerService {
  readonly #clock: Clock;
  readonly #options: MemoryLogOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #startedMs: number;
  /** What waits for `resume()`, in order; null while nothing is held. */
  #held: (() => void)[] | null = null;
  #groups = 1;
  #crashed = false;
  #counters = { appends: 0, appendedRecords: 0, appendedBytes: 0, refusedAppends: 0, duplicateAppends: 0, revokes: 0 };

  readonly ready = true;
  readonly faults: FaultSwitch;

  constructor(options: MemoryLogOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedMs = options.clock.wallMs();
    for (const name of builtInTopics) this.#make(name, { retentionBytes: null });
    const isCrashed = (): boolean => this.#crashed;
    this.faults = {
      get crashed() {
        return isCrashed();
      },
      crash: () => {
        this.#crashed = true;
        this.stall();
      },
      recover: () => {
        this.#crashed = false;
        this.resume();
      },
      // One broker has no links: whatever can be done to them is done to none.
      links: null,
      switchLinks: (fault) => {
        const refusal = refuseLinkFault(fault, [self], self);
        return refusal === null ? null : new LogError('invalidRequest', refusal);
      },
    };
  }

  /** From now on nothing commits: appends and revokes wait, in order. */
  stall(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const run of held) run();
  }

  append(request: AppendRequest, answer: Answer<AppendResult>): void {
    const reply = this.#later(answer);
    const refuse = (code: ErrorCode, reason: string, details: LogError['details'] = {}): void => {
      this.#counters.refusedAppends++;
      reply({ ok: false, error: new LogError(code, `Cannot append to ${shownTopic(request.topic)}: ${reason}`, details) });
    };
    const refusal = refuseAppend(request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (!this.#topics.has(request.topic)) return refuse('unknownTopic', 'there is no such topic');
    const bytesMax = this.#options.batchBytesMax ?? Number.POSITIVE_INFINITY;
    if (request.batch.length > bytesMax) {
      return refuse('recordTooLarge', `the batch has ${request.batch.length} bytes, the limit is ${bytesMax}`, { limit: bytesMax });
    }

    let open = true;
    const commit = (): void => {
      timer?.cancel();
      const topic = this.#topics.get(request.topic);
      if (topic === undefined) {
        if (open) refuse('unknownTopic', 'it was deleted');
        return;
      }
      const result = this.#commit(topic, request);
      if (!open) return;
      if ('code' in result) refuse(result.code, result.reason, result.details);
      else reply({ ok: true, value: result });
    };
    let timer: Timer | null = null;
    if (this.#held === null) return commit();
    this.#held.push(commit);
    timer = this.#clock.startTimer(request.timeoutMs, () => {
      open = false;
      refuse('timeout', `not committed within ${request.timeoutMs} ms`);
    });
  }

  #commit(
    topic: Topic,
    request: AppendRequest,
  ): AppendResult | { readonly code: ErrorCode; readonly reason: string; readonly details: LogError['details'] } {
    const no = (code: ErrorCode, reason: string, details: LogError['details'] = {}) => ({ code, reason, details });
    const count = recordCount(request.batch);
    const stream = request.requestId === null ? null : streamOf(topic, request.requestId);
    if (stream !== null) {
      if (stream.revoked) return no('revoked', 'its request id was revoked');
      const before = stream.results.get(request.sequence);
      if (before !== undefined) {
        this.#counters.duplicateAppends++;
        return before.count === count ? { ...before, duplicate: true } : no('requestIdReused', 'its request id was used for other records');
      }
      const details = { expectedSequence: stream.nextSequence };
      if (request.sequence > 0 && stream.nextSequence === 0) return no('unknownProducer', 'its request id is not known', details);
      if (request.sequence > stream.nextSequence) return no('sequenceGap', `the next sequence is ${stream.nextSequence}`, details);
      if (request.sequence < stream.nextSequence) {
        const missing = request.sequence + count - stream.nextSequence;
        return no('duplicateSequence', `the next sequence is ${stream.nextSequence}`, missing > 0 ? { ...details, missing } : details);
      }
    }
    if (request.expectedOffset !== null && request.expectedOffset !== topic.endOffset) {
      return no('offsetMismatch', `the end is ${topic.endOffset}, not ${request.expectedOffset}`, { endOffset: topic.endOffset });
    }

    const timestampMs = this.#clock.wallMs();
    const bytes = request.batch.slice();
    setPlacement(bytes, offset(topic.endOffset), term(1));
    this.#store(topic, {
      bytes,
      offsetFrom: topic.endOffset,
      offsetTo: topic.endOffset + count,
      timestampMs,
      requestId: request.requestId,
    });
    const result: AppendResult = {
      topic: topic.name,
      partition: 0,
      offset: baseOffset(bytes),
      count,
      term: 1,
      level: request.level,
      ackedBy: [self],
      committed: request.level !== 'leader',
      durable: false,
      duplicate: false,
      timestampMs,
    };
    if (stream !== null) {
      stream.results.set(request.sequence, result);
      stream.nextSequence = request.sequence + count;
    }
    this.#counters.appends++;
    this.#counters.appendedRecords += count;
    this.#counters.appendedBytes += bytes.length;
    return result;
  }

  #store(topic: Topic, batch: StoredBatch): void {
    topic.batches.push(batch);
    topic.endOffset = batch.offsetTo;
    topic.sizeBytes += batch.bytes.length;
    for (const wake of topic.waiting) wake();
  }

  explain(name: string, answer: Answer<TopicPlacement>): void {
    const reply = this.#later(answer);
    const topic = this.#topics.get(name);
    if (topic === undefined) return reply(this.#unknown('explain', name));
    const replica = { broker: self, why: 'all', bit: null, reachable: true, matchOffset: topic.endOffset } as const;
    const where = { partition: 0, group: topic.group, vertex: null, folded: [], replicas: [replica], awayFromHome: false };
    const led = { leader: self, term: 1, leaderSinceMs: 0, notLedByHome: null, lossesSurvived: 0, route: [self] };
    const brokers = [{ id: self, vertex: 0, reachable: true }];
    const hash = toHex(sha256(this.#options.bytes.utf8Encode(name)));
    const common = { topic: name, placement: 'all', hash, dimensions: 0, asked: self, brokers } as const;
    reply({ ok: true, value: { ...common, partitions: [{ ...where, ...led }] } });
  }

  revoke(topicName: string, requestId: string, answer: Answer<undefined>): void {
    const reply = this.#later(answer);
    const topic = this.#topics.get(topicName);
    if (topic === undefined) return reply(this.#unknown('revoke a request of', topicName));
    const run = (): void => {
      streamOf(topic, requestId).revoked = true;
      topic.endOffset++;
      this.#counters.revokes++;
      reply({ ok: true, value: undefined });
    };
    if (this.#held === null) run();
    else this.#held.push(run);
  }

  read(request: ReadRequest, answer: Answer<ReadResult>): void {
    const reply = this.#later(answer);
    const refusal = refuseRead(request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    const topic = this.#topics.get(request.topic);
    if (topic === undefined) return reply(this.#unknown('read', request.topic));
    if (request.group !== undefined && request.group !== topic.group) {
      const message = `Cannot read ${shownTopic(topic.name)}: it was deleted, and another topic has its name`;
      return reply({ ok: false, error: new LogError('unknownTopic', message) });
    }
    const offsetFrom = request.offsetFrom ?? (request.sinceMs === null ? 0 : offsetSince(topic, request.sinceMs));
    if (offsetFrom > topic.endOffset) {
      const message = `Cannot read topic "${topic.name}" from offset ${offsetFrom}: it holds ${describeOffsets(0, topic.endOffset)}`;
      const details = { logStartOffset: 0, endOffset: topic.endOffset };
      return reply({ ok: false, error: new LogError('offsetOutOfRange', message, details) });
    }

    const attempt = (isLast: boolean): boolean => {
      const result = this.#readNow(topic, request, offsetFrom);
      if (result.offsetNext === offsetFrom && !isLast) return false;
      topic.waiting.delete(wake);
      timer?.cancel();
      if (request.cancel !== undefined) request.cancel.onCancel = null;
      reply({ ok: true, value: { ...result, group: topic.group } });
      return true;
    };
    const wake = (): void => void attempt(false);
    let timer: Timer | null = null;
    if (attempt(request.waitMs <= 0 || request.cancel?.cancelled === true)) return;
    topic.waiting.add(wake);
    timer = this.#clock.startTimer(request.waitMs, () => void attempt(true));
    if (request.cancel !== undefined) request.cancel.onCancel = () => void attempt(true);
  }

  #readNow(topic: Topic, request: ReadRequest, offsetFrom: number): ReadResult {
    const batches: Uint8Array[] = [];
    let bytes = 0;
    let offsetNext = offsetFrom;
    let isWhole = true;
    for (const batch of topic.batches.slice(firstEndingAfter(topic.batches, offsetFrom))) {
      const isRevoked = batch.requestId !== null && streamOf(topic, batch.requestId).revoked;
      if (!isRevoked) {
        if (batches.length > 0 && bytes + batch.bytes.length > request.bytesMax) {
          isWhole = false;
          break;
        }
        batches.push(batch.bytes);
        bytes += batch.bytes.length;
      }
      offsetNext = batch.offsetTo;
    }
    return {
      topic: topic.name,
      offsetFrom,
      offsetNext: isWhole ? topic.endOffset : offsetNext,
      batches,
      highWatermark: topic.endOffset,
      logStartOffset: 0,
      asOfMs: 0,
      lag: 0,
    };
  }

  scan(request: ScanRequest, sink: ScanSink, answer: Answer<ScanResult>): void {
    const reply = this.#later(answer);
    const topic = this.#topics.get(request.topic);
    const refusal = refuseScan(request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (topic === undefined) return reply(this.#unknown('search', request.topic));
    const { bytes, regex = null, grep = null } = this.#options;
    const search = makeRecordSearch(request.query, { bytes, regex, grep });
    if (!search.ok) {
      const message = `Cannot search topic "${topic.name}": ${search.error}`;
      return reply({ ok: false, error: new LogError('invalidRequest', message) });
    }
    runTask(
      () => this.#scan(topic, request, search.value, sink),
      (value) => reply({ ok: true, value }),
    );
  }

  *#scan(topic: Topic, request: ScanRequest, search: RecordSearch, sink: ScanSink): Task<ScanResult> {
    const { sinceMs, untilMs } = request;
    const highWatermark = topic.endOffset;
    const since = sinceMs === null ? 0 : offsetSince(topic, sinceMs);
    const until = untilMs === null ? highWatermark : offsetSince(topic, untilMs);
    const offsetFrom = Math.max(request.offsetFrom ?? 0, since);
    const offsetTo = Math.max(offsetFrom, Math.min(request.offsetTo ?? highWatermark, until, highWatermark));
    const { cancel } = request;
    const common = { partition: 0, offsetFrom, highWatermark, logStartOffset: 0, asOfMs: 0, lag: 0 };
    sink.begin?.({ ...common, offsetTo });
    const give = function* (): Task<void> {
      if (search.outputBytes === 0 || cancel?.cancelled === true) return;
      yield* wait<void>((next) => {
        let isOver = false;
        const once = (): void => {
          if (!isOver) next();
          isOver = true;
        };
        if (cancel !== undefined) cancel.onCancel = once;
        sink.take({ ...search.takeOutput(), offsetTo: Math.max(offsetFrom, search.offsetReached) }, once);
      });
    };
    let bytesRead = 0;
    for (const batch of topic.batches) {
      if (batch.offsetTo <= offsetFrom || batch.offsetFrom >= offsetTo || search.isDone || cancel?.cancelled === true) continue;
      if (batch.requestId !== null && streamOf(topic, batch.requestId).revoked) continue;
      bytesRead += batch.bytes.length;
      search.take(batch.bytes, offsetFrom, Math.min(offsetTo, batch.offsetTo));
      if (search.mustSettle) yield* search.settle();
      yield* give();
    }
    yield* search.settle();
    yield* give();
    const reached = search.isDone || cancel?.cancelled === true ? search.offsetReached : offsetTo;
    const failure = search.failure ?? (cancel?.cancelled === true ? 'it was cancelled' : null);
    return {
      ...common,
      topic: topic.name,
      offsetTo: failure === null ? Math.max(offsetFrom, reached) : offsetTo,
      gaps: failure === null ? [] : [{ offsetFrom: reached, offsetTo, reason: 'stopped', detail: failure }],
      selected: search.selected,
      stats: { engine: search.engine, asked: search.asked, bytesRead, bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 },
    };
  }

  end(request: EndRequest, answer: Answer<EndResult>): void {
    const topic = this.#topics.get(request.topic);
    const reply = this.#later(answer);
    const refusal = refusePartition('read the end of', request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (topic === undefined) return reply(this.#unknown('read the end of', request.topic));
    reply({ ok: true, value: { topic: topic.name, offset: topic.endOffset, freshness: request.freshness, asOfMs: 0 } });
  }

  nextSequence(request: SequenceRequest, answer: Answer<number>): void {
    const topic = this.#topics.get(request.topic);
    const reply = this.#later(answer);
    const refusal = refusePartition('look up a request of', request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (topic === undefined) return reply(this.#unknown('look up a request of', request.topic));
    reply({ ok: true, value: topic.streams.get(request.requestId)?.nextSequence ?? 0 });
  }

  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    const reply = this.#later(answer);
    const refuse = (code: ErrorCode, reason: string): void =>
      reply({ ok: false, error: new LogError(code, `Cannot create ${shownTopic(name)}: ${reason}`) });
    if (!isTopicName(name)) return refuse('invalidTopicName', topicNameRule);
    const refusal = refuseSettings(name, settings);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (this.#topics.has(name)) return refuse('topicExists', 'it exists');
    reply({ ok: true, value: this.#describe(this.#make(name, settings)) });
  }

  deleteTopic(name: string, answer: Answer<undefined>): void {
    const reply = this.#later(answer);
    const topic = this.#topics.get(name);
    if (topic === undefined) return reply(this.#unknown('delete', name));
    if (builtInTopics.includes(name)) {
      return reply({ ok: false, error: new LogError('topicProtected', `Cannot delete ${shownTopic(name)}: it belongs to Cairn itself`) });
    }
    this.#topics.delete(name);
    reply({ ok: true, value: undefined });
  }

  listTopics(query: TopicQuery, answer: Answer<TopicPage>): void {
    const { topics, count, next } = this.#page({ ...query, limit: Math.min(query.limit, topicPageMax) });
    this.#later(answer)({ ok: true, value: { topics: topics.map((topic) => this.#describe(topic)), count, next } });
  }

  #page({ prefix, after, limit }: TopicQuery): { readonly topics: readonly Topic[]; readonly count: number; readonly next: string | null } {
    const all = [...this.#topics.values()].filter(({ name }) => name.startsWith(prefix)).sort((a, b) => (a.name < b.name ? -1 : 1));
    const left = all.filter(({ name }) => name > after);
    return { topics: left.slice(0, limit), count: all.length, next: left.length > limit ? (left[limit - 1]?.name ?? null) : null };
  }

  describeTopic(name: string, answer: Answer<TopicDescription>): void {
    const topic = this.#topics.get(name);
    const reply = this.#later(answer);
    reply(topic === undefined ? this.#unknown('describe', name) : { ok: true, value: this.#describe(topic) });
  }

  status(query: TopicQuery | null, answer: Answer<CountedStatus>): void {
    this.#later(answer)({ ok: true, value: this.#status(query) });
  }

  brokers(query: TopicQuery | null, answer: Answer<readonly KnownBroker[]>): void {
    const status = this.#status(query);
    this.#later(answer)({ ok: true, value: [{ id: status.id, address: status.address, status, clock: { aheadMs: 0, errorMs: 0 } }] });
  }

  #make(name: string, settings: TopicSettings): Topic {
    const topic: Topic = {
      name,
      group: ++this.#groups,
      settings,
      createdMs: this.#clock.wallMs(),
      batches: [],
      streams: new Map(),
      waiting: new Set(),
      endOffset: 0,
      sizeBytes: 0,
    };
    this.#topics.set(name, topic);
    return topic;
  }

  /** Answers never come during the call. */
  #later<Value>(answer: Answer<Value>): Answer<Value> {
    return (outcome) => this.#clock.defer(() => answer(outcome));
  }

  #unknown(verb: string, name: string): { readonly ok: false; readonly error: LogError } {
    return { ok: false, error: new LogError('unknownTopic', `Cannot ${verb} ${shownTopic(name)}: there is no such topic`) };
  }

  #describe(topic: Topic): TopicDescription {
    const { name, group, settings, createdMs } = topic;
    return { name, group, settings, createdMs, builtIn: builtInTopics.includes(name), partition: partitionStatus(topic) };
  }

  #status(query: TopicQuery | null): CountedStatus {
    const all = [...this.#topics.values()];
    const most = { prefix: '', after: '', limit: statusTopicsMax };
    const page = this.#page(query === null ? most : { ...query, limit: Math.min(query.limit, statusTopicsMax) });
    const sizeBytes = all.reduce((sum, topic) => sum + topic.sizeBytes, 0);
    return {
      id: self,
      clusterId: '0'.repeat(32),
      incarnation: 1,
      version: '0.0.0',
      address: this.#options.address ?? '127.0.0.1:0',
      durable: false,
      crashed: this.#crashed,
      startedMs: this.#startedMs,
      wallMs: this.#clock.wallMs(),
      catalog: partitionStatus({ group: 1, endOffset: 0, sizeBytes: 0 }),
      topics: {
        count: all.length,
        matching: page.count,
        shown: page.topics.length,
        next: query === null ? null : page.next,
        leads: all.length,
        leaderless: 0,
        fenced: 0,
        unreadable: 0,
        sizeBytes,
        behind: [],
        asOfMs: 0,
      },
      partitions: page.topics.map((topic) => ({ topic: topic.name, ...partitionStatus(topic) })),
      peers: [],
      counters: { ...noCounters, ...this.#counters },
    };
  }
}

const noCounters: BrokerCounters = {
  appends: 0,
  appendedRecords: 0,
  appendedBytes: 0,
  refusedAppends: 0,
  duplicateAppends: 0,
  revokes: 0,
  diskWrites: 0,
  diskSyncs: 0,
  elections: 1,
  leaderChanges: 1,
  framesSent: 0,
  framesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  refusedLinks: 0,
  stampsAhead: 0,
  loopLagMsMax: 0,
  syncMsP99: 0,
  queuedAppendBytes: 0,
};

function partitionStatus(topic: Pick<Topic, 'group' | 'endOffset' | 'sizeBytes'>): PartitionStatus {
  return {
    group: topic.group,
    role: 'leader',
    leader: self,
    leaderSinceMs: 0,
    term: 1,
    replicas: [self],
    logStartOffset: 0,
    highWatermark: topic.endOffset,
    endOffset: topic.endOffset,
    syncedOffset: topic.endOffset,
    sizeBytes: topic.sizeBytes,
    segmentCount: 1,
    unreadableRanges: 0,
    followers: [],
    fenced: null,
  };
}

function streamOf(topic: Topic, requestId: string): Stream {
  let stream = topic.streams.get(requestId);
  if (stream === undefined) {
    stream = { nextSequence: 0, revoked: false, results: new Map() };
    topic.streams.set(requestId, stream);
  }
  return stream;
}

function offsetSince(topic: Topic, sinceMs: number): number {
  return topic.batches.find((batch) => batch.timestampMs >= sinceMs)?.offsetFrom ?? topic.endOffset;
}

/** Index of the first batch that ends after `offsetFrom`, by halving. */
function firstEndingAfter(batches: readonly StoredBatch[], offsetFrom: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((batches[middle] as StoredBatch).offsetTo > offsetFrom) high = middle;
    else low = middle + 1;
  }
  return low;
}
