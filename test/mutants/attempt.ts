// One process: seeds of one way of asking, with the mutant that CAIRN_MUTANT names or without any. Prints one line of JSON.
//
//     node --import ./register.ts attempt.ts MUTANT SEED_MAX
import type { CheckReport } from '../../src/sim/checkers/verdict.ts';
import { mutantById } from './index.ts';
import type { Mutant } from './mutant.ts';
import { loadProbe } from './probes.ts';

export interface Attempt {
  /** The check that found it, "R1 election safety", or null. */
  readonly check: string | null;
  readonly message: string | null;
  /** How many seeds were run, the last of which found it. */
  readonly seeds: number;
  /** Other checks that went red on the way; A1 is no catch. */
  readonly others: readonly string[];
  /** The harness itself failed: no catch either. */
  readonly harnessErrors: readonly string[];
}

type Run = (seed: number) => readonly CheckReport[];

async function runOf(mutant: Mutant): Promise<Run> {
  const { how } = mutant;
  if (how.by === 'probe') return await loadProbe(how.probe);
  if (how.by === 'test') throw new Error('a test is run by vitest');
  const { faultNames, run } = await import('../../src/sim/run.ts');
  const { brokers = 3, minutes = 0.5, faults = faultNames, thinkMs = 100, settings = {} } = how;
  return (seed) => run({ seed, brokers, minutes, faults, thinkMs, settings }).checks;
}

const [id = '', seedMax = '1'] = process.argv.slice(2);
const mutant = mutantById(id);
const isMutated = (process.env['CAIRN_MUTANT'] ?? '') !== '';
const others = new Set<string>();
const harnessErrors = new Set<string>();
let found: { readonly check: string; readonly message: string } | null = null;
let seeds = 0;

const run = await runOf(mutant);
// A cluster of bare cores takes a few milliseconds.
const limit = Number(seedMax) * (mutant.how.by === 'probe' && mutant.how.probe === 'cores' ? 50 : 1);
while (found === null && seeds < limit) {
  const seed = ++seeds;
  let reports: readonly CheckReport[] = [];
  try {
    reports = run(seed);
  } catch (error) {
    harnessErrors.add(error instanceof Error ? `seed ${seed}: ${error.message}` : String(error));
  }
  for (const { id: check, check: title, status, violations } of reports) {
    if (status === 'pass') continue;
    const isCatch = status === 'violated' && mutant.expected.includes(check);
    if (isMutated && !isCatch) others.add(title);
    else found ??= { check: title, message: violations[0] ?? `${status}, seed ${seed}` };
  }
}
const attempt: Attempt = {
  check: found?.check ?? null,
  message: found?.message ?? null,
  seeds,
  others: [...others],
  harnessErrors: [...harnessErrors],
};
process.stdout.write(`${JSON.stringify(attempt)}\n`);
