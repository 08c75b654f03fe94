import { type Command, Option } from 'commander';
import { describeOffsets } from '../eventlog/offsets.ts';
import type { TopicAdmin } from '../eventlog/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import {
  brokersMax,
  partitionsMax,
  type PartitionStatus,
  type TopicDescription,
  type TopicPage,
  topicPageMax,
  type TopicSettings,
} from '../eventlog/types.ts';
import { escapeControls, escapeJson } from '../base/escape.ts';
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
  readonly partitions?: number;
}

interface AlterOptions extends ConnectOptions {
  readonly json?: boolean;
  readonly partitions?: number;
  readonly retentionBytes?: number | null;
  readonly yes?: boolean;
}

interface ListOptions extends ConnectOptions {
  readonly json?: boolean;
  readonly prefix?: string;
  readonly limit?: number;
}

export function define(command: Command, io: CliIo): void {
  const create = command
    .command('create <topic>')
    .summary('create a topic')
    .description('Create a topic. Names are 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore; case matters.')
    .option('--retention-bytes <bytes>', 'remove the oldest records of a partition above this size (default: keep everything)', integer(1))
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
  addExamples(addConnectOptions(create), [
    { command: 'cairn topic create orders', does: 'keeps every record' },
    { command: 'cairn topic create clicks --retention-bytes 1000000000', does: 'keeps about the last gigabyte' },
    { command: 'cairn topic create audit --placement all', does: 'on every broker' },
    { command: 'cairn topic create clicks --partitions 8', does: 'spread over the brokers; records of one key keep their order' },
  ]);

  const list = command
    .command('list')
    .summary('list the topics')
    .description('List the topics by name with their sizes. How many there are stands on stderr.')
    .option('--prefix <start>', 'only topics whose names begin so')
    .option('--limit <count>', 'at most so many (default: all)', integer(1))
    .addOption(jsonOption('the topics'))
    .action((options: ListOptions) => withClient(options, io, {}, (client) => listTopics(client, options, io)));
  addExamples(addConnectOptions(list), [
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
    .summary('give a topic more partitions, or another size')
    .description(
      'Give a topic more partitions, never fewer, or another size. With more partitions the records of most keys go to another partition from then on: ' +
        'what is there stays, so records of one key are in two partitions, and in order within each only.',
    )
    .option('--partitions <count>', `as many as it has, or more, at most ${partitionsMax}`, integer(1, partitionsMax))
    .addOption(
      new Option(
        '--retention-bytes <bytes>',
        'remove the oldest records of a partition above this size, or "all" to keep everything',
      ).argParser(retentionOf),
    )
    .option('--yes', 'do not ask whether keys may move')
    .addOption(jsonOption('the topic'))
    .action((topic: string, options: AlterOptions) => withClient(options, io, {}, (client) => alterTopic(client, topic, options, io)));
  addExamples(addConnectOptions(alter), [
    { command: 'cairn topic alter clicks --partitions 8', does: 'asks first: keys move' },
    { command: 'cairn topic alter clicks --retention-bytes all', does: 'keeps every record from now on' },
  ]);

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

const retentionOf = (text: string): number | null => (text === 'all' ? null : integer(1)(text));

async function alterTopic(client: TopicAdmin, topic: string, options: AlterOptions, io: CliIo): Promise<void> {
  const { partitions, retentionBytes, yes = false } = options;
  if (partitions === undefined && retentionBytes === undefined)
    throw new LogError('usage', 'Cannot alter: say what with --partitions or --retention-bytes');
  if (partitions !== undefined && !yes) {
    const had = partitionsOf(await client.describeTopic(topic)).length;
    if (partitions > had && !(await mayMoveKeys(topic, had, partitions, io))) throw new LogError('interrupted', 'Nothing was altered');
  }
  const changes = { ...(partitions === undefined ? {} : { partitions }), ...(retentionBytes === undefined ? {} : { retentionBytes }) };
  const description = await client.alterTopic(topic, changes);
  await write(io.stdout, options.json === true ? `${JSON.stringify(description)}\n` : `Altered topic "${topic}"${parts(description)}\n`);
}

async function mayMoveKeys(topic: string, had: number, wanted: number, io: CliIo): Promise<boolean> {
  const what = `With ${wanted} partitions in place of ${had}, records of most keys of topic "${topic}" go to another partition from now on, and this cannot be undone`;
  if (io.stdin.isTTY !== true) throw new LogError('usage', `Cannot alter without --yes where nobody can be asked: ${what}`);
  io.stderr.write(`${what}. Go on? [y/N] `);
  for await (const chunk of io.stdin) return /^y(es)?\s*$/i.test(String(chunk).trim());
  return false;
}

/** Page by page, however many there are: each is written when it has come. */
async function listTopics(client: TopicAdmin, options: ListOptions, io: CliIo): Promise<void> {
  const { prefix = '', limit = Number.POSITIVE_INFINITY, json = false } = options;
  let shown = 0;
  let inAll = 0;
  for (let after: string | null = ''; after !== null && shown < limit; ) {
    const page: TopicPage = await client.listTopics({ prefix, after, limit: Math.min(topicPageMax, limit - shown) });
    const isFirst = shown === 0;
    // One JSON array, whatever comes in how many pages.
    const inner = page.topics.map((topic) => JSON.stringify(topic)).join(',');
    if (json) await write(io.stdout, `${isFirst ? '[' : page.topics.length > 0 ? ',' : ''}${inner}`);
    else if (page.topics.length > 0 || isFirst) await write(io.stdout, formatTopics(page.topics, isFirst));
    shown += page.topics.length;
    inAll = page.count;
    after = page.next;
  }
  if (json) await write(io.stdout, ']\n');
  const what = `${inAll === 1 ? 'topic' : 'topics'}${prefix === '' ? '' : ` that ${inAll === 1 ? 'begins' : 'begin'} with "${prefix}"`}`;
  await write(io.stderr, `${escapeControls(shown < inAll ? `${count(shown)} of ${count(inAll)} ${what}` : `${count(inAll)} ${what}`)}\n`);
}

function formatTopics(topics: readonly TopicDescription[], withHead: boolean): string {
  const text = table(
    // Not a number of records: Cairn's own marks have offsets too.
    ['topic', 'start', 'end', 'size', 'leader'],
    topics.map((topic) => {
      const all = partitionsOf(topic);
      const sum = (read: (partition: PartitionStatus) => number): number => all.reduce((total, partition) => total + read(partition), 0);
      return [
        topic.name + parts(topic),
        count(sum(({ logStartOffset }) => logStartOffset)),
        count(sum(({ highWatermark }) => highWatermark)),
        bytes(sum(({ sizeBytes }) => sizeBytes)),
        [...new Set(all.map(({ leader }) => (leader === null ? 'none' : String(leader))))].toSorted().join(','),
      ];
    }),
    ['left', 'right', 'right', 'right', 'right'],
  );
  return withHead ? text : text.slice(text.indexOf('\n') + 1);
}

const shownNameMax = 200;

function originalNameRow(name: string | undefined): [string, string][] {
  if (name === undefined) return [];
  const cut = name.length > shownNameMax ? ` and ${count(name.length - shownNameMax)} more characters` : '';
  return [['called', `${escapeJson(JSON.stringify(name.slice(0, shownNameMax)))}${cut}`]];
}

const partitionsOf = ({ partition, partitions = [partition] }: TopicDescription): readonly PartitionStatus[] => partitions;

/** What stands behind the name of a topic that has several. */
const parts = ({ partitions }: TopicDescription): string => (partitions === undefined ? '' : ` (${partitions.length} partitions)`);

function formatTopic(topic: TopicDescription): string {
  const { retentionBytes, placement } = topic.settings;
  const each = topic.partitions === undefined ? '' : ' in each partition';
  const rows: (readonly [string, string])[] = [
    ['topic', topic.name + parts(topic) + (topic.builtIn ? ' (belongs to Cairn)' : '')],
    ...originalNameRow(topic.settings.originalName),
    ['created', topic.createdMs > 0 ? new Date(topic.createdMs).toISOString() : 'with the cluster'],
    ['retention', retentionBytes === null ? 'everything is kept' : `${bytes(retentionBytes)}${each}`],
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
  if (partition.fenced !== null) rows.push(['fenced', partition.fenced]);
  return rows;
}
