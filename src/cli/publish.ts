import type { Command } from 'commander';
import type { Client } from '../client/index.ts';
import { addAppendOptions, append, type AppendOptions } from './append.ts';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { addConnectOptions } from './options.ts';

export function define(command: Command, io: CliIo): void {
  command
    .description('Append records to a topic as a publisher that exists; all else is as with `cairn append`.')
    .argument('<publisher>', 'who publishes')
    .argument('<topic>', 'where to append');
  addAppendOptions(command).action(async (publisher: string, topic: string, texts: readonly string[], options: AppendOptions) => {
    const through = (client: Client) => ({
      append: (request: Parameters<Client['append']>[0]) => client.subscriptions.publish({ ...request, publisher }),
      nextSequence: (request: Parameters<Client['nextSequence']>[0]) => client.nextSequence(request),
    });
    await append(topic, texts, options, io, through);
  });
  addExamples(addConnectOptions(command), [
    { command: 'cairn publish till-1 orders hello', does: 'one record' },
    { command: 'cairn publish till-1 orders - < orders.txt', does: 'a record a line' },
  ]);
}
