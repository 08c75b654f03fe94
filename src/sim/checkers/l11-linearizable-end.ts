// L11 linearizable end
import type { History } from '../history.ts';
import { linearize, type RegisterModel, type TimedOperation } from './linearize.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/** An append that put the end from `from` to `to`, or a read that saw it at `from` = `to`. */
export interface EndOperation extends TimedOperation {
  readonly topic: string;
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** The end of a log: rises by appends, and by control batches that no client sees. */
export const endOfLog: RegisterModel<number, EndOperation> = {
  initial: 0,
  apply: (end, { from, to }) => (from >= end ? to : null),
  keyOf: (end) => String(end),
};

const windowOperations = 12;
const windowsMax = 40;

/**
 * In linear time: a linearizable end is not below any offset acknowledged before it was asked for, nor below any linearizable end that was answered before
 * it was asked for; and what is sent after it was answered does not get an offset below it. For windows of a dozen operations, those whose outcome nobody
 * knows among them, all orders are tried as well.
 */
export function checkLinearizableEnd(history: History): Findings {
  const findings = new Findings('L11');
  const operations = endOperations(history);
  checkInLinearTime(operations, findings);
  checkWindows(operations, findings);
  return findings;
}

/** What is known to have happened to the ends of all topics. */
export function endOperations(history: History): EndOperation[] {
  const operations: EndOperation[] = [];
  const logs = TopicLog.longest(history.finals);
  for (const { topic, outcome, result, invoked, completed, valueFrom, valueTo } of history.appends) {
    const what = `value ${valueFrom}`;
    if (outcome === 'ok' && result?.committed === true) {
      operations.push({ topic, invoked, completed, from: result.offset, to: result.offset + valueTo - valueFrom, what });
    } else if (outcome !== 'definite') {
      // Nobody was told, but the log tells.
      const from = logs.get(topic)?.offsetOf(valueFrom);
      if (from !== undefined)
        operations.push({ topic, invoked, completed: Number.POSITIVE_INFINITY, from, to: from + valueTo - valueFrom, what });
    }
  }
  for (const { topic, freshness, invoked, completed, offset, broker } of history.ends) {
    if (freshness === 'linearizable')
      operations.push({ topic, invoked, completed, from: offset, to: offset, what: `the end at broker ${broker}` });
  }
  for (const { topic, freshness, invoked, completed, highWatermark, broker } of history.reads) {
    if (freshness === 'linearizable')
      operations.push({ topic, invoked, completed, from: highWatermark, to: highWatermark, what: `a read at broker ${broker}` });
  }
  return operations;
}

export function checkInLinearTime(operations: readonly EndOperation[], findings: Findings): void {
  type Event = { readonly at: number; readonly begins: boolean; readonly operation: EndOperation };
  const events: Event[] = [];
  for (const operation of operations) {
    events.push({ at: operation.invoked, begins: true, operation });
    if (operation.completed < Number.POSITIVE_INFINITY) events.push({ at: operation.completed, begins: false, operation });
  }
  events.sort((a, b) => a.at - b.at);
  const known = new Map<string, EndOperation>();
  for (const { begins, operation } of events) {
    const bound = known.get(operation.topic);
    if (!begins) {
      if (bound === undefined || bound.to < operation.to) known.set(operation.topic, operation);
      continue;
    }
    findings.checked++;
    if (bound !== undefined && operation.from < bound.to) {
      findings.violate(
        `"${operation.topic}": ${operation.what} is at ${operation.from} and began after ${bound.what} had ended with ${bound.to}`,
      );
    }
  }
}

/** Any part of a linearizable history is linearizable, so windows may be cut out anywhere; those here are spread over the run. */
function checkWindows(operations: readonly EndOperation[], findings: Findings): void {
  const byTopic = Map.groupBy(operations, ({ topic }) => topic);
  for (const [topic, all] of byTopic) {
    all.sort((a, b) => a.invoked - b.invoked);
    const step = Math.max(1, Math.floor(all.length / windowsMax));
    for (let from = 0; from < all.length; from += step) {
      const window = all.slice(from, from + windowOperations);
      findings.checked++;
      const answer = linearize(window, endOfLog);
      if (answer === 'unknown') findings.giveUp(`a window of ${window.length} operations on "${topic}" has too many orders`);
      if (answer === 'no')
        findings.violate(`"${topic}": no order explains ${window.map(({ what, from: at, to }) => `${what} [${at}, ${to})`).join(', ')}`);
    }
  }
}
