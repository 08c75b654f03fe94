import Type from 'typebox';
import { LogError, sessionMsMax, sessionMsMin, topicPageMax } from '../../../../eventlog/index.ts';
import { must, nullable, offset, wholeNumber } from '../schema-parts.ts';

const whole = Type.Integer();
const text = Type.String();

export const PublisherParams = Type.Object({ publisher: Type.String({ description: 'the id of a publisher' }) });
export const SubscriberParams = Type.Object({ subscriber: Type.String({ description: 'the id of a subscriber' }) });
export const WorkerParams = Type.Object({
  ...SubscriberParams.properties,
  worker: Type.String({ description: 'the name of one of its workers' }),
});
export const SubscriptionParams = Type.Object({
  ...SubscriberParams.properties,
  subscription: Type.String({ description: 'the name of a topic, or a pattern: * stands for any characters' }),
});

/** Of what is done once, however often it is tried. */
export const ChangeHeaders = Type.Object({
  'cairn-request-id': Type.Optional(Type.String({ minLength: 1, maxLength: 255, ...must('1 to 255 characters') })),
});

export const CreateBody = Type.Object(
  { id: text, requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 255, ...must('1 to 255 characters') })) },
  { additionalProperties: false, ...must('{"id": "..."}') },
);
export const CreatedAnswer = Type.Object({ id: text, created: Type.Boolean(), createdMs: Type.Number() });

export const ListQuery = Type.Object(
  {
    prefix: Type.Optional(text),
    after: Type.Optional(text),
    limit: Type.Optional(wholeNumber(1, topicPageMax, 'how many')),
  },
  { additionalProperties: false },
);
const next = nullable(Type.String({ description: 'what to give as `after` for those that follow; null where these are the last' }));
export const Publisher = Type.Object({ id: text, createdMs: Type.Number() });
export const PublisherList = Type.Object({ publishers: Type.Array(Publisher), next });
export const SubscriberList = Type.Object({
  subscribers: Type.Array(
    Type.Object({
      id: text,
      createdMs: Type.Number(),
      usedMs: Type.Number({ description: 'log time of the last numbered pull, acknowledgement, subscription or seek' }),
      subscriptions: whole,
    }),
  ),
  next,
});

const position = { topic: text, partition: whole, offset, generation: whole };
const Cursor = Type.Object(position);
const committed = {
  ...position,
  metadata: nullable(Type.String({ description: 'what was said beside the offset when it was acknowledged; null: nothing' })),
};
export const SubscriberAnswer = Type.Object({
  id: text,
  createdMs: Type.Number(),
  usedMs: Type.Number(),
  lastPull: Type.Integer({ description: 'number of the last numbered pull that gave something; 0: none yet' }),
  group: whole,
  coordinator: nullable(whole),
  subscriptions: Type.Array(Type.Object({ topic: text, isPattern: Type.Boolean(), createdMs: Type.Number() })),
  cursors: Type.Array(
    Type.Object({
      ...committed,
      held: nullable(
        Type.Object({
          worker: nullable(Type.String({ description: 'null: the one whose pulls bear no name' })),
          sinceMs: Type.Number(),
          askedBack: nullable(Type.Object({ for: nullable(text), sinceMs: Type.Number() })),
        }),
      ),
      pulledTo: offset,
      end: nullable(offset),
      lag: nullable(Type.Integer({ description: 'offsets behind the end' })),
      lagMs: nullable(Type.Number({ description: 'age of the first record that is not acknowledged' })),
      holdsBack: Type.Boolean({ description: 'its topic is kept until all subscribers have read it, and this one has not' }),
      retries: Type.Integer({ description: 'records below it that have failed and come again' }),
      problem: nullable(text),
    }),
  ),
  cursorCount: whole,
  workers: Type.Array(
    Type.Object({
      worker: nullable(text),
      epoch: whole,
      joinedMs: Type.Number(),
      topics: nullable(Type.Array(text, { description: 'those that it pulls from; null: all' })),
      heardMs: Type.Number({ description: 'log time of its last pull or heartbeat that is in the log' }),
      sessionMs: whole,
      lastPull: whole,
      holds: whole,
    }),
  ),
  fencings: Type.Array(
    Type.Object({ worker: nullable(text), epoch: whole, atMs: Type.Number(), reason: Type.Enum(['silent', 'slow']), cursors: whole }),
  ),
  parked: Type.Integer({ description: 'records that have failed too often' }),
});

const sessionMs = Type.Optional(wholeNumber(sessionMsMin, sessionMsMax, 'milliseconds'));
export const HeartbeatBody = Type.Object(
  { epoch: Type.Optional(Type.Integer({ minimum: 0 })), sessionMs, topics: Type.Optional(nullable(Type.Array(text))) },
  { additionalProperties: false, ...must('{"epoch": ..., "sessionMs": ..., "topics": [...]}; all may be left out') },
);
export const WorkerAnswer = Type.Object({
  subscriber: text,
  worker: text,
  epoch: whole,
  sessionMs: whole,
  holds: Type.Integer({ description: 'partitions; 0: it stands by' }),
  askedBack: Type.Integer({ description: 'of those: nothing more is given of them' }),
  workers: whole,
  partitions: whole,
  lastPull: Type.Integer({ description: 'the next pull has one more' }),
  cursors: Type.Array(Type.Object({ ...committed, isAskedBack: Type.Boolean() })),
});
export const LeaveQuery = Type.Object(
  { epoch: wholeNumber(0, Number.MAX_SAFE_INTEGER, 'the epoch of the worker that is meant') },
  { additionalProperties: false },
);

/** Where a cursor begins, or is put: as a read says it. */
const place = {
  from: Type.Optional(
    Type.String({ pattern: '^(beginning|end|[0-9]{1,15})$', ...must('"beginning", "end" or an offset (an integer of at least 0)') }),
  ),
  since: Type.Optional(Type.String(must('a time: ISO 8601 or milliseconds since 1970'))),
};
export const SubscribeQuery = Type.Object(place, { additionalProperties: false });
export const SubscribedAnswer = Type.Object({
  subscriber: text,
  topic: text,
  created: Type.Boolean({ description: 'false: it was subscribed already, and nothing has moved' }),
  cursors: Type.Array(Cursor),
});

const AckPosition = Type.Object(
  {
    topic: text,
    partition: Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'a partition')),
    offset,
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
    tries: Type.Optional(wholeNumber(0, Number.MAX_SAFE_INTEGER, 'the failures of a record that came again')),
  },
  { additionalProperties: false },
);
const PositionToAck = Type.Object({ ...AckPosition.properties, metadata: Type.Optional(text) }, { additionalProperties: false });
export const AckBody = Type.Object(
  { positions: Type.Array(PositionToAck), each: Type.Optional(Type.Boolean(must('true or false'))) },
  {
    additionalProperties: false,
    ...must('{"positions": [{"topic": "...", "partition": 0, "offset": ..., "generation": ..., "metadata": "..."}, ...]}'),
  },
);
export const AckedAnswer = Type.Object({ subscriber: text, cursors: Type.Array(Type.Object(committed)) });

const NackRecord = Type.Object(
  {
    topic: text,
    partition: Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'a partition')),
    offset,
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
    tries: Type.Optional(wholeNumber(0, Number.MAX_SAFE_INTEGER, 'its failures before')),
    reason: Type.Optional(text),
  },
  { additionalProperties: false },
);
export const NackBody = Type.Object(
  { records: Type.Array(NackRecord), ordered: Type.Optional(Type.Boolean(must('true or false'))) },
  {
    additionalProperties: false,
    ...must('{"records": [{"topic": "...", "partition": 0, "offset": ..., "generation": ..., "tries": ..., "reason": "..."}, ...]}'),
  },
);
export const NackedAnswer = Type.Object({
  subscriber: text,
  records: Type.Array(
    Type.Object({
      topic: text,
      partition: whole,
      offset,
      state: Type.Enum(['waits', 'parks', 'done']),
      tries: Type.Integer({ description: 'how often it has failed' }),
      dueMs: nullable(Type.Number({ description: 'when it comes again, by log time' })),
    }),
  ),
});

export const ParkedQuery = Type.Object(
  {
    topic: Type.Optional(text),
    after: Type.Optional(wholeNumber(0, Number.MAX_SAFE_INTEGER, 'the id of a parked record')),
    limit: Type.Optional(wholeNumber(1, topicPageMax, 'how many')),
  },
  { additionalProperties: false },
);
export const ParkedParams = Type.Object({
  ...SubscriberParams.properties,
  id: wholeNumber(0, Number.MAX_SAFE_INTEGER, 'the id of a parked record'),
});
const parkedFields = { id: whole, topic: text, partition: whole, offset, tries: whole, parkedMs: Type.Number(), reason: text };
export const ParkedList = Type.Object({
  parked: Type.Array(Type.Object(parkedFields)),
  count: Type.Integer({ description: 'all of them, on other pages too' }),
  next: nullable(Type.Integer({ description: 'what to give as `after` for those that follow; null where these are the last' })),
});
export const ParkedIdsBody = Type.Object(
  { ids: Type.Array(Type.Integer({ minimum: 0 })) },
  { additionalProperties: false, ...must('{"ids": [...]}: of parked records') },
);
export const ParkedChangedAnswer = Type.Object({
  subscriber: text,
  count: Type.Integer({ description: 'how many are parked no more' }),
  left: Type.Array(Type.Object({ id: whole, reason: Type.Enum(['notSubscribed', 'comesAnyway', 'tooManyRetries']) })),
});

export const SeekBody = Type.Object(
  {
    topic: text,
    partition: Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'a partition')),
    ...place,
    preview: Type.Optional(Type.Boolean(must('true or false'))),
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  {
    additionalProperties: false,
    ...must('{"topic": "...", "from": "beginning", "end" or an offset, or "since": a time, "preview": true or false}'),
  },
);
export const SeekedAnswer = Type.Object({
  subscriber: text,
  isDone: Type.Boolean(),
  moves: Type.Array(
    Type.Object({
      ...position,
      from: offset,
      distance: Type.Integer({ description: 'below 0: so many offsets are pulled again; above: so many are passed over' }),
    }),
  ),
});

const pullFields = {
  topics: Type.Optional(Type.Array(text)),
  max: Type.Optional(wholeNumber(1, 100_000, 'a number of records')),
  bytesMax: Type.Optional(wholeNumber(1, 1024 * 1024, 'a number of bytes')),
};
export const PullBody = Type.Object(
  {
    ...pullFields,
    level: Type.Optional(Type.Enum(['linearizable', 'session', 'local'], must('one of linearizable, session, local'))),
    session: Type.Optional(Type.Array(AckPosition)),
    mode: Type.Optional(Type.Enum(['automatic', 'explicit', 'atMostOnce'], must('one of automatic, explicit, atMostOnce'))),
    number: Type.Optional(wholeNumber(1, Number.MAX_SAFE_INTEGER, 'the number of the pull')),
    acknowledge: Type.Optional(Type.Array(AckPosition)),
    after: Type.Optional(Type.Array(AckPosition)),
    waitMs: Type.Optional(wholeNumber(0, 30_000, 'milliseconds')),
    partial: Type.Optional(Type.Boolean(must('true or false'))),
    worker: Type.Optional(text),
    sessionMs,
    peek: Type.Optional(Type.Boolean(must('true or false'))),
  },
  {
    additionalProperties: false,
    ...must('{"number": ..., "mode": "automatic", "topics": [...], "max": ..., "waitMs": ...}; all may be left out'),
  },
);
export const PushQuery = Type.Object(
  {
    topics: Type.Optional(Type.String(must('names of topics with commas between them'))),
    level: Type.Optional(Type.Enum(['linearizable', 'local'], must('one of linearizable, local'))),
    worker: Type.Optional(text),
    sessionMs,
  },
  { additionalProperties: false },
);

/** @param doing `Cannot <doing>: ...` */
export function startOf({ from, since }: { readonly from?: string; readonly since?: string }, doing: string) {
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (from !== undefined && since !== undefined) throw refuse('both "from" and "since" are given');
  if (since !== undefined) {
    const ms = /^[0-9]+$/.test(since) ? Number(since) : /^\d{4}-\d{2}/.test(since) ? Date.parse(since) : Number.NaN;
    if (!Number.isSafeInteger(ms) || ms < 0)
      throw refuse(`"since" is ${JSON.stringify(since.slice(0, 100))}, it must be a time: ISO 8601 or milliseconds since 1970`);
    return { at: 'time', ms } as const;
  }
  if (from === undefined) return null;
  return from === 'beginning' || from === 'end' ? ({ at: from } as const) : ({ at: 'offset', offset: Number(from) } as const);
}
