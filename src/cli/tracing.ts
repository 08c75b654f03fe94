/** `--trace`: one trace for all that a run of the program asks of brokers. Small, since every command loads it. */
import { toHex } from '../base/bytes.ts';
import { formatTraceparent, type TraceContext } from '../base/trace-context.ts';
import type { RequestTracer, TracedRequest } from '../client/index.ts';
import type { Span } from '../eventlog/index.ts';
import type { CliIo } from './io.ts';

/** Requests of one run that are traced: a stream of a million is not to be a tree of a million. */
const requestsMax = 200;
const pathLengthMax = 200;

const randomHex = (bytes: number): string => toHex(crypto.getRandomValues(new Uint8Array(bytes)));
/** By the wall clock, with fractions. */
const nowMs = (): number => performance.timeOrigin + performance.now();

export class RunTrace implements RequestTracer {
  readonly #root: TraceContext = { traceId: randomHex(16), spanId: randomHex(8) };
  readonly #startMs = nowMs();
  readonly #spans: Span[] = [];
  readonly #servers = new Set<string>();
  #requests = 0;

  get traceId(): string {
    return this.#root.traceId;
  }

  /** Those that it asked. */
  get servers(): ReadonlySet<string> {
    return this.#servers;
  }

  /** Requests that were not traced any more. */
  get left(): number {
    return Math.max(0, this.#requests - requestsMax);
  }

  begin(server: string, method: string, path: string): TracedRequest | null {
    this.#servers.add(server);
    if (++this.#requests > requestsMax) return null;
    const { traceId, spanId: parentId } = this.#root;
    const context = { traceId, spanId: randomHex(8) };
    const startMs = nowMs();
    const name = `${method} ${path.slice(0, pathLengthMax)}`;
    return {
      traceparent: formatTraceparent(context),
      end: (error, status) => {
        const fields = status === null ? { server } : { server, status };
        this.#spans.push({ ...context, parentId, name, process: 'client', startMs, durationMs: nowMs() - startMs, fields, error });
      },
    };
  }

  /** The spans of the run itself, which has come to its end. */
  finish(name: string, error: string | null): readonly Span[] {
    const { traceId, spanId } = this.#root;
    const durationMs = nowMs() - this.#startMs;
    return [
      { traceId, spanId, parentId: null, name, process: 'client', startMs: this.#startMs, durationMs, fields: {}, error },
      ...this.#spans,
    ];
  }
}

export interface TracedRun {
  readonly trace: RunTrace;
  readonly token: string | null;
  readonly ca: string | null;
}

const runs = new WeakMap<CliIo, TracedRun>();

/** The trace of this run, which this begins. */
export function traceRun(io: CliIo, token: string | null, ca: string | null): RunTrace {
  const run = runs.get(io) ?? { trace: new RunTrace(), token, ca };
  runs.set(io, run);
  return run.trace;
}

export const tracedRun = (io: CliIo): TracedRun | undefined => runs.get(io);
