import type { Command } from 'commander';
import { errorCatalogue, type ErrorEntry, exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples } from './command.ts';
import { type CliIo, write } from './io.ts';

/** `cairn help COMMAND` never comes here: `run-cli.ts` turns it into `cairn COMMAND --help`. */
export function define(command: Command, io: CliIo): void {
  command
    .argument('[subject]', 'a command, "exit-codes", "errors", or the code of an error')
    .action(async (subject: string | undefined) => {
      if (subject === undefined) command.parent?.outputHelp();
      else if (subject === 'exit-codes') await write(io.stdout, formatExitCodes());
      else if (subject === 'errors') await write(io.stdout, formatErrors());
      else if (Object.hasOwn(errorCatalogue, subject)) await write(io.stdout, formatError(subject as keyof typeof errorCatalogue));
      else throw new LogError('usage', `Cannot help with "${subject}": it is neither a command, an error code, "errors" nor "exit-codes"`);
    });
  addExamples(command, [
    { command: 'cairn help append', does: 'the same as cairn append --help' },
    { command: 'cairn help exit-codes', does: 'what a script can rely on' },
    { command: 'cairn help offsetMismatch', does: 'what an error means and what to do' },
  ]);
}

/** What each exit code means; the reference page prints the same. */
export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'Done. Also when the reader of the output, such as `head`, has seen enough.',
  failed: 'Refused or not so: no such topic, a check that did not hold, a broker missing in `status`.',
  usage: 'The command line is not understood.',
  data: 'The input is not what it should be, such as a line that is too long.',
  unavailable: 'No broker, no leader or no room now; nothing was done. Try again.',
  software: 'A defect of Cairn.',
  cannotCreate: 'The data directory is in use or cannot be made.',
  io: 'A disk failed or is damaged, or the output cannot be written.',
  indefinite: 'The outcome is not known: it may have been done. Try again with the same request id.',
  denied: 'Not permitted: a token, a host, or fault injection that is off.',
  config: 'The configuration is wrong.',
  interrupted: 'Stopped by Ctrl-C before its end. What runs until it is told to stop (`up`, `serve`, `logger`, `node --tail`) ends with 0.',
  terminated: 'The same, stopped by SIGTERM.',
};

function formatExitCodes(): string {
  return Object.entries(exitCodes)
    .map(([name, code]) => `${String(code).padStart(3)}  ${exitCodeMeanings[name as keyof typeof exitCodes]}\n`)
    .join('');
}

function formatErrors(): string {
  const width = Math.max(...Object.keys(errorCatalogue).map((code) => code.length));
  return Object.entries(errorCatalogue)
    .map(([code, entry]) => `${code.padEnd(width)}  ${entry.meaning}\n`)
    .join('');
}

function describeOutcome({ definite, requestOutcome }: ErrorEntry): string {
  if (requestOutcome === 'appended') return 'Not a failure: an earlier attempt did it.';
  if (!definite) return 'Not definite: it may have been done. The same request id makes trying again safe.';
  const attempts = requestOutcome === 'unknown' ? ' That is said of this attempt, not of one before it under the same request id.' : '';
  return `Definite: it has not been done and never will be.${attempts}`;
}

function formatError(code: keyof typeof errorCatalogue): string {
  const entry = errorCatalogue[code];
  return [
    `${code}: ${entry.meaning}`,
    entry.remedy,
    describeOutcome(entry),
    `HTTP ${entry.httpStatus}, exit code ${entry.exitCode}.`,
    '',
  ].join('\n');
}
