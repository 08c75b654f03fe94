/**
 * Spans for a collector: OTLP over HTTP as JSON (https://opentelemetry.io/docs/specs/otlp/), written here rather than by the official packages, which bring
 * protobuf and a tracer of their own (docs/decisions/0033). Loaded only where an endpoint is configured.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Span, SpanFields } from '../eventlog/index.ts';
import type { Logger } from '../host/index.ts';

export interface SpanExportOptions {
  /** Where collectors take OTLP over HTTP, such as http://127.0.0.1:4318; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly broker: number;
  readonly version: string;
  readonly logger: Logger;
  readonly queueMax?: number;
}

/** Spans that wait. */
const spansQueuedMax = 2048;
const spansPerRequestMax = 512;
const everyMs = 1000;
const timeoutMs = 5000;
/** Whoever reads the log need not be told each second that the collector is away. */
const tellEveryMs = 60_000;

export class SpanExport {
  readonly #options: SpanExportOptions;
  readonly #url: URL;
  readonly #queueMax: number;
  #queue: Span[] = [];
  #isSending = false;
  #timer: NodeJS.Timeout | null = null;
  #toldMs = Number.NEGATIVE_INFINITY;
  exported = 0;
  dropped = 0;

  constructor(options: SpanExportOptions) {
    this.#options = options;
    this.#url = new URL(`${options.endpoint.replace(/\/+$/, '')}/v1/traces`);
    this.#queueMax = options.queueMax ?? spansQueuedMax;
  }

  /** Never waits: what finds no room is dropped and counted. */
  add(span: Span): void {
    if (this.#queue.length >= this.#queueMax) {
      this.dropped++;
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length >= spansPerRequestMax) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), everyMs).unref();
  }

  /** What waits is sent, or dropped where that takes longer than this. */
  async close(graceMs: number): Promise<void> {
    const until = performance.now() + graceMs;
    this.#send();
    while ((this.#isSending || this.#queue.length > 0) && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isSending || this.#queue.length === 0) return;
    this.#isSending = true;
    const spans = this.#queue.splice(0, spansPerRequestMax);
    this.#post(JSON.stringify(requestOf(spans, this.#options)), (failure) => {
      this.#isSending = false;
      if (failure === null) this.exported += spans.length;
      else this.#drop(spans.length, failure);
      if (this.#queue.length > 0) this.#send();
    });
  }

  /** Whoever is away gets them no second time: they would be in the way of newer ones. */
  #drop(count: number, reason: string): void {
    this.dropped += count;
    const nowMs = performance.now();
    if (nowMs < this.#toldMs + tellEveryMs) return;
    this.#toldMs = nowMs;
    this.#options.logger.log('warn', 'spansDropped', { endpoint: this.#url.origin, reason, dropped: this.dropped });
  }

  #post(text: string, done: (failure: string | null) => void): void {
    let isDone = false;
    const finish = (failure: string | null): void => {
      if (isDone) return;
      isDone = true;
      done(failure);
    };
    const body = Buffer.from(text);
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const send = this.#url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = send(this.#url, { method: 'POST', headers, timeout: timeoutMs }, (answer) => {
      const { statusCode = 0 } = answer;
      answer.resume();
      answer.on('close', () => finish(answer.complete && statusCode >= 200 && statusCode < 300 ? null : `it answered ${statusCode}`));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    outgoing.on('error', (error) => finish(error.message));
    outgoing.end(body);
  }
}

/** SpanKind of trace.proto. */
const kinds: Readonly<Record<string, number>> = { request: 2, forward: 3 };
const internalKind = 1;
const statusError = 2;

/** An ExportTraceServiceRequest in JSON: ids in hex, integers of 64 bits as text. */
function requestOf(spans: readonly Span[], { broker, version }: SpanExportOptions): object {
  const resource = {
    attributes: attributesOf({ 'service.name': 'cairn', 'service.version': version, 'service.instance.id': `broker-${broker}` }),
  };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'cairn', version }, spans: spans.map(spanOf) }] }] };
}

function spanOf({ traceId, spanId, parentId, name, startMs, durationMs, fields, error }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentId === null ? {} : { parentSpanId: parentId }),
    name,
    kind: kinds[name] ?? internalKind,
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(startMs + durationMs),
    attributes: attributesOf(fields, 'cairn.'),
    ...(error === null ? {} : { status: { code: statusError, message: error } }),
  };
}

const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

const attributesOf = (fields: SpanFields, prefix = ''): readonly object[] =>
  Object.entries(fields).map(([key, value]) => ({ key: prefix + key, value: valueOf(value) }));

function valueOf(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
