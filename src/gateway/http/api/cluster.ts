import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import {
  delayMsMax,
  historyEveryMs,
  historySpanMs,
  type KnownHistory,
  type LinkFault,
  LogError,
  promised,
  statusTopicsMax,
  type TopicQuery,
} from '../../../eventlog/index.ts';
import type { ApiContext } from './context.ts';
import { readJsonBody } from './json-body.ts';
import { KeptPartition, must, NoQuery, nullable, PartitionStatus, topicParameters, wholeNumber } from './schema-parts.ts';

/** No cluster has as many; brokers that there are not are refused behind the port. */
const namedMax = 64;
const BrokerNumber = Type.Integer({ minimum: 1, maximum: 2 ** 20 - 1 });
const FaultBody = Type.Object(
  {
    action: Type.Enum(
      ['crash', 'recover', 'pause', 'partition', 'delay', 'heal'],
      must('one of crash, recover, pause, partition, delay, heal'),
    ),
    groups: Type.Optional(
      Type.Array(Type.Array(BrokerNumber, { maxItems: namedMax }), {
        maxItems: namedMax,
        ...must('groups of brokers by their ids, as in [[1, 2], [3]]'),
      }),
    ),
    ms: Type.Optional(wholeNumber(0, delayMsMax, 'milliseconds')),
    link: Type.Optional(Type.Tuple([BrokerNumber, BrokerNumber], must('the two ends of a link, as in [1, 2]'))),
  },
  { additionalProperties: false, ...must('{"action": "pause"} or another action') },
);
type Fault = Static<typeof FaultBody>;
const LinkFaultsShown = Type.Object({
  paused: Type.Boolean(),
  cutOff: Type.Array(Type.Integer()),
  delays: Type.Array(Type.Object({ broker: Type.Integer(), ms: Type.Integer() })),
});
const FaultAnswer = Type.Object({ crashed: Type.Boolean(), linkFaults: Type.Optional(nullable(LinkFaultsShown)) });

const StatusQuery = Type.Object(topicParameters(statusTopicsMax), { additionalProperties: false });

const TopicTotals = Type.Object(
  {
    count: Type.Integer({ description: 'topics in all' }),
    matching: Type.Integer({ description: 'topics whose names begin as was asked for' }),
    shown: Type.Integer({ description: 'topics that this status is about; of them it shows what this broker keeps' }),
    next: nullable(Type.String({ description: 'what to ask for as `after` for those that follow' })),
    leads: Type.Integer(),
    leaderless: Type.Integer({ description: 'without a leader that this broker knows' }),
    fenced: Type.Integer(),
    unreadable: Type.Integer({ description: 'with ranges that its disk has refused to read' }),
    sizeBytes: Type.Integer(),
    behind: Type.Array(Type.Object({ broker: Type.Integer(), offsets: Type.Integer() }), {
      description: 'by how many offsets each follower is behind in the topics that this broker leads',
    }),
    asOfMs: Type.Number({ description: 'how old the sums are' }),
  },
  { description: 'sums over all topics' },
);

const BrokerStatus = Type.Object({
  id: Type.Integer(),
  clusterId: Type.String(),
  incarnation: Type.Integer(),
  version: Type.String(),
  address: Type.String(),
  durable: Type.Boolean(),
  crashed: Type.Boolean(),
  linkFaults: Type.Optional(LinkFaultsShown),
  startedMs: Type.Number(),
  wallMs: Type.Number({ description: 'its wall clock when it said this' }),
  catalog: PartitionStatus,
  topics: Type.Optional(TopicTotals),
  partitions: Type.Array(KeptPartition),
  peers: Type.Array(
    Type.Object({
      id: Type.Integer(),
      address: Type.String(),
      connected: Type.Boolean(),
      lastHeardMs: nullable(Type.Number()),
      bytesQueued: Type.Integer(),
      problem: nullable(Type.String({ description: 'why there is no link to or from it, or how its list of brokers differs' })),
    }),
  ),
  counters: Type.Record(Type.String(), Type.Number()),
});
const BrokerList = Type.Object({
  brokers: Type.Array(
    Type.Object({
      id: Type.Integer(),
      address: Type.String(),
      status: nullable(BrokerStatus),
      clock: nullable(Type.Object({ aheadMs: Type.Number(), errorMs: Type.Number() })),
    }),
  ),
  missing: Type.Array(Type.Integer(), { description: 'brokers that did not answer: the answer is partial' }),
});

const Count = Type.Integer({ minimum: 0 });
const HistorySample = Type.Object(
  {
    endMs: Type.Integer({ description: 'when the stretch ended, by the wall clock of the broker that was asked' }),
    seconds: Type.Number({ description: 'how long it was; rates are the numbers below by this' }),
    appendedRecords: Type.Integer({ minimum: 0, description: 'appended by callers of this broker, and acknowledged' }),
    appendedBytes: Count,
    readRecords: Type.Integer({ minimum: 0, description: 'given to readers from the replicas of this broker' }),
    readBytes: Count,
    requests: Type.Integer({ minimum: 0, description: 'HTTP requests' }),
    elections: Type.Integer({ minimum: 0, description: 'elections that it called' }),
    leaderChanges: Type.Integer({ minimum: 0, description: 'times that a partition there got another leader' }),
    syncP99Ms: nullable(Type.Number({ description: 'of the writes of logs with their syncs' })),
    loopLagMs: Type.Number({ description: 'the longest that its event loop came late' }),
  },
  { description: 'what a broker did in one stretch of some seconds' },
);
const HistoryQuery = Type.Object(
  { withinMs: Type.Optional(wholeNumber(0, historySpanMs, 'milliseconds')) },
  { additionalProperties: false },
);
const HistoryAnswer = Type.Object({
  everyMs: Type.Integer({ description: 'so long is a stretch' }),
  spanMs: Type.Integer({ description: 'so much of the past is kept' }),
  brokers: Type.Array(Type.Object({ id: Type.Integer(), address: Type.String(), samples: nullable(Type.Array(HistorySample)) })),
  missing: Type.Array(Type.Integer(), { description: 'brokers that did not answer: the answer is partial' }),
});

export function addClusterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { log, bodies } = context;
  const statusSchema = { summary: 'This broker', querystring: StatusQuery, response: { 200: BrokerStatus } };
  app.get('/v1/status', { schema: statusSchema, config: { verb: 'tell the status' } }, (request) =>
    log.status(topicsAskedFor(request.query)),
  );

  const brokersSchema = { summary: 'All configured brokers', querystring: StatusQuery, response: { 200: BrokerList } };
  app.get('/v1/brokers', { schema: brokersSchema, config: { verb: 'list the brokers' } }, async (request) => {
    const brokers = await log.brokers(topicsAskedFor(request.query));
    return { brokers, missing: brokers.filter(({ status }) => status === null).map(({ id }) => id) };
  });

  const historySchema = {
    summary: 'What all configured brokers did in the last minutes',
    querystring: HistoryQuery,
    response: { 200: HistoryAnswer },
  };
  app.get('/v1/brokers/history', { schema: historySchema, config: { verb: 'tell the history' } }, async (request) => {
    const { withinMs = historySpanMs } = request.query as Static<typeof HistoryQuery>;
    const brokers = await promised<readonly KnownHistory[]>((answer) => context.service.history(withinMs, answer));
    const missing = brokers.filter(({ samples }) => samples === null).map(({ id }) => id);
    return { everyMs: historyEveryMs, spanMs: historySpanMs, brokers, missing };
  });

  const faultSchema = {
    summary: "Act as crashed, or make faults in this broker's links, or end that; a crashed broker hears only POST /recover and POST /exit",
    querystring: NoQuery,
    body: FaultBody,
    response: { 200: FaultAnswer },
  };
  const faultOptions = {
    schema: faultSchema,
    config: { verb: 'switch a fault' },
    preValidation: readJsonBody('switch a fault', bodies),
  };
  app.post('/v1/faults', faultOptions, async (request, reply) => {
    const fault = request.body as Fault;
    const { action } = fault;
    if (!context.faultInjection) {
      throw new LogError('faultInjectionOff', `Cannot ${action}: fault injection is off, start the broker with --fault-injection`);
    }
    refuseFields(fault);
    if (action !== 'crash' && action !== 'recover') {
      const refusal = context.linkFaults.switchLinks(linkFaultOf(fault, action));
      if (refusal !== null) throw refusal;
      return { crashed: false, linkFaults: context.linkFaults.links };
    }
    if (action === 'recover') {
      context.recover();
      return { crashed: false };
    }
    // The answer goes first: a broker that acts as crashed says nothing.
    reply.raw.once('finish', () => context.crash());
    return reply.header('connection', 'close').send({ crashed: true });
  });
}

/** Fields that an action needs, and those that it may have. */
const fieldsOf: Partial<Readonly<Record<Fault['action'], { readonly needs: keyof Fault; readonly may?: keyof Fault }>>> = {
  partition: { needs: 'groups' },
  delay: { needs: 'ms', may: 'link' },
};

function refuseFields(fault: Fault): void {
  const { action } = fault;
  const fields = fieldsOf[action];
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${action}: ${reason}`);
  if (fields !== undefined && fault[fields.needs] === undefined) throw refuse(`the field "${fields.needs}" is missing`);
  const foreign = Object.keys(fault).find((name) => name !== 'action' && name !== fields?.needs && name !== fields?.may);
  if (foreign !== undefined) throw refuse(`it takes no field "${foreign}"`);
}

function linkFaultOf({ groups = [], ms = 0, link }: Fault, action: LinkFault['action']): LinkFault {
  if (action === 'partition') return { action, groups };
  if (action === 'delay') return { action, ms, link: link ?? null };
  return { action };
}

/** Null where which topics are shown is left to the brokers. */
function topicsAskedFor(query: unknown): TopicQuery | null {
  const { prefix, after, limit } = query as Static<typeof StatusQuery>;
  if (prefix === undefined && after === undefined && limit === undefined) return null;
  return { prefix: prefix ?? '', after: after ?? '', limit: limit ?? statusTopicsMax };
}
