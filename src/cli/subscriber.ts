import type { Command } from 'commander';
import type { CursorDescription, FencingDescription, SubscriberDescription, WorkerDescription } from '../eventlog/subscriptions.ts';
import { escapeJson } from '../base/escape.ts';
import { addExamples } from './command.ts';
import { confirmLoss, yesHelp, type YesOption } from './confirm.ts';
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
    .description(
      'Show what a subscriber is subscribed to, where its cursors stand, and how far they are behind, in offsets and in time; where several workers share it, ' +
        'who they are, who holds what since when, and from whom something was taken.',
    )
    .addOption(jsonOption('the subscriber'))
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const described = await client.subscriptions.describeSubscriber(id);
        await write(io.stdout, options.json === true ? `${JSON.stringify(described)}\n` : textOf(described));
      }),
    );
  addExamples(addConnectOptions(describe), [{ command: 'cairn subscriber describe billing', does: 'cursors, lag and workers' }]);

  const remove = command
    .command('delete <subscriber>')
    .summary('delete a subscriber with its cursors')
    .description(
      'Delete a subscriber with its subscriptions and cursors: on a terminal it asks first. One that is made again under its id begins without any.',
    )
    .option('-y, --yes', yesHelp)
    .action((id: string, options: Options & YesOption) =>
      withClient(options, io, {}, async (client) => {
        const what = `Subscriber ${shownId(id)} will be gone with its cursors: what it has processed is not known any more`;
        await confirmLoss(what, `Subscriber ${shownId(id)} was not deleted`, options, io);
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
  workers,
  fencings,
  parked,
}: SubscriberDescription): string {
  const rows: [string, string][] = [
    ['subscriber', shownId(id)],
    ['created', new Date(createdMs).toISOString()],
    ['used', usedOf(usedMs)],
    ['last pull', lastPull === 0 ? 'none with a number' : `number ${lastPull}`],
    ['kept by', `group ${group}, led by ${coordinator === null ? 'nobody' : `broker ${coordinator}`}`],
    ...(parked === 0
      ? []
      : ([['parked', `${count(parked)} ${parked === 1 ? 'record' : 'records'}: cairn parked list ${shownId(id)}`]] as [string, string][])),
    ['subscribed', subscriptions.length === 0 ? 'to nothing' : `to ${subscriptions.map(({ topic }) => topic).join(', ')}`],
  ];
  const head = rows.map(([name, value]) => `${name.padEnd(11)} ${value}\n`).join('');
  const shared = `${workersText(workers)}${fencings.map(fencingText).join('')}`;
  if (cursors.length === 0) return head + shared;
  const isShared = workers.length > 0;
  const hasFailed = cursors.some(({ retries }) => retries > 0);
  const hasMetadata = cursors.some(({ metadata }) => metadata !== null);
  const shown = table(
    [
      'topic',
      'partition',
      'cursor',
      'end',
      'behind',
      'for',
      ...(hasFailed ? ['in retry'] : []),
      ...(isShared ? ['held by', 'since'] : []),
      ...(hasMetadata ? ['metadata'] : []),
    ],
    cursors.map((cursor) => [
      cursor.topic,
      String(cursor.partition),
      count(cursor.offset),
      ...lagOf(cursor),
      ...(hasFailed ? [count(cursor.retries)] : []),
      ...(isShared ? heldOf(cursor) : []),
      ...(hasMetadata ? [metadataOf(cursor)] : []),
    ]),
    ['left', 'right', 'right', 'right', 'right', 'left', ...(hasFailed ? (['right'] as const) : []), 'left', 'left'],
  );
  const more = cursorCount > cursors.length ? `and ${count(cursorCount - cursors.length)} more\n` : '';
  return `${head}\n${shown}${more}${keptText(cursors)}${shared}`;
}

const metadataShownMax = 40;

/** Anybody may have said anything: as JSON, and the beginning of what is long. */
function metadataOf({ metadata }: CursorDescription): string {
  if (metadata === null) return '';
  const isLong = metadata.length > metadataShownMax;
  return escapeJson(JSON.stringify(isLong ? `${metadata.slice(0, metadataShownMax)}...` : metadata));
}

/** Of topics that are kept until all have read them. */
function keptText(cursors: readonly CursorDescription[]): string {
  const kept = cursors.filter(({ holdsBack }) => holdsBack);
  const offsets = kept.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
  const where = `${count(kept.length)} ${kept.length === 1 ? 'partition' : 'partitions'}`;
  return kept.length === 0 ? '' : `Kept until it has read them: ${count(offsets)} offsets in ${where}\n`;
}

/** Of the one whose pulls bear no name too. */
const workerText = (worker: string | null): string => (worker === null ? 'without a name' : shownId(worker));

function workersText(workers: readonly WorkerDescription[]): string {
  if (workers.length === 0) return '';
  const rows = workers.map(({ worker, epoch, holds, joinedMs, heardMs, sessionMs }) => [
    workerText(worker),
    String(epoch),
    count(holds),
    new Date(joinedMs).toISOString(),
    new Date(heardMs).toISOString(),
    `${sessionMs / 1000} s`,
  ]);
  const heads = ['worker', 'epoch', 'holds', 'joined', 'heard', 'session'];
  return `\n${table(heads, rows, ['left', 'right', 'right', 'left', 'left', 'right'])}`;
}

function fencingText({ worker, epoch, atMs, reason, cursors }: FencingDescription): string {
  const what = `${count(cursors)} ${cursors === 1 ? 'partition' : 'partitions'}`;
  const why = reason === 'silent' ? 'it was silent for its session' : 'it did not let go of what it was asked for';
  return `${new Date(atMs).toISOString()} ${what} taken from worker ${workerText(worker)}, epoch ${epoch}: ${why}\n`;
}

function heldOf({ held }: CursorDescription): string[] {
  if (held === null) return ['', ''];
  const next = held.askedBack === null ? '' : `, to go to ${workerText(held.askedBack.for)}`;
  return [`${workerText(held.worker)}${next}`, new Date(held.sinceMs).toISOString()];
}

function lagOf({ end, lag, lagMs, problem }: CursorDescription): string[] {
  if (problem !== null) return ['?', '?', problem];
  return [end === null ? '?' : count(end), lag === null ? '?' : count(lag), lagMs === null ? '?' : `${(lagMs / 1000).toFixed(1)} s`];
}
