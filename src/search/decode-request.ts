/**
 * A search request as JSON, the body of `POST /v1/grep` and `/v1/grep/local`. Everything but `source` and `match.patterns` may be left out. A pattern is a
 * string, or `{"base64": "..."}` where it is not UTF-8. What the schema does not know is refused: an option that one side does not do is not ignored.
 */
import { Buffer } from 'node:buffer';
import Type from 'typebox';
import Value from 'typebox/value';
import { isTopicName, shownTopic, topicNameRule } from '../eventlog/index.ts';
import { failed, ok, type Result } from '../base/result.ts';
import { filterOperators, plainMatch, plainOutput, refuseOrder, type SearchRequest, wholeTopic } from '../query/index.ts';
import { type PatternJson, splitPatterns } from './encode-request.ts';

/** As long as a timer of Node can be. */
const timeoutMsMax = 2 ** 31 - 1;
const strict = { additionalProperties: false } as const;
/** Lines end a pattern, and no argument of a program can hold NUL. */
const Word = Type.String({ pattern: '^[^\\u0000]*$' });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Time = Type.Union([Type.Number(), Type.Null()]);

const Filter = Type.Object({ field: Type.String(), operator: Type.Enum([...filterOperators]), value: Type.String() }, strict);

const RequestSchema = Type.Object(
  {
    source: Type.Union([
      Type.Object({ kind: Type.Literal('files'), name: Type.String({ minLength: 1 }) }, strict),
      Type.Object(
        {
          kind: Type.Literal('topic'),
          topic: Type.String({ minLength: 1 }),
          partition: Type.Optional(Count),
          partitions: Type.Optional(Count),
          where: Type.Optional(Type.Array(Filter, { maxItems: 64 })),
          offsetFrom: Type.Optional(Type.Union([Count, Type.Null()])),
          offsetTo: Type.Optional(Type.Union([Count, Type.Null()])),
          freshness: Type.Optional(Type.Enum(['linearizable', 'session', 'local'])),
          sessionOffset: Type.Optional(Count),
          timeoutMs: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: timeoutMsMax }), Type.Null()])),
          label: Type.Optional(Type.Union([Word, Type.Null()])),
        },
        strict,
      ),
    ]),
    match: Type.Object(
      {
        dialect: Type.Optional(Type.Enum(['basic', 'extended', 'fixed', 'perl'])),
        patterns: Type.Array(Type.Union([Type.String(), Type.Object({ base64: Type.String() }, strict)])),
        ignoreCase: Type.Optional(Type.Boolean()),
        invert: Type.Optional(Type.Boolean()),
        word: Type.Optional(Type.Boolean()),
        wholeLine: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
    output: Type.Optional(
      Type.Object(
        {
          mode: Type.Optional(Type.Enum(['lines', 'count', 'with', 'without', 'quiet'])),
          onlyMatching: Type.Optional(Type.Boolean()),
          maxCount: Type.Optional(Type.Union([Count, Type.Null()])),
          before: Type.Optional(Type.Union([Count, Type.Null()])),
          after: Type.Optional(Type.Union([Count, Type.Null()])),
          groupSeparator: Type.Optional(Type.Union([Word, Type.Null()])),
          lineNumbers: Type.Optional(Type.Boolean()),
          byteOffsets: Type.Optional(Type.Boolean()),
          withName: Type.Optional(Type.Boolean()),
          nullAfterName: Type.Optional(Type.Boolean()),
          nullData: Type.Optional(Type.Boolean()),
          initialTab: Type.Optional(Type.Boolean()),
          color: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
    sinceMs: Type.Optional(Time),
    untilMs: Type.Optional(Time),
    order: Type.Optional(Type.Enum(['place', 'time'])),
    follow: Type.Optional(Type.Boolean()),
    timeFormat: Type.Optional(Type.Union([Word, Type.Null()])),
    engine: Type.Optional(Type.Enum(['auto', 'grep', 'ripgrep', 'linear'])),
    form: Type.Optional(Type.Enum(['text', 'json'])),
    index: Type.Optional(Type.Boolean()),
  },
  strict,
);

/** Fails with the end of a sentence. */
export function decodeRequest(json: unknown): Result<SearchRequest, string> {
  if (!Value.Check(RequestSchema, json)) {
    const [problem] = Value.Errors(RequestSchema, json);
    const place = (problem?.instancePath ?? '').slice(1).replaceAll('/', '.');
    if (problem?.keyword === 'boolean') return failed(`there is no field "${place}"`);
    return failed(`${place === '' ? 'the body' : `the field "${place}"`} is wrong: ${problem?.message ?? 'it is none of ours'}`);
  }
  const {
    source,
    match,
    output,
    sinceMs = null,
    untilMs = null,
    engine = 'auto',
    index = true,
    order = 'place',
    follow = false,
    timeFormat = null,
    form = 'text',
  } = json;
  if (source.kind === 'topic' && !isTopicName(source.topic)) return failed(`there is no ${shownTopic(source.topic)}, ${topicNameRule}`);
  const request = {
    source: source.kind === 'files' ? source : { ...wholeTopic(source.topic), ...source },
    match: { ...plainMatch, ...match, patterns: match.patterns.flatMap(decodePattern) },
    output: { ...plainOutput, ...output },
    sinceMs,
    untilMs,
    engine,
    index,
    order,
    follow,
    timeFormat,
    form,
  } as SearchRequest;
  const refusal = refuseOrder(request);
  return refusal === null ? ok(request) : failed(refusal);
}

function decodePattern(pattern: PatternJson): Uint8Array[] {
  return splitPatterns(typeof pattern === 'string' ? Buffer.from(pattern) : Buffer.from(pattern.base64, 'base64'));
}
