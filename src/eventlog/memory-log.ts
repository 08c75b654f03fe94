/**
 * The in-memory twin of a broker: `BrokerService` over arrays, alone, with nothing on a disk. It passes the same conformance suite as the real
 * ones (`test/conformance/event-log.ts`), so gateways, the page and commands can be tested against it.
 *
 * A topic is an array of placed batches, a revoke takes one offset as a control batch would. `stall()` lets a test hold what is appended
 * before it commits, as a broker without a majority does.
 */
import type { ErrorCode } from '../base/errors.ts';
import { offset, term } from '../base/branded.ts';
import { bytesEqual, toHex } from '../base/bytes.ts';
import { sha256 } from '../base/sha256.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Bytes, Clock, RegexCompiler, Timer } from '../host/index.ts';
import { type GrepAsker, makeRecordSearch, type RecordSearch } from '../query/index.ts';
import { baseOffset, batchHeaderBytes, recordCount, setPlacement } from '../record/index.ts';
import { LogError } from './log-error.ts';
import { describeOffsets } from './offsets.ts';
import { refuseLinkFault } from './link-faults.ts';
import { choosePartition, refuseAppend, refuseChanges, refuseRead, refuseScan, refuseSettings } from './ranges.ts';
import { withRetention } from './retention-settings.ts';
import { isTopicName, shownTopic, topicNameRule } from './topic-name.ts';
import type { KnownHistory } from './history.ts';
import type { Answer, BrokerCounters, BrokerService, CountedStatus, FaultSwitch, Outcome } from './services.ts';
import type {
  AppendRequest,
  AppendResult,
  EndRequest,
  EndResult,
  KnownBroker,
  PartitionPlacement,
  PartitionStatus,
  ReadRequest,
  ReadResult,
  RecordsOf,
  ScanRequest,
  ScanResult,
  ScanSink,
  SequenceRequest,
  TopicChanges,
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
  readonly settings: TopicSettings;
  readonly createdMs: number;
  readonly partitions: readonly Partition[];
}

interface Partition {
  readonly topic: string;
  readonly number: number;
  readonly group: number;
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
    const found = this.#find('append to', request);
    if (!found.ok) return reply(found);
    if (request.deliverAtMs !== undefined) return refuse('invalidRequest', 'a log in memory appends nothing later');
    const bytesMax = this.#options.batchBytesMax ?? Number.POSITIVE_INFINITY;
    if (request.batch.length > bytesMax) {
      return refuse('recordTooLarge', `the batch has ${request.batch.length} bytes, the limit is ${bytesMax}`, { limit: bytesMax });
    }

    let open = true;
    const commit = (): void => {
      timer?.cancel();
      const topic = this.#find('append to', request);
      if (!topic.ok) {
        if (open) refuse('unknownTopic', 'it was deleted');
        return;
      }
      const result = this.#commit(topic.value, request);
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
    topic: Partition,
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
        const stored = topic.batches.find((batch) => batch.offsetFrom === before.offset);
        const isSame = stored !== undefined && bytesEqual(recordsOf(stored.bytes), recordsOf(request.batch));
        return isSame
          ? { ...before, duplicate: true }
          : no('requestIdReused', 'its request id was used for other records', { offset: before.offset });
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
      topic: topic.topic,
      partition: topic.number,
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

  #store(topic: Partition, batch: StoredBatch): void {
    topic.batches.push(batch);
    topic.endOffset = batch.offsetTo;
    topic.sizeBytes += batch.bytes.length;
    for (const wake of topic.waiting) wake();
  }

  partitionsOf(name: string): readonly number[] | null {
    const topic = this.#topics.get(name);
    return topic === undefined ? null : [...(topic.settings.partitionsBefore ?? []), topic.partitions.length];
  }

  whenPartitionsKnown(_topic: string, timeoutMs: number, answer: Answer<number>): void {
    this.#later(answer)({ ok: true, value: timeoutMs });
  }

  explain(name: string, answer: Answer<TopicPlacement>): void {
    const reply = this.#later(answer);
    const topic = this.#topics.get(name);
    if (topic === undefined) return reply(this.#unknown('explain', name));
    const led = { leader: self, term: 1, leaderSinceMs: 0, notLedByHome: null, lossesSurvived: 0, route: [self] };
    const partitions = topic.partitions.map(({ number, group, endOffset }): PartitionPlacement => {
      const replica = { broker: self, why: 'all', bit: null, reachable: true, matchOffset: endOffset } as const;
      return { partition: number, group, vertex: null, folded: [], replicas: [replica], awayFromHome: false, ...led };
    });
    const brokers = [{ id: self, vertex: 0, reachable: true }];
    const hash = toHex(sha256(this.#options.bytes.utf8Encode(name)));
    const common = { topic: name, placement: 'all', hash, dimensions: 0, asked: self, brokers } as const;
    reply({ ok: true, value: { ...common, partitions } });
  }

  revoke(records: RecordsOf, requestId: string, answer: Answer<undefined>): void {
    const reply = this.#later(answer);
    const found = this.#find('revoke a request of', records);
    if (!found.ok) return reply(found);
    const topic = found.value;
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
    const found = this.#find('read', request);
    if (!found.ok) return reply(found);
    const topic = found.value;
    if (request.group !== undefined && request.group !== topic.group) {
      const message = `Cannot read ${shownTopic(topic.topic)}: it was deleted, and another topic has its name`;
      return reply({ ok: false, error: new LogError('unknownTopic', message) });
    }
    const offsetFrom = request.offsetFrom ?? (request.sinceMs === null ? 0 : offsetSince(topic, request.sinceMs));
    if (offsetFrom > topic.endOffset) {
      const message = `Cannot read topic "${topic.topic}" from offset ${offsetFrom}: it holds ${describeOffsets(0, topic.endOffset)}`;
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

  #readNow(topic: Partition, request: ReadRequest, offsetFrom: number): ReadResult {
    const batches: Uint8Array[] = [];
    const times: number[] = [];
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
        times.push(batch.timestampMs);
        bytes += batch.bytes.length;
      }
      offsetNext = batch.offsetTo;
    }
    return {
      topic: topic.topic,
      offsetFrom,
      offsetNext: isWhole ? topic.endOffset : offsetNext,
      batches,
      times,
      highWatermark: topic.endOffset,
      logStartOffset: 0,
      asOfMs: 0,
      lag: 0,
    };
  }

  scan(request: ScanRequest, sink: ScanSink, answer: Answer<ScanResult>): void {
    const reply = this.#later(answer);
    const refusal = refuseScan(request);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    const found = this.#find('search', request);
    if (!found.ok) return reply(found);
    const topic = found.value;
    const { bytes, regex = null, grep = null } = this.#options;
    const search = makeRecordSearch(request.query, { bytes, regex, grep });
    if (!search.ok) {
      const message = `Cannot search topic "${topic.topic}": ${search.error}`;
      return reply({ ok: false, error: new LogError('invalidRequest', message) });
    }
    runTask(
      () => this.#scan(topic, request, search.value, sink),
      (value) => reply({ ok: true, value }),
    );
  }

  *#scan(topic: Partition, request: ScanRequest, search: RecordSearch, sink: ScanSink): Task<ScanResult> {
    const { sinceMs, untilMs } = request;
    const highWatermark = topic.endOffset;
    const since = sinceMs === null ? 0 : offsetSince(topic, sinceMs);
    const until = untilMs === null ? highWatermark : offsetSince(topic, untilMs);
    const offsetFrom = Math.max(request.offsetFrom ?? 0, since);
    const offsetTo = Math.max(offsetFrom, Math.min(request.offsetTo ?? highWatermark, until, highWatermark));
    const { cancel } = request;
    const common = { partition: topic.number, offsetFrom, highWatermark, logStartOffset: 0, asOfMs: 0, lag: 0 };
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
      topic: topic.topic,
      offsetTo: failure === null ? Math.max(offsetFrom, reached) : offsetTo,
      gaps: failure === null ? [] : [{ offsetFrom: reached, offsetTo, reason: 'stopped', detail: failure }],
      selected: search.selected,
      stats: { engine: search.engine, asked: search.asked, bytesRead, bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 },
    };
  }

  end(request: EndRequest, answer: Answer<EndResult>): void {
    const reply = this.#later(answer);
    const found = this.#find('read the end of', request);
    if (!found.ok) return reply(found);
    const { topic, endOffset } = found.value;
    reply({ ok: true, value: { topic, offset: endOffset, freshness: request.freshness, asOfMs: 0 } });
  }

  nextSequence(request: SequenceRequest, answer: Answer<number>): void {
    const reply = this.#later(answer);
    const found = this.#find('look up a request of', request);
    reply(found.ok ? { ok: true, value: found.value.streams.get(request.requestId)?.nextSequence ?? 0 } : found);
  }

  #find(verb: string, records: RecordsOf): Outcome<Partition> {
    const topic = this.#topics.get(records.topic);
    if (topic === undefined) return this.#unknown(verb, records.topic);
    const chosen = choosePartition(`${verb} ${shownTopic(records.topic)}`, records, topic.partitions.length);
    return typeof chosen === 'number' ? { ok: true, value: topic.partitions[chosen] as Partition } : { ok: false, error: chosen };
  }

  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    const reply = this.#later(answer);
    const refuse = (code: ErrorCode, reason: string): void =>
      reply({ ok: false, error: new LogError(code, `Cannot create ${shownTopic(name)}: ${reason}`) });
    if (!isTopicName(name)) return refuse('invalidTopicName', topicNameRule);
    const refusal = refuseSettings(name, settings);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    if (this.#topics.has(name)) return refuse('topicExists', 'it exists');
    reply({ ok: true, value: this.#describe(this.#make(name, withRetention(settings, {}))) });
  }

  alterTopic(name: string, changes: TopicChanges, answer: Answer<TopicDescription>): void {
    const reply = this.#later(answer);
    const refuse = (code: ErrorCode, reason: string): void =>
      reply({ ok: false, error: new LogError(code, `Cannot alter ${shownTopic(name)}: ${reason}`) });
    const refusal = refuseChanges(name, changes);
    if (refusal !== null) return reply({ ok: false, error: refusal });
    const topic = this.#topics.get(name);
    if (builtInTopics.includes(name)) return refuse('topicProtected', 'it belongs to Cairn itself');
    if (topic === undefined) return refuse('unknownTopic', 'there is no such topic');
    const { partitions: wanted = topic.partitions.length } = changes;
    const had = topic.partitions.length;
    if (wanted < had) return refuse('invalidRequest', `it has ${had} partitions, and none is ever removed`);
    const added = Array.from({ length: wanted - had }, (_, index) => this.#makePartition(name, had + index));
    const more = added.length === 0 ? {} : { partitions: wanted, partitionsBefore: this.partitionsOf(name) ?? [] };
    const settings = { ...withRetention(topic.settings, changes), ...more };
    const altered = { ...topic, settings, partitions: [...topic.partitions, ...added] };
    this.#topics.set(name, altered);
    reply({ ok: true, value: this.#describe(altered) });
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

  /** It keeps none. */
  history(_withinMs: number, answer: Answer<readonly KnownHistory[]>): void {
    this.#later(answer)({ ok: true, value: [{ id: self, address: this.#options.address ?? '127.0.0.1:0', samples: [] }] });
  }

  #make(name: string, settings: TopicSettings): Topic {
    const partitions = Array.from({ length: settings.partitions ?? 1 }, (_, number) => this.#makePartition(name, number));
    const topic: Topic = { name, settings, createdMs: this.#clock.wallMs(), partitions };
    this.#topics.set(name, topic);
    return topic;
  }

  #makePartition(topic: string, number: number): Partition {
    const empty = { batches: [], streams: new Map(), waiting: new Set<() => void>(), endOffset: 0, sizeBytes: 0 };
    return { topic, number, group: ++this.#groups, ...empty };
  }

  /** Answers never come during the call. */
  #later<Value>(answer: Answer<Value>): Answer<Value> {
    return (outcome) => this.#clock.defer(() => answer(outcome));
  }

  #unknown(verb: string, name: string): { readonly ok: false; readonly error: LogError } {
    return { ok: false, error: new LogError('unknownTopic', `Cannot ${verb} ${shownTopic(name)}: there is no such topic`) };
  }

  #describe(topic: Topic): TopicDescription {
    const { name, settings, createdMs } = topic;
    const statuses = topic.partitions.map((partition) => partitionStatus(partition));
    const [partition] = statuses as [PartitionStatus];
    const { group } = partition;
    const all = statuses.length === 1 ? {} : { partitions: statuses };
    return { name, group, settings, createdMs, builtIn: builtInTopics.includes(name), partition, ...all };
  }

  #status(query: TopicQuery | null): CountedStatus {
    const all = [...this.#topics.values()];
    const most = { prefix: '', after: '', limit: statusTopicsMax };
    const page = this.#page(query === null ? most : { ...query, limit: Math.min(query.limit, statusTopicsMax) });
    const partitions = all.flatMap((topic) => topic.partitions);
    const sizeBytes = partitions.reduce((sum, partition) => sum + partition.sizeBytes, 0);
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
        leads: partitions.length,
        leaderless: 0,
        fenced: 0,
        unreadable: 0,
        sizeBytes,
        behind: [],
        asOfMs: 0,
      },
      partitions: page.topics.flatMap(({ name, partitions: of }) =>
        of.map((each) => ({ topic: name, ...(of.length === 1 ? {} : { partition: each.number }), ...partitionStatus(each) })),
      ),
      peers: [],
      counters: { ...noCounters, ...this.#counters },
    };
  }
}

const noCounters: BrokerCounters = {
  appends: 0,
  appendedRecords: 0,
  appendedBytes: 0,
  acknowledgedRecords: 0,
  acknowledgedBytes: 0,
  readRecords: 0,
  readBytes: 0,
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
  relayed: 0,
  relayedDirectly: 0,
  relaysRefused: 0,
  linksOpened: 0,
  linksClosedIdle: 0,
  links: 0,
  refusedLinks: 0,
  stampsAhead: 0,
  loopLagMsMax: 0,
  syncMsP99: 0,
  queuedAppendBytes: 0,
  uncommittedBytes: 0,
  requestIds: 0,
  requestSessions: 0,
};

function partitionStatus(topic: Pick<Partition, 'group' | 'endOffset' | 'sizeBytes'>): PartitionStatus {
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

function streamOf(topic: Partition, requestId: string): Stream {
  let stream = topic.streams.get(requestId);
  if (stream === undefined) {
    stream = { nextSequence: 0, revoked: false, results: new Map() };
    topic.streams.set(requestId, stream);
  }
  return stream;
}

const recordsOf = (batch: Uint8Array): Uint8Array => batch.subarray(batchHeaderBytes);

function offsetSince(topic: Partition, sinceMs: number): number {
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
