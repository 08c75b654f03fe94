import { LogError } from '../../eventlog/log-error.ts';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface PowerLossOptions extends LabOptions {
  readonly rounds: number;
  readonly brokers: number;
  readonly inFlight: number;
}

export const powerLoss: LabCommand<PowerLossOptions> = {
  name: 'power-loss',
  summary: 'let the power fail under load and look for every acknowledged record',
  description:
    'Run brokers on a file system that forgets what was not synced, bytes and names, and let the power of one, a minority and all of them fail while clients append: no acknowledged record may be missing afterwards. Brokers of its own, in a temporary folder. Needs Linux with fuse3 and python3-fusepy.',
  quick: 'three power failures',
  examples: [{ command: 'cairn lab power-loss --rounds 30', does: 'about a minute and a half' }],
  addOptions: (command) =>
    void command
      .option('--rounds <count>', 'power failures', integer(1, 10_000), 30)
      .option('--brokers <count>', 'brokers, 3 or 5', integer(3, 5), 3)
      .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8),
  async run(options, { folder, say }) {
    const { forgetfulDiskProblem, runPowerLossLab } = await import('../../lab/power-loss/index.ts');
    const problem = forgetfulDiskProblem();
    if (problem !== null) throw new LogError('dataUnusable', `Cannot let the power fail: ${problem}`);
    return runPowerLossLab({
      rounds: options.quick === true ? 3 : options.rounds,
      brokers: options.brokers,
      workers: options.inFlight,
      seed: options.seed,
      folder,
      onRound: ({ victims, brokers, kept, recoveredMs }, done) =>
        say(
          `${done}: power of ${brokers.join(', ')} (${victims}), ${kept} of the unsynced survived, next acknowledged after ${Math.round(recoveredMs)} ms`,
        ),
    });
  },
};
