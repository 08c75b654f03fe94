/** Figures of a report by the step, the row and the column that they stand in, as text: what pages quote comes from here and from nowhere else. */
import { type Check, digits, type Figure, missing, type Summary } from '../report/index.ts';
import type { StepRecord, SuiteSummary } from './state.ts';

type Row = Readonly<Record<string, Figure>>;

export class Figures {
  readonly summary: SuiteSummary;

  constructor(summary: SuiteSummary) {
    this.summary = summary;
  }

  step(id: string): StepRecord | null {
    return this.summary.steps.find((step) => step.id === id) ?? null;
  }

  /** What the step left; null where it was not run to its end. */
  lab(id: string): Summary | null {
    return this.step(id)?.summary ?? null;
  }

  rows(id: string): readonly Row[] {
    return this.lab(id)?.results ?? [];
  }

  /** The row whose column has the value. */
  row(id: string, column: string, value: Figure): Row | null {
    return this.rows(id).find((row) => row[column] === value) ?? null;
  }

  value(row: Row | null | undefined, column: string): number | null {
    const value = row?.[column];
    return typeof value === 'number' ? value : null;
  }

  text(row: Row | null | undefined, column: string): string {
    const value = row?.[column];
    if (value === undefined || value === null || value === '') return missing;
    return typeof value === 'number' ? digits(value) : String(value);
  }

  check(id: string, name: string): Check | null {
    return this.lab(id)?.checks.find((check) => check.name === name) ?? null;
  }

  setting(id: string, name: string): string {
    return this.text(this.lab(id)?.settings, name);
  }
}

/** How many times the one is the other. */
export function ratio(ours: number | null, theirs: number): string {
  return ours === null || theirs === 0 ? '' : digits(ours / theirs);
}
