/**
 * What the shapes of several routes share. Shapes are JSON Schema and stand beside the routes that take or give them: they describe `/openapi.json`
 * and check parameters and small bodies. `must` ends the sentence of a refusal: "the parameter "from" is "-1", it must be ...".
 */
import Type, { type TSchema } from 'typebox';
import { nameStartPattern, nameStartRule } from '../../../eventlog/index.ts';
import { offsetMax } from '../../../base/branded.ts';

export const must = (text: string): { description: string; must: string } => ({ description: text, must: text });

export const offset = Type.Integer({
  minimum: 0,
  maximum: offsetMax,
  ...must(`an offset: an integer of at least 0 and at most ${offsetMax}`),
});
export const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
export const wholeNumber = (least: number, most: number, what: string) =>
  Type.Integer({ minimum: least, maximum: most, ...must(`${what}: an integer from ${least} to ${most}`) });

export const Level = Type.Enum(['leader', 'quorum', 'all'], must('one of leader, quorum, all'));
export const Freshness = Type.Enum(['linearizable', 'session', 'local'], must('one of linearizable, session, local'));

export const TopicParams = Type.Object({ topic: Type.String({ description: 'the name of a topic' }) });

/** Any that is no number at all; which there are is known behind the port. */
export const PartitionParam = Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'a partition'));

/** As `partitions/` writes them. */
export const Places = Type.String({ description: 'a place in each partition: where to go on, or how far a session has come' });

/** A partition that the answer is without. */
export const Missing = Type.Object({ partition: Type.Integer(), reason: Type.String() });

/** Asks an answer to name the brokers that its request passed. */
export const HopsHeader = Type.Optional(Type.Boolean(must('true or false')));

const NameStart = Type.String({ pattern: nameStartPattern, ...must(nameStartRule) });

/** Which topics: those whose names begin so, from behind one on. */
export const topicParameters = (limitMax: number) => ({
  prefix: Type.Optional(NameStart),
  after: Type.Optional(NameStart),
  limit: Type.Optional(wholeNumber(1, limitMax, 'a number of topics')),
});

export const NoQuery = Type.Object({}, { additionalProperties: false });

export const PartitionStatus = Type.Object({
  group: Type.Integer(),
  role: Type.Enum(['leader', 'follower', 'candidate', 'fenced', 'elsewhere']),
  leader: nullable(Type.Integer()),
  leaderSinceMs: nullable(Type.Number()),
  term: Type.Integer(),
  replicas: Type.Array(Type.Integer()),
  logStartOffset: offset,
  highWatermark: offset,
  endOffset: offset,
  syncedOffset: offset,
  sizeBytes: Type.Integer(),
  segmentCount: Type.Integer(),
  unreadableRanges: Type.Integer(),
  followers: Type.Array(Type.Object({ broker: Type.Integer(), matchOffset: offset })),
  fenced: nullable(Type.String()),
  nextRemoval: Type.Optional(
    nullable(
      Type.Object(
        {
          offsetFrom: offset,
          offsetTo: offset,
          sizeBytes: Type.Integer(),
          dueMs: nullable(Type.Number({ description: 'when its age takes it' })),
          unreadBy: nullable(Type.Object({ subscriber: Type.String(), offset, sinceMs: nullable(Type.Number()) })),
          missing: Type.Array(Type.Integer({ description: 'a broker that does not have all of it' })),
        },
        { description: 'of a topic that does not keep everything, in its own description: what is removed next, and who holds it back' },
      ),
    ),
  ),
});

/** One of those that a broker keeps. */
export const KeptPartition = Type.Intersect([
  Type.Object({ topic: Type.String(), partition: Type.Optional(Type.Integer({ description: 'left out where the topic has one' })) }),
  PartitionStatus,
]);

export const ErrorAnswer = Type.Object({
  error: Type.Object(
    { code: Type.String(), message: Type.String(), definite: Type.Boolean(), retriable: Type.Boolean() },
    { additionalProperties: true },
  ),
});
