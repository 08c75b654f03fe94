// C4 one holder
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C4: within one generation a partition is one worker's alone. */
export function checkOneHolder(history: History): Findings {
  const findings = new Findings('C4');
  const holders = new Map<string, string>();
  for (const { subscriber, worker, topic, generation } of history.shared) {
    findings.checked++;
    const key = `${subscriber} ${topic} ${generation}`;
    const holder = holders.get(key) ?? worker;
    if (holder !== worker) findings.violate(`${worker} has "${topic}" of ${subscriber} in generation ${generation}, and so has ${holder}`);
    holders.set(key, holder);
  }
  return findings;
}
