import { Command, CommanderError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { addExamples, type CommandEntry } from './command.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';
import { commandNamed, registry } from './registry.ts';
import { packageVersion } from '../system/package.ts';

/** Runs a command line by commander. Throws what a command throws, and what commander says as an error of ours. */
export async function runProgram(args: readonly string[], typed: CommandEntry | null, io: CliIo): Promise<number> {
  const program = makeProgram(io);
  for (const entry of registry) {
    const command = addCommand(program, entry);
    if (entry === typed) (await entry.load()).define(command, io, (name) => loadCommand(name, io));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    const name = pathOf(program, args).join(' ');
    const details = { next: `See \`${name} --help\`.` };
    if (error instanceof LogError && error.code === 'usage')
      throw new LogError('usage', error.message, { ...details, ...error.details }, { cause: error });
    if (!(error instanceof CommanderError)) throw error;
    // Help and version have been printed.
    if (error.exitCode === 0) return exitCodes.ok;
    const said = error.code === 'commander.help' ? 'no command is given' : inOurWords(error.message);
    throw new LogError('usage', `Cannot run ${name}: ${said}`, details, { cause: error });
  }
}

/** The names of the command that was meant, such as `cairn lab clocks`: the first word that names one, and behind it the first that names one of its own. */
function pathOf(command: Command, args: readonly string[]): readonly string[] {
  for (const [index, arg] of args.entries()) {
    const meant = command.commands.find((each) => each.name() === arg || each.aliases().includes(arg));
    if (meant !== undefined) return [command.name(), ...pathOf(meant, args.slice(index + 1))];
  }
  return [command.name()];
}

/** One command alone, under one of its names. */
async function loadCommand(name: string, io: CliIo): Promise<Command | null> {
  const entry = commandNamed(name);
  if (entry === null) return null;
  const command = addCommand(makeProgram(io), entry);
  (await entry.load()).define(command, io, (other) => loadCommand(other, io));
  return command;
}

/** The whole program with every command loaded: for the reference page. */
export async function loadProgram(io: CliIo): Promise<Command> {
  const program = makeProgram(io);
  for (const entry of registry) (await entry.load()).define(addCommand(program, entry), io, (name) => loadCommand(name, io));
  return program;
}

function makeProgram(io: CliIo): Command {
  const program = new Command('cairn')
    .description('A distributed event log that says exactly what it promises.')
    .usage('COMMAND [arguments]')
    .version(`cairn ${packageVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name(), showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Our own sentence is printed at the end.
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 100, 120),
      getOutHasColors: () => false,
    });
  return addExamples(program, [
    { command: 'cairn up', does: 'start three brokers here, their data in ./cairn-data' },
    { command: 'cairn append log hello', does: 'append a record to the topic "log"' },
    { command: 'cairn read log --follow', does: 'print its records and go on as new ones come' },
    { command: 'cairn tour', does: 'see it survive the death of its leader' },
  ]);
}

function addCommand(program: Command, entry: CommandEntry): Command {
  const command = new Command(entry.name)
    .copyInheritedSettings(program)
    .summary(entry.summary)
    .description(capitalise(entry.summary))
    .aliases(entry.aliases ?? []);
  program.addCommand(command.helpOption('-h, --help', 'print this help'));
  return command;
}

/** Commander's message as the end of a sentence: `error: option '--max <n>' argument 'x' is invalid. It is a whole number.` */
function inOurWords(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)$/s, ', did you mean $1?')
    .replace(/ for '\w+'\. Expected (\d+) arguments? but got \d+: /, ', expected $1 but got ')
    .replace(/ is invalid((?: for argument '[\w-]+')?)\. It is (.*)\.$/s, ' is invalid$1: it is $2')
    .replace(/\.$/, '');
}

const capitalise = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
