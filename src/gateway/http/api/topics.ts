import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import {
  brokersMax,
  type Freshness as FreshnessOf,
  LogError,
  partitionsMax,
  promised,
  type RecordLog,
  requestIdBytesMax,
  topicPageMax,
} from '../../../eventlog/index.ts';
import { encodePlaces } from '../../../partitions/index.ts';
import { askEnds } from './ends.ts';
import type { ApiContext } from './context.ts';
import { readJsonBody } from './json-body.ts';
import {
  Freshness,
  Missing,
  must,
  NoQuery,
  nullable,
  offset,
  PartitionParam,
  PartitionStatus,
  Places,
  TopicParams,
  topicParameters,
} from './schema-parts.ts';

const bound = Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })));
const retention = {
  retentionBytes: bound,
  retentionMs: bound,
  retentionRecords: bound,
  retentionUntilRead: Type.Optional(Type.Boolean()),
};
const retentionForm =
  '"retentionBytes": null or a number of bytes, "retentionMs": null or milliseconds, "retentionRecords": null or a number, "retentionUntilRead": true or false';

const CreateTopicBody = Type.Object(
  {
    name: Type.String(must('the name of a topic')),
    ...retention,
    replicas: Type.Optional(Type.Integer({ minimum: 1, maximum: brokersMax })),
    placement: Type.Optional(Type.Enum(['hypercube', 'ring', 'all'])),
    partitions: Type.Optional(Type.Integer({ minimum: 1, maximum: partitionsMax })),
  },
  {
    additionalProperties: false,
    ...must(
      `{"name": "...", ${retentionForm}, "replicas": 1 to ${brokersMax}, "placement": "hypercube", "ring" or "all", "partitions": 1 to ${partitionsMax}}; all but the name may be left out`,
    ),
  },
);

const AlterTopicBody = Type.Object(
  {
    ...retention,
    partitions: Type.Optional(Type.Integer({ minimum: 1, maximum: partitionsMax })),
  },
  {
    additionalProperties: false,
    ...must(`{${retentionForm}, "partitions": as many as it has or more, at most ${partitionsMax}}; what is left out stays`),
  },
);

const EndQuery = Type.Object({ partition: PartitionParam, level: Type.Optional(Freshness) }, { additionalProperties: false });
const SequenceQuery = Type.Object(
  {
    partition: PartitionParam,
    requestId: Type.String({ minLength: 1, maxLength: requestIdBytesMax, ...must(`1 to ${requestIdBytesMax} bytes of text`) }),
  },
  { additionalProperties: false },
);

const TopicDescription = Type.Object({
  name: Type.String(),
  group: Type.Integer(),
  settings: Type.Object({
    retentionBytes: nullable(Type.Integer()),
    retentionMs: Type.Optional(Type.Integer({ description: 'left out, as the next two, where there is no such bound' })),
    retentionRecords: Type.Optional(Type.Integer()),
    retentionUntilRead: Type.Optional(Type.Boolean({ description: 'what all subscribers have read is removed' })),
    replicas: Type.Optional(Type.Integer()),
    placement: Type.Optional(Type.Enum(['hypercube', 'ring', 'all'])),
    originalName: Type.Optional(Type.String({ description: 'what it is called on the old wire of contract 3' })),
    partitions: Type.Optional(Type.Integer({ description: 'left out where there is one' })),
    partitionsBefore: Type.Optional(Type.Array(Type.Integer(), { description: 'where some were added: how many there were before' })),
  }),
  createdMs: Type.Number(),
  builtIn: Type.Boolean(),
  partition: PartitionStatus,
  partitions: Type.Optional(Type.Array(PartitionStatus, { description: 'all of them by number, where there are several' })),
});
const whole = Type.Integer();
const TopicPlacement = Type.Object({
  topic: Type.String(),
  placement: Type.Enum(['hypercube', 'ring', 'all']),
  hash: Type.String({ description: 'SHA-256 of the name, or of the original name, hexadecimal' }),
  dimensions: whole,
  asked: Type.Integer({ description: 'the broker that says this' }),
  brokers: Type.Array(Type.Object({ id: whole, vertex: whole, reachable: Type.Boolean() })),
  partitions: Type.Array(
    Type.Object({
      partition: whole,
      group: whole,
      vertex: nullable(whole),
      folded: Type.Array(whole),
      replicas: Type.Array(
        Type.Object({
          broker: whole,
          why: Type.Enum(['home', 'neighbour', 'filled', 'ring', 'all', 'living']),
          bit: nullable(whole),
          reachable: Type.Boolean(),
          matchOffset: nullable(offset),
        }),
      ),
      awayFromHome: Type.Boolean(),
      leader: nullable(whole),
      term: whole,
      leaderSinceMs: nullable(Type.Number()),
      notLedByHome: nullable(Type.String()),
      lossesSurvived: Type.Integer({ description: '-1: it takes no appends now' }),
      route: nullable(Type.Array(whole)),
    }),
  ),
});
const ListQuery = Type.Object(topicParameters(topicPageMax), { additionalProperties: false });
const TopicList = Type.Object({
  topics: Type.Array(TopicDescription),
  count: Type.Integer({ description: 'topics whose names begin so, in all' }),
  next: nullable(Type.String({ description: 'what to give as `after` for those that follow; null where these are the last' })),
});

const EndAnswer = Type.Union([
  Type.Object({ topic: Type.String(), offset, freshness: Freshness, asOfMs: Type.Number() }),
  Type.Object(
    {
      topic: Type.String(),
      partitions: Type.Array(Type.Object({ partition: Type.Integer(), offset, asOfMs: Type.Number() })),
      session: Places,
      freshness: Freshness,
      partial: Type.Boolean(),
      missing: Type.Array(Missing),
    },
    { description: 'of a topic of several partitions, where none is named' },
  ),
]);
const SequenceAnswer = Type.Object({ topic: Type.String(), requestId: Type.String(), nextSequence: Type.Integer() });

export function addTopicRoutes(app: FastifyInstance, { log, service, bodies }: ApiContext): void {
  const listSchema = { summary: 'List topics by name', querystring: ListQuery, response: { 200: TopicList } };
  app.get('/v1/topics', { schema: listSchema, config: { verb: 'list topics' } }, (request) => {
    const { prefix = '', after = '', limit = topicPageMax } = request.query as Static<typeof ListQuery>;
    return log.listTopics({ prefix, after, limit });
  });

  const createSchema = {
    summary: 'Create a topic',
    querystring: NoQuery,
    body: CreateTopicBody,
    response: { 201: TopicDescription },
  };
  const createOptions = {
    schema: createSchema,
    config: { verb: 'create a topic' },
    preValidation: readJsonBody('create a topic', bodies),
  };
  app.post('/v1/topics', createOptions, async (request, reply) => {
    const { name, retentionBytes = null, ...placing } = request.body as Static<typeof CreateTopicBody>;
    const description = await log.createTopic(name, { retentionBytes, ...placing });
    return reply.code(201).send(description);
  });

  const describeSchema = { summary: 'Describe a topic', params: TopicParams, querystring: NoQuery, response: { 200: TopicDescription } };
  app.get('/v1/topics/:topic', { schema: describeSchema, config: { verb: 'describe' } }, (request) => log.describeTopic(topicOf(request)));

  const explainSchema = {
    summary: 'Where a topic is kept, and why',
    params: TopicParams,
    querystring: NoQuery,
    response: { 200: TopicPlacement },
  };
  app.get('/v1/topics/:topic/placement', { schema: explainSchema, config: { verb: 'explain' } }, (request) =>
    promised((answer) => service.explain(topicOf(request), answer)),
  );

  const alterSchema = {
    summary: 'Give a topic more partitions, or another size; with more partitions records of a key go to another one',
    params: TopicParams,
    querystring: NoQuery,
    body: AlterTopicBody,
    response: { 200: TopicDescription },
  };
  const alterOptions = {
    schema: alterSchema,
    config: { verb: 'alter' },
    preValidation: readJsonBody('alter a topic', bodies),
  };
  app.patch('/v1/topics/:topic', alterOptions, (request) =>
    log.alterTopic(topicOf(request), request.body as Static<typeof AlterTopicBody>),
  );

  const deleteSchema = { summary: 'Delete a topic with its records', params: TopicParams, querystring: NoQuery };
  app.delete('/v1/topics/:topic', { schema: deleteSchema, config: { verb: 'delete' } }, async (request, reply) => {
    await log.deleteTopic(topicOf(request));
    return reply.code(204).send();
  });

  const endSchema = {
    summary: 'The offset that the next record will get',
    params: TopicParams,
    querystring: EndQuery,
    response: { 200: EndAnswer },
  };
  app.get('/v1/topics/:topic/end', { schema: endSchema, config: { verb: 'read the end of' } }, (request) => {
    const { partition, level = 'linearizable' } = request.query as Static<typeof EndQuery>;
    const topic = topicOf(request);
    if (partition !== undefined) return log.end({ topic, partition, freshness: level });
    const known = service.partitionsOf(topic)?.at(-1) ?? 1;
    if (known > 1) return answerEnds(log, topic, known, level);
    return log.end({ topic, freshness: level }).catch((thrown: unknown) => {
      const count = thrown instanceof LogError && thrown.code === 'partitionNeeded' ? thrown.details['partitions'] : null;
      if (typeof count !== 'number') throw thrown;
      return answerEnds(log, topic, count, level);
    });
  });

  const sequenceSchema = {
    summary: 'Where the interrupted stream of a request id goes on',
    params: TopicParams,
    querystring: SequenceQuery,
    response: { 200: SequenceAnswer },
  };
  app.get('/v1/topics/:topic/sequence', { schema: sequenceSchema, config: { verb: 'look up a request of' } }, async (request) => {
    const topic = topicOf(request);
    const { partition, requestId } = request.query as Static<typeof SequenceQuery>;
    if (Buffer.byteLength(requestId) > requestIdBytesMax || !requestId.isWellFormed()) {
      throw new LogError(
        'invalidRequest',
        `Cannot look up a request of topic "${topic}": "requestId" is not 1 to ${requestIdBytesMax} bytes of text`,
      );
    }
    const which = partition === undefined ? { topic } : { topic, partition };
    return { topic, requestId, nextSequence: await log.nextSequence({ ...which, requestId }) };
  });
}

/** The end of each partition, and all of them as the place where a reader of the topic would go on. */
async function answerEnds(log: RecordLog, topic: string, count: number, freshness: FreshnessOf): Promise<unknown> {
  const { ends, missing } = await askEnds(log, topic, count, freshness);
  const partitions = ends.flatMap((end, partition) => (end === null ? [] : [{ partition, offset: end.offset, asOfMs: end.asOfMs }]));
  const session = encodePlaces(ends.map((end) => ({ from: 'offset', offset: end?.offset ?? 0 })));
  return { topic, partitions, session, freshness, partial: missing.length > 0, missing };
}

function topicOf(request: { readonly params: unknown }): string {
  return (request.params as Static<typeof TopicParams>).topic;
}
