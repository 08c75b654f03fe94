// L2 no phantom
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** What is shown was sent, and to that topic. */
export function checkNoPhantom(history: History): Findings {
  const findings = new Findings('L2');
  history.forEachShown((topic, offset, value, where) => {
    findings.checked++;
    const append = history.appendOf(value);
    if (append === undefined) findings.violate(`offset ${offset} of "${topic}" shows value ${value}, which nobody sent, ${where()}`);
    else if (append.topic !== topic) findings.violate(`value ${value} was sent to "${append.topic}" and is shown in "${topic}" ${where()}`);
  });
  return findings;
}
