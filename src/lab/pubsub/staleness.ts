import { Latencies } from '../bench/latencies.ts';
import { type Check, check, type Graph } from '../report/index.ts';
import { pause } from '../rig/index.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { RequestFailed } from './http.ts';
import { inMs, type Part, type Row } from './part.ts';
import { type Page, readAll, type ReadLevel, readPage } from './records.ts';
import { brokersOf, labelOfBroker, replicasOfContract, topicHomedAt } from './topics.ts';

export interface StalenessOptions {
  readonly cluster: Cluster;
  /** Of each level of writing, healthy; of reading at all levels at once, healthy, with a slow network, and under each partition. */
  readonly phaseMs: number;
  readonly say: (line: string) => void;
}

const levels = ['leader', 'quorum', 'all'] as const;
type WriteLevel = (typeof levels)[number];
const readLevels = ['linearizable', 'session', 'local'] as const;

/** Whoever gets no answer by then counts it as refused, and asks again. */
const timeoutMs = 1000;
/** Between two writes of the writer that readers are held against: slow enough that a busy computer does not make all of them late. */
const writeEveryMs = 5;

const home = 5;
const part = '8. consistency';

/** When what was acknowledged: what answers are held against. Times are those of one monotonic clock, in ms. */
export class Written {
  readonly topic: string;
  /** When each offset was acknowledged, ms. */
  readonly #ackedMs = new Map<number, number>();
  #end = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  acknowledged(offset: number, nowMs: number): void {
    this.#ackedMs.set(offset, nowMs);
    this.#end = Math.max(this.#end, offset + 1);
  }

  /** All acknowledged so far is below it. */
  get end(): number {
    return this.#end;
  }

  /** Acknowledged before a time, and not below an offset: how many, and since when the first of them. */
  missing(offset: number, end: number): { readonly records: number; readonly sinceMs: number | null } {
    let [records, sinceMs]: [number, number | null] = [0, null];
    for (let at = offset; at < end; at++) {
      const acked = this.#ackedMs.get(at);
      if (acked === undefined) continue;
      records++;
      sinceMs ??= acked;
    }
    return { records, sinceMs };
  }

  /** Acknowledged before `beforeMs` and not below `offset`. */
  isBeyond(offset: number, beforeMs: number): boolean {
    for (let at = this.#end - 1; at >= offset; at--) {
      const acked = this.#ackedMs.get(at);
      if (acked !== undefined && acked < beforeMs) return true;
    }
    return false;
  }
}

/** What the answers at one level came to. */
class Seen {
  readonly latencies = new Latencies();
  readonly staleness = new Latencies();
  answers = 0;
  refused = 0;
  stale = 0;
  missingMost = 0;
  staleMostMs = 0;
  /** Answers that are older than they say. */
  untrue = 0;
}

/** Evaluation 8: what each level costs and gives, while all is well and while brokers do not reach one another. */
export async function runStaleness(options: StalenessOptions): Promise<Part> {
  const { cluster, phaseMs, say } = options;
  const topic = topicHomedAt(home, 'consistency', brokerCount);
  await cluster.http.json(cluster.url(1), 'POST', '/v1/topics', { name: topic, replicas: replicasOfContract });
  await cluster.ledBy(topic, home);
  const replicas = brokersOf(topic, brokerCount, replicasOfContract);
  const written = new Written(topic);
  const rows: Row[] = [];
  const checks: Check[] = [];
  const read = async (situation: string, places: readonly { readonly where: string; readonly brokers: readonly number[] }[]) => {
    const seen = await readUnderWrites(
      cluster,
      written,
      home,
      places.map(({ brokers }) => brokers),
      phaseMs,
    );
    for (const [index, { where }] of places.entries())
      for (const level of readLevels) rows.push(readRow(situation, where, level, seen[index]?.get(level) as Seen));
    return seen;
  };

  say('Each level, healthy');
  for (const level of levels) rows.push(await measureWrites(cluster, topic, level, 'healthy', phaseMs / 2));
  const healthy = await read('healthy', [{ where: 'at its replicas', brokers: replicas }]);
  const delayMs = 20;
  say(`Each level, ${delayMs} ms a hop`);
  await cluster.fault({ action: 'delay', ms: delayMs, link: null });
  for (const level of levels) rows.push(await measureWrites(cluster, topic, level, `${delayMs} ms a hop`, phaseMs / 2));
  const slow = await read(`${delayMs} ms a hop`, [{ where: 'at its replicas', brokers: replicas }]);
  await cluster.fault({ action: 'heal' });

  const cut = replicas[1] as number;
  say(`${labelOfBroker(cut)}, a replica, is cut off from all others`);
  await cluster.fault({ action: 'partition', groups: [[cut], cluster.ids.filter((id) => id !== cut)] });
  const apart = await read('a replica cut off', [
    { where: 'at the one cut off', brokers: [cut] },
    { where: 'at the others', brokers: replicas.filter((id) => id !== cut) },
  ]);
  for (const level of levels) rows.push(await measureWrites(cluster, topic, level, 'a replica cut off', phaseMs / 2));
  await healAndSettle(cluster, topic);

  say(`${labelOfBroker(home)}, the leader, is cut off, and asked to write`);
  const minority = await writeInMinority(cluster, topic, replicas, phaseMs);
  rows.push(...minority.rows);

  const all = [...healthy, ...slow, ...apart].flatMap((each) => [...each]);
  const sum = (figure: (seen: Seen) => number, level?: ReadLevel): number =>
    all.filter(([own]) => level === undefined || own === level).reduce((total, [, seen]) => total + figure(seen), 0);
  const refusedCut = apart[0]?.get('linearizable')?.answers ?? 0;
  checks.push(
    zero(
      `stale answers to ${sum(({ answers }) => answers, 'linearizable')} linearizable reads`,
      sum(({ stale }) => stale, 'linearizable'),
    ),
    zero(
      `answers to ${sum(({ answers }) => answers, 'session')} session reads without a write that their token names`,
      sum(({ stale }) => stale, 'session'),
    ),
    zero(
      `local answers, of ${sum(({ answers }) => answers, 'local')}, that are older than they say`,
      sum(({ untrue }) => untrue),
    ),
    zero('linearizable reads answered by a replica that was cut off', refusedCut),
    check('8. local reads answered by it', (apart[0]?.get('local')?.answers ?? 0) > 0, 'more than 0', apart[0]?.get('local')?.answers ?? 0),
    zero('writes at quorum or all that a leader without a majority acknowledged', minority.quorumAcknowledged),
    zero('acknowledged at quorum or all, and lost', minority.quorumLost),
    ...(await impossibleLevels(cluster, topic)),
  );
  return { results: rows, checks, graphs: graphsOf(rows) };
}

const zero = (name: string, got: number): Check => check(`8. ${name}`, got === 0, 0, got);

const write = async (cluster: Cluster, broker: number, topic: string, level: WriteLevel, value: string): Promise<number> => {
  const path = `/v1/topics/${topic}/records?level=${level}&timeoutMs=${timeoutMs}`;
  const { text } = await cluster.http.ask(cluster.url(broker), 'POST', path, { body: value, type: 'text/plain', timeoutMs: 2 * timeoutMs });
  return (JSON.parse(text) as { readonly offset: number }).offset;
};

/** One writer at the home, one write after another. */
async function measureWrites(cluster: Cluster, topic: string, level: WriteLevel, situation: string, ms: number): Promise<Row> {
  const latencies = new Latencies();
  let [answers, refused] = [0, 0];
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    const sentMs = performance.now();
    try {
      await write(cluster, home, topic, level, `${level} ${situation}`);
      latencies.record(performance.now() - sentMs);
      answers++;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      refused++;
    }
  }
  const { p50, p99 } = latencies.summary();
  return { part, situation, what: `write, ${level}`, where: 'at its home', answers, refused, 'p50 ms': inMs(p50), 'p99 ms': inMs(p99) };
}

/**
 * While one writer writes at quorum, readers ask at each level, one after another: of each place a reader for each level, at its brokers in turn. An answer is
 * stale by what was acknowledged before the question was sent and is not below its high watermark.
 */
async function readUnderWrites(
  cluster: Cluster,
  written: Written,
  writer: number,
  places: readonly (readonly number[])[],
  ms: number,
): Promise<readonly ReadonlyMap<ReadLevel, Seen>[]> {
  const untilMs = performance.now() + ms;
  const isOver = (): boolean => performance.now() >= untilMs;
  const writing = (async () => {
    for (let count = 0; !isOver(); count++) {
      try {
        const offset = await write(cluster, writer, written.topic, 'quorum', `value ${count}`);
        written.acknowledged(offset, performance.now());
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
      }
      await pause(writeEveryMs);
    }
  })();
  const seen = places.map(() => new Map(readLevels.map((level) => [level, new Seen()])));
  const reading = places.flatMap((brokers, place) =>
    readLevels.map(async (level) => {
      const own = seen[place]?.get(level) as Seen;
      for (let count = 0; !isOver(); count++) await readOnce(cluster, written, brokers[count % brokers.length] as number, level, own);
    }),
  );
  await Promise.all([writing, ...reading]);
  return seen;
}

async function readOnce(cluster: Cluster, written: Written, broker: number, level: ReadLevel, seen: Seen): Promise<void> {
  const { topic, end } = written;
  const sentMs = performance.now();
  let page: Page;
  try {
    const session = level === 'session' ? { session: end } : {};
    page = await readPage(cluster, broker, topic, { level, from: 0, max: 1, timeoutMs, ...session });
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    seen.refused++;
    // It will say the same a moment later.
    await pause(writeEveryMs);
    return;
  }
  seen.answers++;
  seen.latencies.record(performance.now() - sentMs);
  const { records, sinceMs } = written.missing(page.highWatermark, end);
  const staleMs = sinceMs === null ? 0 : sentMs - sinceMs;
  seen.staleness.record(staleMs);
  seen.staleMostMs = Math.max(seen.staleMostMs, staleMs);
  seen.missingMost = Math.max(seen.missingMost, records);
  if (records > 0) seen.stale++;
  // What it says was so at some time after the question was sent.
  if (written.isBeyond(page.highWatermark + page.lag, sentMs - page.asOfMs)) seen.untrue++;
}

function readRow(situation: string, where: string, level: ReadLevel, seen: Seen): Row {
  const { p50, p99 } = seen.latencies.summary();
  const stale = seen.staleness.summary();
  return {
    part,
    situation,
    what: `read, ${level}`,
    where,
    answers: seen.answers,
    refused: seen.refused,
    'p50 ms': inMs(p50),
    'p99 ms': inMs(p99),
    'stale answers': seen.stale,
    'stale by p50 ms': inMs(stale.p50),
    'stale by p99 ms': inMs(stale.p99),
    'stale by at most ms': inMs(seen.staleMostMs),
    'records missing at most': seen.missingMost,
  };
}

async function healAndSettle(cluster: Cluster, topic: string): Promise<void> {
  await cluster.fault({ action: 'heal' });
  await cluster.ledBy(topic, home);
  // Every replica has it all again.
  await cluster.until('all replicas are equal', async () => {
    const counts = await Promise.all(
      brokersOf(topic, brokerCount, replicasOfContract).map(
        async (broker) => (await readPage(cluster, broker, topic, { level: 'local', from: 0, max: 1 })).highWatermark,
      ),
    );
    return new Set(counts).size === 1;
  });
}

/** The leader alone on one side: what it acknowledges at level `leader` until it gives up leading may be lost, and is counted; at the others it may not. */
async function writeInMinority(cluster: Cluster, topic: string, replicas: readonly number[], ms: number) {
  await cluster.fault({ action: 'partition', groups: [[home], cluster.ids.filter((id) => id !== home)] });
  const told = new Map<WriteLevel, string[]>(levels.map((level) => [level, []]));
  const refused = new Map<WriteLevel, number>();
  const other = replicas[1] as number;
  const majority: string[] = [];
  const untilMs = performance.now() + ms;
  const writeUntil = async (broker: number, level: WriteLevel, side: string, into: string[]): Promise<void> => {
    for (let count = 0; performance.now() < untilMs; count++) {
      const value = `${side} ${level} ${count}`;
      try {
        await write(cluster, broker, topic, level, value);
        into.push(value);
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        if (side === 'minority') refused.set(level, (refused.get(level) ?? 0) + 1);
      }
      await pause(writeEveryMs);
    }
  };
  await Promise.all([
    ...levels.map((level) => writeUntil(home, level, 'minority', told.get(level) as string[])),
    writeUntil(other, 'quorum', 'majority', majority),
  ]);
  await healAndSettle(cluster, topic);
  const kept = new Set((await readAll(cluster, 1, topic, 'linearizable')).map(({ value }) => value));
  const lostOf = (values: readonly string[]): number => values.filter((value) => !kept.has(value)).length;
  const toldOf = (level: WriteLevel): readonly string[] => told.get(level) as readonly string[];
  const situation = 'the leader cut off';
  return {
    quorumAcknowledged: toldOf('quorum').length + toldOf('all').length,
    quorumLost: lostOf(toldOf('quorum')) + lostOf(toldOf('all')) + lostOf(majority),
    rows: [
      ...levels.map((level): Row => {
        const own = toldOf(level);
        return {
          part,
          situation,
          what: `write, ${level}`,
          where: 'at the one cut off',
          answers: own.length,
          refused: refused.get(level) ?? 0,
          'acknowledged and lost': lostOf(own),
        };
      }),
      {
        part,
        situation,
        what: 'write, quorum',
        where: 'at the others',
        answers: majority.length,
        'acknowledged and lost': lostOf(majority),
      },
    ],
  };
}

/** Levels that there are not are refused, and not taken for another. */
async function impossibleLevels(cluster: Cluster, topic: string): Promise<readonly Check[]> {
  const refusedAs = async (request: Promise<unknown>): Promise<string> => {
    try {
      await request;
      return 'answered';
    } catch (error) {
      if (error instanceof RequestFailed) return String(error.status);
      throw error;
    }
  };
  const path = `/v1/topics/${topic}/records`;
  const wrote = await refusedAs(cluster.http.ask(cluster.url(1), 'POST', `${path}?level=strong`, { body: 'x', type: 'text/plain' }));
  const read = await refusedAs(cluster.http.ask(cluster.url(1), 'GET', `${path}?level=eventual`));
  return [
    check('8. a write at a level that there is not', wrote === '400', 400, wrote),
    check('8. a read at a level that there is not', read === '400', 400, read),
  ];
}

function graphsOf(rows: readonly Row[]): readonly Graph[] {
  const reads = rows.filter((row) => row['stale answers'] !== undefined);
  const categories = [...new Set(reads.map((row) => `${String(row['situation'])}, ${String(row['where'])}`))];
  const series = (barOf: (row: Row) => { value: number; low: number; high: number } | null) =>
    readLevels.map((level) => ({
      label: `read, ${level}`,
      bars: categories.map((category) => {
        const row = reads.find(
          (each) => `${String(each['situation'])}, ${String(each['where'])}` === category && each['what'] === `read, ${level}`,
        );
        return row === undefined || row['answers'] === 0 ? null : barOf(row);
      }),
    }));
  const xTitle = 'what happens, and who is asked; no bar: nothing was answered';
  return [
    {
      kind: 'bars',
      name: 'staleness',
      title: 'How stale answers are, by level',
      xTitle,
      yTitle: 'ms: p50 as a bar, and up to the most',
      categories,
      series: series((row) => ({
        value: Number(row['stale by p50 ms']),
        low: Number(row['stale by p50 ms']),
        high: Number(row['stale by at most ms']),
      })),
    },
    {
      kind: 'bars',
      name: 'level-latency',
      title: 'What a read costs, by level',
      xTitle,
      yTitle: 'ms: p50 as a bar, and up to p99',
      categories,
      series: series((row) => ({ value: Number(row['p50 ms']), low: Number(row['p50 ms']), high: Number(row['p99 ms']) })),
    },
  ];
}
