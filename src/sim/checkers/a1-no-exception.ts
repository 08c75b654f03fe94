// A1 no exception
import { Findings } from './verdict.ts';

/** No assertion fails and nothing throws. */
export class NoException {
  readonly findings = new Findings('A1');

  started(): void {
    this.findings.checked++;
  }

  thrown(broker: number, atMs: number, error: unknown): void {
    this.findings.violate(`broker ${broker} at ${atMs.toFixed(3)} ms: ${describeError(error)}`);
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = (error.stack ?? '')
    .split('\n')
    .slice(1, 6)
    .map((line) => line.trim());
  return [`${error.name}: ${error.message}`, ...place].join(' | ');
}
