// C2 monotone cursor
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** Where a cursor was seen at most, by whatever had been answered up to then. */
interface Seen {
  readonly completed: number;
  readonly highest: number;
}

/**
 * C2: a cursor goes back by a seek alone. Only its own subscriber seeks, and knows each generation that this gave. Of several who ask at once, as workers do,
 * the first may be answered last.
 */
export function checkMonotoneCursor(history: History): Findings {
  const findings = new Findings('C2');
  const seen = new Map<string, Seen[]>();
  for (const { subscriber, topic, generation, known, offset, invoked, completed } of history.cursors) {
    findings.checked++;
    const name = `the cursor of ${subscriber} in "${topic}"`;
    if (generation !== known) findings.violate(`${name} has generation ${generation}, and its subscriber, who alone seeks, knows ${known}`);
    const key = `${subscriber} ${topic} ${generation}`;
    const before = seen.get(key) ?? [];
    seen.set(key, before);
    const { highest = offset } = before.findLast((one) => one.completed < invoked) ?? {};
    if (offset < highest) findings.violate(`${name} went back from ${highest} to ${offset} in generation ${generation}`);
    before.push({ completed, highest: Math.max(before.at(-1)?.highest ?? offset, offset) });
  }
  return findings;
}
