import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface GrepOptions extends LabOptions {
  readonly machines: number;
  readonly mb: number;
  readonly trials: number;
}

export const grep: LabCommand<GrepOptions> = {
  name: 'grep',
  summary: 'search the logs of several machines, next to ripgrep and GNU grep by hand',
  description:
    'Run the experiment of contract 4: servers that only search, each with a log of known content, asked for four tokens, a rare one and an expression, counting and printing, next to ripgrep and GNU grep on the same files; then with one machine dead. It says which differences exceed their noise.',
  quick: '4 MB and three trials',
  examples: [
    { command: 'cairn lab grep', does: '4 machines, 60 MB each, ten trials: a few minutes' },
    { command: 'cairn lab grep --quick', does: 'to see that it runs' },
  ],
  addOptions: (command) =>
    void command
      .option('--machines <count>', 'machines with a log', integer(2, 20), 4)
      .option('--mb <megabytes>', 'size of each log', integer(1, 2000), 60)
      .option('--trials <count>', 'how often each question is asked', integer(2, 1000), 10),
  async run({ machines, mb, trials, seed, quick }, { folder, say }) {
    const { runGrepLab } = await import('../../lab/grep/index.ts');
    const size = quick === true ? { mb: 4, trials: 3 } : { mb, trials };
    return runGrepLab({ machines, ...size, seed, folder, say });
  },
};
