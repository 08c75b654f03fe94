/**
 * From what was typed to an exit code. Commander is loaded for the commands that it parses, and not for one that reads its arguments itself: half of the start
 * of such a command would be spent on it.
 */
import { errorCatalogue, exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { LogError } from '../eventlog/log-error.ts';
import { ExitWith } from './command.ts';
import type { CliIo } from './io.ts';
import { commandNamed } from './registry.ts';
import { reportError } from './report-error.ts';
import { tracedRun } from './tracing.ts';

/** Runs one command line. Never throws: every failure ends as one sentence on stderr. */
export async function runCli(typedArgs: readonly string[], io: CliIo): Promise<number> {
  const args = turnHelpAround(typedArgs);
  const exitCode = await runTyped(args, io);
  const traced = tracedRun(io);
  if (traced === undefined) return exitCode;
  const { printTrace } = await import('./print-trace.ts');
  await printTrace(traced, `cairn ${findTyped(args) ?? ''}`, exitCode === 0 ? null : `exit code ${exitCode}`, io);
  return exitCode;
}

async function runTyped(args: readonly string[], io: CliIo): Promise<number> {
  try {
    const typed = commandNamed(findTyped(args));
    const run = await typed?.loadRun?.();
    const byCommander = async (those: readonly string[]): Promise<number> => {
      const { runProgram } = await import('./program.ts');
      return runProgram(those, typed, io);
    };
    if (typed === null || run === undefined) return await byCommander(args);
    return await run(args.slice(args.indexOf(typed.name) + 1), io, () => byCommander([typed.name, '--help']));
  } catch (error) {
    return report(error, args, io);
  }
}

/** `cairn help append` is `cairn append --help`. */
function turnHelpAround(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === undefined) return ['--help'];
  return first === 'help' && rest[0] !== 'help' && commandNamed(rest[0]) !== null ? [...rest, '--help'] : args;
}

/** The command is the first word that is not an option; the program itself has no option that takes a value. */
const findTyped = (args: readonly string[]): string | undefined => args.find((arg) => !arg.startsWith('-'));

function report(error: unknown, args: readonly string[], io: CliIo): number {
  if (error instanceof ExitWith) return error.code;
  if (error instanceof LogError) {
    reportError(error, args, commandNamed(findTyped(args))?.name ?? null, io);
    return errorCatalogue[error.code].exitCode;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`${escapeControls(`Cannot go on: a defect of Cairn: ${trace}`, { keepNewlines: true })}\n`);
  return exitCodes.software;
}
