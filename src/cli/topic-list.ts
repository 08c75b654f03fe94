import type { Command } from 'commander';
import { escapeControls } from '../base/escape.ts';
import type { TopicAdmin } from '../eventlog/index.ts';
import { type PartitionStatus, type TopicDescription, type TopicPage, topicPageMax } from '../eventlog/types.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';
import { bytes, count, table } from './table.ts';

interface ListOptions extends ConnectOptions {
  readonly json?: boolean;
  readonly prefix?: string;
  readonly limit?: number;
}

/** What lists topics, under any name. */
export function defineListing(command: Command, io: CliIo): Command {
  command
    .option('--prefix <start>', 'only topics whose names begin so')
    .option('--limit <count>', 'at most so many (default: all)', integer(1))
    .addOption(jsonOption('the topics'))
    .action((options: ListOptions) => withClient(options, io, {}, (client) => listTopics(client, options, io)));
  return addConnectOptions(command);
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

export const partitionsOf = ({ partition, partitions = [partition] }: TopicDescription): readonly PartitionStatus[] => partitions;

/** What stands behind the name of a topic that has several. */
export const parts = ({ partitions }: TopicDescription): string => (partitions === undefined ? '' : ` (${partitions.length} partitions)`);
