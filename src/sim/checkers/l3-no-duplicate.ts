// L3 no duplicate
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * L3: every value stands in a log at most once. An append with a request id may be retried by the client as often as it likes; one without is sent
 * once by the client, and what brokers forward and retry for it must not double it either.
 */
export function checkNoDuplicates(history: History): Findings {
  const findings = new Findings('L3');
  for (const { broker, topic, records } of history.finals) {
    const offsets = new Map<number, number>();
    for (let i = 0; i < records.length; i += 2) {
      findings.checked++;
      const offset = records[i] as number;
      const value = records[i + 1] as number;
      const known = offsets.get(value);
      if (known === undefined) offsets.set(value, offset);
      else {
        const requestId = history.appendOf(value)?.requestId ?? null;
        findings.violate(
          `value ${value} (${requestId === null ? 'no request id' : `request id ${requestId}`}) is at offsets ${known} and ${offset} of "${topic}" on broker ${broker}`,
        );
      }
    }
  }
  for (const { outcome, result, requestId, valueFrom, valueTo } of history.appends) {
    if (outcome === 'ok' && result !== null && result.count !== valueTo - valueFrom) {
      findings.violate(
        `the append of ${valueTo - valueFrom} records from value ${valueFrom} (request id ${requestId ?? 'none'}) was acknowledged as ${result.count}`,
      );
    }
  }
  return findings;
}
