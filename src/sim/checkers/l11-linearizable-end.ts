// L11 linearizable end
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * L11 in linear time: a linearizable end is not below any offset acknowledged before it was asked for, nor below any linearizable end that was
 * answered before it was asked for; and what is sent after it was answered does not get an offset below it.
 */
export function checkLinearizableEnd(history: History): Findings {
  const findings = new Findings('L11');
  type Event = {
    readonly at: number;
    readonly topic: string;
    readonly act: 'ask' | 'send' | 'know';
    readonly offset: number;
    readonly what: string;
  };
  const events: Event[] = [];
  for (const { topic, outcome, result, invoked, completed, valueFrom, valueTo } of history.appends) {
    if (outcome !== 'ok' || result === null || !result.committed) continue;
    const what = `value ${valueFrom} at ${result.offset}`;
    events.push({ at: invoked, topic, act: 'send', offset: result.offset, what });
    events.push({ at: completed, topic, act: 'know', offset: result.offset + valueTo - valueFrom, what: `${what} acknowledged` });
  }
  for (const { topic, freshness, invoked, completed, offset, broker } of history.ends) {
    if (freshness !== 'linearizable') continue;
    const what = `end ${offset} answered by broker ${broker}`;
    events.push({ at: invoked, topic, act: 'ask', offset, what });
    events.push({ at: completed, topic, act: 'know', offset, what });
  }
  for (const { topic, freshness, invoked, completed, highWatermark, broker } of history.reads) {
    if (freshness !== 'linearizable') continue;
    const what = `read with high watermark ${highWatermark} at broker ${broker}`;
    events.push({ at: invoked, topic, act: 'ask', offset: highWatermark, what });
    events.push({ at: completed, topic, act: 'know', offset: highWatermark, what });
  }
  events.sort((a, b) => a.at - b.at);
  const known = new Map<string, Event>();
  for (const event of events) {
    const bound = known.get(event.topic);
    if (event.act === 'know') {
      if (bound === undefined || bound.offset < event.offset) known.set(event.topic, event);
      continue;
    }
    findings.checked++;
    if (bound !== undefined && event.offset < bound.offset) {
      findings.violate(`"${event.topic}": ${event.what} began after ${bound.what} was known`);
    }
  }
  return findings;
}
