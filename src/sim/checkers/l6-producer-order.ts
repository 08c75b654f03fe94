// L6 producer order
import type { AppendOperation, History } from '../history.ts';
import { Findings } from './verdict.ts';

/** What one producer sent stands in the order of its sequence, also where several were on their way at a time. */
export function checkProducerOrder(history: History): Findings {
  const findings = new Findings('L6');
  const streams = new Map<string, AppendOperation[]>();
  for (const append of history.appends) {
    if (append.requestId === null) continue;
    const stream = streams.get(append.requestId);
    if (stream === undefined) streams.set(append.requestId, [append]);
    else stream.push(append);
  }
  const ordered = [...streams.values()].filter((stream) => stream.length > 1);
  for (const stream of ordered) stream.sort((a, b) => a.sequence - b.sequence);
  const streamsOf = new Map<string, AppendOperation[][]>();
  for (const stream of ordered) {
    for (const topic of new Set(stream.map((append) => append.topic))) {
      const there = streamsOf.get(topic);
      if (there === undefined) streamsOf.set(topic, [stream]);
      else there.push(stream);
    }
  }
  for (const { broker, topic, records } of history.finals) {
    const offsets = new Map<number, number>();
    for (let i = 0; i < records.length; i += 2) offsets.set(records[i + 1] as number, records[i] as number);
    for (const stream of streamsOf.get(topic) ?? []) {
      let last = -1;
      for (const { valueFrom, requestId, topic: sentTo } of stream) {
        const offset = offsets.get(valueFrom);
        if (sentTo !== topic || offset === undefined) continue;
        findings.checked++;
        if (offset <= last) {
          findings.violate(
            `value ${valueFrom} of producer ${requestId ?? ''} is at ${offset} of "${topic}" on broker ${broker}, an earlier one at ${last}`,
          );
        }
        last = offset;
      }
    }
  }
  return findings;
}
