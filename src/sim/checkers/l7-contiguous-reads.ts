// L7 contiguous reads
import type { History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/** A read shows every record that is visible in its range, in order. */
export function checkContiguousReads(history: History): Findings {
  const findings = new Findings('L7');
  const logs = TopicLog.longest(history.finals);
  for (const { topic, broker, records, offsetFrom, offsetNext } of history.reads) {
    if (history.deletedTopics.has(topic)) continue;
    findings.checked++;
    const log = logs.get(topic);
    if (log === undefined) {
      findings.giveUp(`"${topic}" could not be read after the run`);
      continue;
    }
    const skips = (index: number): void =>
      findings.violate(
        `a read of "${topic}" at broker ${broker} from ${offsetFrom} to ${offsetNext} skips offset ${log.offsetAtIndex(index)} (value ${log.valueAtIndex(index) ?? 'none'})`,
      );
    let index = log.indexFrom(offsetFrom);
    let previous = offsetFrom - 1;
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      if (offset <= previous) {
        findings.violate(`a read of "${topic}" at broker ${broker} from ${offsetFrom} shows offset ${offset} after ${previous}`);
      }
      previous = offset;
      if (log.offsetAtIndex(index) < offset) {
        skips(index);
        index = log.indexFrom(offset);
      }
      if (log.offsetAtIndex(index) === offset) index++;
    }
    if (log.offsetAtIndex(index) < offsetNext) skips(index);
  }
  return findings;
}
