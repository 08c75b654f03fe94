import type { Command } from 'commander';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';

interface Options extends ConnectOptions {
  readonly partition: number;
  readonly generation?: number;
  readonly metadata?: string;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description('Acknowledge that a subscriber has processed all records of a topic below an offset. A cursor never goes back by this.')
    .argument('<subscriber>')
    .argument('<topic>')
    .argument('<offset>', 'one above the last record that was processed', integer(0))
    .option('--partition <number>', 'partition of the topic', integer(0), 0)
    .option('--generation <number>', 'only while the cursor has this generation: it was not moved by a seek since', integer(0))
    .option('--metadata <text>', 'kept beside the offset until the cursor moves, at most 4,096 bytes; "" takes it away')
    .addOption(jsonOption('where the cursor stands'))
    .action((subscriber: string, topic: string, offset: number, { partition, generation, metadata, ...options }: Options) =>
      withClient(options, io, {}, async (client) => {
        const more = { ...(generation === undefined ? {} : { generation }), ...(metadata === undefined ? {} : { metadata }) };
        const position = { topic, partition, offset, ...more };
        const acked = await client.subscriptions.ack({ subscriber, positions: [position] });
        const said = `Subscriber ${shownId(subscriber)} has acknowledged ${topic} below offset ${acked.cursors[0]?.offset ?? offset}`;
        await write(io.stdout, options.json === true ? `${JSON.stringify(acked)}\n` : `${said}\n`);
      }),
    );
  addExamples(addConnectOptions(command), [
    { command: 'cairn ack billing orders 118', does: 'records 0 to 117 are processed' },
    { command: "cairn ack billing orders 118 --metadata 'invoice 7'", does: 'and where that is told of' },
  ]);
}
