import type { LabResult } from '../../src/lab/report/index.ts';
import { report } from './budget.ts';

/** Figures that depend on what else the machine does: reported, not asserted. */
const MEASURED = new Set(['longest gap', 'puts that a running server left unanswered']);

export const failedChecks = (result: LabResult): LabResult['checks'] =>
  result.checks.filter((check) => !check.ok && !MEASURED.has(check.name));

export function tell(result: LabResult, replay: string): void {
  for (const row of result.results) {
    const figures = Object.entries(row).filter(([, value]) => value !== '' && value !== null);
    report(`${replay}: ${figures.map(([name, value]) => `${name} ${String(value)}`).join(', ')}`);
  }
  for (const check of result.checks) if (MEASURED.has(check.name)) report(`${replay}: ${check.name} ${check.got} (${check.expected})`);
}
