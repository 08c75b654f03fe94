import type { Command } from 'commander';
import { type NackedRecord, reasonLengthMax } from '../eventlog/subscriptions.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';

interface Options extends ConnectOptions {
  readonly partition: number;
  readonly generation?: number;
  readonly tries?: number;
  readonly reason?: string;
  readonly ordered?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Say that a subscriber has processed all records of a topic below an offset, and could not process the one that is there. That one comes again, after a ' +
        'wait that grows, and is parked when it has failed too often: see `cairn parked`. What stands behind it goes on meanwhile.',
    )
    .argument('<subscriber>')
    .argument('<topic>')
    .argument('<offset>', 'of the record that failed', integer(0))
    .option('--partition <number>', 'partition of the topic', integer(0), 0)
    .option(
      '--tries <count>',
      'how often it had failed before, as `cairn pull --json` says; left out where it comes for the first time',
      integer(1),
    )
    .option('--reason <text>', `why, for whoever looks at it later; ${reasonLengthMax} characters are kept`)
    .option('--ordered', 'nothing else of the partition is given until it is processed, or parked')
    .option('--generation <number>', 'only while the cursor has this generation: it was not moved by a seek since', integer(0))
    .addOption(jsonOption('what becomes of it'))
    .action((subscriber: string, topic: string, offset: number, options: Options) =>
      withClient(options, io, {}, async (client) => {
        const { partition, generation, tries, reason, ordered = false, json } = options;
        const record = {
          topic,
          partition,
          offset,
          ...(generation === undefined ? {} : { generation }),
          ...(tries === undefined ? {} : { tries }),
          ...(reason === undefined ? {} : { reason }),
        };
        const nacked = await client.subscriptions.nack({ subscriber, records: [record], ordered });
        const [said] = nacked.records;
        const text = `Offset ${offset} of ${topic} for subscriber ${shownId(subscriber)}: ${said === undefined ? 'nothing changed' : fateOf(said)}\n`;
        await write(io.stdout, json === true ? `${JSON.stringify(nacked)}\n` : text);
      }),
    );
  addExamples(addConnectOptions(command), [
    { command: "cairn nack billing orders 118 --reason 'no such customer'", does: 'records 0 to 117 are processed, 118 comes again' },
    { command: 'cairn nack billing orders 118 --tries 1', does: 'it came again, and has failed again' },
  ]);
}

function fateOf({ state, tries, dueMs }: NackedRecord): string {
  if (state === 'done') return 'it was acknowledged, or is parked no more; nothing changed';
  const failed = `it has failed ${tries} ${tries === 1 ? 'time' : 'times'}`;
  return dueMs === null ? `${failed} and is parked` : `${failed} and comes again at ${new Date(dueMs).toISOString()}`;
}
