// C1 linearizable cursor
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C1: a cursor that is asked for stands no lower than what was acknowledged on a majority before, whoever keeps it by then. */
export function checkLinearizableCursor(history: History): Findings {
  const findings = new Findings('C1');
  for (const { subscriber, topic, generation, known, offset, least } of history.cursors) {
    if (generation !== known) continue;
    findings.checked++;
    if (offset < least)
      findings.violate(`the cursor of ${subscriber} in "${topic}" is said to stand at ${offset}, and ${least} was acknowledged before`);
  }
  return findings;
}
