import type { Command } from 'commander';
import { LogError } from '../eventlog/log-error.ts';
import type { Seeked } from '../eventlog/subscriptions.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';
import { addPlaceOptions, placeOf, type PlaceOptions } from './place.ts';
import { count } from './table.ts';

interface Options extends ConnectOptions, PlaceOptions {
  readonly partition?: number;
  readonly preview?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description('Put the cursor of a subscriber elsewhere. With --preview it says what that would do, and does nothing.')
    .argument('<subscriber>')
    .argument('<topic>')
    .option('--partition <number>', 'only this partition (default: all of the topic)', integer(0));
  addPlaceOptions(command, '')
    .option('--preview', 'say what it would do, and do nothing')
    .addOption(jsonOption('what was moved'))
    .action((subscriber: string, topic: string, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const to = placeOf(options, 'seek');
        if (to === null) throw new LogError('usage', 'Cannot seek: neither --from nor --since says where to');
        const { partition = null, preview = false } = options;
        const seeked = await client.subscriptions.seek({ subscriber, topic, partition, to, preview });
        await write(io.stdout, options.json === true ? `${JSON.stringify(seeked)}\n` : textOf(seeked));
      }),
    );
  addExamples(addConnectOptions(command), [
    { command: 'cairn seek billing orders --from start --preview', does: 'how much would be pulled again' },
    { command: 'cairn seek billing orders --since 2h', does: 'the last two hours again' },
  ]);
}

function textOf({ isDone, moves }: Seeked): string {
  const lines = moves.map(({ topic, partition, from, offset, distance }) => {
    const what =
      distance === 0
        ? 'nothing changes'
        : distance < 0
          ? `${count(-distance)} ${distance === -1 ? 'offset' : 'offsets'} ${isDone ? 'are' : 'would be'} pulled again`
          : `${count(distance)} ${distance === 1 ? 'offset' : 'offsets'} ${isDone ? 'are' : 'would be'} passed over`;
    return `${topic}, partition ${partition}: from offset ${from} to ${offset}, ${what}\n`;
  });
  return lines.join('');
}
