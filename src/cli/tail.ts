import type { Command } from 'commander';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { integer } from './options.ts';
import { printRecords, type ReadOptions } from './print-records.ts';
import { addReadingOptions } from './read.ts';
import { refuseFormats } from './record-text.ts';

export function define(command: Command, io: CliIo): void {
  command
    .description('Print the last records of topics, as tail does: it is `cairn read --last 10`.')
    .argument('<topic...>', 'what to read')
    .option('-n, --last <count>', 'so many', integer(1, 1_000_000), 10)
    .option('-f, --follow', 'go on as new records come, from whichever broker answers')
    .option('--partition <number>', 'this partition only (default: all, in order of log time)', integer(0))
    .action(async (topics: readonly string[], options: ReadOptions) => {
      refuseFormats(options, 'read');
      await printRecords(topics, options, io);
    });
  addExamples(addReadingOptions(command), [
    { command: 'cairn tail log', does: 'the last ten records' },
    { command: 'cairn tail -n 100 -f orders', does: 'the last hundred, and what comes' },
  ]);
}
