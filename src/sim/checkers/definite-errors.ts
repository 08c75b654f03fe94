import type { AppendOperation, History } from '../history.ts';
import { Findings } from './verdict.ts';

/** L2 and L16: what is shown was sent, to that topic, and did not fail definitely. */
export function checkDefiniteErrors(history: History): Findings {
  const findings = new Findings('definiteErrors');
  const see = (topic: string, offset: number, value: number, where: () => string): void => {
    findings.checked++;
    const append: AppendOperation | undefined = history.appendOf(value);
    if (append === undefined) findings.violate(`offset ${offset} of "${topic}" shows value ${value}, which nobody sent, ${where()}`);
    else if (append.topic !== topic) findings.violate(`value ${value} was sent to "${append.topic}" and is shown in "${topic}" ${where()}`);
    else if (append.outcome === 'definite') {
      findings.violate(
        `value ${value} failed definitely with ${append.code ?? 'no code'} and is shown at offset ${offset} of "${topic}" ${where()}`,
      );
    }
  };
  for (const { topic, records, broker } of history.reads) {
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, () => `in a read at broker ${broker}`);
  }
  for (const { topic, records, broker } of history.finals) {
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, () => `in the final log of broker ${broker}`);
  }
  return findings;
}
