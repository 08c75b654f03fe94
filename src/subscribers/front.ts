import {
  type AppendRequest,
  type AppendResult,
  type Answer,
  LogError,
  type Outcome,
  type PublisherDescription,
  type PublishRequest,
  shownTopic,
  type SubscriptionService,
} from '../eventlog/index.ts';
import type { Clock } from '../host/index.ts';
import {
  refuseAck,
  refuseId,
  refuseNack,
  refuseParkedIds,
  refusePull,
  refuseSeek,
  refuseSubscribe,
  refuseWorker,
  shownClient,
} from './requests.ts';

/** Refuses what no request can be, before it goes on; answers never come during the call. */
export function refusing(service: SubscriptionService, clock: Clock): SubscriptionService {
  const unless = <Value>(refusal: LogError | null, answer: Answer<Value>, goOn: (answer: Answer<Value>) => void): void => {
    if (refusal === null) goOn(answer);
    else clock.defer(() => answer({ ok: false, error: refusal }));
  };
  const named = (doing: string, id: string): LogError | null => refuseId(doing, 'subscriber', id);
  return {
    createPublisher: (request, answer) =>
      unless(refuseId('create', 'publisher', request.id), answer, (told) => service.createPublisher(request, told)),
    listPublishers: (query, answer) => service.listPublishers(query, answer),
    describePublisher: (id, answer) => unless(refuseId('describe', 'publisher', id), answer, (told) => service.describePublisher(id, told)),
    deletePublisher: (id, answer, requestId) =>
      unless(refuseId('delete', 'publisher', id), answer, (told) => service.deletePublisher(id, told, requestId)),
    publish: (request, answer) =>
      unless(refuseId('publish as', 'publisher', request.publisher), answer, (told) => service.publish(request, told)),
    createSubscriber: (request, answer) => unless(named('create', request.id), answer, (told) => service.createSubscriber(request, told)),
    listSubscribers: (query, answer) => service.listSubscribers(query, answer),
    describeSubscriber: (id, answer) => unless(named('describe', id), answer, (told) => service.describeSubscriber(id, told)),
    deleteSubscriber: (id, answer, requestId) =>
      unless(named('delete', id), answer, (told) => service.deleteSubscriber(id, told, requestId)),
    subscribe: (request, answer) => {
      const { subscriber, topic } = request;
      const doing = `subscribe ${shownClient('subscriber', subscriber)} to ${shownTopic(topic)}`;
      unless(named('subscribe', subscriber) ?? refuseSubscribe(doing, request), answer, (told) => service.subscribe(request, told));
    },
    unsubscribe: (request, answer) =>
      unless(named('unsubscribe', request.subscriber), answer, (told) => service.unsubscribe(request, told)),
    pull: (request, answer) => {
      const { subscriber } = request;
      const doing = `pull for ${shownClient('subscriber', subscriber)}`;
      unless(named('pull for', subscriber) ?? refusePull(doing, request), answer, (told) => service.pull(request, told));
    },
    ack: (request, answer) => {
      const { subscriber } = request;
      const doing = `acknowledge for ${shownClient('subscriber', subscriber)}`;
      unless(named('acknowledge for', subscriber) ?? refuseAck(doing, request), answer, (told) => service.ack(request, told));
    },
    nack: (request, answer) => {
      const { subscriber } = request;
      const doing = `take failed records of ${shownClient('subscriber', subscriber)}`;
      const refusal = named('take failed records of', subscriber) ?? refuseNack(doing, request);
      unless(refusal, answer, (told) => service.nack(request, told));
    },
    listParked: (query, answer) =>
      unless(named('list what is parked for', query.subscriber), answer, (told) => service.listParked(query, told)),
    showParked: (request, answer) => {
      const { subscriber, id } = request;
      const doing = `show a parked record of ${shownClient('subscriber', subscriber)}`;
      const refusal = named('show a parked record of', subscriber) ?? refuseParkedIds(doing, [id]);
      unless(refusal, answer, (told) => service.showParked(request, told));
    },
    changeParked: (request, answer) => {
      const { subscriber, does, ids } = request;
      const verb = `${does} what is parked for`;
      const refusal = named(verb, subscriber) ?? refuseParkedIds(`${verb} ${shownClient('subscriber', subscriber)}`, ids);
      unless(refusal, answer, (told) => service.changeParked(request, told));
    },
    seek: (request, answer) => {
      const { subscriber, topic } = request;
      const doing = `seek ${shownClient('subscriber', subscriber)} in ${shownTopic(topic)}`;
      unless(named('seek', subscriber) ?? refuseSeek(doing, request), answer, (told) => service.seek(request, told));
    },
    heartbeat: (request, answer) => {
      const doing = `join a worker to ${shownClient('subscriber', request.subscriber)}`;
      const refusal = named('join a worker to', request.subscriber) ?? refuseWorker(doing, request.worker, request.sessionMs);
      unless(refusal, answer, (told) => service.heartbeat(request, told));
    },
    leave: (request, answer) => {
      const doing = `end a worker of ${shownClient('subscriber', request.subscriber)}`;
      const refusal = named('end a worker of', request.subscriber) ?? refuseWorker(doing, request.worker);
      unless(refusal, answer, (told) => service.leave(request, told));
    },
  };
}

/**
 * So long a publisher that was found is taken for one that is there, unless this broker hears that it was deleted: what it costs to ask is not paid for each
 * record.
 */
const knownMs = 10_000;
const knownMax = 10_000;

/** What it works with. */
export interface PublishingOptions {
  readonly clock: Clock;
  describe(id: string, answer: Answer<PublisherDescription>): void;
  append(request: AppendRequest, answer: Answer<AppendResult>): void;
}

/** Appends of publishers that exist. */
export class Publishing {
  readonly #options: PublishingOptions;
  /** Until when. */
  readonly #known = new Map<string, number>();
  #deletedCount = 0;

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  publish({ publisher, ...request }: PublishRequest, answer: Answer<AppendResult>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const deletedBefore = this.#deletedCount;
    if ((this.#known.get(publisher) ?? Number.NEGATIVE_INFINITY) > nowMs) return this.#options.append(request, answer);
    this.#options.describe(publisher, (outcome) => {
      if (!outcome.ok) return answer(refusal(publisher, request.topic, outcome));
      if (this.#known.size >= knownMax) this.#known.clear();
      const askedMs = this.#options.clock.monotonicMs();
      // What was said of it may be older than what was heard meanwhile.
      if (this.#deletedCount === deletedBefore) this.#known.set(publisher, askedMs + knownMs);
      const spentMs = Math.ceil(askedMs - nowMs);
      const { firstAttemptMs } = request;
      const age = firstAttemptMs === undefined ? {} : { firstAttemptMs: firstAttemptMs + spentMs };
      this.#options.append({ ...request, ...age, timeoutMs: Math.max(0, request.timeoutMs - spentMs) }, answer);
    });
  }

  /** It was deleted, or is about to be. */
  forget(publisher: string): void {
    this.#known.delete(publisher);
    this.#deletedCount++;
  }
}

/** Nothing was appended: what is not known of the publisher leaves nothing in doubt of that. */
function refusal(publisher: string, topic: string, { error }: Outcome<unknown> & { readonly ok: false }): Outcome<AppendResult> {
  const doing = `publish to ${shownTopic(topic)} as ${shownClient('publisher', publisher)}`;
  const code = error.definite ? error.code : 'noLeader';
  return { ok: false, error: new LogError(code, `Cannot ${doing}: ${error.message}`, error.details) };
}
