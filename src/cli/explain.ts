import type { Command } from 'commander';
import type { PartitionPlacement, PlacedReplica, TopicPlacement } from '../eventlog/types.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { count } from './table.ts';

interface ExplainOptions extends ConnectOptions {
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .argument('<topic>')
    .description(
      'Say where a topic is and why: its hash, its home, who keeps it, who leads it and since when, and how many more losses it survives.',
    )
    .addOption(jsonOption('the same'))
    .action((topic: string, options: ExplainOptions) =>
      withClient(options, io, {}, async (client) => {
        const placement = await client.explain(topic);
        await write(io.stdout, options.json === true ? `${JSON.stringify(placement)}\n` : sentencesOf(placement, Date.now()));
      }),
    );
  addExamples(addConnectOptions(command), [
    { command: 'cairn explain orders', does: 'in sentences' },
    { command: 'cairn explain orders --json', does: 'for programs' },
  ]);
}

/** What is known of a topic's place, for people. */
export function sentencesOf({ topic, placement, hash, dimensions, asked, brokers, partitions }: TopicPlacement, nowMs: number): string {
  const label = (vertex: number): string => vertex.toString(2).padStart(Math.max(1, dimensions), '0');
  const vertexOf = (broker: number): string => label(brokers.find(({ id }) => id === broker)?.vertex ?? 0);
  const name = (broker: number): string => (placement === 'hypercube' ? `broker ${broker} (${vertexOf(broker)})` : `broker ${broker}`);
  const missing = brokers.filter(({ reachable }) => !reachable).map(({ id }) => id);
  const lines = [
    placement === 'hypercube'
      ? `Topic "${topic}" is placed on a hypercube of ${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'} and ${dimensions} ${dimensions === 1 ? 'dimension' : 'dimensions'}.`
      : placement === 'ring'
        ? `Topic "${topic}" is placed by consistent hashing.`
        : `Topic "${topic}" is on all brokers.`,
    ...(placement === 'all' ? [] : [`The SHA-256 of its name is ${hash.slice(0, 8)}...${hash.slice(-8)}.`]),
  ];
  for (const partition of partitions)
    lines.push(...partitionLines(partition, { placement, label, name, asked, nowMs, isOnly: partitions.length === 1 }));
  if (missing.length > 0) lines.push(`Broker ${asked}, which says this, cannot reach ${listed(missing.map(String))}.`);
  return `${lines.join('\n')}\n`;
}

interface Words {
  readonly placement: TopicPlacement['placement'];
  readonly label: (vertex: number) => string;
  readonly name: (broker: number) => string;
  readonly asked: number;
  readonly nowMs: number;
  readonly isOnly: boolean;
}

function partitionLines(of: PartitionPlacement, { placement, label, name, asked, nowMs, isOnly }: Words): string[] {
  const { vertex, folded, replicas, awayFromHome, leader, term, leaderSinceMs, notLedByHome, lossesSurvived, route } = of;
  const [home] = replicas;
  const lines: string[] = isOnly ? [] : [`Partition ${of.partition}:`];
  if (vertex !== null && home !== undefined) {
    const way = folded.length === 0 ? '' : `, which does not exist and folds by ${listed(folded.slice(1).map(label).concat('its home'))}`;
    lines.push(
      of.partition === 0 ? `Its last bits name vertex ${label(vertex)}${way}.` : `It spreads from there to vertex ${label(vertex)}${way}.`,
    );
  }
  if (awayFromHome)
    lines.push(
      'When it was made no majority of the brokers lived that it belongs to: it was placed among the others, and is away from home.',
    );
  if (placement !== 'all')
    lines.push(
      `It is kept by ${listed(
        replicas.map((replica) => `${name(replica.broker)}, ${whyOf(replica)}`),
        '; ',
      )}.`,
    );
  const since = leaderSinceMs === null || leaderSinceMs === 0 ? '' : `, known for ${secondsOf(nowMs - leaderSinceMs)}`;
  lines.push(
    leader === null ? 'Nobody leads it now, as far as could be asked.' : `${capital(name(leader))} leads it in term ${term}${since}.`,
  );
  if (notLedByHome !== null) lines.push(`${capital(notLedByHome)}.`);
  const behind = replicas.filter(({ reachable }) => !reachable).map(({ broker }) => `broker ${broker}`);
  if (behind.length > 0) lines.push(`${capital(listed(behind))} cannot be reached.`);
  lines.push(
    lossesSurvived < 0
      ? 'It takes no appends now: no majority of those who keep it can be reached.'
      : `It survives the loss of ${lossesSurvived === 0 ? 'no more' : count(lossesSurvived)} of those who keep it.`,
  );
  if (route !== null)
    lines.push(
      route.length === 1
        ? `Broker ${asked}, which was asked, leads it.`
        : `A request to broker ${asked} goes to broker ${String(leader)} ${
            route.length === 2 ? 'by one link' : `by way of ${listed(route.slice(1, -1).map(name))}`
          }.`,
    );
  return lines;
}

function whyOf({ why, bit, matchOffset }: PlacedReplica): string {
  const has = matchOffset === null ? '' : ` (has everything below offset ${String(matchOffset)})`;
  switch (why) {
    case 'home':
      return `its home${has}`;
    case 'neighbour':
      return `the home's neighbour over bit ${bit ?? 0}${has}`;
    case 'filled':
      return `the nearest that was left${has}`;
    case 'living':
      return `which lived when it was made${has}`;
    case 'ring':
      return `next on the ring${has}`;
    case 'all':
      return `as every broker${has}`;
  }
}

const listed = (parts: readonly string[], separator = ', '): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(separator)} and ${parts.at(-1) as string}`;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const secondsOf = (ms: number): string => `${Math.max(0, Math.round(ms / 1000))} s`;
