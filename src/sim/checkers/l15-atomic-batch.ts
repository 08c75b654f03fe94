// L15 atomic batch
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** The records of one append are all there or none, at consecutive offsets. */
export function checkAtomicBatch(history: History): Findings {
  const findings = new Findings('L15');
  for (const { broker, topic, records } of history.finals) {
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      const value = records[i + 1] as number;
      const append = history.appendOf(value);
      if (append === undefined) continue;
      findings.checked++;
      const where = (): string => `value ${value} at offset ${offset} of "${topic}" on broker ${broker}`;
      if (value > append.valueFrom && (records[i - 1] !== value - 1 || records[i - 2] !== offset - 1)) {
        findings.violate(`${where()} does not follow value ${value - 1} of its batch`);
      }
      if (value < append.valueTo - 1 && records[i + 3] !== value + 1)
        findings.violate(`${where()} is not followed by value ${value + 1} of its batch`);
    }
  }
  return findings;
}
