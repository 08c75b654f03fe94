/**
 * What may be typed next, from the definitions of the commands: only the command that was typed is loaded. Names come from the brokers that the line means;
 * who does not answer at once has none.
 */
import type { Argument, Command, Option } from 'commander';
import { errorCatalogue } from '../base/errors.ts';
import type { Client } from '../client/index.ts';
import { topicPageMax } from '../eventlog/types.ts';
import type { LoadCommand } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { readContexts } from './contexts.ts';
import type { CliIo } from './io.ts';

interface Candidate {
  readonly word: string;
  readonly summary: string;
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  /** Names of files may stand there too. */
  readonly withFiles: boolean;
}

/** The line that says so; no candidate begins with a colon. */
export const filesMark = ':files';

/** Who presses TAB waits for no more; brokers that are far away need longer (`CAIRN_COMPLETION_MS`). */
const answerMsUsual = 1_000;
const nothing: Candidates = { candidates: [], withFiles: false };

/** What is known of the program without its commands' modules, and how one of those is had. */
export interface ProgramParts {
  readonly all: readonly Command[];
  readonly loadCommand: LoadCommand;
  readonly io: CliIo;
}

/** @param words what was typed behind `cairn`; the last is to be completed, and may be empty */
export async function candidatesFor(words: readonly string[], program: ProgramParts): Promise<Candidates> {
  const [first = '', ...rest] = words;
  if (rest.length === 0) return plain(first, [...commandWords(program), { word: '--version', summary: 'print the version' }, helpWord]);
  const command = await program.loadCommand(first);
  return command === null ? nothing : within(command, rest, program);
}

const helpWord: Candidate = { word: '--help', summary: 'print this help' };

const commandWords = ({ all }: ProgramParts): readonly Candidate[] =>
  all.flatMap((command) => [command.name(), ...command.aliases()].map((word) => ({ word, summary: command.summary() })));

/** A line as far as it is typed. */
interface Line {
  command: Command;
  /** Words that are neither options nor their values. */
  given: number;
  /** Of which a value is to come. */
  open: Option | null;
  isPastOptions: boolean;
  readonly connect: { -readonly [Name in keyof ConnectOptions]?: ConnectOptions[Name] };
}

function within(root: Command, words: readonly string[], program: ProgramParts): Promise<Candidates> {
  const { io } = program;
  const line: Line = { command: root, given: 0, open: null, isPastOptions: false, connect: {} };
  for (const word of words.slice(0, -1)) take(line, word);
  const current = words.at(-1) ?? '';
  if (line.open !== null) return valuesOf(line.open, current, line.connect, io);
  const joined = line.isPastOptions ? null : /^(--[a-z-]+)=(.*)$/s.exec(current);
  if (joined !== null) return joinedValues(line, joined[1] as string, joined[2] as string, io);
  if (current.startsWith('-') && !line.isPastOptions) return Promise.resolve(plain(current, optionsOf(line.command)));
  if (line.command.commands.length > 0 && line.given === 0)
    return Promise.resolve(
      plain(
        current,
        line.command.commands.map((child) => ({ word: child.name(), summary: child.summary() })),
      ),
    );
  const { registeredArguments: all } = line.command;
  const argument = all[line.given] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined);
  return argument === undefined ? Promise.resolve(nothing) : argumentValues(line, argument, current, program);
}

function take(line: Line, word: string): void {
  if (line.open !== null) {
    const name = line.open.attributeName();
    if (name === 'server' || name === 'context' || name === 'tokenFile' || name === 'caFile') line.connect[name] = word;
    line.open = null;
  } else if (line.isPastOptions || !word.startsWith('-') || word === '-') {
    const child = line.given === 0 ? line.command.commands.find((each) => each.name() === word) : undefined;
    if (child === undefined) line.given++;
    else line.command = child;
  } else if (word === '--') line.isPastOptions = true;
  else {
    const option = line.command.options.find(({ long, short }) => long === word || short === word);
    line.open = option?.required === true ? option : null;
  }
}

const optionsOf = (command: Command): readonly Candidate[] => [
  ...command.options.flatMap(({ long, hidden, description }) =>
    typeof long === 'string' && !hidden ? [{ word: long, summary: description }] : [],
  ),
  helpWord,
];

async function joinedValues(line: Line, name: string, current: string, io: CliIo): Promise<Candidates> {
  const option = line.command.options.find(({ long }) => long === name);
  if (option === undefined) return nothing;
  const { candidates } = await valuesOf(option, current, line.connect, io);
  return { candidates: candidates.map(({ word, summary }) => ({ word: `${name}=${word}`, summary })), withFiles: false };
}

function valuesOf(option: Option, current: string, connect: ConnectOptions, io: CliIo): Promise<Candidates> {
  const { argChoices, flags, description } = option;
  if (argChoices !== undefined)
    return Promise.resolve(
      plain(
        current,
        argChoices.map((word) => ({ word, summary: description })),
      ),
    );
  const kind = /[<[]([^>\]]*)[>\]]$/.exec(flags)?.[1]?.toLowerCase() ?? '';
  return namesOf(option.long === '--context' && kind === 'name' ? 'context' : kind, current, connect, io);
}

function argumentValues({ command, connect }: Line, argument: Argument, current: string, program: ProgramParts): Promise<Candidates> {
  const { argChoices, description } = argument;
  if (argChoices !== undefined)
    return Promise.resolve(
      plain(
        current,
        argChoices.map((word) => ({ word, summary: description })),
      ),
    );
  if (argument.name() === 'subject') return Promise.resolve(plain(current, subjects(program)));
  const isContext = argument.name() === 'name' && command.parent?.name() === 'context' && command.name() !== 'add';
  return namesOf(isContext ? 'context' : argument.name(), current, connect, program.io);
}

/** What `cairn help` explains. */
const subjects = (program: ProgramParts): readonly Candidate[] => [
  ...commandWords(program),
  { word: 'errors', summary: 'all errors' },
  { word: 'exit-codes', summary: 'all exit codes' },
  ...Object.entries(errorCatalogue).map(([word, { meaning }]) => ({ word, summary: meaning })),
];

/** By what a value is called in the help. */
async function namesOf(kind: string, current: string, connect: ConnectOptions, io: CliIo): Promise<Candidates> {
  const ask = askFor[kind];
  if (ask !== undefined) return plain(current, await asked(ask, current, connect, io));
  if (kind === 'context') return plain(current, contexts(io));
  return { candidates: [], withFiles: ['file', 'dir', 'folder'].includes(kind) };
}

function contexts(io: CliIo): readonly Candidate[] {
  try {
    return Object.entries(readContexts(io.env).contexts).map(([word, { servers }]) => ({ word, summary: servers }));
  } catch {
    return [];
  }
}

type Ask = (client: Client, prefix: string) => Promise<readonly Candidate[]>;

const page = (prefix: string) => ({ prefix, after: '', limit: topicPageMax });
const named = (summary: string, ids: readonly { readonly id: string }[]): readonly Candidate[] =>
  ids.map(({ id }) => ({ word: id, summary }));

const askFor: Readonly<Record<string, Ask>> = {
  topic: async (client, prefix) => (await client.listTopics(page(prefix))).topics.map(({ name }) => ({ word: name, summary: 'topic' })),
  subscriber: async (client, prefix) => named('subscriber', (await client.subscriptions.listSubscribers(page(prefix))).subscribers),
  publisher: async (client, prefix) => named('publisher', (await client.subscriptions.listPublishers(page(prefix))).publishers),
};

async function asked(ask: Ask, current: string, connect: ConnectOptions, io: CliIo): Promise<readonly Candidate[]> {
  try {
    return await withClient(connect, io, { signal: AbortSignal.timeout(answerMsOf(io)) }, (client) => ask(client, current));
  } catch {
    // There is nobody to tell.
    return [];
  }
}

function answerMsOf({ env }: CliIo): number {
  const text = env['CAIRN_COMPLETION_MS'] ?? '';
  return /^\d{1,6}$/.test(text) ? Number(text) : answerMsUsual;
}

/** A word that a shell would take apart is left out. */
const plain = (current: string, all: readonly Candidate[]): Candidates => ({
  candidates: all.filter(({ word }) => word.startsWith(current) && /^[\w.@%+=/-]+$/.test(word)),
  withFiles: false,
});
