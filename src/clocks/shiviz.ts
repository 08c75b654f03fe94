/**
 * A trace for ShiViz (https://bestchai.bitbucket.io/shiviz/): two lines an event, which its usual regular expression reads. Each host's own entry of the
 * clock counts 1, 2, 3, ..., as ShiViz demands.
 */
import { describeTraceEvent } from './describe-event.ts';
import { isUnpaired, type OrderedTrace } from './trace-order.ts';

/** What to give to ShiViz as its parser; the last one it offers by default. */
export const shivizParser = String.raw`(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`;

export function* shivizLines(trace: OrderedTrace): Generator<string> {
  const { processes, events } = trace;
  for (let index = 0; index < events.length; index++) {
    const event = events[index] as OrderedTrace['events'][number];
    // A process may be called as a property that every object has.
    const clock = Object.create(null) as Record<string, number>;
    for (let at = 0; at < processes.length; at++) {
      const known = trace.knows(index, at);
      if (known > 0) clock[processes[at] as string] = known;
    }
    const mark = isUnpaired(trace, index) ? ` (unpaired: its ${event.kind === 'send' ? 'receive' : 'send'} is not in this trace)` : '';
    yield `${event.process} ${JSON.stringify(clock)}\n${describeTraceEvent(event)}${mark}\n`;
  }
}
