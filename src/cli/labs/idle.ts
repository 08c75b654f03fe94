import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface IdleOptions extends LabOptions {
  readonly brokers: number;
  readonly settle: number;
  readonly seconds: number;
}

export const idle: LabCommand<IdleOptions> = {
  name: 'idle',
  summary: 'measure what brokers cost that nobody uses',
  description:
    'Measure the memory and the processor time of brokers that nobody uses, and count their elections, which must be none. Brokers of its own, in a temporary folder; Linux only.',
  quick: 'ten seconds, at once',
  examples: [
    { command: 'cairn lab idle', does: 'three brokers: a minute to settle, half a minute to measure' },
    { command: 'cairn lab idle --seconds 3600', does: 'an hour, for the elections' },
  ],
  addOptions: (command) =>
    void command
      .option('--brokers <count>', 'brokers', integer(1, 9), 3)
      .option('--settle <seconds>', 'how long to leave them alone before', integer(0, 3600), 60)
      .option('--seconds <seconds>', 'how long', integer(1, 36_000), 30),
  async run(options, { folder }) {
    const { runIdleLab } = await import('../../lab/idle.ts');
    const { brokers, quick = false } = options;
    return runIdleLab({ brokers, settleSeconds: quick ? 0 : options.settle, seconds: quick ? 10 : options.seconds, folder });
  },
};
