import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface KillsOptions extends LabOptions {
  readonly kills: number;
  readonly brokers: number;
  readonly inFlight: number;
}

export const kills: LabCommand<KillsOptions> = {
  name: 'kills',
  summary: 'kill brokers under load and look for every acknowledged record',
  description:
    'Kill brokers with SIGKILL while clients append, start them again, and in the end look for every acknowledged record on every broker: lost, moved, doubled, reordered must be 0. Brokers of its own, in a temporary folder.',
  quick: 'three kills',
  examples: [{ command: 'cairn lab kills --kills 50', does: 'two or three minutes' }],
  addOptions: (command) =>
    void command
      .option('--kills <count>', 'processes killed', integer(1, 10_000), 50)
      .option('--brokers <count>', 'brokers, 3 or 5', integer(3, 5), 3)
      .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8),
  async run(options, { folder, say }) {
    const { runKillsLab } = await import('../../lab/kills/index.ts');
    return runKillsLab({
      kills: options.quick === true ? 3 : options.kills,
      brokers: options.brokers,
      workers: options.inFlight,
      seed: options.seed,
      folder,
      onKill: (kill, killed) => {
        const who = kill.brokers.length === 1 ? `broker ${kill.brokers.join()}` : `brokers ${kill.brokers.join(', ')}`;
        say(`${killed} killed: ${who} (${kill.victims}), next acknowledged after ${Math.round(kill.recoveredMs)} ms`);
      },
    });
  },
};
