// L14 conditional append
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * A conditional append is a compare-and-set of the log's end. What stands in a log stands where it was expected, and of all that expected one offset at
 * most one stands there and at most one was told so.
 */
export function checkConditionalAppend(history: History): Findings {
  const findings = new Findings('L14');
  for (const { broker, topic, records } of history.finals) {
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      const value = records[i + 1] as number;
      const append = history.appendOf(value);
      if (append === undefined || append.expectedOffset === null) continue;
      findings.checked++;
      if (offset - (value - append.valueFrom) !== append.expectedOffset) {
        findings.violate(
          `value ${value} at offset ${offset} of "${topic}" on broker ${broker} was to be appended only at ${append.expectedOffset}`,
        );
      }
    }
  }
  const winners = new Map<string, number>();
  for (const { topic, expectedOffset, outcome, result, valueFrom } of history.appends) {
    if (expectedOffset === null || outcome !== 'ok' || result === null || !result.committed) continue;
    findings.checked++;
    if (result.offset !== expectedOffset) {
      findings.violate(`value ${valueFrom} of "${topic}" was acknowledged at ${result.offset} and was expected at ${expectedOffset}`);
    }
    const key = `${topic} ${expectedOffset}`;
    const known = winners.get(key);
    if (known === undefined) winners.set(key, valueFrom);
    else findings.violate(`values ${known} and ${valueFrom} of "${topic}" were both acknowledged at ${expectedOffset}`);
  }
  return findings;
}
