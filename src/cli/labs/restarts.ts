import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface RestartsOptions extends LabOptions {
  readonly stops: number;
  readonly rounds: number;
  readonly inFlight: number;
}

export const restarts: LabCommand<RestartsOptions> = {
  name: 'restarts',
  summary: 'stop brokers gently under load and measure the gap',
  description:
    'Stop brokers with SIGTERM while clients append, whoever leads and then each in turn, and start them again: no append may fail, and the longest time without an acknowledgement is at most 100 ms. Brokers of its own, in a temporary folder.',
  quick: 'one stop of the leader and one rolling restart',
  examples: [{ command: 'cairn lab restarts --rounds 5', does: 'what an upgrade of a cluster feels like' }],
  addOptions: (command) =>
    void command
      .option('--stops <count>', 'times that the leader is stopped', integer(0, 10_000), 10)
      .option('--rounds <count>', 'rolling restarts of all brokers', integer(0, 1000), 3)
      .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8),
  async run(options, { folder, say }) {
    const { runRestartsLab } = await import('../../lab/kills/index.ts');
    const isQuick = options.quick === true;
    return runRestartsLab({
      stops: isQuick ? 1 : options.stops,
      rounds: isQuick ? 1 : options.rounds,
      brokers: 3,
      workers: options.inFlight,
      folder,
      onRestart: (what, gapMs) => say(`${what}: gap ${Math.round(gapMs)} ms`),
    });
  },
};
