/**
 * A mutant is the program with one thing wrong, as data: a place in a source file, what stands there, what stands there instead. It is loaded in place
 * of the file (`register.ts`), so nothing is copied. A mutant is caught when a check that it names says so; an exception, a crash or a timeout alone is no catch.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CheckId } from '../../src/sim/checkers/catalogue.ts';
import type { FaultName, RunOptions } from '../../src/sim/run.ts';
import type { ProbeName } from './probes.ts';

export interface Edit {
  /** Below the repository's folder. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** Who is asked. The simulator with everything, unless that would take too many seeds; where a mutant is given an easier life the table says so. */
export type How =
  | {
      readonly by: 'sim';
      readonly brokers?: number;
      readonly minutes?: number;
      readonly faults?: readonly FaultName[];
      readonly settings?: RunOptions['settings'];
      readonly thinkMs?: number;
    }
  /** A directed experiment of `probes.ts`. */
  | { readonly by: 'probe'; readonly probe: ProbeName }
  /** A test that must fail in an `expect`: what the simulator cannot see, because it stands below or above the simulated host. */
  | { readonly by: 'test'; readonly file: string; readonly title: string };

export interface Mutant {
  readonly id: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  /** Any of these is a catch; empty where a test is asked. */
  readonly expected: readonly CheckId[];
  readonly how: How;
}

export const root = path.resolve(import.meta.dirname, '..', '..');

/** The text of one of the mutant's files. */
export function mutatedSource(mutant: Mutant, file: string): string {
  let source = readFileSync(path.join(root, file), 'utf8');
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue;
    const parts = source.split(edit.find);
    if (parts.length !== 2) throw new Error(`Mutant ${edit.file}: ${JSON.stringify(edit.find)} occurs ${parts.length - 1} times, not once`);
    source = parts.join(edit.replace);
  }
  return source;
}

export const filesOf = (mutant: Mutant): readonly string[] => [...new Set(mutant.edits.map(({ file }) => file))];
