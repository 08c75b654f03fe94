import type { Command } from 'commander';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { idPages, shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { table } from './table.ts';

interface Options extends ConnectOptions {
  readonly json?: boolean;
  readonly prefix?: string;
}

export function define(command: Command, io: CliIo): void {
  const create = command
    .command('create <publisher>')
    .summary('create a publisher')
    .description('Create a publisher. An id is 1-255 bytes of text without control characters.')
    .addOption(jsonOption('the answer'))
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const created = await client.subscriptions.createPublisher({ id, requestId: null });
        const said = created.created ? `Created publisher ${shownId(id)}` : `Publisher ${shownId(id)} exists already`;
        await write(io.stdout, options.json === true ? `${JSON.stringify(created)}\n` : `${said}\n`);
      }),
    );
  addExamples(addConnectOptions(create), [{ command: 'cairn publisher create till-1', does: 'it may publish to every topic' }]);

  const list = command
    .command('list')
    .summary('list the publishers')
    .description('List the publishers by id.')
    .option('--prefix <start>', 'only those whose ids begin so')
    .addOption(jsonOption('the publishers, one a line,'))
    .action((options: Options) =>
      withClient(options, io, {}, (client) =>
        idPages(
          (query) => client.subscriptions.listPublishers(query),
          ({ publishers }) =>
            options.json === true
              ? publishers.map((one) => `${JSON.stringify(one)}\n`).join('')
              : table(
                  ['publisher', 'created'],
                  publishers.map(({ id, createdMs }) => [shownId(id), new Date(createdMs).toISOString()]),
                  ['left', 'left'],
                ),
          options,
          io,
        ),
      ),
    );
  addExamples(addConnectOptions(list), [{ command: 'cairn publisher list', does: 'one line a publisher' }]);

  const describe = command
    .command('describe <publisher>')
    .summary('show a publisher')
    .description('Show a publisher.')
    .addOption(jsonOption('the publisher'))
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const described = await client.subscriptions.describePublisher(id);
        const said = `publisher  ${shownId(id)}\ncreated    ${new Date(described.createdMs).toISOString()}\n`;
        await write(io.stdout, options.json === true ? `${JSON.stringify(described)}\n` : said);
      }),
    );
  addExamples(addConnectOptions(describe), [{ command: 'cairn publisher describe till-1', does: 'since when there is one' }]);

  const remove = command
    .command('delete <publisher>')
    .summary('delete a publisher')
    .description(
      'Delete a publisher. What it has published stays. Brokers that keep its group refuse it as soon as they hear of that, others that knew it within 10 s.',
    )
    .action((id: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        await client.subscriptions.deletePublisher(id);
        await write(io.stdout, `Deleted publisher ${shownId(id)}\n`);
      }),
    );
  addExamples(addConnectOptions(remove), [{ command: 'cairn publisher delete till-1', does: 'it can be made again' }]);
}
