// C6 no silent reset
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * C6: no pull begins beyond where its subscriber has come, nor passes over what was acknowledged to whoever appended it. Where records are gone it is told so, and
 * decides.
 */
export function checkNoSilentReset(history: History): Findings {
  const findings = new Findings('C6');
  const appended = appendedOf(history);
  for (const { subscriber, topic, generation, known, mostFrom, offsetFrom, offsetTo, records } of history.pulls) {
    findings.checked++;
    const name = `the pull of ${subscriber} from "${topic}"`;
    if (generation !== known)
      findings.violate(`${name} is of generation ${generation}, and its subscriber, who alone seeks, knows ${known}`);
    else if (offsetFrom > mostFrom) findings.violate(`${name} begins at ${offsetFrom}, and it had come to ${mostFrom}`);
    const shown = new Set(records.filter((_, index) => index % 2 === 0));
    for (let offset = offsetFrom; offset < offsetTo; offset++) {
      const value = appended.get(topic)?.get(offset);
      if (value !== undefined && !shown.has(offset))
        findings.violate(`${name} passes over offset ${offset}, where value ${value} was appended`);
    }
  }
  return findings;
}

/** Values by topic and offset, as they were acknowledged; those that may have been revoked are left out. */
function appendedOf(history: History): Map<string, Map<number, number>> {
  const appended = new Map<string, Map<number, number>>();
  for (const { topic, outcome, result, revokeTried, valueFrom, valueTo } of history.appends) {
    if (outcome !== 'ok' || result === null || !result.committed || revokeTried) continue;
    let values = appended.get(topic);
    if (values === undefined) appended.set(topic, (values = new Map()));
    for (let value = valueFrom; value < valueTo; value++) values.set(result.offset + value - valueFrom, value);
  }
  return appended;
}
