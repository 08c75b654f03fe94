/** The answer of many machines that this one asks, as a JSON object a line, as fast as it is taken. */
import type { ServerResponse } from 'node:http';
import { LogError } from '../../../eventlog/index.ts';
import { formatTraceparent } from '../../../base/trace-context.ts';
import { type AskOptions, askEach, forPrograms, JsonLines, type Question, refusalOf, reportLines } from '../../../search/ask/index.ts';
import type { SearchTrace } from '../../../search/index.ts';
import { drained } from '../drained.ts';
import { commonHeaders } from '../error-answer.ts';
import { endWithClient } from '../half-closed.ts';

export interface Asking {
  readonly questions: readonly [Question, ...Question[]];
  /** They were named in the request. */
  readonly areNamed: boolean;
  readonly timeoutMs: number | null;
}

export interface AskedAnswerOptions {
  readonly token: string | null;
  readonly ca: string | null;
  readonly readerTimeoutMs: number;
  readonly trace: SearchTrace | null;
}

/** What is asked of others is part of the request that is answered. */
function tracerOf({ spans, context }: SearchTrace): NonNullable<AskOptions['tracer']> {
  return {
    begin(server, method, path) {
      const span = spans.begin('ask', context, { server, method, path });
      const end = (error: string | null, status: number | null): void => spans.end(span, error, status === null ? {} : { status });
      return { traceparent: formatTraceparent(span.context), end };
    },
  };
}

const programs = ({ request, machines }: Question): Question => ({ request: forPrograms(request), machines });

const connectTimeoutMs = 1_000;
/** In which lines of what is followed are put in order. */
const windowMs = 1_000;

export async function answerForAll(
  asking: Asking,
  response: ServerResponse,
  { token, ca, readerTimeoutMs, trace }: AskedAnswerOptions,
): Promise<void> {
  const { areNamed, timeoutMs } = asking;
  const [first, ...others] = asking.questions;
  const questions = [programs(first), ...others.map(programs)] as const;
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  endWithClient(response);
  response.setTimeout(readerTimeoutMs);
  response.writeHead(200, { ...commonHeaders, 'content-type': 'application/x-ndjson', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  const say = (text: string): Promise<void> | undefined => {
    if (text === '' || response.write(text)) return undefined;
    return drained(response, readerTimeoutMs).then((isDrained) => {
      if (!isDrained) response.destroy();
    });
  };

  const onNote = (machine: string, text: string): void => void say(`${JSON.stringify({ type: 'note', machine, text })}\n`);
  const lines = new JsonLines(questions[0].request);
  const signal = timeoutMs === null ? controller.signal : AbortSignal.any([controller.signal, AbortSignal.timeout(timeoutMs)]);
  const common = { token, ca, connectTimeoutMs, machineTimeoutMs: null, signal, areNamed, windowMs, onNote };
  const options = trace === null ? common : { ...common, tracer: tracerOf(trace) };
  try {
    const report = await askEach(questions, options, (_machine, event) => say(lines.take(event)));
    const refusal = refusalOf(report, areNamed);
    response.end(`${reportLines(report)}${refusal === null ? '' : errorLine(refusal)}`);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    response.end(errorLine(error));
  }
}

const errorLine = ({ code, message }: LogError): string => `${JSON.stringify({ type: 'error', code, message })}\n`;
