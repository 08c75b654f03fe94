import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** L15 and L14: the records of one append are all there or none, at consecutive offsets; a compare-and-append stands where it was expected. */
export function checkAtomicBatches(history: History): Findings {
  const findings = new Findings('atomicBatches');
  for (const { broker, topic, records } of history.finals) {
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      const value = records[i + 1] as number;
      const append = history.appendOf(value);
      if (append === undefined) continue;
      findings.checked++;
      const where = `value ${value} at offset ${offset} of "${topic}" on broker ${broker}`;
      if (value > append.valueFrom && (records[i - 1] !== value - 1 || records[i - 2] !== offset - 1)) {
        findings.violate(`${where} does not follow value ${value - 1} of its batch`);
      }
      if (value < append.valueTo - 1 && records[i + 3] !== value + 1)
        findings.violate(`${where} is not followed by value ${value + 1} of its batch`);
      if (append.expectedOffset !== null && offset - (value - append.valueFrom) !== append.expectedOffset) {
        findings.violate(`${where} was to be appended only at ${append.expectedOffset}`);
      }
    }
  }
  return findings;
}
