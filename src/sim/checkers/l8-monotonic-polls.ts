// L8 monotonic polls
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** A client that goes on where its last read ended never sees an offset again or an earlier one, whichever broker it asks. */
export function checkMonotonicPolls(history: History): Findings {
  const findings = new Findings('L8');
  const positions = new Map<number, { readonly poll: number; readonly next: number }>();
  for (const { client, poll, topic, broker, offsetFrom, offsetNext, records } of history.reads) {
    findings.checked++;
    const where = (): string => `client ${client}'s read of "${topic}" at broker ${broker}`;
    const before = positions.get(client);
    if (before?.poll === poll && offsetFrom !== before.next) {
      findings.violate(`${where()} began at ${offsetFrom}, where the one before had ended at ${before.next}`);
    }
    if (offsetNext < offsetFrom) findings.violate(`${where()} from ${offsetFrom} ended at ${offsetNext}`);
    const first = records[0];
    const last = records[records.length - 2];
    if (first !== undefined && last !== undefined && (first < offsetFrom || last >= offsetNext)) {
      findings.violate(`${where()} from ${offsetFrom} to ${offsetNext} showed offsets ${first} to ${last}`);
    }
    positions.set(client, { poll, next: offsetNext });
  }
  return findings;
}
