import type { LabResult } from '../../src/lab/report/index.ts';
import { report } from './budget.ts';

/** Figures that depend on what else the machine does, or on chance (one correct trial of clocks in 250 lies outside): reported, not asserted. */
const MEASURED = /^(longest gap|puts that a running server left unanswered|clocks and queues outside of what .*)$/;

export const failedChecks = (result: LabResult): LabResult['checks'] =>
  result.checks.filter((check) => !check.ok && !MEASURED.test(check.name));

export function tell(result: LabResult, replay: string): void {
  for (const row of result.results) {
    const figures = Object.entries(row).filter(([, value]) => value !== '' && value !== null);
    report(`${replay}: ${figures.map(([name, value]) => `${name} ${String(value)}`).join(', ')}`);
  }
  for (const check of result.checks) if (MEASURED.test(check.name)) report(`${replay}: ${check.name} ${check.got} (${check.expected})`);
}
