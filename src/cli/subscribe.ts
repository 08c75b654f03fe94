import type { Command } from 'commander';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { addPlaceOptions, placeOf, type PlaceOptions } from './place.ts';
import { count } from './table.ts';

interface Options extends ConnectOptions, PlaceOptions {
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Subscribe a subscriber to a topic, or to all topics whose names match a pattern, * standing for any characters: it takes up those that are made ' +
        'later, from their beginning. To subscribe again changes nothing; `cairn seek` puts a cursor elsewhere.',
    )
    .argument('<subscriber>')
    .argument('<topic>', 'name of a topic, or a pattern in quotes');
  addPlaceOptions(command, ' (default: start)')
    .addOption(jsonOption('the subscription'))
    .action((subscriber: string, topic: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const start = placeOf(options, 'subscribe') ?? { at: 'beginning' };
        const subscribed = await client.subscriptions.subscribe({ subscriber, topic, start });
        const { created, cursors } = subscribed;
        const at =
          cursors.length === 1 ? `its cursor stands at offset ${cursors[0]?.offset ?? 0}` : `it has ${count(cursors.length)} cursors there`;
        const said = `${created ? 'Subscribed' : 'It was subscribed already:'} ${shownId(subscriber)} to ${topic}, ${at}`;
        await write(io.stdout, options.json === true ? `${JSON.stringify(subscribed)}\n` : `${said}\n`);
      }),
    );
  addExamples(addConnectOptions(command), [
    { command: 'cairn subscribe billing orders', does: 'from the first record kept' },
    { command: 'cairn subscribe billing orders --from end', does: 'what comes from now on' },
    { command: "cairn subscribe billing 'orders.*'", does: 'every topic of such a name, later ones too' },
  ]);
}
