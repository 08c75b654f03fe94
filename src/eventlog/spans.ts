/**
 * Spans: what took how long for one request, on whichever broker (docs/decisions/0033). They are no causal events (`GET /v1/trace`), of which each broker
 * notes all, and no hop lists (`Cairn-Hops`), which say only by way of whom a request came.
 */
import type { TraceContext } from '../base/trace-context.ts';

export type SpanFields = Readonly<Record<string, string | number | boolean>>;

export interface Span extends TraceContext {
  /** The span that it is part of; null where it begins the trace. */
  readonly parentId: string | null;
  readonly name: string;
  /** Whose it is, such as `broker-2`. */
  readonly process: string;
  /** Milliseconds since 1970 with fractions, by the wall clock of that process. */
  readonly startMs: number;
  /** By a clock that only counts. */
  readonly durationMs: number;
  readonly fields: SpanFields;
  /** What it failed with, the code of the catalogue; null where it did not. */
  readonly error: string | null;
}

/** One that has not ended. */
export interface OpenSpan {
  /** What happens within it belongs to this. */
  readonly context: TraceContext;
  readonly parentId: string | null;
  readonly name: string;
  readonly startMs: number;
  readonly fields: SpanFields;
}

/** The spans that a broker keeps: its last ones. */
export interface SpanService {
  /** Begins a span of that trace, or, with null, of a new one. It is kept once it has ended. */
  begin(name: string, parent: TraceContext | null, fields?: SpanFields): OpenSpan;
  /** Called once for each. */
  end(span: OpenSpan, error?: string | null, fields?: SpanFields): void;
  /** Those that are kept of a trace, in the order in which they ended. */
  ofTrace(traceId: string): readonly Span[];
  /** Ended since the start, kept or not. */
  readonly count: number;
  /** Told of each that has ended. */
  onEnded: ((span: Span) => void) | null;
}
