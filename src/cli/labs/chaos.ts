import { LogError } from '../../eventlog/log-error.ts';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface ChaosOptions extends LabOptions {
  readonly kills: number;
  readonly partitions: number;
  readonly others: number;
  readonly faults?: string;
  readonly topics?: number;
  readonly subscribers?: number;
  readonly publishers: number;
  readonly shared: number;
  readonly pauses: number;
  readonly restarts: number;
  readonly brokers?: number;
  readonly inFlight: number;
  readonly seconds?: number;
  readonly round: number;
}

const quickly = { kills: 4, partitions: 2, others: 0, round: 20 };
const quicklyOfSubscribers = { kills: 3, partitions: 2 };
/** Of each subscriber that is shared. */
const workersOfShared = 3;
const quicklyOfTopics = { kills: 3, partitions: 1, pauses: 1, restarts: 1 };
/** The faults of one log are aimed at clusters of few. */
const brokersOfOneLogMost = 5;

export const chaos: LabCommand<ChaosOptions> = {
  name: 'chaos',
  summary: 'every fault on real brokers under load, then look for every acknowledged record',
  description:
    'Kill, stop and cut off real brokers, move their clocks, and give them slow, full and failing disks while clients append; in the end every acknowledged record must be on every broker, once, in order. Brokers of its own, in a temporary folder. Faults whose tools (strace, faketime, prlimit) are missing are left out, and the report says so. With --topics many topics on some of eight brokers each are appended to, while brokers that lead are killed, stopped and cut off, and then all are restarted in turn; how soon a topic can be written again is measured. Of the other options --kills, --partitions, --pauses, --restarts and --brokers count then. With --subscribers publishers and subscribers are at work while brokers, and processes that pull, are killed; every record must be given to each of them once. Of the other options --kills, --partitions, --publishers, --shared and --brokers count then.',
  quick:
    'four kills and two partitions; with --topics three kills, a pause, a partition and a rolling restart; with --subscribers three kills and two partitions',
  examples: [
    { command: 'cairn lab chaos', does: 'every fault, about five minutes' },
    { command: 'cairn lab chaos --faults partition-partial,pause-leader --brokers 5', does: 'only these' },
    { command: 'cairn lab chaos --kills 500 --partitions 100 --others 4', does: 'the long campaign' },
    {
      command: 'cairn lab chaos --subscribers 20 --kills 100 --partitions 100',
      does: '20 publishers and subscribers, some of them shared',
    },
    { command: 'cairn lab chaos --topics 20', does: '20 topics on eight brokers, 40 kills, 10 pauses, 10 partitions, 50 rolling restarts' },
  ],
  addOptions: (command) =>
    void command
      .option('--kills <count>', 'processes killed with SIGKILL, at least', integer(0, 100_000), 40)
      .option('--partitions <count>', 'partitions', integer(0, 100_000), 10)
      .option('--others <count>', 'how often each other fault comes', integer(0, 10_000), 2)
      .option('--faults <list>', 'only these, separated by commas (default: all)')
      .option('--topics <count>', 'so many topics, each on some of the brokers, in place of the one log', integer(1, 1000))
      .option('--subscribers <count>', 'so many subscribers, each of all topics, in place of the one log', integer(1, 1000))
      .option('--publishers <count>', 'with --subscribers: publishers', integer(1, 1000), 20)
      .option('--shared <count>', `with --subscribers: so many of them are shared by ${workersOfShared} processes`, integer(0, 100), 5)
      .option('--pauses <count>', 'with --topics: brokers that are stopped for a while', integer(0, 10_000), 10)
      .option('--restarts <rounds>', 'with --topics: rolling restarts of all brokers', integer(0, 1000), 50)
      .option(
        '--brokers <count>',
        'brokers, 3 to 5, with --topics up to 16 (default: 3, with --topics 8, with --subscribers 5)',
        integer(3, 16),
      )
      .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8)
      .option('--seconds <seconds>', 'no fault begins after so many; what was not reached is said', integer(1, 1_000_000))
      .option('--round <count>', 'faults before a fresh cluster is taken', integer(1, 10_000), 60),
  async run(options, { folder, say }) {
    const { runChaosLab, runSubscribersChaosLab, runTopicsChaosLab } = await import('../../lab/chaos/index.ts');
    if (options.topics !== undefined) {
      const { kills, partitions, pauses, restarts: rounds } = options.quick === true ? quicklyOfTopics : options;
      const { topics, seed, brokers = 8 } = options;
      return runTopicsChaosLab({ topics, brokers, kills, partitions, pauses, restarts: rounds, seed, folder, onStep: say });
    }
    if (options.subscribers !== undefined) {
      const { kills, partitions } = options.quick === true ? quicklyOfSubscribers : options;
      const { publishers, subscribers, shared, seed, brokers = 5 } = options;
      const workers = workersOfShared;
      return runSubscribersChaosLab({ publishers, subscribers, shared, workers, brokers, kills, partitions, seed, folder, onStep: say });
    }
    const { brokers: count = 3 } = options;
    if (count > brokersOfOneLogMost)
      throw new LogError(
        'usage',
        `Cannot run the faults of one log on ${count} brokers: they are for 3 to ${brokersOfOneLogMost}; --topics takes more`,
      );
    const { kills, partitions, others, round } = options.quick === true ? quickly : options;
    return runChaosLab({
      kills,
      partitions,
      others,
      faults: options.faults?.split(',').map((name) => name.trim()) ?? null,
      brokers: count,
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
