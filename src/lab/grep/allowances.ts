/** What a search of files may take, next to programs by hand on the same files (issue 11). */
import { commandName, grepName, requestName, ripgrepName } from './parties.ts';
import { printsMuch, type Question } from './questions.ts';

const timesRipgrep = 1.25;
const besideRipgrepMs = 15;
const timesRipgrepPrinting = 2.5;
const startMs = 90;
/** Where GNU grep needs less than that, the start of programs is what is measured. */
const slowMs = 150;

export interface Allowance {
  readonly kind:
    | 'the request'
    | 'the whole command'
    | 'the request next to GNU grep by hand'
    | 'the whole command next to GNU grep by hand';
  readonly ms: number;
  readonly limitMs: number;
}

/** @param timeOf in milliseconds, by party; null for one that is not here */
export function allowancesFor(question: Question, timeOf: (party: string) => number | null): readonly Allowance[] {
  const [request, command] = [timeOf(requestName) ?? Number.NaN, timeOf(commandName) ?? Number.NaN];
  const [ripgrep, grep] = [timeOf(ripgrepName), timeOf(grepName)];
  const allowances: Allowance[] = [];
  if (ripgrep !== null) {
    const limitMs = printsMuch(question) ? ripgrep * timesRipgrepPrinting : ripgrep * timesRipgrep + besideRipgrepMs;
    allowances.push({ kind: 'the request', ms: request, limitMs });
  }
  allowances.push({ kind: 'the whole command', ms: command, limitMs: request + startMs });
  if (grep !== null && grep > slowMs) {
    allowances.push({ kind: 'the request next to GNU grep by hand', ms: request, limitMs: grep });
    allowances.push({ kind: 'the whole command next to GNU grep by hand', ms: command, limitMs: grep });
  }
  return allowances;
}
