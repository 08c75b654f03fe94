import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { isTraceId } from '../../../base/trace-context.ts';
import { LogError } from '../../../eventlog/index.ts';
import { formatTraceEvent, type TraceSource } from '../../../clocks/index.ts';
import type { ApiContext } from './context.ts';
import { NoQuery, nullable, wholeNumber } from './schema-parts.ts';

const TraceQuery = Type.Object(
  { lastMs: Type.Optional(wholeNumber(1, 2 ** 31 - 1, 'an age in ms: what is older by the clock of this broker is left out')) },
  { additionalProperties: false },
);

/** Between two of these others have a turn: a whole ring takes some hundred milliseconds. */
const eventsAtOnce = 500;

/** So many agents are told of; of others their number. */
const agentsMax = 100;
const AgentClocks = Type.Object({
  agents: Type.Array(
    Type.Object({
      process: Type.String({ description: 'as traces call it' }),
      address: Type.String(),
      clock: nullable(
        Type.Object(
          { lowMs: Type.Number(), highMs: Type.Number() },
          {
            description: 'how far its clock is ahead of that of this broker lies between these; null when it is not known yet, or was set',
          },
        ),
      ),
      stampsAhead: Type.Integer({ description: 'its stamps that were too far ahead to be followed' }),
    }),
  ),
  left: Type.Integer({ description: 'agents that are connected too and not told of' }),
});

const SpanParams = Type.Object({ trace: Type.String({ description: 'a trace id: 32 hex digits' }) });
const SpanAnswer = Type.Object({
  spans: Type.Array(
    Type.Object({
      traceId: Type.String(),
      spanId: Type.String(),
      parentId: nullable(Type.String()),
      name: Type.String(),
      process: Type.String(),
      startMs: Type.Number({ description: 'since 1970, by the wall clock of this broker' }),
      durationMs: Type.Number(),
      fields: Type.Object({}, { additionalProperties: true }),
      error: nullable(Type.String()),
    }),
  ),
});

export function addTraceRoutes(app: FastifyInstance, { trace, clock, agentClocks, spans }: ApiContext): void {
  const spansSchema = {
    summary: 'The spans of a trace that this broker keeps',
    params: SpanParams,
    querystring: NoQuery,
    response: { 200: SpanAnswer },
  };
  app.get('/v1/spans/:trace', { schema: spansSchema, config: { verb: 'tell the spans' } }, (request) => {
    const { trace: traceId } = request.params as Static<typeof SpanParams>;
    if (!isTraceId(traceId)) throw new LogError('invalidRequest', 'Cannot tell the spans: a trace id is 32 hex digits in lower case');
    return { spans: spans.ofTrace(traceId) };
  });

  const traceSchema = {
    summary: 'What this broker did and heard last, an event a line (docs/reference/trace.md)',
    querystring: TraceQuery,
  };
  app.get('/v1/trace', { schema: traceSchema, config: { verb: 'tell what happened' } }, (request, reply) => {
    const { lastMs } = request.query as Static<typeof TraceQuery>;
    const sinceMs = lastMs === undefined ? Number.NEGATIVE_INFINITY : clock.wallMs() - lastMs;
    return reply.type('application/x-ndjson; charset=utf-8').send(Readable.from(linesOf(trace, sinceMs), { objectMode: false }));
  });

  const clockSchema = {
    summary: 'The wall clock of this broker',
    querystring: NoQuery,
    response: { 200: Type.Object({ wallMs: Type.Number() }) },
  };
  app.get('/v1/clock', { schema: clockSchema, config: { verb: 'tell the time' } }, () => ({ wallMs: clock.wallMs() }));

  const agentsSchema = {
    summary: 'The clocks of agents that send lines to this broker and want acknowledgements',
    querystring: NoQuery,
    response: { 200: AgentClocks },
  };
  app.get('/v1/clock/agents', { schema: agentsSchema, config: { verb: 'tell the clocks of agents' } }, () => {
    const { agents, left } = agentClocks(agentsMax);
    const told = agents.map(({ process, address, bounds, stampsAhead }) => {
      const known = bounds === null ? null : { lowMs: bounds.low, highMs: bounds.high };
      return { process, address, clock: known, stampsAhead };
    });
    return { agents: told, left };
  });
}

/** Up to what is there now; what is overwritten while somebody reads slowly is left out, and the numbers of the events show it. */
async function* linesOf(trace: TraceSource, sinceMs: number): AsyncGenerator<string> {
  const { count } = trace;
  for (let seq = trace.first; seq <= count; ) {
    let lines = '';
    for (let left = eventsAtOnce; left > 0 && seq <= count; left--) {
      seq = Math.max(seq, trace.first);
      if (seq > count) break;
      const event = trace.event(seq++);
      if (event.atMs >= sinceMs) lines += formatTraceEvent(event);
    }
    if (lines !== '') yield lines;
    await nextTurn();
  }
}
