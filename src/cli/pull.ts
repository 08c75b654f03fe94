import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { type Client, patiently, Pulls } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { type PullResult, sessionMsMax, sessionMsMin } from '../eventlog/subscriptions.ts';
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
const bytesPerPeek = 1024 * 1024;
const followWaitMs = 5_000;

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
      const asked = { subscriber, topics: topics.length === 0 ? null : topics };
      try {
        await withClient(options, io, signal === null ? {} : { signal }, (client) =>
          options.peek === true ? peek(client, asked, options, io) : pull(client, asked, options, io),
        );
      } catch (error) {
        // Ctrl-C is how a follower is meant to end: nothing to explain.
        if (error instanceof LogError && error.code === 'interrupted') throw new ExitWith(exitCodes.interrupted);
        throw error;
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

interface Asked {
  readonly subscriber: string;
  readonly topics: readonly string[] | null;
}

/** What is new, once; nothing of it is acknowledged. */
async function peek(client: Client, asked: Asked, options: Options, io: CliIo): Promise<void> {
  const result = await client.subscriptions.pull({
    ...asked,
    mode: 'explicit',
    number: null,
    acknowledge: [],
    recordsMax: Math.min(recordsPerPull, options.max ?? recordsPerPull),
    bytesMax: bytesPerPeek,
    waitMs: 0,
    freshness: 'linearizable',
    peek: true,
  });
  await resultPrinter(options, io)(result);
}

async function pull(client: Client, asked: Asked, options: Options, io: CliIo): Promise<void> {
  const { worker, session: sessionMs, follow: isFollowing = false } = options;
  const pulls = new Pulls(client, { ...asked, freshness: 'linearizable', worker, sessionMs });
  const print = resultPrinter(options, io);
  const onWaiting = sayWaiting(client, io);
  let left = options.max ?? Number.POSITIVE_INFINITY;
  try {
    await pulls.join();
    for (let isFirst = true; left > 0; isFirst = false) {
      const waits = isFollowing && !isFirst;
      const ask = (): Promise<PullResult | null> =>
        pulls.next({ recordsMax: Math.min(recordsPerPull, left), waitMs: waits ? followWaitMs : 0 });
      const result = waits ? await patiently(client, ask, onWaiting) : await ask();
      if (result === null) continue;
      left -= await print(result);
      for (const part of result.parts) pulls.processed(part, part.offsetTo);
      if (!isFollowing && result.parts.length === 0) break;
    }
    await pulls.acknowledge();
  } finally {
    await pulls.leave();
  }
}

/** What writes the records of a pull and gives their number; what is wrong with a topic is told once, and that a worker has nothing to do whenever that is new. */
function resultPrinter(options: Options, io: CliIo): (result: PullResult) => Promise<number> {
  const told = new Set<string>();
  let standsBy = '';
  const plain = recordPrinter(options, { json: ['topic', 'partition'], withTopic: false });
  const bytesOf = (record: LogRecord, tries?: number): Uint8Array =>
    tries === undefined || options.json !== true ? plain(record) : jsonOf(record, tries);
  return async ({ parts, problems, share }) => {
    const records = parts.flatMap((part) => recordsOfPart(part).map((record) => bytesOf(record, part.tries)));
    if (records.length > 0) await write(io.stdout, Buffer.concat(records));
    for (const { topic, message } of problems) if (told.size < told.add(topic).size) io.stderr.write(`${escapeControls(message)}\n`);
    const isIdle = shareText(share);
    if (isIdle !== standsBy) io.stderr.write(isIdle);
    standsBy = isIdle;
    return records.length;
  };
}

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
