import { type Command, InvalidArgumentError } from 'commander';
import { LogError } from '../eventlog/log-error.ts';
import { isPlaces } from '../partitions/index.ts';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { addConnectOptions, integer, time } from './options.ts';
import { printRecords, type ReadOptions } from './print-records.ts';
import { addFormatOptions, refuseFormats } from './record-text.ts';

/** As many as are looked for from the end. */
const lastMax = 1_000_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Print the records of topics, the value of each on a line. What cannot be seen is shown as \\xNN (a byte) or \\u{NNNN} (a character), and a backslash in front of what looks so is doubled; ' +
        '--raw prints every byte as it was appended. Without --follow it ends at the end that the topic had when it began. Several topics are read one after ' +
        'another, and followed together; each value then stands behind its topic and a tab.',
    )
    .argument('<topic...>', 'what to read')
    .option('--partition <number>', 'this partition only (default: all, in order of log time)', integer(0))
    .option(
      '-o, --from <offset>',
      'first offset, "start" or "beginning", or "end" for what comes from now on, or -10 for the last ten of each partition (default: the first record kept); of a topic of ' +
        'several partitions, what it said last',
      parseFrom,
    )
    .option('--last <count>', 'the last so many records', integer(1, lastMax))
    .option('--since <time>', 'from the first record appended at or after a time: 2026-11-21T10:00:00Z, or 15m, 1h30m, 7d ago', (text) =>
      time(text),
    )
    .option('--until <time>', 'only what was appended before a time', (text) => time(text))
    .option('-n, --max <count>', 'stop after so many records', integer(1))
    .option('-f, --follow', 'go on as new records come, from whichever broker answers')
    .action(async (topics: readonly string[], options: ReadOptions) => {
      refuseTogether(topics, options);
      refuseFormats(options, 'read');
      await printRecords(topics, options, io);
    });
  addReadingOptions(command);
  addExamples(command, [
    { command: 'cairn read log', does: 'every record, a line each' },
    { command: 'cairn read log --last 20 -f', does: 'the last twenty, and what comes' },
    { command: 'cairn read log -o 100 -n 10', does: 'ten records from offset 100' },
    { command: 'cairn read log --since 2h --until 90m', does: 'half an hour of it' },
    { command: 'cairn read log --since 15m --follow', does: 'the last quarter of an hour, and what comes' },
    { command: "cairn read orders --format '%o %T %k %h %v'", does: 'offset, time, key, headers and value' },
    { command: 'cairn read orders clicks -f --timestamps --keys', does: 'two topics as they grow' },
    { command: 'cairn read clicks --partition 2', does: 'one partition of several' },
    { command: 'cairn read log --raw > copy.txt', does: 'the lines as they were appended, byte for byte' },
  ]);
}

/** What reading has under any name. */
export function addReadingOptions(command: Command): Command {
  addFormatOptions(command, 'offset, timestamp, key, value, headers; topic and partition where there are several', { logTimes: true });
  command.option('--local', "read one broker's own copy, which may be behind, so that it works without a majority");
  return addConnectOptions(command);
}

function refuseTogether(topics: readonly string[], { from, since, last, until, follow, partition }: ReadOptions): void {
  const given = { '--from': from, '--since': since, '--last': last };
  const [one, other] = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (one !== undefined && other !== undefined) throw new LogError('usage', `Cannot read: ${one} and ${other} exclude each other`);
  if (until !== undefined && follow === true) throw new LogError('usage', 'Cannot read: --until and --follow exclude each other');
  if (typeof from !== 'string' || !isPlaces(from)) return;
  if (partition !== undefined) throw new LogError('usage', 'Cannot read: --from is a place in all partitions, and --partition names one');
  if (topics.length > 1) throw new LogError('usage', 'Cannot read: --from is a place in one topic, and several are named');
}

function parseFrom(text: string): number | string {
  if (text === 'start' || text === 'beginning') return 'start';
  if (text === 'end' || isPlaces(text)) return text;
  try {
    return text.startsWith('-') ? -integer(1, lastMax)(text.slice(1)) : integer(0)(text);
  } catch {
    throw new InvalidArgumentError('It is an offset from 0 on, "start", "end", or -10 for the last ten.');
  }
}
