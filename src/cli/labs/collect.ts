import { InvalidArgumentError, Option } from 'commander';
import { integer } from '../options.ts';
import type { LabCommand, LabOptions } from './lab-command.ts';

interface CollectOptions extends LabOptions {
  readonly preset?: 'small' | 'large';
  readonly nodes: number;
  readonly rate: number;
  readonly seconds: number;
  readonly kills?: number;
  readonly away: number;
  readonly throughput?: boolean;
}

export const collect: LabCommand<CollectOptions> = {
  name: 'collect',
  summary: 'collect events from many nodes and draw what it cost, or kill everything meanwhile',
  description:
    'Run a scenario of contract 1: generators, nodes and the logger, each a process of its own, and draw bandwidth and delay. With --kills, nodes that keep a spool follow growing files into a topic of three brokers, while node, logger and broker are killed with SIGKILL in turn: every line must be in the topic, once and in order.',
  quick: 'ten seconds, six kills, or three million lines',
  examples: [
    { command: 'cairn lab collect', does: '3 nodes, 2 events a second each, 100 seconds' },
    { command: 'cairn lab collect --preset large', does: '8 nodes, 5 events a second each, 100 seconds' },
    { command: 'cairn lab collect --throughput', does: 'how many lines a second a logger takes' },
    { command: 'cairn lab collect --kills 100 --away 30', does: '100 SIGKILLs, the logger away for 30 seconds in between' },
  ],
  addOptions: (command) =>
    void command
      .addOption(
        new Option('--preset <name>', "the course's scenarios: small is 3 x 2 Hz x 100 s, large is 8 x 5 Hz x 100 s").choices([
          'small',
          'large',
        ]),
      )
      .option('--nodes <count>', 'nodes', integer(1, 100), 3)
      .option('--rate <hertz>', 'events a second of each node, on average', parseRate, 2)
      .option('--seconds <seconds>', 'how long', integer(1, 36_000), 100)
      .option('--kills <count>', 'kill so many processes instead: nodes with spools, loggers and brokers in turn', integer(1, 10_000))
      .option('--throughput', 'measure lines a second instead, next to a bare loop, to rsyslog where it is installed, and into a topic')
      .option('--away <seconds>', 'with --kills: leave the logger dead for so long, once', integer(0, 3600), 0),
  async run(options, { folder, say }) {
    const isQuick = options.quick === true;
    if (options.throughput === true) {
      const { runThroughput } = await import('../../lab/collect/throughput.ts');
      return runThroughput({ lines: isQuick ? 3_000_000 : 6_000_000, folder, say });
    }
    if (options.kills !== undefined) {
      const { runCollectKills } = await import('../../lab/collect/kills.ts');
      const kills = isQuick ? 6 : options.kills;
      return runCollectKills({ kills, awaySeconds: options.away, seed: options.seed, folder, say });
    }
    const { collectPresets, runCollectLab } = await import('../../lab/collect/collect.ts');
    const scenario = options.preset === undefined ? options : collectPresets[options.preset];
    return runCollectLab({ nodes: scenario.nodes, rate: scenario.rate, seconds: isQuick ? 10 : scenario.seconds, folder });
  },
};

function parseRate(text: string): number {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError('It is a number above 0 and below 10000.');
}
