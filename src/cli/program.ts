import { Command, CommanderError } from 'commander';
import { errorCatalogue, exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import { addExamples, type CommandEntry, ExitWith } from './command.ts';
import { escapeControls } from '../base/escape.ts';
import type { CliIo } from './io.ts';
import { registry } from './registry.ts';
import { version } from './version.ts';

/** Runs one command line and gives its exit code. Never throws: every failure ends as one sentence on stderr. */
export async function runCli(typedArgs: readonly string[], io: CliIo): Promise<number> {
  const args = turnHelpAround(typedArgs);
  try {
    const typed = findTyped(args);
    const program = makeProgram(io);
    for (const entry of registry) {
      const command = addCommand(program, entry);
      if (entry.name !== typed) continue;
      const { define, run } = await entry.load();
      define(command, io, () => loadProgram(io));
      if (run !== undefined) return await run(args.slice(args.indexOf(typed) + 1), io, () => command.outputHelp());
    }
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return report(error, args, io);
  }
  return exitCodes.ok;
}

/** The whole program with every command loaded: for completion and the reference page. */
export async function loadProgram(io: CliIo): Promise<Command> {
  const program = makeProgram(io);
  for (const entry of registry) (await entry.load()).define(addCommand(program, entry), io, () => loadProgram(io));
  return program;
}

/** `cairn help append` is `cairn append --help`. */
function turnHelpAround(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === undefined) return ['--help'];
  return first === 'help' && registry.some((entry) => entry.name === rest[0] && entry.name !== 'help') ? [...rest, '--help'] : args;
}

/** The command is the first word that is not an option; the program itself has no option that takes a value. */
const findTyped = (args: readonly string[]): string | undefined => args.find((arg) => !arg.startsWith('-'));

function makeProgram(io: CliIo): Command {
  const program = new Command('cairn')
    .description('A distributed event log that says exactly what it promises.')
    .usage('COMMAND [arguments]')
    .version(`cairn ${version()}`, '-V, --version', 'print the version')
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
  const command = new Command(entry.name).copyInheritedSettings(program).summary(entry.summary).description(capitalise(entry.summary));
  program.addCommand(command.helpOption('-h, --help', 'print this help'));
  return command;
}

function report(error: unknown, args: readonly string[], io: CliIo): number {
  if (error instanceof CommanderError) {
    // Help and version have been printed.
    if (error.exitCode === 0) return exitCodes.ok;
    const what = findTyped(args);
    const known = registry.some((entry) => entry.name === what);
    const name = known && what !== undefined ? `cairn ${what}` : 'cairn';
    if (error.code === 'commander.help') return sayUsage(io, `Cannot run ${name}: no command is given, see \`${name} --help\``);
    return sayUsage(io, `Cannot run ${name}: ${inOurWords(error.message)}`);
  }
  if (error instanceof ExitWith) return error.code;
  if (error instanceof LogError) {
    say(io, error.message + remedyOf(error));
    return errorCatalogue[error.code].exitCode;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`${escapeControls(`Cannot go on: a defect of Cairn: ${trace}`, { keepNewlines: true })}\n`);
  return exitCodes.software;
}

/** What to do where the message alone does not say it. The cause is the client's `TransportError`, which is not loaded for this. */
export function remedyOf({ code, cause }: LogError): string {
  if (code !== 'unreachable') return '';
  const failure = (cause as { readonly failure?: string } | undefined)?.failure;
  if (failure === 'away') return ', start brokers with `cairn up` or name one with --server';
  return failure === 'untrusted' ? ', name the certificates to trust with --ca-file' : '';
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

function sayUsage(io: CliIo, sentence: string): number {
  say(io, sentence);
  return exitCodes.usage;
}

/** A message may quote what the user typed or what a broker sent, and stays one line. */
function say(io: CliIo, sentence: string): void {
  io.stderr.write(`${escapeControls(sentence)}\n`);
}

const capitalise = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
