import type { Command } from 'commander';
import type { CliIo } from './io.ts';

/**
 * A command's file exports `define`, which adds arguments, options, examples (`addExamples`) and the action to a commander command that already has
 * its name and summary. The action writes to `io`, throws a LogError for what went wrong (its code gives the exit code), or
 * `ExitWith` when everything is printed but the exit code is not 0, such as a status with a broker missing. `loadCommand` gives another
 * command by a name of it, for a command that is about all the others; null where there is none.
 */
export type LoadCommand = (name: string) => Promise<Command | null>;

interface CommandModule {
  readonly define: (command: Command, io: CliIo, loadCommand: LoadCommand) => void;
}

/** Runs a command with what was typed behind its name and gives the exit code. `printHelp` prints what `--help` prints, and gives that exit code. */
type CommandRun = (args: readonly string[], io: CliIo, printHelp: () => Promise<number>) => Promise<number>;

/** Ends the program with this exit code and without a message: the command has said everything. */
export class ExitWith extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

export interface CommandEntry {
  readonly name: string;
  /** Other names, for those who come from another log. */
  readonly aliases?: readonly string[];
  /** One line of `cairn help`, without a final period. */
  readonly summary: string;
  /** Loaded only when the command is typed, so that every other command starts without its modules. */
  readonly load: () => Promise<CommandModule>;
  /** Of a command that reads its arguments itself: what runs it. `load` is then for its help only. */
  readonly loadRun?: () => Promise<CommandRun>;
}

export interface Example {
  readonly command: string;
  readonly does: string;
}

const examplesOf = new WeakMap<Command, readonly Example[]>();

/** Examples stand below the options in `--help` and in the reference page. */
export function addExamples(command: Command, examples: readonly Example[]): Command {
  examplesOf.set(command, examples);
  return command.addHelpText('after', () => `\nExamples:\n${formatExamples(examples)}`);
}

export const examplesFor = (command: Command): readonly Example[] => examplesOf.get(command) ?? [];

function formatExamples(examples: readonly Example[]): string {
  const width = Math.max(...examples.map((example) => example.command.length));
  return examples.map((example) => `  ${example.command.padEnd(width)}  ${example.does}`).join('\n');
}
