/**
 * `cairn grep`: reads what grep reads, asks every machine at once, prints what they find. `request.ts` makes a request of the command line, `print.ts`
 * prints, `summary.ts` says what each machine had.
 */
import { type Command, Option } from 'commander';
import { type OptionRow, optionTable } from '../../query/index.ts';
import { addExamples } from '../command.ts';
import type { CliIo } from '../io.ts';

export function define(command: Command, _io: CliIo): void {
  command
    .helpOption('--help', 'print this help; -h is grep’s')
    .usage('[options] PATTERN --files NAME | --topic TOPIC')
    .description(
      'Search files on many machines at once, each its own with GNU grep or ripgrep, or the records of a topic. Options of grep mean what they mean there. ' +
        'The exit status is 0 where a line is selected, 1 where none is, 2 where an answer is not whole.',
    )
    .argument('[PATTERN]', 'what to look for, unless -e or -f says it');
  for (const row of optionTable) {
    if (row.isRefused === true || row.long.includes('help')) continue;
    command.addOption(new Option(flagsOf(row), row.does));
  }
  addExamples(command, [
    { command: "cairn grep -n 'connection refused' --files app", does: 'on every machine that the server here knows' },
    { command: 'cairn grep -c -i error --files app --on m1,m2,10.0.0.7:9000', does: 'how many lines of each file have it' },
    { command: "cairn grep -n -C2 timeout --topic orders --where 'level=error'", does: 'records of a topic, numbered by offset' },
    { command: 'cairn grep --follow error --topic orders --files app', does: 'what comes from now on, in order of time' },
    { command: "cairn grep -E -C2 'timeout|refused' --files app --json", does: 'with context, for a program' },
  ]);
}

/** As commander takes them: it knows one short and one long name. */
function flagsOf({ short, long, argument }: OptionRow): string {
  const names = [short === '' ? '' : `-${short.charAt(0)}`, ...long.slice(0, 1).map((name) => `--${name}`)].filter((name) => name !== '');
  const value = argument === null ? '' : argument.startsWith('[') ? ` ${argument}` : ` <${argument}>`;
  return `${names.join(', ')}${value}`;
}
