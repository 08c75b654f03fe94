// C5 pulled once
import type { History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/**
 * C5: a subscriber that does one thing after another pulls every record of its topics once, but for what it had pulled and not acknowledged when it crashed: each
 * pull begins where the last one ended, shows all that stands in its range, and in the end nothing is left.
 */
export function checkPulledOnce(history: History): Findings {
  const findings = new Findings('C5');
  const logs = TopicLog.longest(history.finals);
  for (const { subscriber, topic, generation, known, leastFrom, offsetFrom, offsetTo, records } of history.pulls) {
    findings.checked++;
    const name = `the pull of ${subscriber} from "${topic}" at ${offsetFrom}`;
    if (generation === known && offsetFrom < leastFrom) findings.violate(`${name} gives again what is below ${leastFrom}`);
    const log = logs.get(topic);
    if (log === undefined) continue;
    // What retention has removed since cannot be compared.
    const shown = new Map<number, number>();
    for (let i = 0; i < records.length; i += 2) shown.set(records[i] as number, records[i + 1] as number);
    for (let index = log.indexFrom(offsetFrom); index < log.length && log.offsetAtIndex(index) < offsetTo; index++) {
      const offset = log.offsetAtIndex(index);
      if (shown.get(offset) !== log.valueAtIndex(index))
        findings.violate(`${name} passes over offset ${offset} (value ${log.valueAtIndex(index) ?? 'none'})`);
    }
  }
  for (const { subscriber, topic, position } of history.drained) {
    const log = logs.get(topic);
    if (log === undefined) continue;
    findings.checked++;
    const index = log.indexFrom(position);
    if (index < log.length)
      findings.violate(`nothing was new any more to ${subscriber} at ${position} of "${topic}", and offset ${log.offsetAtIndex(index)} is`);
  }
  for (const { subscriber, code, message } of history.refusedPulls) findings.violate(`${subscriber} was refused with ${code}: ${message}`);
  return findings;
}
