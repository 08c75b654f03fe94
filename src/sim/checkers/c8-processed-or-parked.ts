// C8 processed or parked
import { type History, recordKey } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/**
 * C8: every record of its topics is processed by a subscriber, or parked for it, and never both: what fails comes again until it is one of them, whoever dies in
 * between. What is known to be acknowledged is not given again.
 */
export function checkProcessedOrParked(history: History): Findings {
  const findings = new Findings('C8');
  const processed = new Set<string>();
  const acknowledged = new Map<string, number>();
  for (const record of history.processed) {
    if (!record.isOk) continue;
    const key = recordKey(record);
    processed.add(key);
    // Whoever crashed may process again what it had said to have failed.
    if (record.isRepeated) continue;
    acknowledged.set(key, Math.min(record.acknowledged, acknowledged.get(key) ?? Number.POSITIVE_INFINITY));
  }
  const isDone = (key: string, at: number): boolean =>
    !history.doubtful.has(key) && (acknowledged.get(key) ?? Number.POSITIVE_INFINITY) < at;
  for (const record of history.processed) {
    findings.checked++;
    const { subscriber, topic, offset, tries, isRepeated, invoked } = record;
    if (isRepeated || !isDone(recordKey(record), invoked)) continue;
    findings.violate(`offset ${offset} of "${topic}" comes again to ${subscriber} (failed ${tries} times), which had acknowledged it`);
  }
  const parked = new Set(history.parked.map(recordKey));
  for (const key of parked)
    if (isDone(key, Number.POSITIVE_INFINITY)) findings.violate(`${key} is parked, and was processed and acknowledged`);
  const logs = TopicLog.longest(history.finals);
  for (const { subscriber, topic } of history.settled) {
    const log = logs.get(topic);
    for (let index = 0; log !== undefined && index < log.length; index++) {
      findings.checked++;
      const key = recordKey({ subscriber, topic, offset: log.offsetAtIndex(index) });
      if (!processed.has(key) && !parked.has(key) && !history.dropped.has(key))
        findings.violate(`${key} (value ${log.valueAtIndex(index) ?? 'none'}) was never processed, and is not parked`);
    }
  }
  return findings;
}
