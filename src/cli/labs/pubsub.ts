import { LogError } from '../../eventlog/index.ts';
import type { PartName } from '../../lab/pubsub/index.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface PubsubOptions extends LabOptions {
  readonly only?: string;
}

export const pubsub: LabCommand<PubsubOptions> = {
  name: 'pubsub',
  summary: 'publish and subscribe on a hypercube of eight peers: the eight evaluations of contract 3',
  description:
    'Run the evaluation of contract 3 on eight brokers: all APIs at once, where replicas are, a peer that fails and comes back, latency and throughput of each API on each broker, what a hop and a slow network cost, where replication wins and where it loses, what each consistency level gives and costs, with a discussion of what it comes to. Where the contract asks for a run with its log, the log is in the folder.',
  quick: 'less than a minute: shorter durations, fewer requests, at most 8 clients',
  examples: [
    { command: 'cairn lab pubsub --quick', does: 'to see that it runs' },
    { command: 'cairn lab pubsub', does: 'figures to keep, in some minutes' },
    { command: 'cairn lab pubsub --only items', does: 'evaluations 1 to 5 and no others' },
  ],
  addOptions: (command) => void command.option('--only <part,...>', 'these and no others: items, apis, forwarding, failures, consistency'),
  async run({ only, seed, quick }, { folder, say }) {
    const { fullExtent, parts, quickExtent, runPubsubLab } = await import('../../lab/pubsub/index.ts');
    const names = only?.split(',').map((name) => name.trim()) ?? parts;
    const unknown = names.find((name) => !(parts as readonly string[]).includes(name));
    if (unknown !== undefined) throw new LogError('usage', `Cannot run the part "${unknown}": there are ${parts.join(', ')}`);
    const chosen = parts.filter((name) => names.includes(name)) as readonly PartName[];
    return runPubsubLab({ parts: chosen, extent: quick === true ? quickExtent : fullExtent, seed, folder, say });
  },
};
