// L3 no duplicate
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * L3: every value stands in a log at most once, for all time: at one offset in acknowledgements, in every read and in the logs at the end. An append with a
 * request id may be retried by the client as often as it likes; one without is sent once by the client, and what brokers forward and retry for it must not
 * double it either.
 */
export function checkNoDuplicates(history: History): Findings {
  const findings = new Findings('L3');
  const offsets = new Map<number, number>();
  const told = new Set<number>();
  const see = (topic: string, offset: number, value: number, where: () => string): void => {
    findings.checked++;
    const known = offsets.get(value);
    if (known === undefined) offsets.set(value, offset);
    else if (known !== offset && !told.has(value)) {
      told.add(value);
      const requestId = history.appendOf(value)?.requestId ?? null;
      const name = `value ${value} (${requestId === null ? 'no request id' : `request id ${requestId}`})`;
      findings.violate(`${name} is at offsets ${known} and ${offset} of "${topic}", there ${where()}`);
    }
  };
  for (const { outcome, result, requestId, topic, valueFrom, valueTo } of history.appends) {
    if (outcome !== 'ok' || result === null) continue;
    if (result.count !== valueTo - valueFrom) {
      findings.violate(
        `the append of ${valueTo - valueFrom} records from value ${valueFrom} (request id ${requestId ?? 'none'}) was acknowledged as ${result.count}`,
      );
    } else if (result.committed) {
      for (let value = valueFrom; value < valueTo; value++) see(topic, result.offset + value - valueFrom, value, () => 'as acknowledged');
    }
  }
  history.forEachShown(see);
  return findings;
}
