// L7 contiguous reads
import type { History } from '../history.ts';
import { readsOfLogs } from './reads-of-logs.ts';
import { Findings } from './verdict.ts';

/** A read shows every record that is visible in its range, in order. */
export function checkContiguousReads(history: History): Findings {
  const findings = new Findings('L7');
  for (const { read, log, name } of readsOfLogs(history, findings)) {
    const { records, offsetFrom, offsetNext } = read;
    const skips = (index: number): void =>
      findings.violate(`${name} skips offset ${log.offsetAtIndex(index)} (value ${log.valueAtIndex(index) ?? 'none'})`);
    let index = log.indexFrom(offsetFrom);
    let previous = offsetFrom - 1;
    for (let i = 0; i < records.length; i += 2) {
      const offset = records[i] as number;
      if (offset <= previous) findings.violate(`${name} shows offset ${offset} after ${previous}`);
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
