// L5 real-time order
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * L5: an append that was acknowledged before another one began has the lower offset. Complete for acknowledged appends, in n log n: events in
 * the order of the running count, keeping the highest offset acknowledged so far.
 */
export function checkRealTimeOrder(history: History): Findings {
  const findings = new Findings('L5');
  const events: {
    readonly at: number;
    readonly topic: string;
    readonly begins: boolean;
    readonly offset: number;
    readonly value: number;
  }[] = [];
  for (const { topic, outcome, result, invoked, completed, valueFrom, valueTo } of history.appends) {
    if (outcome !== 'ok' || result === null || !result.committed) continue;
    events.push({ at: invoked, topic, begins: true, offset: result.offset, value: valueFrom });
    events.push({ at: completed, topic, begins: false, offset: result.offset + (valueTo - valueFrom) - 1, value: valueFrom });
  }
  events.sort((a, b) => a.at - b.at);
  const highest = new Map<string, { readonly offset: number; readonly value: number }>();
  // The bound at invocation; compared at completion order, which is the same list.
  for (const event of events) {
    const bound = highest.get(event.topic);
    if (event.begins) {
      findings.checked++;
      if (bound !== undefined && event.offset <= bound.offset) {
        findings.violate(
          `value ${event.value} of "${event.topic}" is at offset ${event.offset}, but value ${bound.value} at ${bound.offset} was acknowledged before it was sent`,
        );
      }
    } else if (bound === undefined || bound.offset < event.offset) {
      highest.set(event.topic, { offset: event.offset, value: event.value });
    }
  }
  return findings;
}
