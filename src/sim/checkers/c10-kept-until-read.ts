// C10 kept until read
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * C10: of a topic that is kept until all have read it, and by no other bound, nothing is removed that a subscriber has not acknowledged, but what was there already
 * when it subscribed: those who had read that may have let it go.
 */
export function checkKeptUntilRead(history: History): Findings {
  const findings = new Findings('C10');
  for (const { subscriber, topic, logStartOffset, read } of history.keptPulls) {
    findings.checked++;
    if (logStartOffset !== null && logStartOffset > read)
      findings.violate(`"${topic}" begins at ${logStartOffset}, and ${subscriber} has acknowledged no more than what is below ${read}`);
  }
  return findings;
}
