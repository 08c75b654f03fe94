import type { Command } from 'commander';
import type { ScheduledPage, ScheduledRecords, ScheduledTotals } from '../eventlog/index.ts';
import { scheduledPageMax } from '../eventlog/index.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { count, table } from './table.ts';

interface Options extends ConnectOptions {
  readonly json?: boolean;
  readonly topic?: string;
}

export function define(command: Command, io: CliIo): void {
  const list = command
    .command('list')
    .summary('list what is appended later, the next first')
    .description(
      'List what was given to be appended later (`cairn append --at`, `--in`) and waits, the next first; what was given together is one line.',
    )
    .option('--topic <name>', 'only what is for this topic')
    .addOption(jsonOption('what waits, one a line,'))
    .action((options: Options) =>
      withClient(options, io, {}, async (client) => {
        let totals: ScheduledTotals | null = null;
        for (let after: string | null = null, isFirst = true; isFirst || after !== null; isFirst = false) {
          const query = { topic: options.topic ?? null, after, limit: scheduledPageMax };
          const page: ScheduledPage = await client.schedules.listScheduled(query);
          ({ totals, next: after } = page);
          await write(
            io.stdout,
            options.json === true ? linesOf(page.scheduled) : page.scheduled.length === 0 ? '' : tableOf(page.scheduled),
          );
        }
        if (totals !== null && options.json !== true) await write(io.stdout, `${summaryOf(totals)}\n`);
      }),
    );
  addExamples(addConnectOptions(list), [
    { command: 'cairn scheduled list --topic orders', does: 'what is to be appended to it, and when' },
  ]);

  const cancel = command
    .command('cancel <id...>')
    .summary('cancel what waits to be appended')
    .description(
      'Cancel what waits to be appended, by the ids that `cairn scheduled list` shows. From 100 ms before it is due it is being delivered, and cannot be ' +
        'cancelled any more: that is an error, and says so.',
    )
    .addOption(jsonOption('each that was cancelled, one a line,'))
    .action((ids: readonly string[], options: Options) =>
      withClient(options, io, {}, async (client) => {
        for (const id of ids) {
          const cancelled = await client.schedules.cancelScheduled(id);
          await write(io.stdout, options.json === true ? `${JSON.stringify(cancelled)}\n` : `Cancelled ${id}\n`);
        }
      }),
    );
  addExamples(addConnectOptions(cancel), [{ command: 'cairn scheduled cancel 3-1042', does: 'it is never appended' }]);
}

const linesOf = (scheduled: readonly ScheduledRecords[]): string => scheduled.map((one) => `${JSON.stringify(one)}\n`).join('');

const tableOf = (scheduled: readonly ScheduledRecords[]): string =>
  table(
    ['id', 'topic', 'partition', 'due', 'records', 'bytes', ''],
    scheduled.map(({ id, topic, partition, deliverAtMs, count: records, bytes, state, problem }) => [
      id,
      topic,
      String(partition),
      new Date(deliverAtMs).toISOString(),
      count(records),
      count(bytes),
      problem ?? (state === 'delivering' ? 'is being delivered' : ''),
    ]),
    ['left', 'left', 'right', 'left', 'right', 'right', 'left'],
  );

const summaryOf = ({ waiting, waitingBytes, delivered, cancelled, dropped }: ScheduledTotals): string =>
  `${count(waiting)} wait in all topics with ${count(waitingBytes)} bytes; ${count(delivered)} delivered, ${count(cancelled)} cancelled, ${count(dropped)} dropped`;
