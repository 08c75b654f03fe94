import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import type { Client } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { AckPosition, PullResult } from '../eventlog/subscriptions.ts';
import { forEachRecord } from '../record/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer } from './options.ts';
import { formatRecord, newline } from './record-text.ts';

interface Options extends ConnectOptions {
  readonly max?: number;
  readonly follow?: boolean;
  readonly peek?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
}

const recordsPerPull = 1000;
const positionsPerAck = 1000;
const followWaitMs = 5_000;
/** How long a follower goes without an answer before it says so. */
const silenceMs = 3_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Print what is new to a subscriber, the value of each record on a line, and acknowledge it once it is written: what was printed when the command is ' +
        'killed comes again, nothing is missed. Without --follow it ends when nothing more is new.',
    )
    .argument('<subscriber>')
    .argument('[topic...]', 'only of these topics (default: all that it is subscribed to)')
    .option('--max <count>', 'stop after so many records', integer(1))
    .option('--follow', 'go on as new records come, from whichever broker answers')
    .option('--peek', 'acknowledge nothing: the same comes again; one pull of at most 1,000 records, or --max')
    .option('--raw', 'print the bytes as they are, control characters too')
    .option('--json', 'print a JSON object a line: topic, partition, offset, timestamp, key, value, headers')
    .action(async (subscriber: string, topics: readonly string[], options: Options) => {
      if (options.raw === true && options.json === true) throw new LogError('usage', 'Cannot pull: --raw and --json exclude each other');
      if (options.peek === true && options.follow === true)
        throw new LogError('usage', 'Cannot pull: --peek and --follow exclude each other');
      const signal = options.follow === true ? io.interrupt() : null;
      try {
        await withClient(options, io, signal === null ? {} : { signal }, (client) =>
          pull(client, subscriber, topics.length === 0 ? null : topics, options, io),
        );
      } catch (error) {
        // Ctrl-C is how a follower is meant to end: nothing to explain.
        if (error instanceof LogError && error.code === 'interrupted') throw new ExitWith(exitCodes.interrupted);
        throw error;
      }
    });
  addExamples(addConnectOptions(command), [
    { command: 'cairn pull billing', does: 'all that is new, then it ends' },
    { command: 'cairn pull billing orders --follow', does: 'and what comes' },
    { command: 'cairn pull billing --peek --max 1', does: 'the next record, which stays new' },
  ]);
}

async function pull(client: Client, subscriber: string, topics: readonly string[] | null, options: Options, io: CliIo): Promise<void> {
  const isFollowing = options.follow === true;
  let left = options.max ?? Number.POSITIVE_INFINITY;
  let written: readonly AckPosition[] = [];
  /** All that was written, and not yet known to be acknowledged on a majority. */
  const places = new Map<string, AckPosition>();
  const told = new Set<string>();
  for (let isFirst = true; ; isFirst = false) {
    const request = {
      subscriber,
      topics,
      mode: 'explicit' as const,
      number: null,
      acknowledge: written,
      recordsMax: Math.min(recordsPerPull, left),
      bytesMax: 1024 * 1024,
      waitMs: isFollowing && !isFirst ? followWaitMs : 0,
      freshness: 'linearizable' as const,
    };
    const result = await withPatience(client, io, isFollowing && !isFirst, () => client.subscriptions.pull(request));
    const { bytes, count } = format(result, options);
    if (bytes.length > 0) await write(io.stdout, bytes);
    for (const { topic, message } of result.problems) if (told.size < told.add(topic).size) io.stderr.write(`${escapeControls(message)}\n`);
    written = result.parts.map(({ topic, partition, offsetTo: offset, generation }) => ({ topic, partition, offset, generation }));
    for (const position of written) places.set(`${position.topic}/${position.partition ?? 0}`, position);
    left -= count;
    if (options.peek === true) return;
    const isOver = left <= 0 || (!isFollowing && result.parts.length === 0);
    if (!isOver) continue;
    const positions = [...places.values()];
    for (let at = 0; at < positions.length; at += positionsPerAck)
      await client.subscriptions.ack({ subscriber, positions: positions.slice(at, at + positionsPerAck) });
    return;
  }
}

/** A follower asks until it is told to stop; it says when nobody answers, and when somebody does again. */
async function withPatience<Value>(client: Client, io: CliIo, isPatient: boolean, attempt: () => Promise<Value>): Promise<Value> {
  let told = false;
  let silentSince: number | null = null;
  for (;;) {
    try {
      const result = await attempt();
      if (told) io.stderr.write(`Going on with ${client.servers[0] ?? 'another broker'}\n`);
      return result;
    } catch (error) {
      if (!isPatient || !(error instanceof LogError) || !error.retriable || error.code === 'interrupted') throw error;
      silentSince ??= performance.now();
      if (!told && performance.now() - silentSince >= silenceMs) {
        told = true;
        io.stderr.write(`${error.message}; trying until a broker answers\n`);
      }
    }
  }
}

function format(result: PullResult, options: Options): { readonly bytes: Uint8Array; readonly count: number } {
  const chunks: Uint8Array[] = [];
  let count = 0;
  for (const { topic, partition, offsetFrom, offsetTo, batches } of result.parts) {
    for (const batch of batches) {
      forEachRecord(batch, (record) => {
        if (record.offset < offsetFrom) return true;
        if (record.offset >= offsetTo) return false;
        count++;
        chunks.push(formatRecord(record, options, { topic, partition }), newline);
        return true;
      });
    }
  }
  return { bytes: Buffer.concat(chunks), count };
}
