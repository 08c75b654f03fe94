import path from 'node:path';
import type { Command } from 'commander';
import { shellWord } from '../base/shell-word.ts';
import { makeFolder } from '../daemon/make-folder.ts';
import { folderReason } from '../daemon/reasons.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples } from './command.ts';
import { type CliIo, write } from './io.ts';
import { integer } from './options.ts';

interface PlotCliOptions {
  readonly output: string;
  readonly run?: number;
  readonly scenario?: string;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Make the two graphs of a timeline that `cairn logger` has written, bandwidth and delay by second, as SVG and PNG, and a page with both and a table of the connections. The logger may still be running, or may have been killed.',
    )
    .argument('<file>', 'the timeline')
    .option('-o, --output <folder>', 'where the graphs go', '.')
    .option('--run <number>', 'which run of the file, where a logger was started with it more than once (default: the last)', integer(1))
    .option('--scenario <text>', 'what the run was, for the titles (default: what `cairn logger` was told)')
    .action(async (file: string, { output, run, scenario }: PlotCliOptions) => {
      const [{ readTimeline }, { plotTimeline }] = await Promise.all([import('../timeline/index.ts'), import('../timeline/plot/index.ts')]);
      const runs = readTimeline(file);
      const chosen = run === undefined ? runs.at(-1) : runs[run - 1];
      if (chosen === undefined) throw new LogError('usage', `Cannot plot run ${run ?? 0} of ${file}: it has ${runs.length}`);
      try {
        makeFolder(output, 0o777);
      } catch (error) {
        throw new LogError('dataUnusable', `Cannot write graphs to ${output}: ${folderReason(error)}`, {}, { cause: error });
      }
      const named = scenario === undefined ? chosen : { ...chosen, header: { ...chosen.header, scenario } };
      const number = runs.indexOf(chosen) + 1;
      const options = [
        ...(runs.length === 1 ? [] : ['--run', String(number)]),
        ...(scenario === undefined ? [] : ['--scenario', scenario]),
        '-o',
        output,
      ];
      const command = ['cairn', 'plot', file, ...options].map(shellWord).join(' ');
      const written = await plotTimeline(named, output, { name: path.basename(file).replace(/\.ndjson$/, ''), timeline: file, command });
      await write(io.stdout, written.map((each) => `${each}\n`).join(''));
    });
  addExamples(command, [
    { command: 'cairn plot cairn-timeline-1234-1795000000.ndjson -o graphs', does: 'two graphs and a page in ./graphs' },
    { command: "cairn plot timeline.ndjson --scenario '3 nodes, 2 Hz'", does: 'the same here, under another name' },
  ]);
}
