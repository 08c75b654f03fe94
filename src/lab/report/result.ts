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
}

export function check(name: string, ok: boolean, expected: Figure, got: Figure): Check {
  return { name, expected: String(expected), got: String(got), ok };
}
