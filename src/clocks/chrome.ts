/**
 * A trace for chrome://tracing and Perfetto (the Trace Event Format, as a JSON object): a process for each process, a slice of a microsecond for each
 * event and an arrow for each message. Times are those of one clock, as far as the skew is known.
 */
import { describeTraceEvent } from './describe-event.ts';
import { isUnpaired, type OrderedTrace } from './trace-order.ts';

/** In pieces that make one JSON text together. `times` in ms, by event; `about` says where they come from. */
export function* chromeText(trace: OrderedTrace, times: Float64Array, about: string): Generator<string> {
  const { processes, events, processOf, sendOf, receiveOf } = trace;
  yield `{"displayTimeUnit":"ms","otherData":${JSON.stringify({ times: about })},"traceEvents":[`;
  const place = (index: number): { readonly pid: number; readonly tid: number; readonly ts: number } => ({
    pid: (processOf[index] as number) + 1,
    tid: 1,
    ts: Math.round((times[index] as number) * 1000),
  });
  const names = processes.map((name, at) => ({ ph: 'M', name: 'process_name', pid: at + 1, tid: 1, ts: 0, args: { name } }));
  yield names.map((each) => JSON.stringify(each)).join(',');
  for (let index = 0; index < events.length; index++) {
    const event = events[index] as OrderedTrace['events'][number];
    const { kind, seq, fields, stamp } = event;
    const send = sendOf[index] as number;
    const args = {
      ...fields,
      seq,
      ...(stamp === null ? {} : { stamp: `${stamp.ms}.${stamp.counter}` }),
      ...(isUnpaired(trace, index) ? { unpaired: true } : {}),
      said: describeTraceEvent(event),
    };
    yield `,${JSON.stringify({ ph: 'X', name: nameOf(event), cat: kind, dur: 1, ...place(index), args })}`;
    const flow = { name: 'message', cat: 'message' };
    if (receiveOf[index] !== -1) yield `,${JSON.stringify({ ph: 's', id: index + 1, ...flow, ...place(index) })}`;
    if (send >= 0) yield `,${JSON.stringify({ ph: 'f', bp: 'e', id: send + 1, ...flow, ...place(index) })}`;
  }
  yield ']}\n';
}

const nameOf = ({ kind, fields }: OrderedTrace['events'][number]): string =>
  fields['message'] === undefined ? kind : `${kind} ${String(fields['message'])}`;
