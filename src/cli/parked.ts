import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { escapeControls } from '../base/escape.ts';
import type { Client } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import {
  type ParkedChanged,
  type ParkedDescription,
  parkedIdsMax,
  type ParkedLeft,
  type ParkedPage,
  type ParkedRecord,
} from '../eventlog/subscriptions.ts';
import { topicPageMax } from '../eventlog/types.ts';
import { recordsOfPart } from '../library/index.ts';
import { addExamples } from './command.ts';
import { ask } from './confirm.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';
import { headersText, keyText, recordJson, valueBytes } from './record-fields.ts';
import { count, table } from './table.ts';

interface ListOptions extends ConnectOptions {
  readonly topic?: string;
  readonly json?: boolean;
}

interface ShowOptions extends ConnectOptions {
  readonly raw?: boolean;
  readonly json?: boolean;
}

interface ChangeOptions extends ListOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
}

export function define(command: Command, io: CliIo): void {
  const list = command
    .command('list <subscriber>')
    .summary('list the records that are parked for a subscriber')
    .description('List the records that have failed too often for a subscriber, with the reason. How many there are stands on stderr.')
    .option('--topic <name>', 'only those of this topic')
    .addOption(jsonOption('the records, one a line,'))
    .action((subscriber: string, options: ListOptions) =>
      withClient(options, io, {}, (client) => listParked(client, subscriber, options, io)),
    );
  addExamples(addConnectOptions(list), [{ command: 'cairn parked list billing', does: 'one line a record' }]);

  const show = command
    .command('show')
    .summary('show a parked record')
    .description('Show a parked record as it was, with where it is from and why it is parked.')
    .argument('<subscriber>')
    .argument('<id>', 'as `cairn parked list` gives it', integer(0))
    .option('--raw', 'print nothing but the bytes of its value')
    .addOption(jsonOption('the record'))
    .action((subscriber: string, id: number, options: ShowOptions) =>
      withClient(options, io, {}, async (client) =>
        write(io.stdout, shownRecord(await client.subscriptions.showParked({ subscriber, id }), options)),
      ),
    );
  addExamples(addConnectOptions(show), [{ command: 'cairn parked show billing 7', does: 'its value, key and headers, and the reason' }]);

  defineChange(command, io, 'replay', {
    summary: 'give parked records to their subscriber again',
    description:
      'Give parked records to their subscriber again, as if they had failed once. Those are meant that are named by their ids, or with --topic or --all: they ' +
      'are counted first, and it is asked whether to go on; what is parked meanwhile stays parked.',
    does: 'they come again with the next pull',
  });
  defineChange(command, io, 'drop', {
    summary: 'forget parked records',
    description:
      'Forget parked records. Those are meant that are named by their ids, or with --topic or --all: they are counted first, and it is asked whether to go on; ' +
      'what is parked meanwhile stays parked.',
    does: 'they are forgotten',
  });
}

function defineChange(
  command: Command,
  io: CliIo,
  does: 'replay' | 'drop',
  text: { readonly summary: string; readonly description: string; readonly does: string },
): void {
  const change = command
    .command(does)
    .summary(text.summary)
    .description(text.description)
    .argument('<subscriber>')
    .argument('[id...]', 'as `cairn parked list` gives them', idsOf)
    .option('--topic <name>', 'all that are of this topic')
    .option('--all', 'all of them')
    .option('--yes', 'do not ask')
    .addOption(jsonOption('what was done'))
    .action((subscriber: string, ids: readonly number[] | undefined, options: ChangeOptions) => {
      const { topic, all = false } = options;
      const ways = [ids !== undefined && ids.length > 0, topic !== undefined, all].filter(Boolean).length;
      if (ways !== 1) throw new LogError('usage', `Cannot ${does}: name records by their ids, or say either --topic or --all`);
      return withClient(options, io, {}, (client) => changeParked(client, subscriber, does, ids ?? [], options, io));
    });
  addExamples(addConnectOptions(change), [
    { command: `cairn parked ${does} billing 7 9`, does: text.does },
    { command: `cairn parked ${does} billing --topic orders`, does: 'counts them, and asks first' },
    { command: `cairn parked ${does} billing --all --yes`, does: 'without a question' },
  ]);
}

const idsOf = (text: string, before: readonly number[] | undefined): readonly number[] => [...(before ?? []), integer(0)(text)];

async function* pagesOf(client: Client, subscriber: string, topic: string | null): AsyncGenerator<ParkedPage> {
  for (let after: number | null = -1; after !== null; ) {
    const page: ParkedPage = await client.subscriptions.listParked({ subscriber, topic, after, limit: topicPageMax });
    yield page;
    after = page.next;
  }
}

async function listParked(client: Client, subscriber: string, { topic, json = false }: ListOptions, io: CliIo): Promise<void> {
  let inAll = 0;
  let isFirst = true;
  for await (const page of pagesOf(client, subscriber, topic ?? null)) {
    const text = json ? page.parked.map((one) => `${JSON.stringify(one)}\n`).join('') : tableOf(page.parked);
    await write(io.stdout, isFirst || json ? text : text.slice(text.indexOf('\n') + 1));
    isFirst = false;
    inAll = page.count;
  }
  io.stderr.write(`${count(inAll)} parked ${inAll === 1 ? 'record' : 'records'}\n`);
}

const tableOf = (parked: readonly ParkedDescription[]): string =>
  table(
    ['id', 'topic', 'partition', 'offset', 'failed', 'parked', 'reason'],
    parked.map(({ id, topic, partition, offset, tries, parkedMs, reason }) => [
      String(id),
      topic,
      String(partition),
      String(offset),
      `${count(tries)} ${tries === 1 ? 'time' : 'times'}`,
      new Date(parkedMs).toISOString(),
      escapeControls(reason),
    ]),
    ['right', 'left', 'right', 'right', 'right', 'left', 'left'],
  );

function shownRecord(shown: ParkedRecord, { json = false, raw = false }: ShowOptions): Uint8Array {
  const { parts, ...description } = shown;
  const { id, tries, parkedMs, reason, topic, partition } = description;
  const [record] = parts.flatMap((part) => recordsOfPart(part));
  if (record === undefined) {
    if (raw) throw new LogError('notParked', `Cannot show record ${id}: ${gone}`);
    return Buffer.from(json ? `${JSON.stringify({ ...description, value: null })}\n` : `${aboutOf(description)}${gone}\n`);
  }
  const { key, headers } = record;
  const value = record.value ?? new Uint8Array(0);
  if (raw) return value;
  if (json) return Buffer.from(`${recordJson(record, { id, tries, parkedMs, reason, topic, partition })}\n`);
  const rows = [
    ...(key === null ? [] : [['key', keyText(key)] as const]),
    ...(Object.keys(headers).length === 0 ? [] : [['headers', headersText(headers)] as const]),
  ];
  const about = aboutOf(description) + rows.map(([name, text]) => `${name.padEnd(8)} ${text}\n`).join('');
  return Buffer.concat([Buffer.from(`${about}${'value'.padEnd(8)} `), valueBytes(value, false), Buffer.from('\n')]);
}

const gone = 'its topic did not have it any more when it was parked';

function aboutOf({ id, topic, partition, offset, tries, parkedMs, reason }: ParkedDescription): string {
  const rows: readonly (readonly [string, string])[] = [
    ['id', String(id)],
    ['from', `topic ${topic}, partition ${partition}, offset ${offset}`],
    ['failed', `${count(tries)} ${tries === 1 ? 'time' : 'times'}`],
    ['parked', new Date(parkedMs).toISOString()],
    ['reason', reason === '' ? 'none was given' : escapeControls(reason)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join('');
}

/** What is counted is what is done: records that are parked meanwhile are not meant. */
async function changeParked(
  client: Client,
  subscriber: string,
  does: 'replay' | 'drop',
  named: readonly number[],
  { topic, yes = false, json = false }: ChangeOptions,
  io: CliIo,
): Promise<void> {
  const ids = [...named];
  if (named.length === 0) {
    const byTopic = new Map<string, number>();
    for await (const page of pagesOf(client, subscriber, topic ?? null)) {
      for (const one of page.parked) {
        ids.push(one.id);
        byTopic.set(one.topic, (byTopic.get(one.topic) ?? 0) + 1);
      }
    }
    if (ids.length > 0 && !yes) {
      const of = [...byTopic].map(([name, parked]) => `${count(parked)} of ${name}`).join(', ');
      const what = `${count(ids.length)} parked ${ids.length === 1 ? 'record' : 'records'} of subscriber ${shownId(subscriber)} (${of}) will be ${done[does]}`;
      if (io.stdin.isTTY !== true) throw new LogError('usage', `Cannot ${does} them without --yes where nobody can be asked: ${what}`);
      if (!(await ask(what, io))) throw new LogError('interrupted', 'Nothing was changed');
    }
  }
  const changed: { count: number; left: ParkedChanged['left'][number][] } = { count: 0, left: [] };
  for (let at = 0; at < ids.length; at += parkedIdsMax) {
    const part = await client.subscriptions.changeParked({ subscriber, does, ids: ids.slice(at, at + parkedIdsMax) });
    changed.count += part.count;
    changed.left.push(...part.left);
  }
  const left = changed.left.map(({ id, reason }) => `Record ${id} stays parked: ${whyLeft[reason]}\n`).join('');
  const said = `${count(changed.count)} parked ${changed.count === 1 ? 'record was' : 'records were'} ${done[does]}\n${left}`;
  await write(io.stdout, json ? `${JSON.stringify({ subscriber, ...changed })}\n` : said);
}

const done = { replay: 'replayed', drop: 'dropped' } as const;

const whyLeft: Readonly<Record<ParkedLeft, string>> = {
  notSubscribed: 'the subscriber is not subscribed to its topic any more',
  comesAnyway: 'it comes again already',
  tooManyRetries: 'as many records are in retry as the limit allows',
};
