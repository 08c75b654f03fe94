import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface ChaosOptions extends LabOptions {
  readonly kills: number;
  readonly partitions: number;
  readonly others: number;
  readonly faults?: string;
  readonly brokers: number;
  readonly inFlight: number;
  readonly seconds?: number;
  readonly round: number;
}

const quickly = { kills: 4, partitions: 2, others: 0, round: 20 };

export const chaos: LabCommand<ChaosOptions> = {
  name: 'chaos',
  summary: 'every fault on real brokers under load, then look for every acknowledged record',
  description:
    'Kill, stop and cut off real brokers, move their clocks, and give them slow, full and failing disks while clients append; in the end every acknowledged record must be on every broker, once, in order. Brokers of its own, in a temporary folder. Faults whose tools (strace, faketime, prlimit) are missing are left out, and the report says so.',
  quick: 'four kills and two partitions',
  examples: [
    { command: 'cairn lab chaos', does: 'every fault, about five minutes' },
    { command: 'cairn lab chaos --faults partition-partial,pause-leader --brokers 5', does: 'only these' },
    { command: 'cairn lab chaos --kills 500 --partitions 100 --others 4', does: 'the long campaign' },
  ],
  addOptions: (command) =>
    void command
      .option('--kills <count>', 'processes killed with SIGKILL, at least', integer(0, 100_000), 40)
      .option('--partitions <count>', 'partitions', integer(0, 100_000), 10)
      .option('--others <count>', 'how often each other fault comes', integer(0, 10_000), 2)
      .option('--faults <list>', 'only these, separated by commas (default: all)')
      .option('--brokers <count>', 'brokers, 3 or 5', integer(3, 5), 3)
      .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8)
      .option('--seconds <seconds>', 'no fault begins after so many; what was not reached is said', integer(1, 1_000_000))
      .option('--round <count>', 'faults before a fresh cluster is taken', integer(1, 10_000), 60),
  async run(options, { folder, say }) {
    const { runChaosLab } = await import('../../lab/chaos/index.ts');
    const { kills, partitions, others, round } = options.quick === true ? quickly : options;
    return runChaosLab({
      kills,
      partitions,
      others,
      faults: options.faults?.split(',').map((name) => name.trim()) ?? null,
      brokers: options.brokers,
      workers: options.inFlight,
      seed: options.seed,
      seconds: options.seconds ?? null,
      faultsPerRound: round,
      folder,
      onFault: ({ fault, brokers, acknowledgedMs, convergedMs, exits, note }, done, total) => {
        const ended = exits.map(({ broker, code, signal }) => `${broker} ended with ${String(code ?? signal)}`).join(', ');
        const times = `next acknowledged after ${Math.round(acknowledgedMs)} ms, all equal ${Math.round(convergedMs)} ms after it`;
        const more = [note ?? '', ended].filter((text) => text !== '').join('; ');
        say(`${done} of ${total}: ${fault} on ${brokers.join(', ')}${more === '' ? '' : ` (${more})`}: ${times}`);
      },
    });
  },
};
