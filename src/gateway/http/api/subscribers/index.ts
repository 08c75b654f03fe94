/** Publishers and subscribers: made, listed, subscribed; pulls, acknowledgements, seeks, and pushes as an event stream. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { LogError, topicPageMax } from '../../../../eventlog/index.ts';
import type { ApiContext } from '../context.ts';
import { itsTurn } from '../../drained.ts';
import { longJson } from '../../parsed-body.ts';
import { readJsonBody } from '../json-body.ts';
import { cancelOnClose } from '../records/index.ts';
import { NoQuery } from '../schema-parts.ts';
import { pullBytes, pullJson, pullType } from './pull-answer.ts';
import { parseEventId, push } from './push.ts';
import {
  AckBody,
  AckedAnswer,
  ChangeHeaders,
  CreateBody,
  CreatedAnswer,
  HeartbeatBody,
  LeaveQuery,
  ListQuery,
  NackBody,
  NackedAnswer,
  ParkedChangedAnswer,
  ParkedIdsBody,
  ParkedList,
  ParkedParams,
  ParkedQuery,
  Publisher,
  PublisherList,
  PublisherParams,
  PullBody,
  PushQuery,
  SeekBody,
  SeekedAnswer,
  startOf,
  SubscribedAnswer,
  SubscribeQuery,
  SubscriberAnswer,
  SubscriberList,
  SubscriberParams,
  SubscriptionParams,
  WorkerAnswer,
  WorkerParams,
} from './shapes.ts';

const pullRecordsUsual = 1000;
const pullBytesUsual = 1024 * 1024;

export function addSubscriberRoutes(app: FastifyInstance, context: ApiContext): void {
  addPublishers(app, context);
  addSubscribers(app, context);
  addSubscriptions(app, context);
  addPulls(app, context);
  addWorkers(app, context);
  addParked(app, context);
}

const as = <Schema extends TSchema>(_schema: Schema, value: unknown): Static<Schema> => value as Static<Schema>;
const listOf = (request: FastifyRequest) => {
  const { prefix = '', after = '', limit = topicPageMax } = as(ListQuery, request.query);
  return { prefix, after, limit };
};

/** The same for all attempts of a request that is done once. */
const requestIdOf = (request: FastifyRequest): { readonly requestId?: string } => {
  const requestId = as(ChangeHeaders, request.headers)['cairn-request-id'];
  return requestId === undefined ? {} : { requestId };
};

/** What a route takes as JSON: read by itself, so that a body that is too large has an answer. */
function taking(verb: string, { bodies }: ApiContext, body: TSchema, response: TSchema, more: object) {
  return {
    schema: { querystring: NoQuery, body, response: { 200: response, 201: response }, ...more },
    config: { verb },
    preValidation: readJsonBody(verb, bodies, longJson),
  };
}

function addPublishers(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const create = taking('create a publisher', context, CreateBody, CreatedAnswer, { summary: 'Create a publisher' });
  app.post('/v1/publishers', create, async (request, reply) => {
    const { id, requestId = null } = as(CreateBody, request.body);
    const created = await subscriptions.createPublisher({ id, requestId });
    return reply.code(created.created ? 201 : 200).send(created);
  });
  const list = { summary: 'List publishers by id', querystring: ListQuery, response: { 200: PublisherList } };
  app.get('/v1/publishers', { schema: list, config: { verb: 'list publishers' } }, (request) =>
    subscriptions.listPublishers(listOf(request)),
  );
  const one = { params: PublisherParams, querystring: NoQuery };
  const describe = { summary: 'Describe a publisher', ...one, response: { 200: Publisher } };
  app.get('/v1/publishers/:publisher', { schema: describe, config: { verb: 'describe a publisher' } }, (request) =>
    subscriptions.describePublisher(as(PublisherParams, request.params).publisher),
  );
  const remove = { summary: 'Delete a publisher; what it appended stays', ...one, headers: ChangeHeaders };
  app.delete('/v1/publishers/:publisher', { schema: remove, config: { verb: 'delete a publisher' } }, async (request, reply) => {
    await subscriptions.deletePublisher(as(PublisherParams, request.params).publisher, requestIdOf(request).requestId);
    return reply.code(204).send();
  });
}

const subscriberOf = (request: FastifyRequest): string => as(SubscriberParams, request.params).subscriber;

function addSubscribers(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const create = taking('create a subscriber', context, CreateBody, CreatedAnswer, { summary: 'Create a subscriber' });
  app.post('/v1/subscribers', create, async (request, reply) => {
    const { id, requestId = null } = as(CreateBody, request.body);
    const created = await subscriptions.createSubscriber({ id, requestId });
    return reply.code(created.created ? 201 : 200).send(created);
  });
  const list = { summary: 'List subscribers by id', querystring: ListQuery, response: { 200: SubscriberList } };
  app.get('/v1/subscribers', { schema: list, config: { verb: 'list subscribers' } }, (request) =>
    subscriptions.listSubscribers(listOf(request)),
  );
  const one = { params: SubscriberParams, querystring: NoQuery };
  const describe = { summary: 'What a subscriber is subscribed to, and how far it is', ...one, response: { 200: SubscriberAnswer } };
  app.get('/v1/subscribers/:subscriber', { schema: describe, config: { verb: 'describe a subscriber' } }, (request) =>
    subscriptions.describeSubscriber(subscriberOf(request)),
  );
  const remove = { summary: 'Delete a subscriber with its cursors', ...one, headers: ChangeHeaders };
  app.delete('/v1/subscribers/:subscriber', { schema: remove, config: { verb: 'delete a subscriber' } }, async (request, reply) => {
    await subscriptions.deleteSubscriber(subscriberOf(request), requestIdOf(request).requestId);
    return reply.code(204).send();
  });
}

function addSubscriptions(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const path = '/v1/subscribers/:subscriber/topics/:subscription';
  const schema = {
    summary: 'Subscribe to a topic, or to all topics that a pattern matches; to one that it is subscribed to already changes nothing',
    params: SubscriptionParams,
    querystring: SubscribeQuery,
    headers: ChangeHeaders,
    response: { 200: SubscribedAnswer, 201: SubscribedAnswer },
  };
  app.put(path, { schema, config: { verb: 'subscribe' } }, async (request, reply) => {
    const { subscriber, subscription: topic } = as(SubscriptionParams, request.params);
    const start = startOf(as(SubscribeQuery, request.query), 'subscribe') ?? { at: 'beginning' };
    const subscribed = await subscriptions.subscribe({ subscriber, topic, start, ...requestIdOf(request) });
    return reply.code(subscribed.created ? 201 : 200).send(subscribed);
  });
  const remove = {
    summary: 'End a subscription, its cursors with it',
    params: SubscriptionParams,
    querystring: NoQuery,
    headers: ChangeHeaders,
  };
  app.delete(path, { schema: remove, config: { verb: 'unsubscribe' } }, async (request, reply) => {
    const { subscriber, subscription: topic } = as(SubscriptionParams, request.params);
    await subscriptions.unsubscribe({ subscriber, topic, ...requestIdOf(request) });
    return reply.code(204).send();
  });
}

function addPulls(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const pullOptions = {
    schema: { summary: 'What is new to a subscriber', params: SubscriberParams, querystring: NoQuery, body: PullBody },
    config: { verb: 'pull' },
    preValidation: readJsonBody('pull', context.bodies, longJson),
  };
  app.post('/v1/subscribers/:subscriber/pull', pullOptions, async (request, reply) => {
    const {
      topics = null,
      number = null,
      acknowledge = [],
      after = [],
      waitMs = 0,
      partial = false,
      worker = null,
      sessionMs,
      peek = false,
      session,
      ...asked
    } = as(PullBody, request.body);
    await itsTurn(reply.raw);
    const result = await subscriptions.pull({
      subscriber: subscriberOf(request),
      topics,
      number,
      acknowledge,
      after,
      waitMs,
      partial,
      worker,
      ...(sessionMs === undefined ? {} : { sessionMs }),
      peek,
      ...(session === undefined ? {} : { session }),
      mode: asked.mode ?? (number === null ? 'explicit' : 'automatic'),
      recordsMax: asked.max ?? pullRecordsUsual,
      bytesMax: asked.bytesMax ?? pullBytesUsual,
      freshness: asked.level ?? 'linearizable',
      cancel: cancelOnClose(reply.raw),
    });
    // From here on only the client's own pace holds the answer, and its memory.
    reply.raw.setTimeout(context.settings.slowReaderTimeoutMs, () => reply.raw.destroy());
    if (request.headers.accept === pullType) return reply.type(pullType).send(pullBytes(result));
    return reply.type('application/json; charset=utf-8').send(await pullJson(result, context.turns));
  });

  const ack = taking('acknowledge', context, AckBody, AckedAnswer, {
    summary: 'Acknowledge all that is below these offsets',
    params: SubscriberParams,
  });
  app.post('/v1/subscribers/:subscriber/ack', ack, (request) =>
    subscriptions.ack({ subscriber: subscriberOf(request), ...as(AckBody, request.body) }),
  );

  const nack = taking('take failed records', context, NackBody, NackedAnswer, {
    summary: 'Say that the processing of records has failed: they come again, and are parked where that happens too often',
    params: SubscriberParams,
    headers: ChangeHeaders,
  });
  app.post('/v1/subscribers/:subscriber/nack', nack, (request) =>
    subscriptions.nack({ subscriber: subscriberOf(request), ...as(NackBody, request.body), ...requestIdOf(request) }),
  );

  const seek = taking('seek', context, SeekBody, SeekedAnswer, {
    summary: 'Put cursors elsewhere, or say what that would do',
    params: SubscriberParams,
    headers: ChangeHeaders,
  });
  app.post('/v1/subscribers/:subscriber/seek', seek, (request) => {
    const { topic, partition = null, preview = false, generation, ...place } = as(SeekBody, request.body);
    const to = startOf(place, 'seek');
    if (to === null) throw new LogError('invalidRequest', 'Cannot seek: neither "from" nor "since" says where to');
    const common = { subscriber: subscriberOf(request), topic, partition, to, preview, ...requestIdOf(request) };
    return subscriptions.seek(generation === undefined ? common : { ...common, generation });
  });

  const pushSchema = { summary: 'What is new to a subscriber, as an event stream', params: SubscriberParams, querystring: PushQuery };
  app.get('/v1/subscribers/:subscriber/push', { schema: pushSchema, config: { verb: 'push' } }, (request, reply) => {
    const { topics, level = 'local', worker = null, sessionMs } = as(PushQuery, request.query);
    const had = parseEventId(String(request.headers['last-event-id'] ?? ''));
    if (had === null) throw new LogError('invalidRequest', 'Cannot push: the header "last-event-id" is none that this route gives');
    const whose = { subscriber: subscriberOf(request), worker, ...(sessionMs === undefined ? {} : { sessionMs }) };
    const order = { ...whose, topics: topics === undefined ? null : topics.split(','), freshness: level, had };
    return push(order, reply, context);
  });
}

/** Records that have failed too often. */
function addParked(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const path = '/v1/subscribers/:subscriber/parked';
  const list = { summary: 'Records that have failed too often', params: SubscriberParams, querystring: ParkedQuery };
  const listed = { ...list, response: { 200: ParkedList } };
  app.get(path, { schema: listed, config: { verb: 'list what is parked' } }, (request) => {
    const { topic = null, after = -1, limit = topicPageMax } = as(ParkedQuery, request.query);
    return subscriptions.listParked({ subscriber: subscriberOf(request), topic, after, limit });
  });
  const show = { summary: 'One of them, with its record', params: ParkedParams, querystring: NoQuery };
  app.get(`${path}/:id`, { schema: show, config: { verb: 'show a parked record' } }, async (request, reply) => {
    const shown = await subscriptions.showParked(as(ParkedParams, request.params));
    if (request.headers.accept === pullType) return reply.type(pullType).send(pullBytes(shown));
    return reply.type('application/json; charset=utf-8').send(await pullJson(shown, context.turns));
  });
  for (const [does, summary] of [
    ['replay', 'Give parked records again, as if they had failed once'],
    ['drop', 'Forget parked records'],
  ] as const) {
    const more = { summary, params: SubscriberParams, headers: ChangeHeaders };
    const change = taking(`${does} what is parked`, context, ParkedIdsBody, ParkedChangedAnswer, more);
    app.post(`${path}/${does}`, change, (request) => {
      const { ids } = as(ParkedIdsBody, request.body);
      return subscriptions.changeParked({ subscriber: subscriberOf(request), does, ids, ...requestIdOf(request) });
    });
  }
}

function addWorkers(app: FastifyInstance, context: ApiContext): void {
  const { subscriptions } = context;
  const path = '/v1/subscribers/:subscriber/workers/:worker';
  const heartbeat = taking('join a worker', context, HeartbeatBody, WorkerAnswer, {
    summary: 'A worker is alive; it joins where it is none yet',
    params: WorkerParams,
  });
  app.post(`${path}/heartbeat`, heartbeat, (request) =>
    subscriptions.heartbeat({ ...as(WorkerParams, request.params), ...as(HeartbeatBody, request.body) }),
  );
  const schema = {
    summary: 'End a worker: what it holds goes to the others',
    params: WorkerParams,
    querystring: LeaveQuery,
    headers: ChangeHeaders,
  };
  app.delete(path, { schema, config: { verb: 'end a worker' } }, async (request, reply) => {
    await subscriptions.leave({ ...as(WorkerParams, request.params), ...as(LeaveQuery, request.query), ...requestIdOf(request) });
    return reply.code(204).send();
  });
}
