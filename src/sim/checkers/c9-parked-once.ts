// C9 parked once
import { type History, recordKey } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/**
 * C9: a record is parked once, and what its subscriber knows as parked stands in the topic of parked records, as it was. Only who has replayed it may find it
 * there again.
 */
export function checkParkedOnce(history: History): Findings {
  const findings = new Findings('C9');
  const copies = new Map<string, number>();
  for (const copy of history.parkedCopies) {
    findings.checked++;
    const key = recordKey(copy);
    const count = (copies.get(key) ?? 0) + 1;
    copies.set(key, count);
    const most = 1 + (history.replays.get(key) ?? 0);
    if (count > most && !history.mayParkTwice)
      findings.violate(`${key} stands ${count} times in the topic of parked records, and ${most} at most were parked`);
  }
  const logs = TopicLog.longest(history.finals);
  const known = new Set<string>();
  for (const parked of history.parked) {
    findings.checked++;
    const key = recordKey(parked);
    if (known.has(key)) findings.violate(`${key} is parked twice`);
    known.add(key);
    const copy = history.parkedCopies.find((one) => one.id === parked.id && recordKey(one) === key);
    const value = logs.get(parked.topic)?.valueAt(parked.offset);
    if (copy === undefined) findings.violate(`${key} is parked as ${parked.id}, and is not there`);
    else if (value !== undefined && copy.value !== value) findings.violate(`${key} is parked with value ${copy.value}, and had ${value}`);
  }
  return findings;
}
