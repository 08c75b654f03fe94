/** What is measured, and what it is measured against: the same question on the same files, each output through a pipe into `cat`. */
import path from 'node:path';
import type { Report } from '../../search/ask/index.ts';
import { findPrograms, searchEnvironment } from '../../search/files/index.ts';
import { packageFolder } from '../../system/package.ts';
import { askPiped, type Looked, requestFor } from './ask.ts';
import { exposedName, type SearchMachines } from './machines.ts';
import { runPiped } from './piped.ts';
import type { Question } from './questions.ts';

export interface Answered {
  readonly ms: number;
  readonly exitCode: number | null;
  /** Of the request itself: what each machine had. */
  readonly report: Report | null;
}

export interface Party {
  readonly name: string;
  readonly ask: (question: Question, machines: SearchMachines) => Promise<Answered>;
}

export const requestName = 'the request, from a client that runs';
export const commandName = 'cairn grep, from its start';
export const ripgrepName = 'ripgrep by hand';
export const grepName = 'GNU grep by hand';

const flags = { fixed: '-F', extended: '-E' } as const;

/** Those that this machine has. */
export async function findParties(): Promise<readonly Party[]> {
  const { grep, ripgrep } = await findPrograms();
  return [
    { name: requestName, ask: askRunning },
    { name: commandName, ask: askCommand },
    ...(ripgrep === null ? [] : [byHand(ripgrepName, ripgrep, ripgrepArguments)]),
    ...(grep === null ? [] : [byHand(grepName, grep, grepArguments)]),
  ];
}

type Arguments = (asked: Looked) => readonly string[];

const grepArguments: Arguments = ({ counts, dialect }) => ['-a', ...(counts ? ['-c'] : []), flags[dialect]];

/** Extended expressions are what it speaks by itself. */
export const ripgrepArguments: Arguments = ({ counts, dialect }) => [
  '--no-config',
  '-uuu',
  '--no-heading',
  '--color=never',
  '--encoding=none',
  '--no-messages',
  ...(counts ? ['-c', '--include-zero'] : ['-N']),
  ...(dialect === 'fixed' ? ['-F'] : []),
];

const byHand = (name: string, command: string, argumentsFor: Arguments): Party => ({
  name,
  ask: (question, { all, children, folder }) => {
    const args = [...argumentsFor(question), '-e', question.pattern, '--', ...all.map(({ log }) => log)];
    return withoutReport(runPiped(children, { command, args, env: searchEnvironment, folder }));
  },
});

async function withoutReport(run: ReturnType<typeof runPiped>): Promise<Answered> {
  return { ...(await run), report: null };
}

function askCommand({ counts, dialect, pattern }: Question, { all, children, folder }: SearchMachines): Promise<Answered> {
  const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
  const on = all.map(({ name, machine }) => `${name}=${new URL(machine.origin).host}`).join(',');
  const args = [cairn, 'grep', ...(counts ? ['-c'] : []), flags[dialect], '-e', pattern, '--files', exposedName, '--on', on];
  return withoutReport(runPiped(children, { command: process.execPath, args, env: process.env, folder }));
}

/** From here, as the fifth machine. */
async function askRunning(question: Question, { all, children }: SearchMachines): Promise<Answered> {
  const machines = all.map(({ machine }) => machine);
  const { ms, report } = await askPiped(children, machines, requestFor({ kind: 'files', name: exposedName }, question));
  return { ms, exitCode: report.isComplete ? (report.isSelected ? 0 : 1) : 2, report };
}
