import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** L4: an offset of a topic has one value on all brokers and for all time: in acknowledgements, in every read, in the logs at the end. */
export function checkOneValuePerOffset(history: History): Findings {
  const findings = new Findings('oneValuePerOffset');
  const topics = new Map<string, Map<number, number>>();
  const see = (topic: string, offset: number, value: number, where: () => string): void => {
    findings.checked++;
    const values = topics.get(topic) ?? new Map<number, number>();
    topics.set(topic, values);
    const known = values.get(offset);
    if (known === undefined) values.set(offset, value);
    else if (known !== value) findings.violate(`offset ${offset} of "${topic}" had value ${known} and has ${value} ${where()}`);
  };
  for (const { topic, outcome, result, valueFrom, valueTo } of history.appends) {
    if (outcome !== 'ok' || result === null || !result.committed) continue;
    for (let value = valueFrom; value < valueTo; value++) {
      see(topic, result.offset + value - valueFrom, value, () => `in an acknowledgement of term ${result.term}`);
    }
  }
  for (const { topic, records, broker } of history.reads) {
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, () => `in a read at broker ${broker}`);
  }
  for (const { topic, records, broker } of history.finals) {
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, () => `in the final log of broker ${broker}`);
  }
  return findings;
}
