import { Buffer } from 'node:buffer';
import { fstatSync } from 'node:fs';
import type { Command } from 'commander';
import { Option } from 'commander';
import {
  AppendStream,
  type AppendStreamSummary,
  batchOf,
  type Client,
  clientBytes,
  lineBytesMax,
  Overlap,
  type PartitionBatch,
  RecordBatcher,
  RoundBatcher,
} from '../client/index.ts';
import { describeOffsets } from '../eventlog/offsets.ts';
import { type RecordLog, scheduledBytesMax, shownAppend } from '../eventlog/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { AppendResult, Level } from '../eventlog/types.ts';
import { requestIdIn } from '../partitions/index.ts';
import { partitionOfKey } from '../placement/index.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { isPlain, keyBytesMax, lineLimit, type LineOptions, parseDelimiter, parseHeader, parseKey, parseLine } from './line-records.ts';
import { addConnectOptions, duration, integer, jsonOption, moment, seconds } from './options.ts';
import { loadProgress, noProgress } from './progress.ts';

type Appending = Pick<RecordLog, 'append' | 'nextSequence'>;

export interface AppendOptions extends ConnectOptions, LineOptions {
  readonly level: Level;
  readonly partition?: number;
  readonly expectedOffset?: number;
  readonly requestId?: string;
  readonly timeout?: number;
  readonly at?: number;
  readonly in?: number;
  readonly json?: boolean;
}

const timeoutMsDefault = 30_000;

/** A pipe that says nothing for this long has paused: what has come is appended, so that `tail -f` arrives. A file never pauses. */
const pauseMs = 50;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Append records to a topic. From standard input each line is a record: the bytes before its \\n, nothing taken away (the \\r of a CRLF stays); ' +
        `an empty line is an empty record, a last line without \\n counts, and a line has at most ${lineBytesMax} bytes.`,
    )
    .argument('<topic>', 'where to append');
  addAppendOptions(command).action(async (topic: string, texts: readonly string[], options: AppendOptions) => {
    await append(topic, texts, options, io, (client) => client);
  });
  addConnectOptions(command);
  addExamples(command, [
    { command: 'cairn append log hello', does: 'one record' },
    { command: "cairn append log 'first record' 'second record'", does: 'two records with consecutive offsets, both or none' },
    { command: 'cairn append orders -k anna -H shop=oslo boots', does: 'with a key and a header' },
    { command: 'cairn append orders --key-delimiter : < orders.txt', does: 'lines such as anna:boots' },
    { command: 'cairn read orders --json | cairn append copy --json-lines', does: 'keys, headers and times too' },
    { command: 'cairn append log - < app.log', does: 'a file of any size, a record a line' },
    { command: 'cairn append log - --request-id job-17 < app.log', does: 'can be interrupted and run again: nothing is doubled' },
    { command: 'tail -f app.log | cairn append log', does: 'lines as they come' },
    { command: "cairn append log 'wake up' --in 2h", does: 'appended in two hours; until then: cairn scheduled list' },
  ]);
}

/** What a command has that appends texts or standard input to a topic. */
export function addAppendOptions(command: Command): Command {
  return command
    .argument('[text...]', 'each TEXT is one record; none, or "-", reads standard input, a record a line')
    .option('-k, --key <key>', `key of every record, at most ${keyBytesMax} bytes`, parseKey)
    .option('-H, --header <name=value>', 'header of every record; may be given several times', parseHeader)
    .option('--key-delimiter <text>', 'each record is a key, this, and a value; without it, a value alone', parseDelimiter)
    .option('--json-lines', 'each record is a JSON object as `cairn read --json` prints it: value, key, headers, timestamp')
    .addOption(
      new Option('--level <level>', 'what the acknowledgement waits for: the leader, a majority, or all brokers')
        .choices(['leader', 'quorum', 'all'])
        .default('quorum'),
    )
    .option('--partition <number>', 'append to this partition (default: by the key; records without one go round)', integer(0))
    .option('--expected-offset <offset>', 'append only if the end of the topic is exactly this; not with standard input', integer(0))
    .option(
      '--request-id <id>',
      'name for this append: run again with the same name and input, it goes on where it stopped',
      parseRequestId,
    )
    .option('--timeout <seconds>', 'give up when nothing is acknowledged for so long (default: 30)', seconds(0.001, 3600))
    .addOption(
      new Option('--at <time>', 'append them later, at this time, at most 30 days ahead: kept and acknowledged now, all of them together')
        .argParser(moment)
        .conflicts('in'),
    )
    .addOption(new Option('--in <duration>', 'the same, after so long: 90s, 15m, 1h30m, 7d').argParser(duration))
    .addOption(jsonOption('the acknowledgement'));
}

/** `through` gives what appends, of a client. */
export async function append(
  topic: string,
  texts: readonly string[],
  options: AppendOptions,
  io: CliIo,
  through: (client: Client) => Appending,
): Promise<void> {
  const fromInput = texts.length === 0 || (texts.length === 1 && texts[0] === '-');
  if (options.key !== undefined && options.keyDelimiter !== undefined) throw excluding('--key', '--key-delimiter');
  if (options.jsonLines === true && (options.key ?? options.keyDelimiter) !== undefined)
    throw excluding('--json-lines', options.key === undefined ? '--key-delimiter' : '--key');
  if (fromInput && options.expectedOffset !== undefined) {
    throw new LogError('usage', 'Cannot append standard input with --expected-offset: it may take more than one batch');
  }
  const deliverAtMs = options.at ?? (options.in === undefined ? undefined : Date.now() + options.in);
  if (deliverAtMs !== undefined) return appendLater(topic, texts, { ...options, deliverAtMs, fromInput }, io, through);
  const interrupt = io.interrupt();
  await withClient(options, io, { signal: interrupt, timeoutMs: options.timeout ?? timeoutMsDefault }, async (client) => {
    if (fromInput) await appendInput({ client, log: through(client) }, topic, options, io, interrupt);
    else await appendTexts(through(client), topic, texts, options, io);
  });
}

const excluding = (one: string, other: string): LogError => new LogError('usage', `Cannot append: ${one} and ${other} exclude each other`);

/** It travels as a header of HTTP. */
function parseRequestId(text: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new LogError('usage', 'Cannot use this request id: it is 1 to 255 visible ASCII characters without spaces');
}

interface Later extends AppendOptions {
  readonly deliverAtMs: number;
  readonly fromInput: boolean;
}

/** All together, under one request id: whatever was read of the input is kept, or nothing. */
async function appendLater(
  topic: string,
  texts: readonly string[],
  { deliverAtMs, fromInput, ...options }: Later,
  io: CliIo,
  through: (client: Client) => Appending,
): Promise<void> {
  const values = fromInput ? await inputLines(topic, io) : texts;
  if (values.length === 0) return write(io.stdout, 'Nothing to append: the input is empty\n');
  await withClient(options, io, { signal: io.interrupt(), timeoutMs: options.timeout ?? timeoutMsDefault }, (client) =>
    appendTexts(through(client), topic, values, options, io, deliverAtMs),
  );
}

/** As they are appended at once: the bytes before each line feed, and what is behind the last one. */
async function inputLines(topic: string, io: CliIo): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of io.stdin as AsyncIterable<Uint8Array | string>) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > scheduledBytesMax)
      throw new LogError('recordTooLarge', `Cannot append to topic "${topic}" later: the input has more than ${scheduledBytesMax} bytes`);
    chunks.push(bytes);
  }
  const input = Buffer.concat(chunks);
  const values: Buffer[] = [];
  for (let from = 0; from < input.length; ) {
    const found = input.indexOf(0x0a, from);
    const to = found < 0 ? input.length : found;
    values.push(input.subarray(from, to));
    from = to + 1;
  }
  return values;
}

async function appendTexts(
  log: Appending,
  topic: string,
  texts: readonly (string | Buffer)[],
  options: AppendOptions,
  io: CliIo,
  deliverAtMs?: number,
): Promise<void> {
  const tooLong = texts.find((text) => Buffer.byteLength(text) > lineBytesMax);
  if (tooLong !== undefined) {
    throw new LogError('recordTooLarge', `Cannot append to topic "${topic}": a text is longer than ${lineBytesMax} bytes`);
  }
  const records = texts.map((text, index) => {
    const { timestampMs, ...record } = parseLine(Buffer.from(text), options, texts.length === 1 ? 'this text' : `text ${index + 1}`);
    return timestampMs === null ? record : { ...record, timestampMs };
  });
  const result = await log.append({
    topic,
    ...ofPartition(options),
    batch: batchOf(records),
    level: options.level,
    timeoutMs: options.timeout ?? timeoutMsDefault,
    requestId: options.requestId ?? null,
    sequence: 0,
    expectedOffset: options.expectedOffset ?? null,
    ...(deliverAtMs === undefined ? {} : { deliverAtMs }),
  });
  const { parts } = result;
  const shown = parts === undefined ? shownAppend(result) : { topic, partitions: parts.map(shownAppend) };
  await write(io.stdout, options.json === true ? `${JSON.stringify(shown)}\n` : `${describe(result)}\n`);
}

const ofPartition = ({ partition }: AppendOptions): { readonly partition?: number } => (partition === undefined ? {} : { partition });

function describe({ parts, ...result }: AppendResult): string {
  if (parts === undefined) return describePart(result, '');
  return parts.map((part) => describePart(part, `, partition ${part.partition}`)).join('\n');
}

function describePart(result: AppendResult, which: string): string {
  const records = result.count === 1 ? '1 record' : `${result.count} records`;
  if (result.scheduled !== undefined) {
    const { id, deliverAtMs } = result.scheduled;
    const before = result.duplicate ? 'Given before: ' : 'To be appended later: ';
    const kept = result.durable ? 'on the disks of' : 'by';
    return `${before}${records}, ${new Date(deliverAtMs).toISOString()}${which}, id ${id}, kept until then ${kept} brokers ${result.ackedBy.join(', ')}`;
  }
  const what = `${records} at ${describeOffsets(result.offset, result.offset + result.count)}${which}`;
  const where = result.committed ? `on the disks of brokers ${result.ackedBy.join(', ')}` : 'by the leader only, it may be lost';
  const memory = result.durable ? '' : ', in memory only: these brokers keep nothing on disk';
  if (result.duplicate) return `Appended before: ${what}`;
  return `Appended ${what}, ${result.durable ? where : where.replace('on the disks of', 'by')}${memory}`;
}

interface StreamOutcome {
  readonly topic: string;
  readonly requestId: string;
  /** Records acknowledged in this run. */
  readonly appended: number;
  /** Partitions that they are in, where the topic has several. */
  readonly partitions?: number;
  /** Records that an earlier run had appended. */
  readonly skipped: number;
  readonly offsetFirst: number | null;
  readonly offsetLast: number | null;
  readonly level: Level;
}

/** Streams standard input; memory is bounded by the batches in flight. */
async function appendInput(
  { client, log }: { readonly client: Client; readonly log: Appending },
  topic: string,
  options: AppendOptions,
  io: CliIo,
  interrupt: AbortSignal,
): Promise<void> {
  const requestId = options.requestId ?? crypto.randomUUID();
  const { wheres, skips, id } = await placesFor(client, topic, options, requestId);
  const skip = sum(skips);
  if (skip > 0) io.stderr.write(`${skip} lines arrived in an earlier run and are passed over\n`);
  const isTyped = io.stdin.isTTY === true;
  if (isTyped) io.stderr.write('Each line becomes a record; Ctrl-D ends\n');

  const start = isTyped ? () => noProgress : await loadProgress(io);
  const progress = start({ bytesTotal: inputBytes(io), what: 'lines acknowledged' });
  const acknowledged = (): number => sum(streams.map((stream) => stream.summary.acknowledged));
  const streams = wheres.map(
    (where, index) =>
      new AppendStream(log, {
        topic,
        ...where,
        requestId: id,
        level: options.level,
        timeoutMs: options.timeout ?? timeoutMsDefault,
        sequenceFrom: skips[index] ?? 0,
        signal: interrupt,
        onAcknowledged: () => progress.counted(acknowledged()),
        // A pipe may say nothing for hours: whoever watches it wants to know now.
        onFailed: (error) => void io.stdin.destroy(error),
      }),
  );
  const batcher = batcherFor(wheres, skips, options);
  const timeoutMs = options.timeout ?? timeoutMsDefault;
  const overlaps = wheres.map(
    (where) =>
      new Overlap(
        { append: (request) => log.append(request), read: (request) => client.read(request) },
        { topic, ...where, requestId: id, timeoutMs },
      ),
  );
  const take = async ({ index, batch, count, isPassedOver }: PartitionBatch, isLast = false): Promise<void> => {
    if (isPassedOver) await overlaps[index]?.compare(batch);
    else await streams[index]?.append(batch, count, isLast);
  };
  let summaries: readonly AppendStreamSummary[];
  try {
    await pump(io, batcher, take, progress.moved, interrupt);
    summaries = await Promise.all(streams.map((stream) => stream.finish()));
  } catch (error) {
    await Promise.all(streams.map((stream) => stream.settle()));
    throw explain(error, acknowledged() + skip, requestId);
  } finally {
    progress.stop();
  }
  if (batcher.lineCount < skip) {
    throw new LogError(
      'requestIdReused',
      `Cannot append to topic "${topic}": request id "${requestId}" has appended ${skip} lines and this input has only ${batcher.lineCount}, so it is another input`,
    );
  }
  const uncompared = sum(overlaps.map((overlap) => overlap.uncompared));
  if (uncompared > 0) io.stderr.write(`${uncompared} of them were appended too long ago to be compared with this input\n`);
  const [first] = summaries;
  const isOne = summaries.length === 1;
  const offsetFirst = isOne ? (first?.offsetFirst ?? null) : null;
  const offsetLast = isOne ? (first?.offsetLast ?? null) : null;
  const outcome: StreamOutcome = {
    topic,
    requestId,
    appended: acknowledged(),
    ...(isOne ? {} : { partitions: summaries.filter((summary) => summary.acknowledged > 0).length }),
    skipped: skip,
    offsetFirst,
    offsetLast,
    level: options.level,
  };
  await write(io.stdout, options.json === true ? `${JSON.stringify(outcome)}\n` : `${describeStream(outcome)}\n`);
}

/** Where the lines go. */
interface Places {
  /** The partitions that they are for in turn. */
  readonly wheres: readonly { readonly partition?: number }[];
  /** Of each of them, the lines that arrived in an earlier run. */
  readonly skips: readonly number[];
  /** Under which id. */
  readonly id: string;
}

/** An input that was begun before the topic got more partitions goes on among those that it had then. */
async function placesFor(client: Client, topic: string, options: AppendOptions, requestId: string): Promise<Places> {
  const skipsOf = (wheres: Places['wheres'], id: string): Promise<readonly number[]> =>
    options.requestId === undefined
      ? Promise.resolve(wheres.map(() => 0))
      : Promise.all(wheres.map((where) => client.nextSequence({ topic, ...where, requestId: id })));
  const { partition } = options;
  if (partition !== undefined) {
    const wheres = [{ partition }];
    return { wheres, skips: await skipsOf(wheres, requestId), id: requestId };
  }
  const counts = await client.partitionsOf(topic, 'append to');
  for (const [epoch, count] of counts.entries()) {
    const isNow = epoch === counts.length - 1;
    if (!isNow && options.requestId === undefined) continue;
    const id = requestIdIn(requestId, epoch, clientBytes);
    const wheres = wheresOf(count, counts.length === 1, options, requestId);
    const skips = await skipsOf(wheres, id);
    if (isNow || sum(skips) > 0) return { wheres, skips, id };
  }
  return { wheres: [{}], skips: [0], id: requestId };
}

/** Those without a key go round, from one on that the request id decides, so that short inputs do not all go to one. */
function wheresOf(count: number, isOnly: boolean, { key }: AppendOptions, requestId: string): Places['wheres'] {
  if (count === 1) return isOnly ? [{}] : [{ partition: 0 }];
  if (key !== undefined) return [{ partition: partitionOfKey(Buffer.from(key), count) }];
  const first = partitionOfKey(Buffer.from(requestId), count);
  return Array.from({ length: count }, (_, index) => ({ partition: (first + index) % count }));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

type Batcher = Pick<RoundBatcher, 'push' | 'flush' | 'end' | 'lineCount'>;

function batcherFor(wheres: Places['wheres'], skips: readonly number[], options: AppendOptions): Batcher {
  const { key } = options;
  if (isPlain(options)) return new RoundBatcher({ key: key === undefined ? null : Buffer.from(key), skips, givesSkipped: true });
  const indexes = new Map(wheres.map(({ partition }, index) => [partition, index]));
  return new RecordBatcher({
    skips,
    lineBytesMax: lineLimit(options),
    parse: (line, number) => parseLine(line, options, `line ${number}`),
    indexOf: (keyBytes) => (wheres.length === 1 ? 0 : (indexes.get(partitionOfKey(keyBytes, wheres.length)) as number)),
  });
}

async function pump(
  io: CliIo,
  batcher: Batcher,
  take: (batch: PartitionBatch, isLast?: boolean) => Promise<void>,
  moved: (bytes: number) => void,
  interrupt: AbortSignal,
): Promise<void> {
  const isFile = inputBytes(io) !== null;
  const input = io.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
  const stop = (): void => void io.stdin.destroy(new LogError('interrupted', 'Interrupted'));
  if (interrupt.aborted) stop();
  else interrupt.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const next = input.next();
      if (!isFile && (await hasPaused(next))) {
        for (const each of batcher.flush()) await take(each);
      }
      const step = await next;
      if (step.done === true) break;
      const chunk = typeof step.value === 'string' ? Buffer.from(step.value) : step.value;
      for (const each of batcher.push(chunk)) await take(each);
      moved(chunk.length);
    }
  } catch (error) {
    // The lines before a line that is wrong are as good as any.
    if (isOfLine(error)) {
      for (const each of batcher.flush()) await take(each);
    }
    throw error;
  }
  for (const each of batcher.end()) await take(each, true);
}

const isOfLine = (error: unknown): error is LogError =>
  error instanceof LogError && (error.code === 'recordTooLarge' || error.code === 'invalidRequest') && error.details['line'] !== undefined;

function hasPaused(next: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), pauseMs);
    const came = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    next.then(came, came);
  });
}

/** Size of standard input where that is a file. */
function inputBytes(io: CliIo): number | null {
  const descriptor = (io.stdin as { readonly fd?: number }).fd;
  if (descriptor === undefined) return null;
  const stat = fstatSync(descriptor);
  if (stat.isDirectory()) throw new LogError('invalidRequest', 'Cannot read standard input: it is a folder');
  return stat.isFile() ? stat.size : null;
}

/** What went wrong, how much is safe, and how to go on. */
function explain(error: unknown, acknowledged: number, requestId: string): unknown {
  if (!(error instanceof LogError)) return error;
  // The first batch goes alone, so nothing else is on its way either.
  if ((acknowledged === 0 && error.definite) || error.code === 'requestIdReused') return error;
  const first = isOfLine(error) ? (error.code === 'recordTooLarge' ? 'Shorten it and go' : 'Mend it and go') : 'Go';
  const message = `${error.message}; ${lines(acknowledged)} ${acknowledged === 1 ? 'is' : 'are'} acknowledged`;
  const details = { ...error.details, acknowledged, requestId, next: `${first} on with --request-id ${requestId}.` };
  return new LogError(error.code, message, details, { cause: error });
}

function describeStream(outcome: StreamOutcome): string {
  const { appended, skipped, offsetLast, partitions } = outcome;
  const before = skipped > 0 ? ` after the ${lines(skipped)} of an earlier run` : '';
  if (appended === 0)
    return skipped > 0
      ? `Nothing was left to append: ${lines(skipped)} arrived in an earlier run`
      : 'Nothing to append: the input is empty';
  const last = offsetLast === null ? '' : `, last offset ${offsetLast}`;
  const where = partitions === undefined ? '' : ` to ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`;
  return `Appended ${lines(appended)}${where}${before}${last}${outcome.level === 'leader' ? ', by the leader only, they may be lost' : ''}`;
}

const lines = (count: number): string => (count === 1 ? '1 line' : `${count} lines`);
