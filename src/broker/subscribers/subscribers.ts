import type { GroupId } from '../../base/branded.ts';
import { groupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import {
  type AckRequest,
  type Acked,
  type Answer,
  type AppendResult,
  type Created,
  type CreateRequest,
  type HeartbeatRequest,
  type IdQuery,
  type LeaveRequest,
  type Nacked,
  type NackRequest,
  type Outcome,
  type ParkedChange,
  type ParkedChanged,
  type ParkedPage,
  type ParkedQuery,
  type ParkedRecord,
  type ParkedRequest,
  type PublisherDescription,
  type PublisherPage,
  type PublishRequest,
  type PullRequest,
  type PullResult,
  type Seeked,
  type SeekRequest,
  type Subscribed,
  type SubscriberDescription,
  type SubscriberPage,
  type SubscribeRequest,
  type SubscriptionService,
  topicPageMax,
  type UnsubscribeRequest,
  type WorkerState,
} from '../../eventlog/index.ts';
import { type FurthestBehind, type NamedPartition, Publishing } from '../../subscribers/index.ts';
import { type Core, failure } from '../core.ts';
import { Questions, type Requests, type Whereabouts } from '../edge/index.ts';
import type { MachineState, Replica } from '../replica/index.ts';
import { topicGroupFirst } from '../well-known.ts';
import { Keeping, type KeepingOptions } from './keeping.ts';
import { type Call, type Change, decodeCall, encodeCall } from './passed-on.ts';

export interface SubscribersOptions extends Omit<KeepingOptions, 'publisherDeleted'> {
  readonly requests: Requests;
  readonly whereabouts: Whereabouts;
  /** Of the groups that keep publishers and subscribers, in their order; none before the first has been made. */
  groups(): readonly number[];
  /** Makes the groups, where there are none yet. */
  make(answer: Answer<undefined>): void;
  /** Comes back once this broker knows whether there are any, with false where nobody could say. */
  whenKnown(done: (isCurrent: boolean) => void): void;
  /** Whether this broker has a replica of it, or is to have one. */
  isHere(group: number): boolean;
  /** The catalog here is damaged: what it knows of topics grows old, or is nothing. */
  isCatalogLost(): boolean;
}

/** Publishers and subscribers for callers of this broker: asked of whoever leads the group that keeps them, here or elsewhere (docs/decisions/0030). */
export class Subscribers implements SubscriptionService {
  readonly #core: Core;
  readonly #options: SubscribersOptions;
  readonly #keeping = new Map<number, Keeping>();
  readonly #questions: Questions<Call>;
  readonly #publishing: Publishing;
  #attempts = 0;

  constructor(options: SubscribersOptions) {
    this.#core = options.core;
    this.#options = options;
    const { core, requests, whereabouts } = options;
    const answering = (group: GroupId): Keeping | undefined => this.#coordinating(group);
    this.#questions = new Questions({
      core,
      requests,
      whereabouts,
      what: 'subscribers',
      encode: encodeCall,
      decode: decodeCall,
      answering,
    });
    this.#publishing = new Publishing({
      clock: options.core.host.clock,
      describe: (id, answer) => this.describePublisher(id, answer),
      append: (request, answer) => options.records.append(request, answer),
    });
  }

  // ---------------------------------------------------------------------------------------------------------- by the log

  /** The groups were made. */
  created(): void {
    const options = { ...this.#options, publisherDeleted: (id: string) => this.#publishing.forget(id) };
    for (const [number, group] of this.#options.groups().entries())
      if (this.#options.isHere(group) && !this.#keeping.has(group)) this.#keeping.set(group, new Keeping(groupId(group), number, options));
  }

  advanced(replica: Replica): void {
    this.#keeping.get(replica.group)?.advanced(replica);
  }

  /** Of the subscribers that a group keeps, for a checkpoint of its log; null where it is not so far, or not known here yet. */
  stateAt(group: number, least: number): MachineState | null {
    return this.#keeping.get(group)?.stateAt(least) ?? null;
  }

  tick(nowMs: number): void {
    for (const keeping of this.#keeping.values()) keeping.expire(nowMs);
  }

  /** Nobody will answer any more. */
  abandon(code: ErrorCode, reason: string): void {
    this.#questions.abandon(code, reason);
  }

  /** Asked by another broker, of a group that is led here. */
  receive(group: GroupId, json: Uint8Array, answer: (json: string, batches: readonly Uint8Array[]) => void): void {
    this.#questions.receive(group, json, answer);
  }

  /** Who answers for a group that this broker leads. Where its catalog is lost it does not know the topics, nor perhaps whose group this is: another is to lead it. */
  #coordinating(group: GroupId): Keeping | undefined {
    if (!this.#options.isCatalogLost()) return this.#keeping.get(group);
    if (group >= topicGroupFirst) this.#core.replica(group)?.step({ type: 'transferLeadership', to: null });
    this.#core.wake();
    return undefined;
  }

  // ---------------------------------------------------------------------------------------------------------- by callers

  #nonce(): string {
    const { self, host } = this.#core;
    return `${self}/${host.random.next()}/${++this.#attempts}`;
  }

  createPublisher(request: CreateRequest, answer: Answer<Created>): void {
    this.#create('createPublisher', request, answer);
  }

  createSubscriber(request: CreateRequest, answer: Answer<Created>): void {
    this.#create('createSubscriber', request, answer);
  }

  #create(call: 'createPublisher' | 'createSubscriber', { id, requestId }: CreateRequest, answer: Answer<Created>): void {
    const request = { id, requestId: requestId ?? this.#nonce() };
    const ask = (): void => this.#ask(id, { call, request, attempt: this.#nonce() }, answer as Answer<unknown>);
    if (this.#options.groups().length > 0) return ask();
    this.#options.make((outcome) => (outcome.ok ? ask() : this.#core.later(() => answer(outcome))));
  }

  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void {
    this.#list('listPublishers', query, answer as Answer<unknown>, (pages) => {
      const { page, next } = merged(
        (pages as readonly PublisherPage[]).map(({ publishers }) => publishers),
        pages as readonly PublisherPage[],
        query.limit,
      );
      return { publishers: page, next };
    });
  }

  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void {
    this.#list('listSubscribers', query, answer as Answer<unknown>, (pages) => {
      const { page, next } = merged(
        (pages as readonly SubscriberPage[]).map(({ subscribers }) => subscribers),
        pages as readonly SubscriberPage[],
        query.limit,
      );
      return { subscribers: page, next };
    });
  }

  /** Each group has some of them. */
  #list(
    call: 'listPublishers' | 'listSubscribers',
    request: IdQuery,
    answer: Answer<unknown>,
    merge: (pages: readonly unknown[]) => unknown,
  ): void {
    this.#whenKnown(`list ${call === 'listPublishers' ? 'publishers' : 'subscribers'}`, answer, () => {
      const groups = this.#options.groups();
      const pages: unknown[] = [];
      let left = groups.length;
      let failed: Outcome<unknown> | null = null;
      if (left === 0) return this.#core.later(() => answer({ ok: true, value: merge([]) }));
      for (const group of groups) {
        this.#askGroup(groupId(group), { call, request }, (outcome) => {
          if (outcome.ok) pages.push(outcome.value);
          else failed = outcome;
          if (--left === 0) answer(failed ?? { ok: true, value: merge(pages) });
        });
      }
    });
  }

  describePublisher(id: string, answer: Answer<PublisherDescription>): void {
    this.#askKnown('unknownPublisher', id, { call: 'describePublisher', request: { id } }, answer as Answer<unknown>);
  }

  deletePublisher(id: string, answer: Answer<undefined>, requestId?: string): void {
    this.#publishing.forget(id);
    this.#change('unknownPublisher', id, { call: 'deletePublisher', request: { id } }, requestId, nothing(answer));
  }

  publish(request: PublishRequest, answer: Answer<AppendResult>): void {
    this.#publishing.publish(request, answer);
  }

  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void {
    this.#askKnown('unknownSubscriber', id, { call: 'describeSubscriber', request: { id } }, answer as Answer<unknown>);
  }

  deleteSubscriber(id: string, answer: Answer<undefined>, requestId?: string): void {
    this.#change('unknownSubscriber', id, { call: 'deleteSubscriber', request: { id } }, requestId, nothing(answer));
  }

  subscribe(request: SubscribeRequest, answer: Answer<Subscribed>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'subscribe', request }, request.requestId, answer as Answer<unknown>);
  }

  unsubscribe(request: UnsubscribeRequest, answer: Answer<undefined>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'unsubscribe', request }, request.requestId, nothing(answer));
  }

  pull(request: PullRequest, answer: Answer<PullResult>): void {
    this.#askKnown('unknownSubscriber', request.subscriber, { call: 'pull', request }, answer as Answer<unknown>);
  }

  ack(request: AckRequest, answer: Answer<Acked>): void {
    this.#askKnown('unknownSubscriber', request.subscriber, { call: 'ack', request }, answer as Answer<unknown>);
  }

  nack(request: NackRequest, answer: Answer<Nacked>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'nack', request }, request.requestId, answer as Answer<unknown>);
  }

  listParked(request: ParkedQuery, answer: Answer<ParkedPage>): void {
    this.#askKnown('unknownSubscriber', request.subscriber, { call: 'listParked', request }, answer as Answer<unknown>);
  }

  showParked(request: ParkedRequest, answer: Answer<ParkedRecord>): void {
    this.#askKnown('unknownSubscriber', request.subscriber, { call: 'showParked', request }, answer as Answer<unknown>);
  }

  changeParked(request: ParkedChange, answer: Answer<ParkedChanged>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'changeParked', request }, request.requestId, answer as Answer<unknown>);
  }

  seek(request: SeekRequest, answer: Answer<Seeked>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'seek', request }, request.requestId, answer as Answer<unknown>);
  }

  heartbeat(request: HeartbeatRequest, answer: Answer<WorkerState>): void {
    this.#askKnown('unknownSubscriber', request.subscriber, { call: 'heartbeat', request }, answer as Answer<unknown>);
  }

  leave(request: LeaveRequest, answer: Answer<undefined>): void {
    this.#change('unknownSubscriber', request.subscriber, { call: 'leave', request }, request.requestId, nothing(answer));
  }

  // -------------------------------------------------------------------------------------------------------- for retention

  /** Of each of these partitions, who has acknowledged least of it, of all groups; null where one of them did not answer. */
  furthestBehind(partitions: readonly NamedPartition[], done: (found: readonly (FurthestBehind | null)[] | null) => void): void {
    this.#options.whenKnown((isCurrent) => {
      const groups = this.#options.groups();
      if (!isCurrent) return this.#core.later(() => done(null));
      let found: (FurthestBehind | null)[] | null = partitions.map(() => null);
      let left = groups.length;
      if (left === 0) return this.#core.later(() => done(found));
      for (const group of groups)
        this.#askGroup(groupId(group), { call: 'furthestBehind', request: { partitions } }, (outcome) => {
          const said = outcome.ok ? (outcome.value as readonly (FurthestBehind | null)[]) : null;
          found = said === null || found === null ? null : found.map((one, index) => further(one, said[index] ?? null));
          if (--left === 0) done(found);
        });
    });
  }

  // --------------------------------------------------------------------------------------------------------- on the way

  /** All attempts at it are one, those of the caller's too where it names its request: it is done once, whichever of them comes late. */
  #change(
    code: 'unknownPublisher' | 'unknownSubscriber',
    id: string,
    change: Change,
    requestId: string | undefined,
    answer: Answer<unknown>,
  ): void {
    // A request id that is used for something else too is another attempt there.
    const { topic = null, worker = null } = change.request as { readonly topic?: string; readonly worker?: string };
    const attempt = requestId === undefined ? this.#nonce() : JSON.stringify([change.call, id, topic, worker, requestId]);
    this.#askKnown(code, id, { ...change, attempt }, answer);
  }

  /** Where no group has been made there is nobody yet. */
  #askKnown(code: 'unknownPublisher' | 'unknownSubscriber', id: string, call: Call, answer: Answer<unknown>): void {
    const doing = `ask for ${describeCall(call)}`;
    this.#whenKnown(doing, answer, () => {
      if (this.#options.groups().length > 0) return this.#ask(id, call, answer);
      const kind = code === 'unknownPublisher' ? 'publisher' : 'subscriber';
      this.#core.later(() => answer(failure(code, `Cannot ${doing}: there is no such ${kind}`)));
    });
  }

  #whenKnown(doing: string, answer: Answer<unknown>, goOn: () => void): void {
    if (this.#options.groups().length > 0) return goOn();
    this.#options.whenKnown((isCurrent) => {
      if (isCurrent || this.#options.groups().length > 0) return goOn();
      this.#core.later(() => answer(failure('noLeader', `Cannot ${doing}: nobody who leads the catalog could be asked`)));
    });
  }

  #ask(id: string, call: Call, answer: Answer<unknown>): void {
    const groups = this.#options.groups();
    const { bytes } = this.#core.host;
    const group = groups[bytes.crc32c(bytes.utf8Encode(id)) % groups.length] as number;
    this.#askGroup(groupId(group), call, answer);
  }

  #askGroup(group: GroupId, call: Call, answer: Answer<unknown>): void {
    const doing = `ask for ${describeCall(call)}`;
    if (call.call === 'pull') return this.#askPull(group, doing, call.request, answer);
    const refusalSays = (code: ErrorCode): 'done' | null => (isGone(call, code) ? 'done' : null);
    this.#questions.ask({ group, doing, call: () => call, isChange: isChange(call), refusalSays }, answer);
  }

  /** Its waiting may be in several parts. It has a number, or is its caller's to repeat: a refusal is final. */
  #askPull(group: GroupId, doing: string, request: PullRequest, answer: Answer<unknown>): void {
    let acknowledged: PullResult['acknowledged'] = null;
    const isToGoOn = (value: unknown): boolean => {
      const pulled = value as PullResult;
      acknowledged = pulled.acknowledged ?? acknowledged;
      return pulled.parts.length === 0 && request.cancel?.cancelled !== true;
    };
    this.#questions.ask(
      {
        group,
        doing,
        waitMs: request.waitMs,
        call: (waitMs) => ({ call: 'pull', request: { ...request, waitMs } }),
        isToGoOn,
        isChange: true,
        isOnce: request.mode === 'atMostOnce',
        refusalSays: () => 'final',
      },
      (outcome) => answer(outcome.ok ? { ok: true, value: { ...(outcome.value as PullResult), acknowledged } } : outcome),
    );
  }
}

const further = (one: FurthestBehind | null, other: FurthestBehind | null): FurthestBehind | null =>
  one === null || (other !== null && other.offset < one.offset) ? other : one;

/** Tried again it would say that it is not there: so it is, by the first attempt. */
const isGone = ({ call }: Call, code: ErrorCode): boolean =>
  (call === 'deletePublisher' && code === 'unknownPublisher') ||
  (call === 'deleteSubscriber' && code === 'unknownSubscriber') ||
  (call === 'unsubscribe' && code === 'notSubscribed') ||
  (call === 'leave' && code === 'unknownWorker');

const isChange = ({ call }: Call): boolean => !/^(list|describe|show|furthestBehind$)/.test(call);

function describeCall(call: Call): string {
  switch (call.call) {
    case 'listPublishers':
      return 'publishers';
    case 'listSubscribers':
    case 'furthestBehind':
      return 'subscribers';
    case 'createPublisher':
    case 'describePublisher':
    case 'deletePublisher':
      return `publisher "${call.request.id}"`;
    case 'createSubscriber':
    case 'describeSubscriber':
    case 'deleteSubscriber':
      return `subscriber "${call.request.id}"`;
    default:
      return `subscriber "${call.request.subscriber}"`;
  }
}

const nothing =
  (answer: Answer<undefined>): Answer<unknown> =>
  (outcome) =>
    answer(outcome.ok ? { ok: true, value: undefined } : outcome);

function merged<One extends { readonly id: string }>(
  lists: readonly (readonly One[])[],
  pages: readonly { readonly next: string | null }[],
  limit: number,
): { readonly page: One[]; readonly next: string | null } {
  const all = lists.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = all.slice(0, Math.max(0, Math.min(limit, topicPageMax)));
  const isMore = all.length > page.length || pages.some(({ next }) => next !== null);
  return { page, next: isMore ? (page[page.length - 1]?.id ?? null) : null };
}
