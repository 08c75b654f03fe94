import type { SpanFields } from '../eventlog/index.ts';
import type { SearchTrace } from './answer.ts';

/** How a part of a search came out. */
export interface Outcome {
  readonly error: string | null;
  readonly fields?: SpanFields;
}

/** Does a part of a search, as a span of its own where the search is traced. */
export async function traced<Value>(
  trace: SearchTrace | null,
  { name, fields }: { readonly name: string; readonly fields?: SpanFields },
  run: () => Promise<Value>,
  outcomeOf: (value: Value) => Outcome = () => ({ error: null }),
): Promise<Value> {
  if (trace === null) return run();
  const { spans, context } = trace;
  const span = spans.begin(name, context, fields);
  try {
    const value = await run();
    const { error, fields: more } = outcomeOf(value);
    spans.end(span, error, more);
    return value;
  } catch (error) {
    spans.end(span, error instanceof Error ? error.message : String(error));
    throw error;
  }
}
