import { type Command, Option } from 'commander';
import { describeOffsets } from '../eventlog/offsets.ts';
import { brokersMax, type TopicDescription } from '../eventlog/types.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';
import { bytes, count, table } from './table.ts';

interface TopicOptions extends ConnectOptions {
  readonly json?: boolean;
  readonly retentionBytes?: number;
  readonly replicas?: number;
  readonly placement?: 'hypercube' | 'ring' | 'all';
}

export function define(command: Command, io: CliIo): void {
  const create = command
    .command('create <topic>')
    .summary('create a topic')
    .description('Create a topic. Names are 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore; case matters.')
    .option('--retention-bytes <bytes>', 'remove the oldest records above this size (default: keep everything)', integer(1))
    .option('--replicas <count>', 'brokers that keep it (default: 3, or all where there are fewer)', integer(1, brokersMax))
    .addOption(new Option('--placement <rule>', 'which brokers keep it (default: hypercube)').choices(['hypercube', 'ring', 'all']))
    .addOption(jsonOption('the new topic'))
    .action((topic: string, options: TopicOptions) =>
      withClient(options, io, {}, async (client) => {
        const { retentionBytes = null, replicas, placement } = options;
        const placing = { ...(replicas === undefined ? {} : { replicas }), ...(placement === undefined ? {} : { placement }) };
        const description = await client.createTopic(topic, { retentionBytes, ...placing });
        await write(io.stdout, options.json === true ? `${JSON.stringify(description)}\n` : `Created topic "${topic}"\n`);
      }),
    );
  addExamples(addConnectOptions(create), [
    { command: 'cairn topic create orders', does: 'keeps every record' },
    { command: 'cairn topic create clicks --retention-bytes 1000000000', does: 'keeps about the last gigabyte' },
    { command: 'cairn topic create audit --placement all', does: 'on every broker' },
  ]);

  const list = command
    .command('list')
    .summary('list the topics')
    .description('List the topics with their sizes.')
    .addOption(jsonOption('the topics'))
    .action((options: TopicOptions) =>
      withClient(options, io, {}, async (client) => {
        const topics = await client.listTopics();
        await write(io.stdout, options.json === true ? `${JSON.stringify(topics)}\n` : formatTopics(topics));
      }),
    );
  addExamples(addConnectOptions(list), [{ command: 'cairn topic list', does: 'one line a topic' }]);

  const describe = command
    .command('describe <topic>')
    .summary('show where a topic is kept and how far each broker is')
    .description('Show where a topic is kept and how far each broker is.')
    .addOption(jsonOption('the topic'))
    .action((topic: string, options: TopicOptions) =>
      withClient(options, io, {}, async (client) => {
        const description = await client.describeTopic(topic);
        await write(io.stdout, options.json === true ? `${JSON.stringify(description)}\n` : formatTopic(description));
      }),
    );
  addExamples(addConnectOptions(describe), [{ command: 'cairn topic describe log', does: 'leader, replicas, offsets, size' }]);

  const remove = command
    .command('delete <topic>')
    .summary('delete a topic with its records')
    .description('Delete a topic with its records. They cannot be brought back.')
    .action((topic: string, options: TopicOptions) =>
      withClient(options, io, {}, async (client) => {
        await client.deleteTopic(topic);
        await write(io.stdout, `Deleted topic "${topic}"\n`);
      }),
    );
  addExamples(addConnectOptions(remove), [{ command: 'cairn topic delete orders', does: 'at once, on all brokers' }]);
}

function formatTopics(topics: readonly TopicDescription[]): string {
  return table(
    // Not a number of records: Cairn's own marks have offsets too.
    ['topic', 'start', 'end', 'size', 'leader'],
    topics.map(({ name, partition }) => [
      name,
      count(partition.logStartOffset),
      count(partition.highWatermark),
      bytes(partition.sizeBytes),
      partition.leader === null ? 'none' : String(partition.leader),
    ]),
    ['left', 'right', 'right', 'right', 'right'],
  );
}

function formatTopic(topic: TopicDescription): string {
  const { partition } = topic;
  const rows: [string, string][] = [
    ['topic', topic.name + (topic.builtIn ? ' (belongs to Cairn)' : '')],
    ['created', topic.createdMs > 0 ? new Date(topic.createdMs).toISOString() : 'with the cluster'],
    ['retention', topic.settings.retentionBytes === null ? 'everything is kept' : bytes(topic.settings.retentionBytes)],
    ['leader', partition.leader === null ? 'none' : `broker ${partition.leader}, term ${partition.term}`],
    ['replicas', `${partition.replicas.map((id) => `broker ${id}`).join(', ')}, by ${topic.settings.placement ?? 'all'}`],
    ['holds', describeOffsets(partition.logStartOffset, partition.highWatermark)],
    ['size', `${bytes(partition.sizeBytes)} in ${partition.segmentCount} ${partition.segmentCount === 1 ? 'segment' : 'segments'}`],
  ];
  for (const follower of partition.followers) {
    rows.push([`broker ${follower.broker}`, `has everything below offset ${follower.matchOffset}`]);
  }
  if (partition.fenced !== null) rows.push(['fenced', partition.fenced]);
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join('');
}
