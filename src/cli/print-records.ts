/** What `read` and `tail` do once their options are read: the library reads, and this prints. */
import { Buffer } from 'node:buffer';
import { exitCodes } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import type { CairnClient, Records } from '../library/index.ts';
import { ExitWith } from './command.ts';
import { withCairnClient } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { type CliIo, write } from './io.ts';
import { type RecordFormat, recordPrinter, tellsLogTime } from './record-text.ts';
import { sayWaiting } from './say-waiting.ts';

export interface ReadOptions extends ConnectOptions, RecordFormat {
  /** An offset, so many before the end as a negative number, "start", "end", or where an earlier read ended. */
  readonly from?: number | string;
  readonly last?: number;
  readonly since?: number;
  readonly until?: number;
  readonly max?: number;
  readonly follow?: boolean;
  readonly local?: boolean;
  readonly partition?: number;
}

export async function printRecords(topics: readonly string[], options: ReadOptions, io: CliIo): Promise<void> {
  if (options.follow !== true) {
    await withCairnClient(options, io, {}, (client) => readEach(client, topics, options, io));
    return;
  }
  const interrupt = io.interrupt();
  await withCairnClient(options, io, { signal: interrupt }, (client) => followAll(client, topics, options, interrupt, io));
  // Ctrl-C is how a follower is meant to end: nothing to explain.
  if (interrupt.aborted) throw new ExitWith(exitCodes.interrupted);
}

/** One after another. Where a partition is missing the others are read all the same, and the exit code says so. */
async function readEach(client: CairnClient, topics: readonly string[], options: ReadOptions, io: CliIo): Promise<void> {
  const { until, partition } = options;
  const budget: Budget = { left: options.max ?? Number.POSITIVE_INFINITY };
  let isWhole = true;
  for (const topic of topics) {
    if (budget.left <= 0) break;
    const max = Number.isFinite(budget.left) ? budget.left : undefined;
    const records = client.read(topic, { ...readingOf(options), partition, until, max, partial: true });
    await printOne(records, topic, budget, { isOnly: topics.length === 1, options, io });
    if (records.partitions > 1 && topics.length === 1) io.stderr.write(`Go on with --from ${records.position ?? 'start'}\n`);
    isWhole &&= records.missing.length === 0;
  }
  if (!isWhole) throw new ExitWith(exitCodes.failed);
}

/** All at the same time, until there are enough or it is told to stop. */
async function followAll(
  client: CairnClient,
  topics: readonly string[],
  options: ReadOptions,
  interrupt: AbortSignal,
  io: CliIo,
): Promise<void> {
  const budget: Budget = { left: options.max ?? Number.POSITIVE_INFINITY };
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupt, ending.signal]);
  const onWaiting = sayWaiting(client.batches, io);
  const isOnly = topics.length === 1;
  const follow = async (topic: string): Promise<void> => {
    try {
      const { partition, max } = options;
      const records = client.follow(topic, { ...readingOf(options), partition, signal, onWaiting, ...(isOnly ? { max } : {}) });
      await printOne(records, topic, budget, { isOnly, options, io });
      if (records.partitions > 1 && isOnly && !interrupt.aborted) io.stderr.write(`Go on with --from ${records.position ?? 'start'}\n`);
    } finally {
      // There are enough, or one of them cannot be followed.
      ending.abort();
    }
  };
  await Promise.all(topics.map(follow));
}

const readingOf = (options: ReadOptions) => ({
  from: options.from,
  since: options.since,
  last: options.last,
  freshness: options.local === true ? ('local' as const) : ('linearizable' as const),
  ...(tellsLogTime(options) ? { logTime: true } : {}),
});

/** Records that are still wanted, of all topics together. */
interface Budget {
  left: number;
}

interface Printing {
  /** No other topic is named. */
  readonly isOnly: boolean;
  readonly options: ReadOptions;
  readonly io: CliIo;
}

async function printOne(records: Records, topic: string, budget: Budget, { isOnly, options, io }: Printing): Promise<void> {
  const tell = noteTeller(records, isOnly ? '' : `Topic "${topic}": `, io);
  for await (const page of records.pages()) {
    tell();
    const print = recordPrinter(options, {
      json: [...(isOnly ? [] : ['topic' as const]), ...(records.partitions > 1 ? ['partition' as const] : [])],
      withTopic: !isOnly,
    });
    const wanted = page.slice(0, budget.left);
    budget.left -= wanted.length;
    if (wanted.length > 0) await write(io.stdout, Buffer.concat(wanted.map(print)));
    if (budget.left <= 0) return;
  }
}

/** Says once, on stderr, what is to be known of a reading, and says it where that changes. */
function noteTeller(records: Records, about: string, io: CliIo): () => void {
  let areTold = false;
  let isAheadTold = false;
  let told = '';
  const say = (text: string): void => void io.stderr.write(`${about}${escapeControls(text)}\n`);
  return () => {
    const { partitions, timesAhead, missing } = records;
    if (partitions > 1 && !areTold) {
      areTold = true;
      say(`All ${partitions} partitions, in order of log time`);
    }
    if (timesAhead !== null && !isAheadTold) {
      isAheadTold = true;
      say(describeTimesAhead(timesAhead.offset, timesAhead.ms));
    }
    const gone = missing.map(({ partition, reason }) => `Partition ${partition} is missing: ${reason}`);
    if (gone.join('\n') === told) return;
    told = gone.join('\n');
    for (const line of gone.length === 0 ? ['All partitions answer again'] : gone) say(line);
  };
}

const describeTimesAhead = (offset: number, aheadMs: number): string => {
  const [unit, ms] =
    aheadMs < 300_000 ? (['s', 1_000] as const) : aheadMs < 172_800_000 ? (['h', 3_600_000] as const) : (['days', 86_400_000] as const);
  const much = `${(aheadMs / ms).toFixed(1)} ${unit}`;
  return `From offset ${offset} on the times of this topic are ${much} ahead: a broker with a wrong clock has led it. All of it is shown, whenever it came`;
};
