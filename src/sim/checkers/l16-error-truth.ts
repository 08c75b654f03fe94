// L16 error truth
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** What failed definitely is never shown; what is said to be out of range is not there. */
export function checkErrorTruth(history: History): Findings {
  const findings = new Findings('L16');
  history.forEachShown((topic, offset, value, where) => {
    const append = history.appendOf(value);
    if (append === undefined) return;
    findings.checked++;
    if (append.outcome !== 'definite') return;
    findings.violate(
      `value ${value} failed definitely with ${append.code ?? 'no code'} and is shown at offset ${offset} of "${topic}" ${where()}`,
    );
  });
  for (const { topic, broker, offset, logStartOffset, committedEnd } of history.outOfRange) {
    if (history.deletedTopics.has(topic)) continue;
    findings.checked++;
    if (offset < logStartOffset || offset > committedEnd) continue;
    findings.violate(
      `broker ${broker} said that offset ${offset} of "${topic}" is out of range, and ${committedEnd} was committed when it was asked`,
    );
  }
  return findings;
}
