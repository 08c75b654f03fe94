import type { Block } from './blocks.ts';
import type { Graph } from './graph.ts';
import type { Machine } from './machine.ts';

export type Figure = string | number | boolean | null;

/** One thing that had to hold. */
export interface Check {
  readonly name: string;
  readonly expected: string;
  readonly got: string;
  readonly ok: boolean;
}

/** What every lab leaves as summary.json (design, section 6). */
export interface Summary {
  readonly lab: string;
  readonly version: string;
  readonly commit: string | null;
  readonly machine: Machine;
  readonly startedAt: string;
  readonly seconds: number;
  readonly settings: Readonly<Record<string, Figure>>;
  /** Where all have a `part`, those of each part are a table of their own. */
  readonly results: readonly Readonly<Record<string, Figure>>[];
  readonly checks: readonly Check[];
  readonly targets?: readonly Check[];
  /** In the folder: name.svg and name.png. */
  readonly graphs: readonly { readonly name: string; readonly title: string }[];
}

export interface LabResult {
  readonly lab: string;
  /** What was typed; `cairn lab <lab>` if left out. */
  readonly command?: string;
  /** A sentence or two for a reader who has not read this code. */
  readonly about: string;
  readonly settings: Readonly<Record<string, Figure>>;
  readonly results: readonly Readonly<Record<string, Figure>>[];
  readonly checks: readonly Check[];
  /** Figures that were asked for and depend on the machine's mood: one that is missed is said, and is no failure. */
  readonly targets?: readonly Check[];
  readonly graphs: readonly Graph[];
  /** What it comes to, in words; every figure is quoted from the summary. */
  readonly discussion?: (summary: Summary) => readonly Block[];
}

export function check(name: string, ok: boolean, expected: Figure, got: Figure): Check {
  return { name, expected: String(expected), got: String(got), ok };
}

/** Results by their parts, in the order in which these come, without the column that names them; one part without a name where they have none. */
export function partsOf(results: Summary['results']): readonly (readonly [part: string, results: Summary['results']])[] {
  const parts = new Map<string, Summary['results'][number][]>();
  for (const { part = '', ...row } of results) parts.set(String(part), [...(parts.get(String(part)) ?? []), row]);
  return [...parts];
}
