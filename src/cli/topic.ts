import { type Command, Option } from 'commander';
import { describeOffsets } from '../eventlog/offsets.ts';
import type { TopicAdmin } from '../eventlog/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { brokersMax, partitionsMax, type PartitionStatus, type TopicDescription, type TopicSettings } from '../eventlog/types.ts';
import { escapeJson } from '../base/escape.ts';
import { addExamples } from './command.ts';
import { ask, confirmLoss, isAsked, yesHelp } from './confirm.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer, jsonOption, size } from './options.ts';
import { bytes, count } from './table.ts';
import { defineListing, partitionsOf, parts } from './topic-list.ts';
import {
  addRetention,
  addRetentionChanges,
  mayLetGo,
  removalText,
  retentionAsked,
  type RetentionOptions,
  retentionText,
} from './topic-retention.ts';

interface TopicOptions extends ConnectOptions, RetentionOptions {
  readonly json?: boolean;
  readonly retentionBytes?: number;
  readonly replicas?: number;
  readonly placement?: 'hypercube' | 'ring' | 'all';
  readonly partitions?: number;
}

interface AlterOptions extends ConnectOptions, RetentionOptions {
  readonly json?: boolean;
  readonly partitions?: number;
  readonly retentionBytes?: number | null;
  readonly yes?: boolean;
}

interface DeleteOptions extends ConnectOptions {
  readonly yes?: boolean;
}

export function define(command: Command, io: CliIo): void {
  const create = command
    .command('create <topic>')
    .summary('create a topic')
    .description('Create a topic. Names are 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore; case matters.')
    .option(
      '--retention-bytes <size>',
      'remove the oldest records of a partition above this size, such as 1GB (default: keep everything)',
      size(1),
    )
    .option('--replicas <count>', 'brokers that keep it (default: 3, or all where there are fewer)', integer(1, brokersMax))
    .option(
      '--partitions <count>',
      `partitions, each with a leader and replicas of its own, 1 to ${partitionsMax} (default: 1)`,
      integer(1, partitionsMax),
    )
    .addOption(new Option('--placement <rule>', 'which brokers keep it (default: hypercube)').choices(['hypercube', 'ring', 'all']))
    .addOption(jsonOption('the new topic'))
    .action((topic: string, options: TopicOptions) =>
      withClient(options, io, {}, async (client) => {
        const { retentionBytes = null, replicas, placement, partitions } = options;
        const placing = {
          ...retentionAsked(options),
          ...(replicas === undefined ? {} : { replicas }),
          ...(placement === undefined ? {} : { placement }),
          ...(partitions === undefined ? {} : { partitions }),
        };
        const description = await client.createTopic(topic, { retentionBytes, ...placing });
        await write(
          io.stdout,
          options.json === true ? `${JSON.stringify(description)}\n` : `Created topic "${topic}"${parts(description)}\n`,
        );
      }),
    );
  addExamples(addConnectOptions(addRetention(create)), [
    { command: 'cairn topic create orders', does: 'keeps every record' },
    { command: 'cairn topic create clicks --retention-bytes 1GB', does: 'keeps about the last gigabyte' },
    { command: 'cairn topic create jobs --retention-until-read --retention-age 7d', does: 'until all have read it, a week at most' },
    { command: 'cairn topic create audit --placement all', does: 'on every broker' },
    { command: 'cairn topic create clicks --partitions 8', does: 'spread over the brokers; records of one key keep their order' },
  ]);

  const list = command
    .command('list')
    .summary('list the topics')
    .description('List the topics by name with their sizes. How many there are stands on stderr.');
  addExamples(defineListing(list, io), [
    { command: 'cairn topic list', does: 'one line a topic' },
    { command: 'cairn topic list --prefix orders. --limit 20', does: 'the first 20 of those' },
  ]);

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

  const alter = command
    .command('alter <topic>')
    .summary('give a topic more partitions, or other bounds')
    .description(
      'Give a topic more partitions, never fewer, or other bounds of what is kept. With more partitions the records of most keys go to another partition from then on: ' +
        'what is there stays, so records of one key are in two partitions, and in order within each only.',
    )
    .option('--partitions <count>', `as many as it has, or more, at most ${partitionsMax}`, integer(1, partitionsMax))
    .addOption(
      new Option(
        '--retention-bytes <size>',
        'remove the oldest records of a partition above this size, such as 64MiB, or "all" to keep everything',
      ).argParser(retentionOf),
    )
    .option('-y, --yes', 'do not ask whether keys may move, or records may go')
    .addOption(jsonOption('the topic'))
    .action((topic: string, options: AlterOptions) => withClient(options, io, {}, (client) => alterTopic(client, topic, options, io)));
  addExamples(addConnectOptions(addRetentionChanges(alter)), [
    { command: 'cairn topic alter clicks --partitions 8', does: 'asks first: keys move' },
    { command: 'cairn topic alter clicks --retention-bytes all', does: 'keeps every record from now on' },
  ]);

  const remove = command
    .command('delete <topic...>')
    .summary('delete topics with their records')
    .description('Delete topics with their records. They cannot be brought back: on a terminal it asks first.')
    .option('-y, --yes', yesHelp)
    .action((topics: readonly string[], options: DeleteOptions) =>
      withClient(options, io, {}, async (client) => {
        for (const topic of topics) await deleteTopic(client, topic, options, io);
      }),
    );
  addExamples(addConnectOptions(remove), [
    { command: 'cairn topic delete orders', does: 'at once on all brokers, once you have said yes' },
    { command: 'cairn topic delete orders clicks --yes', does: 'without a question' },
  ]);
}

const retentionOf = (text: string): number | null => (text === 'all' ? null : size(1)(text));

/** What stands to be lost is said where somebody is asked. */
async function deleteTopic(client: TopicAdmin, topic: string, options: DeleteOptions, io: CliIo): Promise<void> {
  if (isAsked(options, io)) {
    const all = partitionsOf(await client.describeTopic(topic));
    const records = count(all.reduce((sum, { logStartOffset, highWatermark }) => sum + highWatermark - logStartOffset, 0));
    const what = `Topic "${topic}" will be gone with all its records: ${records} offsets, ${bytes(sizeOf(all))}`;
    await confirmLoss(what, `Topic "${topic}" was not deleted`, options, io);
  }
  await client.deleteTopic(topic);
  await write(io.stdout, `Deleted topic "${topic}"\n`);
}

const sizeOf = (all: readonly PartitionStatus[]): number => all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

async function alterTopic(client: TopicAdmin, topic: string, options: AlterOptions, io: CliIo): Promise<void> {
  const { partitions, retentionBytes, yes = false } = options;
  const kept = { ...retentionAsked(options), ...(retentionBytes === undefined ? {} : { retentionBytes }) };
  if (partitions === undefined && Object.keys(kept).length === 0)
    throw new LogError('usage', 'Cannot alter: say what with --partitions, --retention-bytes or another of these');
  if (partitions !== undefined && !yes) {
    const had = partitionsOf(await client.describeTopic(topic)).length;
    if (partitions > had && !(await mayMoveKeys(topic, had, partitions, io))) throw new LogError('interrupted', 'Nothing was altered');
  }
  if (retentionBytes !== undefined && retentionBytes !== null && isAsked(options, io)) {
    const largest = Math.max(...partitionsOf(await client.describeTopic(topic)).map(({ sizeBytes }) => sizeBytes));
    const what = `Topic "${topic}" has ${bytes(largest)} in a partition: the oldest records above ${bytes(retentionBytes)} will be gone`;
    if (largest > retentionBytes) await confirmLoss(what, 'Nothing was altered', options, io);
  }
  if (mayLetGo(kept))
    await confirmLoss(`Records of topic "${topic}" that the new bounds let go will be gone`, 'Nothing was altered', options, io);
  const changes = { ...(partitions === undefined ? {} : { partitions }), ...kept };
  const description = await client.alterTopic(topic, changes);
  await write(io.stdout, options.json === true ? `${JSON.stringify(description)}\n` : `Altered topic "${topic}"${parts(description)}\n`);
}

async function mayMoveKeys(topic: string, had: number, wanted: number, io: CliIo): Promise<boolean> {
  const what = `With ${wanted} partitions in place of ${had}, records of most keys of topic "${topic}" go to another partition from now on, and this cannot be undone`;
  if (io.stdin.isTTY !== true) throw new LogError('usage', `Cannot alter without --yes where nobody can be asked: ${what}`);
  return ask(what, io);
}

const shownNameMax = 200;

function originalNameRow(name: string | undefined): [string, string][] {
  if (name === undefined) return [];
  const cut = name.length > shownNameMax ? ` and ${count(name.length - shownNameMax)} more characters` : '';
  return [['called', `${escapeJson(JSON.stringify(name.slice(0, shownNameMax)))}${cut}`]];
}

function formatTopic(topic: TopicDescription): string {
  const { placement } = topic.settings;
  const rows: (readonly [string, string])[] = [
    ['topic', topic.name + parts(topic) + (topic.builtIn ? ' (belongs to Cairn)' : '')],
    ...originalNameRow(topic.settings.originalName),
    ['created', topic.createdMs > 0 ? new Date(topic.createdMs).toISOString() : 'with the cluster'],
    ['retention', retentionText(topic)],
    ...(topic.partitions === undefined
      ? partitionRows(topic.partition, placement)
      : topic.partitions.flatMap((partition, number) => [['partition', String(number)] as const, ...partitionRows(partition, placement)])),
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join('');
}

function partitionRows(partition: PartitionStatus, placement: TopicSettings['placement']): readonly (readonly [string, string])[] {
  const rows: [string, string][] = [
    ['leader', partition.leader === null ? 'none' : `broker ${partition.leader}, term ${partition.term}`],
    ['replicas', `${partition.replicas.map((id) => `broker ${id}`).join(', ')}, by ${placement ?? 'all'}`],
    ['holds', describeOffsets(partition.logStartOffset, partition.highWatermark)],
    ['size', `${bytes(partition.sizeBytes)} in ${partition.segmentCount} ${partition.segmentCount === 1 ? 'segment' : 'segments'}`],
  ];
  for (const follower of partition.followers) {
    rows.push([`broker ${follower.broker}`, `has everything below offset ${follower.matchOffset}`]);
  }
  const { nextRemoval, fenced } = partition;
  if (nextRemoval !== undefined) rows.push(['goes next', removalText(nextRemoval)]);
  if (fenced !== null) rows.push(['fenced', fenced]);
  return rows;
}
