import { Buffer } from 'node:buffer';
import {
  type Acked,
  type AckRequest,
  type AppendResult,
  type Created,
  type CreateRequest,
  type HeartbeatRequest,
  type IdQuery,
  type LeaveRequest,
  LogError,
  type Nacked,
  type NackRequest,
  type ParkedChange,
  type ParkedChanged,
  type ParkedPage,
  type ParkedQuery,
  type ParkedRecord,
  type ParkedRequest,
  type PublisherDescription,
  type PublisherPage,
  type PublishRequest,
  type PulledPart,
  type PullRequest,
  type PullResult,
  type Seeked,
  type SeekRequest,
  type StartAt,
  type Subscribed,
  type SubscriberDescription,
  type SubscriberPage,
  type SubscribeRequest,
  type Subscriptions,
  shownTopic,
  type UnsubscribeRequest,
  type WorkerState,
} from '../eventlog/index.ts';
import { clientBytes, splitBatches } from './batches.ts';
import { segment } from './path-segment.ts';
import type { TransportAnswer, TransportRequest } from './transport.ts';

/** What the client of a log does for its subscriptions. */
export interface Asking {
  get(action: string, path: string): Promise<unknown>;
  /** Asks until it is known to be done; null where it was refused with `alreadyDone` after an attempt without an answer. */
  change(action: string, request: Request, alreadyDone: string | null): Promise<unknown>;
  pull(
    action: string,
    request: Request,
    options: { readonly waitMs: number; readonly isRepeatable: boolean; readonly cancel: PullRequest['cancel'] },
  ): Promise<{ readonly answer: TransportAnswer; readonly server: string } | null>;
  append(action: string, path: string, request: PublishRequest): Promise<AppendResult>;
}

type Request = Omit<TransportRequest, 'timeoutMs' | 'signal'>;

const pullType = 'application/vnd.cairn.pull';
const waitMsMax = 30_000;

/** Publishers and subscribers over HTTP. */
export class SubscriptionClient implements Subscriptions {
  readonly #asking: Asking;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  async createPublisher(request: CreateRequest): Promise<Created> {
    return (await this.#create('publisher', request)) as Created;
  }

  async createSubscriber(request: CreateRequest): Promise<Created> {
    return (await this.#create('subscriber', request)) as Created;
  }

  /** Tried again it is the same request, so that it is known who made it. */
  #create(kind: 'publisher' | 'subscriber', { id, requestId }: CreateRequest): Promise<unknown> {
    const body = { id, requestId: requestId ?? crypto.randomUUID() };
    return this.#asking.change(`Cannot create ${kind} ${JSON.stringify(id)}`, jsonRequest('POST', `/v1/${kind}s`, body), null);
  }

  async listPublishers(query: IdQuery): Promise<PublisherPage> {
    return (await this.#asking.get('Cannot list publishers', listPath('publishers', query))) as PublisherPage;
  }

  async listSubscribers(query: IdQuery): Promise<SubscriberPage> {
    return (await this.#asking.get('Cannot list subscribers', listPath('subscribers', query))) as SubscriberPage;
  }

  async describePublisher(id: string): Promise<PublisherDescription> {
    return (await this.#asking.get(`Cannot describe publisher "${id}"`, pathOf('publishers', id))) as PublisherDescription;
  }

  async describeSubscriber(id: string): Promise<SubscriberDescription> {
    return (await this.#asking.get(`Cannot describe subscriber "${id}"`, pathOf('subscribers', id))) as SubscriberDescription;
  }

  async deletePublisher(id: string, requestId?: string): Promise<undefined> {
    const request = { method: 'DELETE', path: pathOf('publishers', id), headers: doneOnce(requestId) } as const;
    await this.#asking.change(`Cannot delete publisher "${id}"`, request, 'unknownPublisher');
  }

  async deleteSubscriber(id: string, requestId?: string): Promise<undefined> {
    const request = { method: 'DELETE', path: pathOf('subscribers', id), headers: doneOnce(requestId) } as const;
    await this.#asking.change(`Cannot delete subscriber "${id}"`, request, 'unknownSubscriber');
  }

  publish(request: PublishRequest): Promise<AppendResult> {
    const { publisher, topic } = request;
    const path = `${pathOf('publishers', publisher)}/topics/${segment(topic)}/records`;
    return this.#asking.append(`Cannot publish to ${shownTopic(topic)}`, path, request);
  }

  async subscribe({ subscriber, topic, start, requestId }: SubscribeRequest): Promise<Subscribed> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(placeOf(start))) parameters.set(name, value);
    const path = `${pathOf('subscribers', subscriber)}/topics/${segment(topic)}?${parameters.toString()}`;
    const action = `Cannot subscribe "${subscriber}" to ${shownTopic(topic)}`;
    return (await this.#asking.change(action, { method: 'PUT', path, headers: doneOnce(requestId) }, null)) as Subscribed;
  }

  async unsubscribe({ subscriber, topic, requestId }: UnsubscribeRequest): Promise<undefined> {
    const path = `${pathOf('subscribers', subscriber)}/topics/${segment(topic)}`;
    const request = { method: 'DELETE', path, headers: doneOnce(requestId) } as const;
    await this.#asking.change(`Cannot unsubscribe "${subscriber}" from ${shownTopic(topic)}`, request, 'notSubscribed');
  }

  async pull(request: PullRequest): Promise<PullResult> {
    const {
      subscriber,
      topics,
      mode,
      number,
      acknowledge,
      after = [],
      recordsMax,
      bytesMax,
      freshness,
      partial = false,
      session,
      worker = null,
      sessionMs,
      peek = false,
      cancel,
    } = request;
    const action = `Cannot pull for subscriber "${subscriber}"`;
    const waitMs = Math.min(request.waitMs, waitMsMax);
    const body = {
      ...(topics === null ? {} : { topics }),
      ...(number === null ? {} : { number }),
      mode,
      acknowledge,
      after,
      max: recordsMax,
      bytesMax: Math.min(bytesMax, 1024 * 1024),
      waitMs,
      level: freshness,
      ...(partial ? { partial } : {}),
      ...(worker === null ? {} : { worker }),
      ...(sessionMs === undefined ? {} : { sessionMs }),
      ...(peek ? { peek } : {}),
      ...(session === undefined ? {} : { session }),
    };
    const asked = jsonRequest('POST', `${pathOf('subscribers', subscriber)}/pull`, body);
    const outcome = await this.#asking.pull(
      action,
      { ...asked, headers: { ...asked.headers, accept: pullType } },
      { waitMs, isRepeatable: mode !== 'atMostOnce', cancel },
    );
    if (outcome !== null) return inParts<PullResult>(outcome.answer, outcome.server, action);
    return { subscriber, number, nextNumber: number, repeated: false, parts: [], problems: [], acknowledged: null, share: null };
  }

  async ack({ subscriber, ...body }: AckRequest): Promise<Acked> {
    const request = jsonRequest('POST', `${pathOf('subscribers', subscriber)}/ack`, body);
    return (await this.#asking.change(`Cannot acknowledge for subscriber "${subscriber}"`, request, null)) as Acked;
  }

  async nack({ subscriber, requestId, ...body }: NackRequest): Promise<Nacked> {
    const request = changing(jsonRequest('POST', `${pathOf('subscribers', subscriber)}/nack`, body), requestId);
    return (await this.#asking.change(`Cannot take failed records of subscriber "${subscriber}"`, request, null)) as Nacked;
  }

  async listParked({ subscriber, topic, after, limit }: ParkedQuery): Promise<ParkedPage> {
    const parameters = new URLSearchParams({ limit: String(limit) });
    if (topic !== null) parameters.set('topic', topic);
    if (after >= 0) parameters.set('after', String(after));
    const path = `${pathOf('subscribers', subscriber)}/parked?${parameters.toString()}`;
    return (await this.#asking.get(`Cannot list what is parked for subscriber "${subscriber}"`, path)) as ParkedPage;
  }

  async showParked({ subscriber, id }: ParkedRequest): Promise<ParkedRecord> {
    const action = `Cannot show parked record ${id} of subscriber "${subscriber}"`;
    const request = { method: 'GET', path: `${pathOf('subscribers', subscriber)}/parked/${id}`, headers: { accept: pullType } } as const;
    const outcome = await this.#asking.pull(action, request, { waitMs: 0, isRepeatable: true, cancel: undefined });
    if (outcome === null) throw new LogError('interrupted', `${action}: it was given up`);
    return inParts<ParkedRecord>(outcome.answer, outcome.server, action);
  }

  async changeParked({ subscriber, does, ids, requestId }: ParkedChange): Promise<ParkedChanged> {
    const request = changing(jsonRequest('POST', `${pathOf('subscribers', subscriber)}/parked/${does}`, { ids }), requestId);
    return (await this.#asking.change(`Cannot ${does} what is parked for subscriber "${subscriber}"`, request, null)) as ParkedChanged;
  }

  async seek({ subscriber, topic, partition, to, preview, generation, requestId }: SeekRequest): Promise<Seeked> {
    const body = {
      topic,
      ...placeOf(to),
      preview,
      ...(partition === null ? {} : { partition }),
      ...(generation === undefined ? {} : { generation }),
    };
    const request = changing(jsonRequest('POST', `${pathOf('subscribers', subscriber)}/seek`, body), requestId);
    return (await this.#asking.change(`Cannot seek subscriber "${subscriber}" in ${shownTopic(topic)}`, request, null)) as Seeked;
  }

  async heartbeat({ subscriber, worker, ...more }: HeartbeatRequest): Promise<WorkerState> {
    const request = jsonRequest('POST', `${pathOf('subscribers', subscriber)}/workers/${segment(worker)}/heartbeat`, more);
    const action = `Cannot join worker ${JSON.stringify(worker)} to subscriber "${subscriber}"`;
    return (await this.#asking.change(action, request, null)) as WorkerState;
  }

  async leave({ subscriber, worker, epoch, requestId }: LeaveRequest): Promise<undefined> {
    const path = `${pathOf('subscribers', subscriber)}/workers/${segment(worker)}?epoch=${epoch}`;
    const request = { method: 'DELETE', path, headers: doneOnce(requestId) } as const;
    await this.#asking.change(`Cannot end worker ${JSON.stringify(worker)} of subscriber "${subscriber}"`, request, 'unknownWorker');
  }
}

/** All attempts at it are one request. */
const doneOnce = (requestId: string = crypto.randomUUID()): Record<string, string> => ({ 'cairn-request-id': requestId });

const jsonRequest = (method: 'POST', path: string, body: unknown): Request & { readonly headers: Record<string, string> } => ({
  method,
  path,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
});

const changing = (asked: ReturnType<typeof jsonRequest>, requestId: string | undefined): Request => ({
  ...asked,
  headers: { ...asked.headers, ...doneOnce(requestId) },
});

const pathOf = (kind: 'publishers' | 'subscribers', id: string): string => `/v1/${kind}/${segment(id)}`;

function listPath(kind: 'publishers' | 'subscribers', { prefix, after, limit }: IdQuery): string {
  const parameters = new URLSearchParams({ limit: String(limit) });
  if (prefix !== '') parameters.set('prefix', prefix);
  if (after !== '') parameters.set('after', after);
  return `/v1/${kind}?${parameters.toString()}`;
}

function placeOf(start: StartAt): Readonly<Record<string, string>> {
  if (start.at === 'time') return { since: String(start.ms) };
  return { from: start.at === 'offset' ? String(start.offset) : start.at };
}

type SentPart = Omit<PulledPart, 'batches'> & { readonly bytes: number };

function inParts<Answer extends { readonly parts: readonly PulledPart[] }>(
  { body }: TransportAnswer,
  server: string,
  action: string,
): Answer {
  const end = body.indexOf(10);
  const wrong = new LogError('invalidRequest', `${action}: ${server} answered, and not as a Cairn broker does`);
  let head: Omit<Answer, 'parts'> & { readonly parts: readonly SentPart[] };
  try {
    head = JSON.parse(clientBytes.utf8Decode(body.subarray(0, Math.max(0, end)))) as typeof head;
  } catch {
    throw wrong;
  }
  if (!Array.isArray(head.parts)) throw wrong;
  let at = end + 1;
  const parts = head.parts.map(({ bytes, ...part }): PulledPart => {
    const from = at;
    at += bytes;
    return { ...part, batches: splitBatches(body.subarray(from, at), action) };
  });
  if (at !== body.length) throw wrong;
  return { ...head, parts } as unknown as Answer;
}
