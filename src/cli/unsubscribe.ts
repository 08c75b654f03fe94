import type { Command } from 'commander';
import { addExamples } from './command.ts';
import { confirmLoss, yesHelp, type YesOption } from './confirm.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions } from './options.ts';

export function define(command: Command, io: CliIo): void {
  command
    .description('End a subscription, its cursor with it: on a terminal it asks first.')
    .argument('<subscriber>')
    .argument('<topic>', 'name of a topic, or the pattern, as it was subscribed to')
    .option('-y, --yes', yesHelp)
    .action((subscriber: string, topic: string, options: ConnectOptions & YesOption) =>
      withClient(options, io, {}, async (client) => {
        const what = `The cursor of ${shownId(subscriber)} in ${topic} will be gone: what it has processed is not known any more`;
        await confirmLoss(what, `Nothing was unsubscribed`, options, io);
        await client.subscriptions.unsubscribe({ subscriber, topic });
        await write(io.stdout, `Unsubscribed ${shownId(subscriber)} from ${topic}\n`);
      }),
    );
  addExamples(addConnectOptions(command), [{ command: 'cairn unsubscribe billing orders', does: 'its cursor is gone' }]);
}
