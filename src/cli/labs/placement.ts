import { LogError } from '../../eventlog/index.ts';
import { replicationDefault } from '../../placement/index.ts';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface PlacementOptions extends LabOptions {
  readonly brokers: number;
  readonly topics: number;
  readonly replicas: number;
  readonly partitions: number;
}

const quickTopics = 1000;

export const placement: LabCommand<PlacementOptions> = {
  name: 'placement',
  summary: 'compare placements and routes on hypercube, ring and full mesh',
  description:
    'Compute where topics are placed by the hypercube of contract 3 and by consistent hashing: how evenly, what an added broker moves against the ideal, what a hash costs, how many hops cube, ring and full mesh take, and what is left with brokers dead. No broker is started.',
  quick: `${quickTopics} topics`,
  examples: [
    { command: 'cairn lab placement', does: '10,000 topics on 8 brokers, in a few seconds' },
    { command: 'cairn lab placement --brokers 11', does: 'an incomplete cube' },
  ],
  addOptions: (command) =>
    void command
      .option('--brokers <count>', 'brokers', integer(2, 32), 8)
      .option('--topics <count>', 'topics', integer(100, 1_000_000), 10_000)
      .option('--replicas <count>', 'replicas of each', integer(1, 32), replicationDefault)
      .option('--partitions <count>', 'partitions of each topic, for how they are spread', integer(1, 256), 4),
  async run({ brokers, topics, replicas, partitions, seed, quick }, { folder, say }) {
    if (replicas > brokers)
      throw new LogError('usage', `Cannot run the lab: ${brokers} brokers do not hold ${replicas} replicas of a topic`);
    const { runPlacementLab } = await import('../../lab/placement/index.ts');
    return runPlacementLab({ brokers, topics: quick === true ? quickTopics : topics, replicas, partitions, seed, folder, say });
  },
};
