/**
 * From what was typed to an exit code. Commander is loaded for the commands that it parses, and not for one that reads its arguments itself: half of the start
 * of such a command would be spent on it.
 */
import { errorCatalogue, exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { LogError } from '../eventlog/log-error.ts';
import { ExitWith } from './command.ts';
import type { CliIo } from './io.ts';
import { registry } from './registry.ts';

/** Runs one command line. Never throws: every failure ends as one sentence on stderr. */
export async function runCli(typedArgs: readonly string[], io: CliIo): Promise<number> {
  const args = turnHelpAround(typedArgs);
  try {
    const typed = registry.find(({ name }) => name === findTyped(args)) ?? null;
    const run = await typed?.loadRun?.();
    const byCommander = async (those: readonly string[]): Promise<number> => {
      const { runProgram } = await import('./program.ts');
      return runProgram(those, typed, io);
    };
    if (typed === null || run === undefined) return await byCommander(args);
    return await run(args.slice(args.indexOf(typed.name) + 1), io, () => byCommander([typed.name, '--help']));
  } catch (error) {
    return report(error, io);
  }
}

/** `cairn help append` is `cairn append --help`. */
function turnHelpAround(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === undefined) return ['--help'];
  return first === 'help' && registry.some((entry) => entry.name === rest[0] && entry.name !== 'help') ? [...rest, '--help'] : args;
}

/** The command is the first word that is not an option; the program itself has no option that takes a value. */
const findTyped = (args: readonly string[]): string | undefined => args.find((arg) => !arg.startsWith('-'));

function report(error: unknown, io: CliIo): number {
  if (error instanceof ExitWith) return error.code;
  if (error instanceof LogError) {
    // A message may quote what the user typed or what a broker sent, and stays one line.
    io.stderr.write(`${escapeControls(error.message + remedyOf(error))}\n`);
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
