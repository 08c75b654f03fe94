// C7 processed only
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C7: a cursor stands no higher than what its subscriber has acknowledged, and never beyond the end. */
export function checkProcessedOnly(history: History): Findings {
  const findings = new Findings('C7');
  const ends = new Map<string, number>();
  for (const { topic, offsetTo } of history.finals) ends.set(topic, Math.max(offsetTo, ends.get(topic) ?? 0));
  for (const { subscriber, topic, generation, known, offset, most } of history.cursors) {
    if (generation !== known) continue;
    findings.checked++;
    const name = `the cursor of ${subscriber} in "${topic}"`;
    if (offset > most) findings.violate(`${name} stands at ${offset}, and only what is below ${most} was acknowledged`);
    const end = ends.get(topic);
    if (end !== undefined && offset > end) findings.violate(`${name} stands at ${offset}, beyond the end, ${end}`);
  }
  return findings;
}
