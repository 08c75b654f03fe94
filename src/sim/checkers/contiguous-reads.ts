import type { History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/** L7 and L9: a read shows every record that is visible in its range, in order, and nothing that is not committed in the end. */
export function checkContiguousReads(history: History): Findings {
  const findings = new Findings('contiguousReads');
  const logs = TopicLog.longest(history.finals);
  for (const { topic, broker, records, offsetFrom, offsetNext } of history.reads) {
    findings.checked++;
    const log = logs.get(topic);
    if (log === undefined) {
      findings.giveUp(`"${topic}" could not be read after the run`);
      continue;
    }
    const where = `a read of "${topic}" at broker ${broker} from ${offsetFrom} to ${offsetNext}`;
    if (offsetNext > log.offsetTo) findings.violate(`${where} goes beyond ${log.offsetTo}, the end of the final log`);
    let index = log.indexFrom(offsetFrom);
    let previous = offsetFrom - 1;
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      if (offset <= previous) findings.violate(`${where} shows offset ${offset} after ${previous}`);
      previous = offset;
      if (log.offsetAtIndex(index) < offset) {
        findings.violate(`${where} skips offset ${log.offsetAtIndex(index)} (value ${log.valueAtIndex(index) ?? 'none'})`);
        index = log.indexFrom(offset);
      }
      if (log.offsetAtIndex(index) === offset) {
        index++;
      } else if (history.appendOf(records[i + 1] as number)?.revokeTried !== true) {
        // A record may be gone from the final log only because it was revoked after this read.
        findings.violate(`${where} shows offset ${offset} (value ${records[i + 1] as number}), which is not in the final log`);
      }
    }
    if (log.offsetAtIndex(index) < offsetNext) {
      findings.violate(`${where} skips offset ${log.offsetAtIndex(index)} (value ${log.valueAtIndex(index) ?? 'none'})`);
    }
  }
  return findings;
}
