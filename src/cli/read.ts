import { Buffer } from 'node:buffer';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type Client, forEachRead, type MergedRecord, type MergedRecords } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { ReadResult } from '../eventlog/types.ts';
import { decodePlaces, encodePlaces, isPlaces, type PartitionPlace } from '../partitions/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { formatRecord, formatValue, newline } from './record-text.ts';
import { escapeJson } from '../base/escape.ts';
import { addConnectOptions, integer, time } from './options.ts';

interface ReadOptions extends ConnectOptions {
  readonly from?: number | 'end' | PlacesText;
  readonly since?: number;
  readonly max?: number;
  readonly follow?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly local?: boolean;
  readonly partition?: number;
}

/** Where an earlier merged read ended. */
interface PlacesText {
  readonly places: string;
}

const bytesPerRead = 1024 * 1024;
/** Of all partitions together. */
const recordsPerRead = 10_000;
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
    .option('--partition <number>', 'this partition only (default: all, in order of log time)', integer(0))
    .option(
      '--from <offset>',
      'first offset, or "end" for what comes from now on (default: the first record kept); of a topic of several partitions, what it said last',
      parseFrom,
    )
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
    { command: 'cairn read clicks --partition 2', does: 'one partition of several' },
    { command: 'cairn read log --raw > copy.txt', does: 'the lines as they were appended, byte for byte' },
  ]);
}

function parseFrom(text: string): number | 'end' | PlacesText {
  if (text === 'end') return text;
  if (isPlaces(text)) return { places: text };
  try {
    return integer(0)(text);
  } catch {
    throw new InvalidArgumentError('It is an offset from 0 on, or "end".');
  }
}

async function read(client: Client, topic: string, options: ReadOptions, io: CliIo): Promise<void> {
  const { from = null, since = null, max = Number.POSITIVE_INFINITY } = options;
  const progress: Progress = { from, sinceMs: since, left: max };
  if (typeof from === 'object' && from !== null) return readMerged(client, topic, progress, options, io);
  try {
    await readPartition(client, topic, progress, options, io);
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'partitionNeeded' || typeof progress.from === 'number') throw error;
    await readMerged(client, topic, progress, options, io);
  }
}

/** What is left to be read. */
interface Progress {
  /** Once something was read of a topic of one partition, the place behind that: it may have got more since. */
  from: number | 'end' | PlacesText | null;
  sinceMs: number | null;
  left: number;
}

async function readPartition(client: Client, topic: string, progress: Progress, options: ReadOptions, io: CliIo): Promise<void> {
  const { from } = progress;
  const where = options.partition === undefined ? { topic } : { topic, partition: options.partition };
  const fresh = options.local === true ? 'local' : 'linearizable';
  let offsetFrom = typeof from === 'number' || from === null ? from : (await client.end({ ...where, freshness: fresh })).offset;
  let { sinceMs } = progress;
  /** Without --follow: the end when the reading began, so that it ends although others append. */
  let offsetTo: number | null = null;
  for (let first = true; ; first = false) {
    const result = await readOnce(client, io, options, () =>
      client.read({
        ...where,
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
    const text = format(result, options, options.follow === true ? Number.POSITIVE_INFINITY : offsetTo, progress.left);
    progress.left -= text.count;
    if (text.bytes.length > 0) await write(io.stdout, text.bytes);
    if (progress.left <= 0) return;
    if (
      options.follow !== true &&
      (result.offsetNext >= offsetTo || (result.batches.length === 0 && result.offsetNext === result.offsetFrom))
    )
      return;
    offsetFrom = result.offsetNext;
    sinceMs = null;
    if (options.partition === undefined) progress.from = { places: encodePlaces([{ from: 'offset', offset: offsetFrom }]) };
    progress.sinceMs = null;
  }
}

/** All partitions of a topic, in order of log time. Without --follow up to the ends that they had when it began. */
async function readMerged(client: Client, topic: string, progress: Progress, options: ReadOptions, io: CliIo): Promise<void> {
  if (options.partition !== undefined)
    throw new LogError('usage', 'Cannot read: --from is a place in all partitions, and --partition names one');
  const fresh = options.local === true ? 'local' : 'linearizable';
  const ends = options.follow === true ? new Map<number, number>() : await client.ends(topic, fresh);
  let from = typeof progress.from === 'object' ? (progress.from?.places ?? null) : progress.from === 'end' ? 'end' : null;
  let { sinceMs, left } = progress;
  let told = '';
  let places: readonly PartitionPlace[] = [];
  for (let first = true; left > 0; first = false) {
    const answer: MergedRecords = await readOnce(client, io, options, () =>
      client.readMerged({
        topic,
        from,
        sinceMs,
        max: Math.min(left, recordsPerRead),
        freshness: options.local === true ? 'local' : first ? 'linearizable' : 'session',
        session: from === 'end' ? null : from,
        waitMs: options.follow === true && !first ? followWaitMs : 0,
      }),
    );
    if (first) io.stderr.write(`All ${answer.partitions} partitions, in order of log time\n`);
    const missing = answer.missing.map(({ partition, reason }) => `Partition ${partition} is missing: ${reason}\n`).join('');
    if (missing !== told) io.stderr.write(missing === '' ? 'All partitions answer again\n' : missing);
    told = missing;
    const wanted = answer.records.filter(({ partition, offset }) => offset < (ends.get(partition) ?? Number.POSITIVE_INFINITY));
    left -= wanted.length;
    if (wanted.length > 0) await write(io.stdout, Buffer.concat(wanted.flatMap((record) => [formatMerged(record, options), newline])));
    // Those that are missing are not waited for.
    places = decodePlaces(answer.next, answer.partitions) ?? [];
    const silent = new Set(answer.missing.map(({ partition }) => partition));
    const isOver = places.every(
      (place, partition) =>
        silent.has(partition) || (place.from === 'offset' && place.offset >= (ends.get(partition) ?? Number.POSITIVE_INFINITY)),
    );
    from = answer.next;
    sinceMs = null;
    if (options.follow !== true && (answer.records.length === 0 || isOver)) break;
  }
  // What came later than the end is not shown, and not passed over.
  const next = places.map((place, partition) => upTo(place, ends.get(partition)));
  io.stderr.write(`Go on with --from ${encodePlaces(next)}\n`);
  if (told !== '') throw new ExitWith(exitCodes.failed);
}

const upTo = (place: PartitionPlace, end: number | undefined): PartitionPlace =>
  place.from === 'offset' && end !== undefined && place.offset > end ? { from: 'offset', offset: end } : place;

function formatMerged(record: MergedRecord, options: ReadOptions): Uint8Array {
  if (options.json === true) return Buffer.from(escapeJson(JSON.stringify(record)));
  const { value, valueBase64 } = record;
  const bytes = valueBase64 === undefined ? Buffer.from(value ?? '') : Buffer.from(valueBase64, 'base64');
  return formatValue(bytes, options);
}

/** A follower asks until it is told to stop; it says when nobody answers, and when somebody does again. */
async function readOnce<Result>(client: Client, io: CliIo, options: ReadOptions, attempt: () => Promise<Result>): Promise<Result> {
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
