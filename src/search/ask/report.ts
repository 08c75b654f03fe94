/** What is known of an answer when it has ended. */
import type { ErrorCode } from '../../base/errors.ts';
import { LogError } from '../../eventlog/log-error.ts';
import type { SearchRequest } from '../../query/index.ts';
import { joinProblems, type PartEnd, type PartHead } from '../answer.ts';
import type { Machine } from './machines.ts';
import type { MachineOutcome } from './one-machine.ts';

export interface PartReport extends PartHead, PartEnd {}

/** `silent`: nothing came of it; `refused`: it said why it does not answer; `partial`: its answer is not whole. */
type Failure = 'silent' | 'refused' | 'partial';

export interface MachineReport {
  readonly machine: Machine;
  /** What it calls itself, else what the list does. */
  readonly name: string;
  readonly parts: readonly PartReport[];
  readonly bytesReturned: number;
  readonly elapsedMs: number;
  /** Why its answer is not whole, as the end of a sentence; null when it is, or another machine gave the rest. */
  readonly problem: string | null;
  readonly failure: Failure | null;
  /** It refuses the question itself, as any other would. */
  readonly isBadQuestion: boolean;
  /** It was not asked for by name, and has no files of that name: no failure. */
  readonly isWithout: boolean;
}

export interface Report {
  readonly machines: readonly MachineReport[];
  readonly isSelected: boolean;
  /** Lines selected on all of them; null where somebody could not count. */
  readonly selected: number | null;
  readonly isComplete: boolean;
}

export function problemOf(
  outcome: MachineOutcome,
  parts: readonly PartReport[],
): Pick<MachineReport, 'problem' | 'failure' | 'isBadQuestion'> {
  const hasBegun = parts.length > 0;
  const known = { isBadQuestion: false };
  if (outcome.kind === 'refused') return { problem: outcome.reason, failure: 'refused', isBadQuestion: isInvalid(outcome.code) };
  if (outcome.kind === 'failed') return { ...known, problem: outcome.reason, failure: hasBegun ? 'partial' : 'silent' };
  const { code, problem } = outcome.end;
  const broken = parts.flatMap((part) => (part.problem === null ? [] : [`${part.name}: ${part.problem}`]));
  const problems = problem === null ? broken : [problem, ...broken];
  if (problems.length === 0) return { ...known, problem: null, failure: null };
  const failure = problem === null || hasBegun || !isRefusal(code) ? 'partial' : 'refused';
  return { problem: joinProblems(problems), failure, isBadQuestion: failure === 'refused' && isInvalid(code) };
}

const isInvalid = (code: string | null): boolean => code === ('invalidRequest' satisfies ErrorCode);

/**
 * Why there is no answer at all: the question is none, which is said once however many say it; or nobody was named and nobody has what is searched. Null
 * where there is something of an answer.
 */
export function refusalOf({ machines }: Report, areNamed: boolean): LogError | null {
  const bad = machines.find(({ isBadQuestion }) => isBadQuestion);
  if (bad !== undefined && machines.every(({ parts }) => parts.length === 0)) return new LogError('invalidRequest', bad.problem ?? '');
  if (areNamed || machines.some(({ isWithout }) => !isWithout)) return null;
  return new LogError('unknownFiles', `Cannot search: none of ${machines.length} machines exposes files of that name`);
}

/** Files that could not be searched, and a search that was ended, are no refusals. */
const isRefusal = (code: ErrorCode | null): boolean => code !== 'filesNotSearched' && code !== 'interrupted';

export function summarise(machines: readonly MachineReport[], { output }: SearchRequest): Report {
  const parts = machines.flatMap((machine) => machine.parts);
  const counts = parts.map(({ selected }) => selected);
  const isCounted = (output.mode === 'lines' || output.mode === 'count') && !counts.includes(null);
  return {
    machines,
    isSelected: parts.some(({ isSelected }) => isSelected),
    selected: isCounted ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0) : null,
    isComplete: machines.every(({ problem }) => problem === null) && machines.some(({ isWithout }) => !isWithout),
  };
}
