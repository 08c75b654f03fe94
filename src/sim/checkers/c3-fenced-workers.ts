// C3 fenced workers
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C3: once anybody was given something of a partition under a generation, nothing is given or acknowledged under an older one to whoever asks after that. */
export function checkFencedWorkers(history: History): Findings {
  const findings = new Findings('C3');
  for (const { subscriber, worker, topic, generation, newest, does } of history.shared) {
    findings.checked++;
    if (generation < newest)
      findings.violate(`${worker} of ${subscriber} ${does} "${topic}" in generation ${generation}, when another was given it in ${newest}`);
  }
  return findings;
}
