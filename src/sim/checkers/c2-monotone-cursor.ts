// C2 monotone cursor
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C2: a cursor goes back by a seek alone. Only its own subscriber seeks, and knows each generation that this gave. */
export function checkMonotoneCursor(history: History): Findings {
  const findings = new Findings('C2');
  const highest = new Map<string, number>();
  for (const { subscriber, topic, generation, known, offset } of history.cursors) {
    findings.checked++;
    const name = `the cursor of ${subscriber} in "${topic}"`;
    if (generation !== known) findings.violate(`${name} has generation ${generation}, and its subscriber, who alone seeks, knows ${known}`);
    const key = `${subscriber} ${topic} ${generation}`;
    const before = highest.get(key) ?? offset;
    if (offset < before) findings.violate(`${name} went back from ${before} to ${offset} in generation ${generation}`);
    highest.set(key, Math.max(before, offset));
  }
  return findings;
}
