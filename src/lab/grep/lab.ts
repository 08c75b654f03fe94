/**
 * `cairn lab grep`: the experiment of contract 4. Machines that only search, each a process with a log of known content; every question is asked by a client
 * that runs, by a command from its start, and by hand with ripgrep and GNU grep on the same files, in random order; then with one machine dead.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { check, type Figure, type Graph, type LabResult } from '../report/index.ts';
import { allowancesFor } from './allowances.ts';
import type { Token } from './logs.ts';
import { type LoggedMachine, SearchMachines } from './machines.ts';
import { type Dead, heldAgainst, keyOf, measure, type Measured, measureDead } from './measure.ts';
import { commandName, findParties, type Party, requestName, ripgrepName } from './parties.ts';
import { expression, modeOf, type Question, questions, seedTokens } from './questions.ts';
import { differenceOf, type Spread } from './statistics.ts';

export interface GrepLabOptions {
  readonly machines: number;
  readonly mb: number;
  readonly trials: number;
  readonly seed: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

export async function runGrepLab(options: GrepLabOptions): Promise<LabResult> {
  const { trials, seed, folder, say } = options;
  say(`Writing ${options.machines} logs of ${options.mb} MB`);
  const machines = await SearchMachines.start({ machines: options.machines, bytes: options.mb * 1e6, seed });
  try {
    const parties = await findParties();
    const measured = await measure(machines, parties, { trials, seed, say });
    say('The same with one machine dead');
    const dead = await measureDead(machines, parties, trials);
    writeFileSync(path.join(folder, 'trials.json'), `${JSON.stringify(measured.trials, null, 1)}\n`);
    return resultOf(options, machines.all, parties, measured, dead);
  } finally {
    await machines.end();
  }
}

// -------------------------------------------------------------------------------------------------------------- the report

function resultOf(
  { machines: count, mb, trials, seed }: GrepLabOptions,
  machines: readonly LoggedMachine[],
  parties: readonly Party[],
  measured: Measured,
  dead: readonly Dead[],
): LabResult {
  const names = parties.map(({ name }) => name);
  const pairs = pairsOf(measured);
  return {
    lab: 'grep',
    about: aboutOf(count, mb, trials, pairs),
    settings: { machines: count, mb, trials, seed, expression },
    results: [
      ...questions.map((question) => questionRow(question, names, measured)),
      ...pairs.map(({ pair, mode, difference }) => ({
        question: pair,
        mode,
        'difference ms': tenths(difference.ms),
        'noise ms': tenths(difference.noiseMs),
        'exceeds its noise': difference.exceedsNoise ? 'yes' : 'no',
      })),
      ...dead.map(({ how, spread }) => ({
        question: `${(questions[0] as Question).name}, last machine ${how}`,
        mode: modeOf(questions[0] as Question),
        [requestName]: shown(spread),
      })),
    ],
    checks: [...contentChecks(machines, measured), ...statusChecks(names, machines, measured), ...dead.flatMap(deadChecks)],
    targets: targetsOf(measured, dead),
    graphs: [true, false].map((counts) => graphOf(counts, names, measured, count, mb, trials)),
  };
}

const tenths = (value: number): Figure => (Number.isFinite(value) ? Math.round(value * 10) / 10 : null);

const shown = ({ mean, deviation }: Spread): string => `${mean.toFixed(1)} ± ${deviation.toFixed(1)} ms`;

function questionRow(question: Question, parties: readonly string[], { spread, reports }: Measured): Readonly<Record<string, Figure>> {
  const times = parties.map((party) => [party, shown(spread(question, party))] as const);
  const byHand = spread(question, ripgrepName).mean;
  const ratio = byHand > 0 ? { 'request / ripgrep': Math.round((spread(question, requestName).mean / byHand) * 100) / 100 } : {};
  const found = (reports.get(question)?.machines ?? []).map(
    ({ name, parts, bytesReturned }) => [name, `${parts[0]?.selected ?? '?'} lines, ${bytesReturned} bytes`] as const,
  );
  return { question: question.name, mode: modeOf(question), ...Object.fromEntries(times), ...ratio, ...Object.fromEntries(found) };
}

interface Pair {
  readonly pair: string;
  readonly mode: string;
  readonly difference: ReturnType<typeof differenceOf>;
}

/** Each pair of the seed's tokens, asked as the seed did: by a command, from its start. */
function pairsOf({ spread }: Measured): readonly Pair[] {
  return [true, false].flatMap((counts) => {
    const asked = questions.filter((question) => question.counts === counts && seedTokens.includes(question.name as Token));
    return asked.flatMap((first, index) =>
      asked.slice(index + 1).map((second) => ({
        pair: `${first.name}, ${second.name}`,
        mode: modeOf(first),
        difference: differenceOf(spread(first, commandName), spread(second, commandName)),
      })),
    );
  });
}

function aboutOf(count: number, mb: number, trials: number, pairs: readonly Pair[]): string {
  const said = (pair: string): string => {
    const { difference } = pairs.find((each) => each.pair === pair && each.mode === '-c') as Pair;
    const more = `${Math.abs(difference.ms).toFixed(1)} ms ${difference.ms < 0 ? 'less' : 'more'}`;
    return difference.exceedsNoise
      ? `${more}, beyond the noise of ${difference.noiseMs.toFixed(1)} ms`
      : `${more}, within the noise of ${difference.noiseMs.toFixed(1)} ms`;
  };
  return (
    `Contract 4 on one machine: ${count} servers, each with a log of ${mb} MB, asked from another process. Means of ${trials} trials in random order after a ` +
    'warm-up, with one standard deviation; all output through a pipe into cat. The seed was surprised twice, with counts: that "heavy" took no longer than ' +
    `"unique" although it stands in the logs of all machines, and that "even" took longer than "everywhere" although it stands in those of half. Here "unique" took, ` +
    `next to "heavy", ${said('unique, heavy')}; "everywhere", next to "even", ${said('everywhere, even')}. With -c every machine sends one short line whatever it ` +
    'finds, so what a token costs is the search itself, and that reads all of the file for each of them; the machines search at the same time, so the slowest ' +
    'decides, not how many have matches. A difference within its noise is none.'
  );
}

function contentChecks(machines: readonly LoggedMachine[], measured: Measured): LabResult['checks'] {
  const { asked, wrong } = heldAgainst(machines, measured);
  return [check(`answers of machines with another number of lines than was written, of ${asked}`, wrong === 0, 0, wrong)];
}

/** grep's: 0 where anything is selected, else 1. */
function statusChecks(parties: readonly string[], machines: readonly LoggedMachine[], { exitCodes }: Measured): LabResult['checks'] {
  let wrong = 0;
  for (const question of questions) {
    const isThere = question.name === 'expression' || machines.some(({ written }) => written.counts[question.name as Token] > 0);
    for (const party of parties) {
      const codes = exitCodes.get(keyOf(question, party));
      if (codes?.size !== 1 || !codes.has(isThere ? 0 : 1)) wrong++;
    }
  }
  return [check('questions with another exit status than grep has', wrong === 0, 0, wrong)];
}

function deadChecks({ how, isNamed, isRestWhole, exitCodes }: Dead): LabResult['checks'] {
  return [
    check(`last machine ${how}: it is named`, isNamed, true, isNamed),
    check(`last machine ${how}: the rest of the answer is whole`, isRestWhole, true, isRestWhole),
    check(`last machine ${how}: exit status`, exitCodes.size === 1 && exitCodes.has(2), 2, [...exitCodes].join(', ')),
  ];
}

const connectMs = 1_000;
const connectNoiseMs = 100;

function targetsOf({ spread }: Measured, dead: readonly Dead[]): LabResult['checks'] {
  const most = (name: string, got: number, limit: number): LabResult['checks'][number] =>
    check(name, got <= limit, `at most ${limit.toFixed(0)} ms`, `${got.toFixed(0)} ms`);
  const meanOf = (question: Question, party: string): number | null => {
    const { mean, count } = spread(question, party);
    return count === 0 ? null : mean;
  };
  const targets = questions.flatMap((question) =>
    allowancesFor(question, (party) => meanOf(question, party)).map(({ kind, ms, limitMs }) =>
      most(`${question.name} ${modeOf(question)}: ${kind}`, ms, limitMs),
    ),
  );
  const whole = spread(questions[0] as Question, requestName).mean;
  return [...targets, ...dead.map(({ how, spread: { mean } }) => most(`last machine ${how}`, mean, whole + connectMs + connectNoiseMs))];
}

function graphOf(counts: boolean, parties: readonly string[], { spread }: Measured, count: number, mb: number, trials: number): Graph {
  const asked = questions.filter((question) => question.counts === counts);
  return {
    kind: 'bars',
    name: counts ? 'counts' : 'lines',
    title: `${counts ? 'Counting' : 'Printing'} matching lines of ${count} machines, ${mb} MB each`,
    xTitle: 'what is searched for',
    yTitle: `ms, mean of ${trials} and one standard deviation`,
    categories: asked.map(({ name }) => name),
    series: parties.map((label) => ({
      label,
      bars: asked.map((question) => {
        const { mean, deviation } = spread(question, label);
        return { value: mean, low: Math.max(0, mean - deviation), high: mean + deviation };
      }),
    })),
  };
}
