import type { Command } from 'commander';
import type { CursorDescription, SubscriberDescription } from '../eventlog/subscriptions.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { idPages, shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { count, table } from './table.ts';

interface Options extends ConnectOptions {
  readonly json?: boolean;
  readonly prefix?: string;
}

/** Shown as unused from then on. */
const unusedMs = 7 * 24 * 3600 * 1000;

export function define(command: Command, io: CliIo): void {
  const create = command
    .command('create <subscriber>')
    .summary('create a subscriber')
    .description('Create a subscriber. An id is 1-255 bytes of text without control characters.')
    .addOption(jsonOption('the answer'))
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const created = await client.subscriptions.createSubscriber({ id, requestId: null });
        const said = created.created ? `Created subscriber ${shownId(id)}` : `Subscriber ${shownId(id)} exists already`;
        await write(io.stdout, options.json === true ? `${JSON.stringify(created)}\n` : `${said}\n`);
      }),
    );
  addExamples(addConnectOptions(create), [{ command: 'cairn subscriber create billing', does: 'then: cairn subscribe billing orders' }]);

  const list = command
    .command('list')
    .summary('list the subscribers')
    .description('List the subscribers by id. One that has not been used for 7 days is shown as unused.')
    .option('--prefix <start>', 'only those whose ids begin so')
    .addOption(jsonOption('the subscribers, one a line,'))
    .action((options: Options) =>
      withClient(options, io, {}, (client) =>
        idPages(
          (query) => client.subscriptions.listSubscribers(query),
          ({ subscribers }) =>
            options.json === true
              ? subscribers.map((one) => `${JSON.stringify(one)}\n`).join('')
              : table(
                  ['subscriber', 'subscriptions', 'used'],
                  subscribers.map(({ id, subscriptions, usedMs }) => [shownId(id), count(subscriptions), usedOf(usedMs)]),
                  ['left', 'right', 'left'],
                ),
          options,
          io,
        ),
      ),
    );
  addExamples(addConnectOptions(list), [{ command: 'cairn subscriber list', does: 'one line a subscriber' }]);

  const describe = command
    .command('describe <subscriber>')
    .summary('show what a subscriber is subscribed to, and how far it is')
    .description('Show what a subscriber is subscribed to, where its cursors stand, and how far they are behind, in offsets and in time.')
    .addOption(jsonOption('the subscriber'))
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const described = await client.subscriptions.describeSubscriber(id);
        await write(io.stdout, options.json === true ? `${JSON.stringify(described)}\n` : textOf(described));
      }),
    );
  addExamples(addConnectOptions(describe), [{ command: 'cairn subscriber describe billing', does: 'cursors and lag' }]);

  const remove = command
    .command('delete <subscriber>')
    .summary('delete a subscriber with its cursors')
    .description('Delete a subscriber with its subscriptions and cursors. One that is made again under its id begins without any.')
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        await client.subscriptions.deleteSubscriber(id);
        await write(io.stdout, `Deleted subscriber ${shownId(id)}\n`);
      }),
    );
  addExamples(addConnectOptions(remove), [{ command: 'cairn subscriber delete billing', does: 'at once' }]);
}

const usedOf = (usedMs: number): string => `${new Date(usedMs).toISOString()}${Date.now() - usedMs > unusedMs ? ' (unused)' : ''}`;

function textOf({
  id,
  createdMs,
  usedMs,
  lastPull,
  group,
  coordinator,
  subscriptions,
  cursors,
  cursorCount,
}: SubscriberDescription): string {
  const rows: [string, string][] = [
    ['subscriber', shownId(id)],
    ['created', new Date(createdMs).toISOString()],
    ['used', usedOf(usedMs)],
    ['last pull', lastPull === 0 ? 'none with a number' : `number ${lastPull}`],
    ['kept by', `group ${group}, led by ${coordinator === null ? 'nobody' : `broker ${coordinator}`}`],
    ['subscribed', subscriptions.length === 0 ? 'to nothing' : `to ${subscriptions.map(({ topic }) => topic).join(', ')}`],
  ];
  const head = rows.map(([name, value]) => `${name.padEnd(11)} ${value}\n`).join('');
  if (cursors.length === 0) return head;
  const shown = table(
    ['topic', 'partition', 'cursor', 'end', 'behind', 'for'],
    cursors.map((cursor) => [cursor.topic, String(cursor.partition), count(cursor.offset), ...lagOf(cursor)]),
    ['left', 'right', 'right', 'right', 'right', 'left'],
  );
  return `${head}\n${shown}${cursorCount > cursors.length ? `and ${count(cursorCount - cursors.length)} more\n` : ''}`;
}

function lagOf({ end, lag, lagMs, problem }: CursorDescription): string[] {
  if (problem !== null) return ['?', '?', problem];
  return [end === null ? '?' : count(end), lag === null ? '?' : count(lag), lagMs === null ? '?' : `${(lagMs / 1000).toFixed(1)} s`];
}
