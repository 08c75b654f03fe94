/** An event of a trace as one line for people. */
import type { TraceEvent } from './trace.ts';

export function describeTraceEvent({ kind, link, fields }: TraceEvent): string {
  const { message, ...others } = fields;
  const way = link === null ? '' : link.to === undefined ? ` from ${link.from ?? ''}` : ` to ${link.to}`;
  const what = message === undefined ? kind : `${kind} ${String(message)}`;
  const rest = Object.entries(others).flatMap(([name, value]) => (value === null ? [] : [`${name} ${String(value)}`]));
  const text = `${what}${way}${rest.length === 0 ? '' : `: ${rest.join(', ')}`}`;
  return text.replaceAll(/\s+/g, ' ').slice(0, charactersMax);
}

const charactersMax = 300;
