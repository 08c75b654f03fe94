// L9 committed only
import type { History } from '../history.ts';
import { readsOfLogs } from './reads-of-logs.ts';
import { Findings } from './verdict.ts';

/** Nothing is shown that is not committed: whatever a read showed is in the final log, unless it was revoked after the read. */
export function checkCommittedOnly(history: History): Findings {
  const findings = new Findings('L9');
  for (const { read, log, name } of readsOfLogs(history, findings)) {
    const { records, offsetFrom, offsetNext } = read;
    if (offsetNext > log.offsetTo) findings.violate(`${name} goes beyond ${log.offsetTo}, the end of the final log`);
    let index = log.indexFrom(offsetFrom);
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      // Removed by retention since.
      if (offset < log.offsetFrom) continue;
      if (log.offsetAtIndex(index) !== offset) index = log.indexFrom(offset);
      if (log.offsetAtIndex(index) === offset && index < log.length) index++;
      else if (history.appendOf(records[i + 1] as number)?.revokeTried !== true) {
        findings.violate(`${name} shows offset ${offset} (value ${records[i + 1] as number}), which is not in the final log`);
      }
    }
  }
  return findings;
}
