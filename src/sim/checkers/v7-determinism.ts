// V7 determinism
import type { Verdict } from '../run.ts';
import { Findings } from './verdict.ts';

/** The same seed gives the same run, to the last event. */
export function checkDeterminism(first: Verdict, second: Verdict): Findings {
  const findings = new Findings('V7');
  findings.checked++;
  if (first.traceHash !== second.traceHash) {
    findings.violate(`seed ${first.seed} gave trace ${first.traceHash} and then ${second.traceHash}`);
  } else if (JSON.stringify(first.figures) !== JSON.stringify(second.figures)) {
    findings.violate(`seed ${first.seed} gave one trace twice and other figures`);
  }
  return findings;
}
