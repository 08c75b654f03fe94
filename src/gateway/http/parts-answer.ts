import { type AppendResult, LogError, shownAppend, withRequestOutcome } from '../../eventlog/index.ts';
import { type Divided, encodePlaces, failureOf, type PartitionPlace } from '../../partitions/index.ts';
import { errorBody, statusOf } from './error-answer.ts';

export interface PartsAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The answer to an append for a topic as a whole, where its records fell into one partition. */
export const oneAnswer = (result: AppendResult, count: number): unknown =>
  count === 1 || result.scheduled !== undefined ? shownAppend(result) : { ...result, session: sessionOf(count, [result]) };

/**
 * And where they fell into several: each of them with what became of its records. Not all of them appended is an error, and says in the same list what was.
 */
export function partsAnswer(topic: string, { count, parts }: Divided & { readonly kind: 'several' }, hasRequestId = false): PartsAnswer {
  const told = (error: LogError): LogError => (hasRequestId ? withRequestOutcome(error) : error);
  const failure = failureOf(topic, parts);
  const results = parts.flatMap(({ outcome }) => (outcome.ok ? [outcome.value] : []));
  const partitions = parts.map(({ partition, outcome }) =>
    outcome.ok ? shownAppend(outcome.value) : { partition, ...errorBody(told(outcome.error)) },
  );
  const common = { topic, partial: failure !== null && results.length > 0, partitions, session: sessionOf(count, results) };
  if (failure === null) return { status: 200, body: common };
  return { status: statusOf(failure), body: { ...common, ...errorBody(told(failure)) } };
}

/** For a read that is to show these. */
function sessionOf(count: number, results: readonly AppendResult[]): string {
  const places = Array.from({ length: count }, (): PartitionPlace => ({ from: 'offset', offset: 0 }));
  for (const { partition, offset, count: records } of results.filter(({ scheduled }) => scheduled === undefined))
    places[partition] = { from: 'offset', offset: offset + records };
  return encodePlaces(places);
}
