import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type AppendBenchResult, benchAppend } from '../lab/bench/append.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import { integer, jsonOption } from './options.ts';
import { count } from './table.ts';

interface BenchOptions {
  readonly inFlight: number;
  readonly seconds: number;
  readonly brokers: number;
  readonly recordBytes: number;
  readonly perRequest: number;
  readonly dir?: string;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  const append = command
    .command('append')
    .summary('appends through HTTP, next to what the disk allows')
    .description(
      'Appends through HTTP to brokers of its own, each of which syncs before it counts, next to what the disk allows in the same run. ' +
        'The load comes from this process and shares the machine. Everything acknowledged is read back and counted; a difference is exit code 1.',
    )
    .option('--in-flight <count>', 'appends on their way at once', integer(1, 1024), 64)
    .option('--seconds <count>', 'how long to measure, after a second of warming up', integer(1, 3600), 5)
    .option('--brokers <count>', 'how many brokers', integer(1, 9), 3)
    .option('--record-bytes <bytes>', 'size of a record', integer(16, 65_536), 100)
    .option('--per-request <count>', 'records in each append', integer(1, 10_000), 1)
    .option('--dir <folder>', 'on the disk to measure; its data goes there and is removed (default: the temporary folder)')
    .addOption(jsonOption('the result'))
    .action(async (options: BenchOptions) => {
      const result = await benchAppend({
        inFlight: options.inFlight,
        seconds: options.seconds,
        brokers: options.brokers,
        recordBytes: options.recordBytes,
        recordsPerRequest: options.perRequest,
        ...(options.dir === undefined ? {} : { parent: options.dir }),
        signal: io.interrupt(),
        say: (line) => void io.stderr.write(`${line}\n`),
      });
      await write(io.stdout, options.json === true ? `${JSON.stringify(result)}\n` : formatBench(result));
      if (!result.ok) throw new ExitWith(exitCodes.failed);
    });
  addExamples(append, [
    { command: 'cairn bench append', does: '64 in flight for 5 seconds' },
    { command: 'cairn bench append --in-flight 1', does: 'how long one append takes' },
    { command: 'cairn bench append --per-request 1000 --in-flight 8', does: 'many records in each request' },
  ]);
}

export function formatBench(result: AppendBenchResult): string {
  const { machine, settings, disk, latencyMs } = result;
  const rounded = (value: number): string => (value >= 100 ? count(Math.round(value)) : value.toFixed(2));
  const rows: readonly (readonly [string, string])[] = [
    ['machine', `${machine.cores} cores, ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`],
    [
      'settings',
      `${settings.brokers} brokers, level ${settings.level}, ${settings.inFlight} in flight, ${settings.recordsPerRequest} x ${settings.recordBytes} bytes a request, HTTP`,
    ],
    [
      'disk alone',
      `${rounded(disk.syncsPerSecond)} syncs/s of 4 KiB, p50 ${rounded(disk.p50Ms)} ms, p99 ${rounded(disk.p99Ms)} ms${disk.inMemory ? '; it is in memory, so this says nothing about a disk' : ''}`,
    ],
    ['records', `${rounded(result.recordsPerSecond)}/s, ${count(result.recordsAcknowledged)} in ${(result.tookMs / 1000).toFixed(1)} s`],
    ['one append', `p50 ${rounded(latencyMs.p50)} ms, p99 ${rounded(latencyMs.p99)} ms, max ${rounded(latencyMs.max)} ms`],
    ['syncs', `${count(result.syncs)} on all brokers, ${rounded(result.recordsPerSync)} acknowledged records for each`],
    ['to the disk', `${rounded(result.ratioToDisk)} records for each sync that one process alone could make in the time`],
    [
      'read back',
      `${count(result.readBack)} of ${count(result.acknowledgedInAll)} acknowledged, the warm-up included${result.ok ? '' : ': THEY DIFFER'}`,
    ],
  ];
  return rows.map(([name, text]) => `${name.padEnd(12)}${text}\n`).join('');
}
