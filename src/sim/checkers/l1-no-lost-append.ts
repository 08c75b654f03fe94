// L1 no lost append
import type { History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/**
 * L1: whatever was acknowledged at `quorum` or `all` (or said to be committed) is shown in the end by every broker at the offset that was
 * acknowledged, unless it was revoked.
 */
export function checkDurability(history: History): Findings {
  const findings = new Findings('L1');
  const logs = Map.groupBy(
    history.finals.map((final) => ({ broker: final.broker, log: new TopicLog(final) })),
    ({ log }) => log.topic,
  );
  if (logs.size === 0) findings.giveUp('no log could be read after the run');
  for (const append of history.appends) {
    const { result } = append;
    if (append.outcome !== 'ok' || result === null || !result.committed || append.revokeTried) continue;
    for (let value = append.valueFrom; value < append.valueTo; value++) {
      const offset = result.offset + value - append.valueFrom;
      for (const { broker, log } of logs.get(append.topic) ?? []) {
        findings.checked++;
        if (log.valueAt(offset) === value) continue;
        const found = log.offsetOf(value);
        // Retention removes it from below, which is no loss; it may stand nowhere else then.
        if (offset < log.offsetFrom && found === undefined) continue;
        findings.violate(
          found === undefined
            ? `lost: value ${value}, acknowledged at offset ${offset} of "${append.topic}" in term ${result.term} by ${result.ackedBy.join(', ')}, is not on broker ${broker}`
            : `moved: value ${value}, acknowledged at offset ${offset} of "${append.topic}", is at ${found} on broker ${broker}`,
        );
      }
    }
  }
  return findings;
}
