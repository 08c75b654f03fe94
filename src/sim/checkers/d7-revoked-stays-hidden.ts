// D7 revoked stays hidden
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * Design, D7: once a revoke is acknowledged, no linearizable read or search that begins later shows the record, and in the end no broker does. A local read
 * may lag behind the revoke, so it is judged by the logs at the end only.
 */
export function checkNoRevokedShown(history: History): Findings {
  const findings = new Findings('D7');
  for (const { topic, records, broker, invoked, freshness } of history.reads) {
    if (freshness !== 'linearizable') continue;
    for (let i = 1; i < records.length; i += 2) {
      const append = history.appendOf(records[i] as number);
      if (append === undefined || !append.revokeTried) continue;
      findings.checked++;
      if (append.revoked < invoked)
        findings.violate(
          `value ${records[i] as number} of "${topic}" was revoked and is shown by a later linearizable read at broker ${broker}`,
        );
    }
  }
  for (const { topic, lines, broker, invoked, request } of history.scans) {
    if (request.freshness !== 'linearizable') continue;
    for (const { value } of lines) {
      const append = history.appendOf(value);
      if (append === undefined || !append.revokeTried) continue;
      findings.checked++;
      if (append.revoked < invoked)
        findings.violate(`value ${value} of "${topic}" was revoked and is shown by a later linearizable search at broker ${broker}`);
    }
  }
  for (const { topic, records, broker } of history.finals) {
    for (let i = 1; i < records.length; i += 2) {
      findings.checked++;
      const append = history.appendOf(records[i] as number);
      if (append !== undefined && append.revoked < Number.POSITIVE_INFINITY) {
        findings.violate(`value ${records[i] as number} of "${topic}" was revoked and is shown by broker ${broker} in the end`);
      }
    }
  }
  return findings;
}
