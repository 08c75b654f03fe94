// L4 one value per offset
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** An offset of a topic has one value on all brokers and for all time: in acknowledgements, in every read, in the logs at the end. */
export function checkOneValuePerOffset(history: History): Findings {
  const findings = new Findings('L4');
  const topics = new Map<string, Map<number, number>>();
  const see = (topic: string, offset: number, value: number, where: () => string): void => {
    findings.checked++;
    let values = topics.get(topic);
    if (values === undefined) {
      values = new Map();
      topics.set(topic, values);
    }
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
  history.forEachShown(see);
  return findings;
}
