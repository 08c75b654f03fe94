import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { type Client, patiently } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { type AckPosition, type PulledPart, type PullResult, sessionMsMax, sessionMsMin } from '../eventlog/subscriptions.ts';
import { type LogRecord, recordsOfPart } from '../library/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { withClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { shownId } from './ids.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, integer, seconds } from './options.ts';
import { recordJson } from './record-fields.ts';
import { addFormatOptions, type RecordFormat, recordPrinter, refuseFormats, tellsLogTime } from './record-text.ts';
import { sayWaiting } from './say-waiting.ts';
import { count } from './table.ts';

interface Options extends ConnectOptions, RecordFormat {
  readonly max?: number;
  readonly follow?: boolean;
  readonly peek?: boolean;
  readonly worker?: string;
  readonly session?: number;
}

const recordsPerPull = 1000;
const positionsPerAck = 1000;
const followWaitMs = 5_000;
/** A worker that ends does not wait longer for brokers that are gone. */
const leaveMs = 1_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Print what is new to a subscriber, the value of each record on a line, and acknowledge it once it is written: what was printed when the command is ' +
        'killed comes again, nothing is missed. Without --follow it ends when nothing more is new.',
    )
    .argument('<subscriber>')
    .argument('[topic...]', 'only of these topics (default: all that it is subscribed to)')
    .option('-n, --max <count>', 'stop after so many records', integer(1))
    .option('-f, --follow', 'go on as new records come, from whichever broker answers')
    .option('--peek', 'acknowledge nothing, and join no workers: the same comes again; one pull of at most 1,000 records, or --max')
    .option('--worker <name>', 'pull as one of several workers that share the subscriber: only what it holds; it leaves them when it ends')
    .option(
      '--session <seconds>',
      'the worker is taken for dead so long after its last pull: give it longer than a batch takes (default: 30)',
      seconds(sessionMsMin / 1000, sessionMsMax / 1000),
    )
    .action(async (subscriber: string, topics: readonly string[], options: Options) => {
      refuseFormats(options, 'pull');
      if (tellsLogTime(options))
        throw new LogError('usage', 'Cannot pull: what is pulled does not say its log time, %L and %l of --format');
      if (options.peek === true && options.follow === true)
        throw new LogError('usage', 'Cannot pull: --peek and --follow exclude each other');
      if (options.peek === true && options.worker !== undefined)
        throw new LogError('usage', 'Cannot pull: --peek joins no workers: it shows what is new, whoever holds it');
      if (options.session !== undefined && options.worker === undefined)
        throw new LogError('usage', 'Cannot pull: --session is of a worker, and there is no --worker');
      const signal = options.follow === true ? io.interrupt() : null;
      const pulling: Pulling = { subscriber, topics: topics.length === 0 ? null : topics, options, epoch: null };
      try {
        await withClient(options, io, signal === null ? {} : { signal }, (client) => pull(client, pulling, io));
      } catch (error) {
        // Ctrl-C is how a follower is meant to end: nothing to explain.
        if (error instanceof LogError && error.code === 'interrupted') throw new ExitWith(exitCodes.interrupted);
        throw error;
      } finally {
        await leave(pulling, io);
      }
    });
  addFormatOptions(command, 'topic, partition, offset, timestamp, key, value, headers; tries where it has failed and comes again', {
    logTimes: false,
  });
  addExamples(addConnectOptions(command), [
    { command: 'cairn pull billing', does: 'all that is new, then it ends' },
    { command: 'cairn pull billing orders --follow', does: 'and what comes' },
    { command: 'cairn pull billing --worker one --follow', does: 'its share of the partitions, as long as others pull too' },
    { command: 'cairn pull billing --peek --max 1', does: 'the next record, which stays new' },
  ]);
}

interface Pulling {
  readonly subscriber: string;
  readonly topics: readonly string[] | null;
  readonly options: Options;
  /** Of its worker, once that has joined. */
  epoch: number | null;
}

/** So that the others need not wait for the end of its session. */
async function leave({ subscriber, options, epoch }: Pulling, io: CliIo): Promise<void> {
  const { worker } = options;
  if (worker === undefined || epoch === null) return;
  try {
    const signal = AbortSignal.timeout(leaveMs);
    await withClient(options, io, { signal }, (client) => client.subscriptions.leave({ subscriber, worker, epoch }));
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
  }
}

async function pull(client: Client, pulling: Pulling, io: CliIo): Promise<void> {
  const { subscriber, topics, options } = pulling;
  const { worker = null, session: sessionMs } = options;
  const whose = { worker, ...(sessionMs === undefined ? {} : { sessionMs }) };
  if (worker !== null) pulling.epoch = (await client.subscriptions.heartbeat({ ...whose, subscriber, worker, topics })).epoch;
  const isFollowing = options.follow === true;
  let left = options.max ?? Number.POSITIVE_INFINITY;
  let written: readonly AckPosition[] = [];
  /** All that was written, and not yet known to be acknowledged on a majority. */
  const places = new Map<string, AckPosition>();
  const told = new Set<string>();
  let standsBy = '';
  const onWaiting = sayWaiting(client, io);
  const plain = recordPrinter(options, { json: ['topic', 'partition'], withTopic: false });
  const print = (record: LogRecord, tries?: number): Uint8Array =>
    tries === undefined || options.json !== true ? plain(record) : jsonOf(record, tries);
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
      ...whose,
      peek: options.peek === true,
    };
    const ask = (): Promise<PullResult> => client.subscriptions.pull(request);
    const result = isFollowing && !isFirst ? await patiently(client, () => joiningAgain(ask), onWaiting) : await ask();
    const { bytes, count } = format(result, print);
    if (bytes.length > 0) await write(io.stdout, bytes);
    for (const { topic, message } of result.problems) if (told.size < told.add(topic).size) io.stderr.write(`${escapeControls(message)}\n`);
    pulling.epoch = result.share?.epoch ?? pulling.epoch;
    const isIdle = shareText(result.share);
    if (isIdle !== standsBy) io.stderr.write(isIdle);
    standsBy = isIdle;
    written = result.parts.map(positionOf);
    for (const position of written) places.set(placeOf(position), position);
    left -= count;
    if (options.peek === true) return;
    const isOver = left <= 0 || (!isFollowing && result.parts.length === 0);
    if (!isOver) continue;
    const positions = [...places.values()];
    for (let at = 0; at < positions.length; at += positionsPerAck)
      await client.subscriptions.ack({
        subscriber,
        positions: positions.slice(at, at + positionsPerAck),
        // What went to another worker meanwhile comes again there.
        each: options.worker !== undefined,
      });
    return;
  }
}

/** One that was taken for dead while it waited joins with its next pull. */
async function joiningAgain<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'unknownWorker') throw error;
    }
  }
}

/** Of what was written: all below an offset, or the one record that came again. */
const positionOf = ({ topic, partition, offsetTo: offset, generation, tries }: PulledPart): AckPosition => ({
  topic,
  partition,
  offset,
  generation,
  ...(tries === undefined ? {} : { tries }),
});

const placeOf = ({ topic, partition = 0, offset, tries }: AckPosition): string =>
  tries === undefined ? `${topic}/${partition}` : `${topic}/${partition}/${offset}`;

const jsonOf = (record: LogRecord, tries: number): Uint8Array => {
  const { topic, partition } = record;
  return Buffer.from(`${recordJson(record, { topic, partition, tries })}\n`);
};

/** Where a worker has nothing to do it is told so. */
function shareText(share: PullResult['share']): string {
  if (share === null || share.worker === null || share.holds > 0) return '';
  const { workers, partitions } = share;
  const all = `${count(workers)} ${workers === 1 ? 'worker shares' : 'workers share'} ${count(partitions)} ${partitions === 1 ? 'partition' : 'partitions'}`;
  return `Worker ${shownId(share.worker)} holds nothing for now and stands by: ${all}\n`;
}

function format(
  result: PullResult,
  print: (record: LogRecord, tries?: number) => Uint8Array,
): { readonly bytes: Uint8Array; readonly count: number } {
  const chunks = result.parts.flatMap((part) => recordsOfPart(part).map((record) => print(record, part.tries)));
  return { bytes: Buffer.concat(chunks), count: chunks.length };
}
