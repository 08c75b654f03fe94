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
import { refuseAck, refuseId, refusePull, refuseSeek, refuseSubscribe, shownClient } from './requests.ts';

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
    deletePublisher: (id, answer) => unless(refuseId('delete', 'publisher', id), answer, (told) => service.deletePublisher(id, told)),
    publish: (request, answer) =>
      unless(refuseId('publish as', 'publisher', request.publisher), answer, (told) => service.publish(request, told)),
    createSubscriber: (request, answer) => unless(named('create', request.id), answer, (told) => service.createSubscriber(request, told)),
    listSubscribers: (query, answer) => service.listSubscribers(query, answer),
    describeSubscriber: (id, answer) => unless(named('describe', id), answer, (told) => service.describeSubscriber(id, told)),
    deleteSubscriber: (id, answer) => unless(named('delete', id), answer, (told) => service.deleteSubscriber(id, told)),
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
    seek: (request, answer) => {
      const { subscriber, topic } = request;
      const doing = `seek ${shownClient('subscriber', subscriber)} in ${shownTopic(topic)}`;
      unless(named('seek', subscriber) ?? refuseSeek(doing, request), answer, (told) => service.seek(request, told));
    },
  };
}

/** So long a publisher that was found is taken for one that is there: what it costs to ask is not paid for each record. */
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

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  publish({ publisher, ...request }: PublishRequest, answer: Answer<AppendResult>): void {
    const nowMs = this.#options.clock.monotonicMs();
    if ((this.#known.get(publisher) ?? Number.NEGATIVE_INFINITY) > nowMs) return this.#options.append(request, answer);
    this.#options.describe(publisher, (outcome) => {
      if (!outcome.ok) return answer(refusal(publisher, request.topic, outcome));
      if (this.#known.size >= knownMax) this.#known.clear();
      const askedMs = this.#options.clock.monotonicMs();
      this.#known.set(publisher, askedMs + knownMs);
      const spentMs = Math.ceil(askedMs - nowMs);
      const { firstAttemptMs } = request;
      const age = firstAttemptMs === undefined ? {} : { firstAttemptMs: firstAttemptMs + spentMs };
      this.#options.append({ ...request, ...age, timeoutMs: Math.max(0, request.timeoutMs - spentMs) }, answer);
    });
  }

  /** It was deleted, by whoever asked this broker. */
  forget(publisher: string): void {
    this.#known.delete(publisher);
  }
}

/** Nothing was appended: what is not known of the publisher leaves nothing in doubt of that. */
function refusal(publisher: string, topic: string, { error }: Outcome<unknown> & { readonly ok: false }): Outcome<AppendResult> {
  const doing = `publish to ${shownTopic(topic)} as ${shownClient('publisher', publisher)}`;
  const code = error.definite ? error.code : 'noLeader';
  return { ok: false, error: new LogError(code, `Cannot ${doing}: ${error.message}`, error.details) };
}
