/**
 * Where a request stands in a distributed trace: W3C Trace Context (https://www.w3.org/TR/trace-context/), as the header `traceparent` has it and as frames
 * between brokers carry it. It is no request id: a retry has the same request id and another span.
 */
export interface TraceContext {
  /** 32 hex digits in lower case, not all 0. */
  readonly traceId: string;
  /** 16 hex digits: the span that whatever happens next belongs to. */
  readonly spanId: string;
}

export interface Traceparent extends TraceContext {
  /** Whoever sent it records what he does, and wants others to. */
  readonly isSampled: boolean;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
export const isTraceId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text) && !/^0+$/.test(text);

/** Null for what is not one: it counts as if it were not there. What a later version adds behind it is left out. */
export function parseTraceparent(text: string): Traceparent | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, version, traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined) || !isTraceId(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Of one that is recorded. */
export const formatTraceparent = ({ traceId, spanId }: TraceContext): string => `00-${traceId}-${spanId}-01`;
