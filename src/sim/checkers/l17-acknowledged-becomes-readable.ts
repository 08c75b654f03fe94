// L17 acknowledged becomes readable
import type { History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/** Once the faults are over, whatever was acknowledged can be read from every broker, and soon: `tookMs` is how long the last one needed. */
export function checkAcknowledgedBecomesReadable(history: History, tookMs: number, limitMs: number): Findings {
  const findings = new Findings('L17');
  if (history.finals.length === 0) findings.giveUp('no log could be read after the run');
  if (tookMs > limitMs) findings.violate(`it took ${tookMs} ms until every broker could be read to its end; ${limitMs} are allowed`);
  const appends = Map.groupBy(history.appends, ({ topic }) => topic);
  for (const final of history.finals) {
    const log = new TopicLog(final);
    let unseen = 0;
    for (const { outcome, result, revokeTried, valueFrom, valueTo } of appends.get(final.topic) ?? []) {
      if (outcome !== 'ok' || result?.committed !== true || revokeTried) continue;
      if (result.offset < log.offsetFrom) continue;
      findings.checked++;
      for (let value = valueFrom; value < valueTo; value++) if (log.offsetOf(value) === undefined) unseen++;
    }
    if (unseen > 0) findings.violate(`${unseen} acknowledged records of "${final.topic}" are not readable at broker ${final.broker}`);
  }
  return findings;
}
