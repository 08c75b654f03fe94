// C9 parked once
import { type History, type ParkedCopy, recordKey } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/** Between the two no partition can have forgotten the id of the first: each record there has one at most. */
function isRemembered(earlier: ParkedCopy, later: ParkedCopy, { idsKept }: History): boolean {
  return later.id - earlier.id < idsKept.count && later.timeMs - earlier.timeMs < idsKept.ms;
}

/**
 * C9: a record is parked once, and what its subscriber knows as parked stands in the topic of parked records, as it was. Only who has replayed it may find it
 * there again, or where request ids are forgotten, who parks it long after the first.
 */
export function checkParkedOnce(history: History): Findings {
  const findings = new Findings('C9');
  const copies = new Map<string, ParkedCopy[]>();
  for (const copy of history.parkedCopies) {
    findings.checked++;
    const key = recordKey(copy);
    const earlier = copies.get(key) ?? [];
    copies.set(key, [...earlier, copy]);
    const count = 1 + earlier.filter((one) => isRemembered(one, copy, history)).length;
    const most = 1 + (history.replays.get(key) ?? 0);
    if (count > most) findings.violate(`${key} stands ${count} times in the topic of parked records, and ${most} at most were parked`);
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
