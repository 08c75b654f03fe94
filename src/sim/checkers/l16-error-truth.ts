// L16 error truth
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** What failed definitely is never shown. */
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
  return findings;
}
