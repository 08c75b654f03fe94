// How a long test spends its file's share of the time: as many seeds as fit, at least one, and it says how many it was.
//
//     let count = 0;
//     for (const seed of seedsWithinBudget({ countMax: 200 })) {
//       expect(run({ seed }).violations, `cairn sim --seed ${seed}`).toEqual([]);
//       count++;
//     }
//     report(`3A election: ${count} of 200 seeds`);
//
// scripts/test-long.ts sets LONG_DEADLINE_MS; without it (the file run by hand) every seed runs.
import { appendFileSync } from 'node:fs';

export interface Budget {
  countMax: number;
  /** Which part of the time that is left to the file, for a file with several tests: 1/3, then 1/2, then 1. Default: 1. */
  share?: number;
}

/** Consecutive seeds, from LONG_SEED (default 1) on. */
export function* seedsWithinBudget({ countMax, share = 1 }: Budget): Generator<number> {
  const seedFirst = Number(process.env['LONG_SEED'] ?? '1');
  const untilMs = Date.now() + timeLeftMs() * share;
  for (let index = 0; index < countMax; index++) {
    if (index > 0 && Date.now() >= untilMs) return;
    yield seedFirst + index;
  }
}

/** Of the file's share. */
export const timeLeftMs = (): number => Number(process.env['LONG_DEADLINE_MS'] ?? Number.POSITIVE_INFINITY) - Date.now();

/** A line for the reader of the run, shown although passing tests are quiet. */
export function report(line: string): void {
  const file = process.env['LONG_REPORT'];
  if (file === undefined) process.stderr.write(`${line}\n`);
  else appendFileSync(file, `${line}\n`);
}
