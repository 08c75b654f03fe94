// L12 session reads
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** L12: a session read is at least as new as the token that its caller brought, and says so. */
export function checkSessionReads(history: History): Findings {
  const findings = new Findings('L12');
  for (const { topic, broker, freshness, sessionOffset, highWatermark } of history.reads) {
    if (freshness !== 'session') continue;
    findings.checked++;
    if (highWatermark < sessionOffset) {
      findings.violate(
        `a session read of "${topic}" at broker ${broker} with token ${sessionOffset} was answered at high watermark ${highWatermark}`,
      );
    }
  }
  return findings;
}
