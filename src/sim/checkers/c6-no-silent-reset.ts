// C6 no silent reset
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/** C6: no pull begins beyond where its subscriber has come. Where records are gone it is told so, and decides. */
export function checkNoSilentReset(history: History): Findings {
  const findings = new Findings('C6');
  for (const { subscriber, topic, generation, known, mostFrom, offsetFrom } of history.pulls) {
    findings.checked++;
    const name = `the pull of ${subscriber} from "${topic}"`;
    if (generation !== known)
      findings.violate(`${name} is of generation ${generation}, and its subscriber, who alone seeks, knows ${known}`);
    else if (offsetFrom > mostFrom) findings.violate(`${name} begins at ${offsetFrom}, and it had come to ${mostFrom}`);
  }
  return findings;
}
