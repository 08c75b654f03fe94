import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseTraceparent, type TraceContext } from '../../base/trace-context.ts';
import type { OpenSpan, SpanService } from '../../eventlog/index.ts';

/** Of a path that a span shows. */
const pathLengthMax = 200;
/** Traces are asked for without leaving one. */
export const spansPath = '/v1/spans/';

const contexts = new WeakMap<IncomingMessage, TraceContext>();
const untraced = {};

/** As a part of what is asked at the port: the span that what is done for this request belongs to. Nothing where it is not traced. */
export function traceFields(request: IncomingMessage): { readonly trace?: TraceContext } {
  const trace = contexts.get(request);
  return trace === undefined ? untraced : { trace };
}

/** Which requests are traced: those whose `traceparent` says so, and of those without one every so many. All others pay for a look at one header. */
export class RequestTraces {
  readonly #spans: SpanService;
  readonly #sampleEvery: number;
  #untilSample: number;

  /** `sampleEvery` 0: none that does not ask for it. */
  constructor(spans: SpanService, sampleEvery: number) {
    this.#spans = spans;
    this.#sampleEvery = sampleEvery;
    this.#untilSample = sampleEvery;
  }

  /** True where it is traced: its span ends with its answer. */
  begin(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const text = request.headers['traceparent'];
    if (text === undefined && this.#sampleEvery === 0) return false;
    const parent = typeof text === 'string' ? parseTraceparent(text) : null;
    const isWanted = parent === null ? this.#isSampled(path) : parent.isSampled;
    if (!isWanted || !path.startsWith('/v1/') || path.startsWith(spansPath)) return false;
    const { method = '' } = request;
    const span = this.#spans.begin('request', parent, { method, path: path.slice(0, pathLengthMax) });
    contexts.set(request, span.context);
    response.setHeader('cairn-trace', span.context.traceId);
    response.once('close', () => this.#end(span, response));
    return true;
  }

  #isSampled(path: string): boolean {
    if (this.#sampleEvery === 0 || !path.startsWith('/v1/') || --this.#untilSample > 0) return false;
    this.#untilSample = this.#sampleEvery;
    return true;
  }

  #end(span: OpenSpan, { statusCode, writableFinished }: ServerResponse): void {
    const error = !writableFinished ? 'connectionLost' : statusCode >= 400 ? String(statusCode) : null;
    this.#spans.end(span, error, { status: statusCode });
  }
}
