import { Buffer } from 'node:buffer';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type Client, forEachRead } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { ReadResult } from '../eventlog/types.ts';
import { addExamples, ExitWith } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { formatRecord, newline } from './record-text.ts';
import { addConnectOptions, integer, time } from './options.ts';

interface ReadOptions extends ConnectOptions {
  readonly from?: number | 'end';
  readonly since?: number;
  readonly max?: number;
  readonly follow?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly local?: boolean;
  readonly partition: number;
}

const bytesPerRead = 1024 * 1024;
// A broker that hangs holds a follower for so long and an attempt more.
const followWaitMs = 5_000;
/** How long a follower goes without an answer before it says so. */
const silenceMs = 3_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Print the records of a topic, the value of each on a line. Control characters are shown as \\xNN or \\u{NNNN} and bytes that are not UTF-8 as U+FFFD; ' +
        '--raw prints every byte as it was appended. Without --follow it ends at the end that the topic had when it began.',
    )
    .argument('<topic>', 'what to read')
    .option('--partition <number>', 'partition of the topic; topics have one, 0', integer(0), 0)
    .option('--from <offset>', 'first offset, or "end" for what comes from now on (default: the first record kept)', parseFrom)
    .option('--since <time>', 'from the first record appended at or after a time: 2026-11-21T10:00:00Z, or 15m, 2h, 7d ago', (text) =>
      time(text),
    )
    .option('--max <count>', 'stop after so many records', integer(1))
    .option('--follow', 'go on as new records come, from whichever broker answers')
    .option('--raw', 'print the bytes as they are, control characters too')
    .option('--json', 'print a JSON object a line: offset, timestamp, key, value, headers')
    .option('--local', "read one broker's own copy, which may be behind, so that it works without a majority")
    .action(async (topic: string, options: ReadOptions) => {
      if (options.from !== undefined && options.since !== undefined)
        throw new LogError('usage', 'Cannot read: --from and --since exclude each other');
      if (options.raw === true && options.json === true) throw new LogError('usage', 'Cannot read: --raw and --json exclude each other');
      const signal = options.follow === true ? io.interrupt() : null;
      try {
        await withClient(options, io, signal === null ? {} : { signal }, (client) => read(client, topic, options, io));
      } catch (error) {
        // Ctrl-C is how a follower is meant to end: nothing to explain.
        if (error instanceof LogError && error.code === 'interrupted') throw new ExitWith(exitCodes.interrupted);
        throw error;
      }
    });
  addConnectOptions(command);
  addExamples(command, [
    { command: 'cairn read log', does: 'every record, a line each' },
    { command: 'cairn read log --from 100 --max 10', does: 'ten records from offset 100' },
    { command: 'cairn read log --since 15m --follow', does: 'the last quarter of an hour, and what comes' },
    { command: 'cairn read log --raw > copy.txt', does: 'the lines as they were appended, byte for byte' },
  ]);
}

function parseFrom(text: string): number | 'end' {
  if (text === 'end') return text;
  try {
    return integer(0)(text);
  } catch {
    throw new InvalidArgumentError('It is an offset from 0 on, or "end".');
  }
}

async function read(client: Client, topic: string, options: ReadOptions, io: CliIo): Promise<void> {
  const { partition } = options;
  const fresh = options.local === true ? 'local' : 'linearizable';
  let offsetFrom = options.from === 'end' ? (await client.end({ topic, partition, freshness: fresh })).offset : (options.from ?? null);
  let sinceMs = options.since ?? null;
  /** Without --follow: the end when the reading began, so that it ends although others append. */
  let offsetTo: number | null = null;
  let left = options.max ?? Number.POSITIVE_INFINITY;
  for (let first = true; ; first = false) {
    const result = await readOnce(client, io, options, () =>
      client.read({
        topic,
        partition,
        offsetFrom,
        sinceMs,
        bytesMax: bytesPerRead,
        // Going on at another broker must not go back: it answers once it is as far as the one before.
        freshness: options.local === true ? 'local' : first ? 'linearizable' : 'session',
        sessionOffset: offsetFrom ?? 0,
        waitMs: options.follow === true && !first ? followWaitMs : 0,
      }),
    );
    offsetTo ??= result.highWatermark;
    const text = format(result, options, options.follow === true ? Number.POSITIVE_INFINITY : offsetTo, left);
    left -= text.count;
    if (text.bytes.length > 0) await write(io.stdout, text.bytes);
    if (left <= 0) return;
    if (
      options.follow !== true &&
      (result.offsetNext >= offsetTo || (result.batches.length === 0 && result.offsetNext === result.offsetFrom))
    )
      return;
    offsetFrom = result.offsetNext;
    sinceMs = null;
  }
}

/** A follower asks until it is told to stop; it says when nobody answers, and when somebody does again. */
async function readOnce(client: Client, io: CliIo, options: ReadOptions, attempt: () => Promise<ReadResult>): Promise<ReadResult> {
  if (options.follow !== true) return attempt();
  let told = false;
  let silentSince: number | null = null;
  for (;;) {
    try {
      const result = await attempt();
      if (told) io.stderr.write(`Going on with ${client.servers[0] ?? 'another broker'}\n`);
      return result;
    } catch (error) {
      // Before the first answer a wrong address is likelier than a failure that will pass.
      if (!(error instanceof LogError) || !error.retriable || error.code === 'interrupted' || !client.heard) throw error;
      // By all brokers: it stays so until somebody acts.
      if (error.code === 'fenced') throw error;
      silentSince ??= performance.now();
      if (!told && performance.now() - silentSince >= silenceMs) {
        told = true;
        io.stderr.write(`${error.message}; trying until a broker answers\n`);
      }
    }
  }
}

function format(
  result: ReadResult,
  options: ReadOptions,
  offsetTo: number,
  max: number,
): { readonly bytes: Uint8Array; readonly count: number } {
  const chunks: Uint8Array[] = [];
  let count = 0;
  forEachRead(result, (record) => {
    if (record.offset >= offsetTo || count >= max) return false;
    count++;
    chunks.push(formatRecord(record, options, {}), newline);
    return true;
  });
  return { bytes: Buffer.concat(chunks), count };
}
