import {
  type AppendRequest,
  type AppendResult,
  type BrokerStatus,
  type EndRequest,
  type EndResult,
  type Freshness,
  type KnownBroker,
  type KnownHistory,
  type LinkFault,
  LogError,
  type ReadRequest,
  type ReadResult,
  type ScanRequest,
  type ScanResult,
  type ScanSink,
  type SearchableLog,
  shownTopic,
  type SequenceRequest,
  type Span,
  type ScheduledPage,
  type Schedules,
  type Subscriptions,
  type TopicChanges,
  type TopicDescription,
  type TopicPlacement,
  topicNameRule,
  type TopicPage,
  topicPageMax,
  type TopicQuery,
  type TopicSettings,
} from '../eventlog/index.ts';
import { readJson } from './answers.ts';
import { clientBytes, splitBatches, splitTimedBatches } from './batches.ts';
import type { Call, CallOutcome } from './caller.ts';
import { Connections } from './connections.ts';
import { segment } from './path-segment.ts';
import { parseServer } from './servers.ts';
import { SubscriptionClient } from './subscriptions.ts';
import type { RequestTracer } from './tracing-sender.ts';
import type { Sender, TransportAnswer } from './transport.ts';

export interface ClientOptions {
  /** Brokers to begin with: URLs or host:port. The others are learnt from them. */
  readonly servers: readonly string[];
  /** Bearer token, where the brokers want one. */
  readonly token?: string | null;
  /** Certificates to trust, as PEM text, in place of the machine's. */
  readonly ca?: string | null;
  /** For calls that do not bring a time of their own. */
  readonly timeoutMs?: number;
  /** The longest that one broker is given before another is asked; default 3 s, and 6 s for what needs a leader. */
  readonly attemptMs?: number;
  /** False to talk to the given brokers only. */
  readonly discover?: boolean;
  /**
   * Give every append without a request id one of its own, so that it can be tried again safely. Without it such an append is tried again only
   * after a definite failure, and brokers may pack it together with others. Default true.
   */
  readonly requestIds?: boolean;
  /** Ends every call with `interrupted`. */
  readonly signal?: AbortSignal;
  /** Traces what is asked (docs/decisions/0033). */
  readonly tracer?: RequestTracer;
}

export type BrokerList = readonly KnownBroker[];

/** A read of all partitions of a topic. */
export interface MergedRequest {
  readonly topic: string;
  /** `next` of an earlier answer, or the end; null from the start, or with `sinceMs`. */
  readonly from: string | null;
  readonly sinceMs: number | null;
  readonly max: number | null;
  readonly freshness: Freshness;
  /** With `session`: `next` of an earlier answer. */
  readonly session: string | null;
  readonly waitMs: number;
  /** Each record is to say its log time. */
  readonly tellTimes?: boolean;
}

export interface MergedRecords {
  readonly partitions: number;
  /** Where to go on. */
  readonly next: string;
  /** Partitions that did not answer are read without, and named. */
  readonly missing: readonly { readonly partition: number; readonly reason: string }[];
  readonly records: readonly MergedRecord[];
}

export interface MergedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  /** Where it was asked for. */
  readonly logTime?: number;
  readonly key?: string | null;
  readonly keyBase64?: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** What a broker knows of the clocks of the agents that send lines to it (docs/reference/http.md). */
export interface AgentClocks {
  readonly agents: readonly {
    readonly process: string;
    readonly address: string;
    /** By how much it is ahead of the broker's lies between these; null: nothing is known, or it was set. */
    readonly clock: { readonly lowMs: number; readonly highMs: number } | null;
    readonly stampsAhead: number;
  }[];
  /** Agents that are not told of. */
  readonly left: number;
}

const batchesType = 'application/vnd.cairn.batches';
const timedBatchesType = 'application/vnd.cairn.timed-batches';
const attemptMsDefault = 3_000;
/** A broker looks for a leader, or for a majority, for 5 s and then says what is missing: whoever gives up before blames the broker that he asked. */
const leaderAttemptMsDefault = 6_000;
const waitMsMax = 30_000;
/** What the clocks of two brokers may be apart, and some more. */
const clocksApartMs = 5_000;
const timeoutMsMax = 60_000;

/** The event log over HTTP, to be searched too, with its publishers and subscribers (`subscriptions`). Safe to share; once closed it refuses. */
export class Client implements SearchableLog {
  readonly #options: ClientOptions;
  readonly #connections: Connections;
  readonly #timeoutMs: number;
  readonly #attemptMs: number;
  readonly #leaderAttemptMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #requestIds: boolean;
  readonly #discover: boolean;
  readonly subscriptions: Subscriptions;
  readonly schedules: Schedules;

  /** `through` is what `withSignal` hands on, or, for tests, another network. */
  constructor(options: ClientOptions, through?: Sender | Connections) {
    this.#options = options;
    this.#connections = through instanceof Connections ? through : new Connections(options, through);
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#attemptMs = options.attemptMs ?? attemptMsDefault;
    this.#leaderAttemptMs = options.attemptMs ?? leaderAttemptMsDefault;
    this.#signal = options.signal;
    this.#requestIds = options.requestIds ?? true;
    this.#discover = options.discover ?? true;
    this.subscriptions = new SubscriptionClient({
      get: (action, path) => this.#get(action, path),
      change: async (action, request, alreadyDone) => {
        const outcome = await this.#change(action, request, alreadyDone);
        if (outcome === null || outcome.answer.status === 204) return undefined;
        return readJson(outcome.answer, outcome.server, { action, changes: true });
      },
      pull: (action, request, options) => this.#pull(action, request, options),
      append: (action, path, request) => this.#append(action, path, request),
    });
    this.schedules = { listScheduled: this.#listScheduled, cancelScheduled: this.#cancelScheduled };
  }

  readonly #listScheduled: Schedules['listScheduled'] = async ({ topic, after, limit }) =>
    (await this.#get(
      'Cannot list what is appended later',
      withQuery('/v1/scheduled', { topic, after, limit }),
    )) as unknown as ScheduledPage;

  readonly #cancelScheduled: Schedules['cancelScheduled'] = async (id) => {
    const path = `/v1/scheduled/${segment(id)}`;
    // Again it is done again, without harm.
    await this.#change(`Cannot cancel ${JSON.stringify(id)}`, { method: 'DELETE', path }, null);
    return { id };
  };

  /** The same client over the same connections, its calls ended by this signal in place of its own. */
  withSignal(signal: AbortSignal): Client {
    return new Client({ ...this.#options, signal }, this.#connections);
  }

  /** The brokers known so far, the one in use first. */
  get servers(): readonly string[] {
    const current = this.#connections.servers.current;
    return [current, ...this.#connections.servers.all.filter((origin) => origin !== current)];
  }

  /**
   * Talks to the leader of the topic from now on, as far as one is known: any broker passes an append on, but checks and sends all of it once more, which
   * counts for who appends much. A leader that does not answer is left as any broker is, and not preferred again before another one leads.
   */
  async preferLeaderOf(topic: string): Promise<void> {
    const { partition } = await this.describeTopic(topic);
    const address = (await this.brokers()).find(({ id }) => id === partition.leader)?.address;
    const server = this.#connections.servers.current;
    if (address === undefined || !this.#discover) return;
    const origin = parseServer(server.slice(0, server.indexOf('//') + 2) + address);
    if (origin === this.#connections.preferred) return;
    this.#connections.preferred = origin;
    this.#connections.servers.prefer(origin);
  }

  /** Whether any broker has answered yet: until then a wrong address is likelier than a failure. */
  get heard(): boolean {
    return this.#connections.caller.heard;
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const { topic } = request;
    return this.#append(`Cannot append to ${shownTopic(topic)}`, topicPath(topic, 'records', {}), request);
  }

  async #append(action: string, path: string, request: AppendRequest): Promise<AppendResult> {
    const requestId = request.requestId ?? (this.#requestIds ? crypto.randomUUID() : null);
    const headers: Record<string, string> = { 'content-type': batchesType };
    if (requestId !== null) {
      // Header bytes; node writes them as Latin-1.
      headers['cairn-request-id'] = Buffer.from(requestId).toString('latin1');
      headers['cairn-sequence'] = String(request.sequence);
      if (request.isSession === true) headers['cairn-session'] = 'true';
    }
    const { answer, server } = await this.#call({
      action,
      request: (attemptMs, sinceFirstMs) => ({
        method: 'POST',
        path: withQuery(path, {
          partition: request.partition ?? null,
          level: request.level,
          expectedOffset: request.expectedOffset,
          timeoutMs: Math.min(attemptMs, timeoutMsMax),
          deliverAt: request.deliverAtMs ?? null,
        }),
        headers: requestId === null ? headers : { ...headers, ...ageHeader(request.firstAttemptMs, sinceFirstMs) },
        body: request.batch,
      }),
      timeoutMs: request.timeoutMs,
      // All voters may be slow together; asking another broker would only begin the wait again.
      attemptMsMax: request.level === 'all' ? timeoutMsMax : this.#attemptMs,
      changes: true,
      repeatable: requestId !== null,
    });
    return appendResultOf(readJson(answer, server, { action, changes: true }));
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    const action = `Cannot read ${shownTopic(request.topic)}`;
    const offsetAtLeast = request.offsetFrom ?? 0;
    const waitMs = Math.min(request.waitMs, waitMsMax);
    const outcome = await this.#cancellable(request.cancel, (signal) =>
      this.#call({
        action,
        request: () => ({
          method: 'GET',
          path: topicPath(request.topic, 'records', {
            partition: request.partition ?? null,
            from: request.offsetFrom,
            since: request.sinceMs,
            bytesMax: request.bytesMax,
            level: request.freshness,
            session: request.freshness === 'session' ? request.sessionOffset : null,
            waitMs: waitMs > 0 ? waitMs : null,
            logTime: request.tellTimes === true ? 'true' : null,
          }),
          headers: { accept: batchesType },
        }),
        timeoutMs: waitMs + this.#timeoutMs,
        attemptMsMax: waitMs + (request.freshness === 'linearizable' ? this.#leaderAttemptMs : this.#attemptMs),
        changes: false,
        repeatable: true,
        signal,
      }),
    );
    if (outcome === null) return emptyRead(request.topic, offsetAtLeast);
    return toReadResult(request.topic, outcome.answer, outcome.server, action);
  }

  /** A pull changes something, and may be asked for again where its number tells it from the next one or nothing is taken by it. */
  #pull(
    action: string,
    request: ReturnType<Call['request']>,
    { waitMs, isRepeatable, cancel }: { readonly waitMs: number; readonly isRepeatable: boolean; readonly cancel: ReadRequest['cancel'] },
  ): Promise<CallOutcome | null> {
    return this.#cancellable(cancel, (signal) =>
      this.#call({
        action,
        request: () => request,
        timeoutMs: waitMs + this.#timeoutMs,
        attemptMsMax: waitMs + this.#leaderAttemptMs,
        changes: !isRepeatable,
        repeatable: isRepeatable,
        signal,
      }),
    );
  }

  /** Null where it was cancelled. */
  async #cancellable(cancel: ReadRequest['cancel'], ask: (signal: AbortSignal) => Promise<CallOutcome>): Promise<CallOutcome | null> {
    const isCancelled = (): boolean => cancel?.cancelled === true;
    if (isCancelled()) return null;
    const aborting = new AbortController();
    const abort = (): void => aborting.abort();
    this.#signal?.addEventListener('abort', abort, { once: true });
    // It will not be said again.
    if (this.#signal?.aborted === true) abort();
    if (cancel !== undefined) cancel.onCancel = abort;
    try {
      return await ask(aborting.signal);
    } catch (error) {
      if (isCancelled()) return null;
      throw error;
    } finally {
      this.#signal?.removeEventListener('abort', abort);
      if (cancel !== undefined) cancel.onCancel = null;
    }
  }

  /**
   * A search made where the records are, in the broker in use; `query` says what grep's options mean. The time is that of the whole search, the reader's own
   * included. Cancelled it says how far it came; a broker that fails behind what it gave ends it with an error.
   */
  async scan(request: ScanRequest, sink: ScanSink): Promise<ScanResult> {
    // Most clients never search.
    const { scanOver } = await import('./scan.ts');
    const { servers, credentials, closing } = this.#connections;
    this.#connections.refuseClosed(`Cannot search ${shownTopic(request.topic)}`);
    const signal = this.#signal === undefined ? closing.signal : AbortSignal.any([closing.signal, this.#signal]);
    return scanOver(request, sink, { servers, ...credentials, attemptMs: this.#attemptMs, signal });
  }

  async end({ topic, partition, freshness }: EndRequest): Promise<EndResult> {
    const attemptMs = freshness === 'local' ? this.#attemptMs : this.#leaderAttemptMs;
    const action = `Cannot read the end of ${shownTopic(topic)}`;
    const answer = await this.#get(action, topicPath(topic, 'end', { level: freshness, partition: partition ?? null }), attemptMs);
    if (answer['offset'] !== undefined) return answer as unknown as EndResult;
    const partitions = (answer['partitions'] as readonly unknown[]).length;
    throw new LogError('partitionNeeded', `${action}: it has ${partitions} partitions, and none is named`, { partitions });
  }

  /** The ends of a topic that has several partitions, by number: of those that say. */
  async ends(topic: string, freshness: Freshness): Promise<ReadonlyMap<number, number>> {
    const attemptMs = freshness === 'local' ? this.#attemptMs : this.#leaderAttemptMs;
    const answer = await this.#get(`Cannot read the end of ${shownTopic(topic)}`, topicPath(topic, 'end', { level: freshness }), attemptMs);
    const partitions = answer['partitions'] as readonly { readonly partition: number; readonly offset: number }[];
    return new Map(partitions.map(({ partition, offset }) => [partition, offset]));
  }

  /** Records of a topic of several partitions, in order of log time. What is not text is base64, as over HTTP. */
  async readMerged({ topic, from, sinceMs, max, freshness, session, waitMs, tellTimes = false }: MergedRequest): Promise<MergedRecords> {
    const path = topicPath(topic, 'records', {
      from,
      since: sinceMs,
      max,
      level: freshness,
      session: freshness === 'session' ? session : null,
      waitMs: waitMs > 0 ? Math.min(waitMs, waitMsMax) : null,
      logTime: tellTimes ? 'true' : null,
    });
    const attemptMs = waitMs + (freshness === 'linearizable' ? this.#leaderAttemptMs : this.#attemptMs);
    return (await this.#get(`Cannot read ${shownTopic(topic)}`, path, attemptMs, waitMs)) as unknown as MergedRecords;
  }

  async nextSequence({ topic, partition, requestId }: SequenceRequest): Promise<number> {
    const action = `Cannot ask how far request id "${requestId}" is in ${shownTopic(topic)}`;
    const body = await this.#get(action, topicPath(topic, 'sequence', { requestId, partition: partition ?? null }));
    return body['nextSequence'] as number;
  }

  async createTopic(name: string, settings: TopicSettings): Promise<TopicDescription> {
    const action = `Cannot create ${shownTopic(name)}`;
    const body = Buffer.from(JSON.stringify({ name, ...settings }));
    const request = { method: 'POST', path: '/v1/topics', headers: { 'content-type': 'application/json' }, body } as const;
    const firstMs = performance.now();
    const outcome = await this.#change(action, request, 'topicExists');
    if (outcome !== null) return readJson(outcome.answer, outcome.server, { action, changes: true }) as unknown as TopicDescription;
    // An answer was lost, and now it is there: it is what was asked for, or somebody else's.
    const found = await this.describeTopic(name);
    const other = Object.entries(settings).find(
      ([key, asked]) => asked !== undefined && found.settings[key as keyof TopicSettings] !== asked,
    );
    if (other !== undefined) throw new LogError('topicExists', `${action}: there is one, and its ${other[0]} is not what was asked for`);
    if (found.createdMs < (await this.wallMs()) - (performance.now() - firstMs) - clocksApartMs)
      throw new LogError('topicExists', `${action}: there is one, made before this was asked for`);
    return found;
  }

  /** Answered after an attempt whose answer was lost as if that had been the first: what is wanted is said, not how it changes. */
  async alterTopic(name: string, changes: TopicChanges): Promise<TopicDescription> {
    const action = `Cannot alter ${shownTopic(name)}`;
    const body = Buffer.from(JSON.stringify(changes));
    const request = { method: 'PATCH', path: topicPath(name, '', {}), headers: { 'content-type': 'application/json' }, body } as const;
    const outcome = await this.#change(action, request, null);
    if (outcome === null) return this.describeTopic(name);
    return readJson(outcome.answer, outcome.server, { action, changes: true }) as unknown as TopicDescription;
  }

  async deleteTopic(name: string): Promise<undefined> {
    await this.#change(`Cannot delete ${shownTopic(name)}`, { method: 'DELETE', path: topicPath(name, '', {}) }, 'unknownTopic');
  }

  async listTopics(query: TopicQuery): Promise<TopicPage> {
    const answer = await this.#get('Cannot list the topics', withQuery('/v1/topics', parametersOf(query, topicPageMax)));
    // A broker from before pages gives all.
    const { topics, count = topics.length, next = null } = answer as unknown as Pick<TopicPage, 'topics'> & Partial<TopicPage>;
    return { topics, count, next };
  }

  async describeTopic(name: string): Promise<TopicDescription> {
    return (await this.#get(`Cannot describe ${shownTopic(name)}`, topicPath(name, '', {}))) as unknown as TopicDescription;
  }

  /**
   * How many partitions it has had, the last is how many it has, for what is about to be done: one for a topic that is not there, which that will say.
   */
  async partitionsOf(topic: string, doing: string): Promise<readonly number[]> {
    try {
      const answer = (await this.#get(`Cannot ${doing} ${shownTopic(topic)}`, topicPath(topic, '', {}))) as unknown as TopicDescription;
      const { partitionsBefore = [], partitions = 1 } = answer.settings;
      return [...partitionsBefore, partitions];
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknownTopic') return [1];
      throw error;
    }
  }

  /** Where a topic is, and why (contract 3). */
  async explain(topic: string): Promise<TopicPlacement> {
    return (await this.#get(`Cannot explain ${shownTopic(topic)}`, topicPath(topic, 'placement', {}))) as unknown as TopicPlacement;
  }

  async status(query: TopicQuery | null = null): Promise<BrokerStatus> {
    const path = withQuery('/v1/status', query === null ? {} : parametersOf(query, null));
    return (await this.#get('Cannot ask for the status', path, this.#attemptMs)) as unknown as BrokerStatus;
  }

  async brokers(query: TopicQuery | null = null): Promise<BrokerList> {
    const path = withQuery('/v1/brokers', query === null ? {} : parametersOf(query, null));
    return (await this.#get('Cannot list the brokers', path, this.#attemptMs))['brokers'] as BrokerList;
  }

  /** What every broker did in the last 15 minutes, or the last `withinMs` of them. */
  async history(withinMs: number | null = null): Promise<readonly KnownHistory[]> {
    const path = withQuery('/v1/brokers/history', { withinMs });
    return (await this.#get('Cannot ask for the history', path, this.#attemptMs))['brokers'] as readonly KnownHistory[];
  }

  /** What the broker in use did and heard, as NDJSON (docs/reference/trace.md); null: all that it keeps. */
  async trace(lastMs: number | null): Promise<string> {
    const path = lastMs === null ? '/v1/trace' : `/v1/trace?lastMs=${lastMs}`;
    return clientBytes.utf8Decode((await this.#ask('Cannot read the trace', path, this.#timeoutMs)).answer.body);
  }

  /** What the broker in use keeps of a trace. */
  async spans(traceId: string): Promise<readonly Span[]> {
    return (await this.#get('Cannot ask for the spans', `/v1/spans/${traceId}`, this.#attemptMs))['spans'] as readonly Span[];
  }

  /** The wall clock of the broker in use, in whole ms. */
  async wallMs(): Promise<number> {
    return (await this.#get('Cannot ask for the time', '/v1/clock', this.#attemptMs))['wallMs'] as number;
  }

  /** Of agents that send lines to the broker in use; null: it is of before November 2026 and does not know. */
  async agentClocks(): Promise<AgentClocks | null> {
    try {
      return (await this.#get('Cannot ask for the clocks of agents', '/v1/clock/agents', this.#attemptMs)) as unknown as AgentClocks;
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknownRoute') return null;
      throw error;
    }
  }

  /** Switches the broker in use into, or out of, acting as crashed. A crashed broker answers nothing but this. */
  async fault(action: 'crash' | 'recover'): Promise<void> {
    await this.#change(`Cannot ${action} the broker`, { method: 'POST', path: action === 'crash' ? '/crash' : '/recover' }, null);
  }

  /** Does this to the links of the broker in use; others are told by themselves. */
  async faultLinks(fault: LinkFault): Promise<void> {
    const { action } = fault;
    const body = Buffer.from(JSON.stringify(fault.action === 'delay' && fault.link === null ? { action, ms: fault.ms } : fault));
    const headers = { 'content-type': 'application/json' };
    await this.#change(`Cannot ${action}`, { method: 'POST', path: '/v1/faults', headers, body }, null);
  }

  /** Ends its connections. What is under way fails with `interrupted`, and what is asked for later with `clientClosed`. */
  close(): void {
    this.#connections.close();
  }

  async #get(action: string, path: string, attemptMsMax = this.#leaderAttemptMs, waitMs = 0): Promise<Readonly<Record<string, unknown>>> {
    const { answer, server } = await this.#ask(action, path, attemptMsMax, waitMs);
    return readJson(answer, server, { action, changes: false });
  }

  #ask(action: string, path: string, attemptMsMax: number, waitMs = 0): Promise<CallOutcome> {
    const request = (): { readonly method: 'GET'; readonly path: string } => ({ method: 'GET', path });
    return this.#call({ action, request, timeoutMs: this.#timeoutMs + waitMs, attemptMsMax, changes: false, repeatable: true });
  }

  /** Null when the change was refused because an earlier attempt, whose answer was lost, had made it already. */
  async #change(action: string, request: ReturnType<Call['request']>, alreadyDone: string | null): Promise<CallOutcome | null> {
    try {
      return await this.#call({
        action,
        request: () => request,
        timeoutMs: this.#timeoutMs,
        attemptMsMax: this.#leaderAttemptMs,
        changes: true,
        repeatable: true,
      });
    } catch (error) {
      if (error instanceof LogError && error.cause instanceof LogError && error.cause.code === alreadyDone) return null;
      throw error;
    }
  }

  #call(call: Call): Promise<CallOutcome> {
    // A command that asks once does not pay for this; whoever asks again may meet the failure of the broker that it was given.
    if (++this.#connections.callCount === 2 && this.#discover) void this.#learnBrokers();
    return this.#connections.caller.call(
      this.#signal === undefined || call.signal !== undefined ? call : { ...call, signal: this.#signal },
    );
  }

  async #learnBrokers(): Promise<void> {
    const server = this.#connections.servers.current;
    try {
      const answer = await this.#connections.transport.send(server, { method: 'GET', path: '/v1/brokers', timeoutMs: this.#attemptMs });
      const brokers = readJson(answer, server, { action: 'Cannot list the brokers', changes: false })['brokers'] as BrokerList;
      const scheme = server.slice(0, server.indexOf('//') + 2);
      this.#connections.servers.learn(brokers.map((broker) => parseServer(scheme + broker.address)));
    } catch {
      // Without the others the client goes on with those that it was given; the next call tries again.
      this.#connections.callCount = 1;
    }
  }
}

/** Of records that fell into several partitions the answer is a list, one entry each. */
function appendResultOf(answer: Readonly<Record<string, unknown>>): AppendResult {
  const parts = answer['partitions'] as readonly Readonly<Record<string, unknown>>[] | undefined;
  if (parts === undefined) return partOf(answer);
  const results = parts.map(partOf);
  return { ...(results[0] as AppendResult), parts: results };
}

/** What is appended later has an id in place of its offset, term and time. */
function partOf(answer: Readonly<Record<string, unknown>>): AppendResult {
  if (answer['scheduled'] !== true) return answer as unknown as AppendResult;
  const { id, deliverAtMs, ...rest } = answer;
  const scheduled = { id: String(id), deliverAtMs: Number(deliverAtMs) };
  return { ...(rest as unknown as AppendResult), offset: -1, term: 0, timestampMs: 0, scheduled };
}

/** A retry says how old its first attempt is: one that the brokers may have forgotten is not appended a second time. */
function ageHeader(before: number | undefined, sinceFirstMs: number | null): Readonly<Record<string, string>> {
  if (before === undefined && sinceFirstMs === null) return {};
  return { 'cairn-first-attempt-ms': String(Math.min(2 ** 31 - 1, Math.ceil((before ?? 0) + (sinceFirstMs ?? 0)))) };
}

function topicPath(topic: string, rest: string, query: Readonly<Record<string, string | number | null>>): string {
  // Those have no place in a path: it would be another one.
  if (['', '.', '..'].includes(topic)) throw new LogError('invalidTopicName', `There is no ${shownTopic(topic)}: ${topicNameRule}`);
  return withQuery(`/v1/topics/${encodeURIComponent(topic)}${rest === '' ? '' : `/${rest}`}`, query);
}

function withQuery(path: string, query: Readonly<Record<string, string | number | null>>): string {
  let asked = '';
  for (const key of Object.keys(query)) {
    const value = query[key] ?? null;
    if (value === null) continue;
    asked += `${asked === '' ? '?' : '&'}${key}=${encodeURIComponent(typeof value === 'string' ? value.toWellFormed() : value)}`;
  }
  return path + asked;
}

/** What is left to the broker is not said: one from before these parameters refuses them. */
const parametersOf = (
  { prefix, after, limit }: TopicQuery,
  limitUsual: number | null,
): Readonly<Record<string, string | number | null>> => ({
  prefix: prefix === '' ? null : prefix,
  after: after === '' ? null : after,
  limit: limit === limitUsual ? null : limit,
});

function toReadResult(topic: string, answer: TransportAnswer, server: string, action: string): ReadResult {
  const number = (name: string): number => {
    const text = answer.headers[name];
    const value = typeof text === 'string' && /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value))
      throw new LogError('invalidRequest', `${action}: ${server} answered without ${name}, which a Cairn broker sends`);
    return value;
  };
  return {
    topic,
    offsetFrom: number('cairn-offset-from'),
    offsetNext: number('cairn-offset-next'),
    ...(answer.headers['content-type'] === timedBatchesType
      ? splitTimedBatches(answer.body, action)
      : { batches: splitBatches(answer.body, action) }),
    highWatermark: number('cairn-high-watermark'),
    logStartOffset: number('cairn-log-start-offset'),
    asOfMs: number('cairn-as-of-ms'),
    lag: number('cairn-lag'),
    ...(answer.headers['cairn-times-ahead-ms'] === undefined ? {} : { timesAheadMs: number('cairn-times-ahead-ms') }),
  };
}

const emptyRead = (topic: string, offset: number): ReadResult => ({
  topic,
  offsetFrom: offset,
  offsetNext: offset,
  batches: [],
  highWatermark: offset,
  logStartOffset: 0,
  asOfMs: 0,
  lag: 0,
});
