/**
 * The tour: the main job before the user's eyes. A real file goes into a new topic on three brokers, from which a subscriber pulls; the leader is
 * killed half way, the stream goes on, and every broker is read back and compared with the file, as is what the subscriber was given. Nothing is
 * taken on trust: what counts is the file on one side, and each broker's own copy and what was given on the other.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { AppendStream, type Client, forEachRead, LineBatcher } from '../client/index.ts';
import { packageFolder } from '../system/package.ts';
import { LogError, type PartitionStatus } from '../eventlog/index.ts';
import type { RecordCursor } from '../record/index.ts';
import { LabBrokers } from './rig/index.ts';
import { type PulledCheck, TourSubscriber } from './tour-subscriber.ts';

export interface TourOptions {
  /** The file to stream, or null for one that is found here. */
  readonly file: string | null;
  /** A large file is taken up to this many bytes, to the end of a line, so that the tour ends within a minute. */
  readonly bytesMax?: number;
  readonly signal?: AbortSignal;
  readonly hooks?: TourHooks;
}

interface TourHooks {
  /** What is happening, a line each. */
  readonly say?: (line: string) => void;
  readonly onProgress?: (bytes: number, bytesTotal: number, acknowledged: number) => void;
  /** Between the end of the stream and the check: here a test makes something wrong. */
  readonly beforeCheck?: (brokers: LabBrokers, topic: string) => Promise<void>;
}

interface CopyCheck {
  readonly broker: number;
  readonly lines: number;
  readonly lost: number;
  readonly doubled: number;
  readonly sha256: string;
  readonly same: boolean;
}

export interface TourResult {
  readonly ok: boolean;
  readonly file: string;
  /** False when only the beginning of the file was taken. */
  readonly wholeFile: boolean;
  readonly bytes: number;
  readonly lines: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  readonly sha256: string;
  readonly killed: number;
  readonly inFlightAtKill: number;
  readonly newLeader: number;
  readonly newTerm: number;
  /** Between two acknowledgements, or from the first append to the first. */
  readonly longestGapMs: number;
  readonly copies: readonly CopyCheck[];
  /** What a subscriber was given that pulled all the while. */
  readonly pulled: PulledCheck;
  /** Null where there is no GNU grep to compare with. */
  readonly search: SearchCheck | null;
  readonly tookMs: number;
}

/** The topic searched, and the file by GNU grep. */
interface SearchCheck {
  readonly pattern: string;
  /** What was printed: matching lines, context and marks between groups. */
  readonly lines: number;
  readonly same: boolean;
}

const topic = 'tour';
const bytesMaxDefault = 32 * 1024 * 1024;
const copyMsMax = 20_000;

export async function runTour(options: TourOptions): Promise<TourResult> {
  const startedMs = performance.now();
  const say = options.hooks?.say ?? (() => undefined);
  const input = await measure(options.file ?? findFile(), options.bytesMax ?? bytesMaxDefault);
  say(`Starting three brokers, each a process with its data in a temporary folder`);
  const brokers = await LabBrokers.start({ count: 3, ...(options.signal === undefined ? {} : { signal: options.signal }) });
  try {
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const client = brokers.client(brokers.ids, { timeoutMs: 20_000, ...signal });
    let subscriber: TourSubscriber | null = null;
    try {
      const { partition } = await client.createTopic(topic, { retentionBytes: null });
      subscriber = await TourSubscriber.begin(brokers.client(brokers.ids, { timeoutMs: 20_000, ...signal }), topic);
      say(
        `Streaming ${input.wholeFile ? '' : 'the beginning of '}${input.file} into the new topic "${topic}", from which a subscriber pulls`,
      );
      const streamed = await stream(brokers, client, partition, input, options);
      const summary = streamed.summary;
      say(`All ${summary.acknowledged} lines are acknowledged; starting broker ${streamed.killed} again`);
      await brokers.restart(streamed.killed, options.signal);
      await options.hooks?.beforeCheck?.(brokers, topic);
      say('Reading back from every broker what it holds itself');
      const end = (await client.end({ topic, freshness: 'linearizable' })).offset;
      const copies: CopyCheck[] = [];
      for (const id of brokers.ids) copies.push(await checkCopy(brokers.client([id], signal), id, end, input));
      const pulled = await subscriber.finish(end, input);

      const search = await checkSearch(brokers, client, end, input, say);
      const lost = Math.max(...copies.map((copy) => copy.lost));
      const doubled = Math.max(...copies.map((copy) => copy.doubled));
      return {
        ok: summary.acknowledged === input.lines && copies.every((copy) => copy.same) && pulled.same && search?.same !== false,
        file: input.file,
        wholeFile: input.wholeFile,
        bytes: input.bytes,
        lines: input.lines,
        acknowledged: summary.acknowledged,
        lost,
        doubled,
        sha256: input.sha256,
        killed: streamed.killed,
        inFlightAtKill: streamed.inFlightAtKill,
        newLeader: streamed.newLeader,
        newTerm: streamed.newTerm,
        longestGapMs: streamed.longestGapMs,
        copies,
        pulled,
        search,
        tookMs: performance.now() - startedMs,
      };
    } finally {
      subscriber?.close();
      client.close();
    }
  } finally {
    await brokers.end();
  }
}

// ---------------------------------------------------------------------------------------------------------------- the file

interface Input {
  readonly file: string;
  readonly wholeFile: boolean;
  readonly bytes: number;
  readonly lines: number;
  readonly endsWithNewline: boolean;
  readonly sha256: string;
}

/** The largest log of this machine that we may read, else a file that came with us. */
function findFile(): string {
  const folder = '/var/log';
  let best: { readonly file: string; readonly size: number } | null = null;
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const file = path.join(folder, name);
    if (!name.endsWith('.log')) continue;
    try {
      accessSync(file, constants.R_OK);
      const stat = statSync(file);
      if (stat.isFile() && stat.size > (best?.size ?? 0)) best = { file, size: stat.size };
    } catch {
      // Not ours to read, or gone meanwhile.
    }
  }
  if (best !== null) return best.file;
  const own = ['package-lock.json', 'package.json'].map((name) => path.join(packageFolder, name));
  return own.find((file) => existsSync(file)) as string;
}

/** Reads it once: a log may grow while we stream it, so its length is settled here. */
async function measure(file: string, bytesMax: number): Promise<Input> {
  let size: number;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new Error('it is not a file');
    accessSync(file, constants.R_OK);
    size = stat.size;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'not permitted' : (error as Error).message;
    throw new LogError('usage', `Cannot tour with ${file}: ${reason}`, {}, { cause: error });
  }
  if (size === 0) throw new LogError('usage', `Cannot tour with ${file}: it is empty`);

  const wholeFile = size <= bytesMax;
  const bytes = wholeFile ? size : await lineEndBefore(file, bytesMax);
  const hash = createHash('sha256');
  let lines = 0;
  let last = 0;
  for await (const chunk of readPart(file, 0, bytes)) {
    hash.update(chunk);
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) lines++;
    last = chunk.at(-1) as number;
  }
  const endsWithNewline = last === 0x0a;
  return { file, wholeFile, bytes, lines: lines + (endsWithNewline ? 0 : 1), endsWithNewline, sha256: hash.digest('hex') };
}

/** The end of the last line that ends within the first `bytesMax` bytes; all of them if it is one long line. */
async function lineEndBefore(file: string, bytesMax: number): Promise<number> {
  const from = Math.max(0, bytesMax - 2 * 1024 * 1024);
  const tail: Buffer[] = [];
  for await (const chunk of readPart(file, from, bytesMax)) tail.push(chunk);
  const at = Buffer.concat(tail).lastIndexOf(0x0a);
  return at === -1 ? bytesMax : from + at + 1;
}

const readPart = (file: string, from: number, to: number): AsyncIterable<Buffer> =>
  createReadStream(file, { start: from, end: to - 1, highWaterMark: 64 * 1024 }) as AsyncIterable<Buffer>;

// -------------------------------------------------------------------------------------------------------------- the stream

interface Streamed {
  readonly summary: AppendStream['summary'];
  readonly killed: number;
  readonly inFlightAtKill: number;
  readonly newLeader: number;
  readonly newTerm: number;
  readonly longestGapMs: number;
}

async function stream(brokers: LabBrokers, client: Client, before: PartitionStatus, input: Input, options: TourOptions): Promise<Streamed> {
  const leader = await findLeader(brokers, brokers.ids, before.term, options.signal);
  // A client at the leader itself: its connection breaks in the middle of an answer, which is the harder case.
  const others = brokers.ids.filter((id) => id !== leader.id);
  const out = brokers.client([leader.id, ...others], options.signal === undefined ? {} : { signal: options.signal });
  let lastMs = performance.now();
  let longestGapMs = 0;
  let sent = 0;
  let bytesRead = 0;
  const append = new AppendStream(out, {
    topic,
    requestId: crypto.randomUUID(),
    level: 'quorum',
    timeoutMs: 20_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onAcknowledged: () => {
      const nowMs = performance.now();
      longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
      lastMs = nowMs;
      options.hooks?.onProgress?.(bytesRead, input.bytes, append.summary.acknowledged);
    },
  });
  // Small enough that there are batches on their way when the leader dies, however small the file is.
  const batcher = new LineBatcher({ batchBytes: Math.max(200, Math.min(256 * 1024, Math.floor(input.bytes / 40))) });
  let inFlightAtKill = 0;
  const kill: { done: Promise<unknown> | null } = { done: null };
  const give = async (batch: Uint8Array, count: number): Promise<void> => {
    sent += count;
    const given = append.append(batch, count);
    if (kill.done === null && sent >= input.lines / 2) {
      inFlightAtKill = sent - append.summary.acknowledged;
      options.hooks?.say?.(
        `Line ${sent} of ${input.lines}: killing broker ${leader.id}, the leader, with SIGKILL; ${inFlightAtKill} lines are on their way`,
      );
      kill.done = brokers.kill(leader.id);
    }
    await given;
  };
  try {
    for await (const chunk of readPart(input.file, 0, input.bytes)) {
      bytesRead += chunk.length;
      for (const { batch, count } of batcher.push(chunk)) await give(batch, count);
    }
    for (const { batch, count } of batcher.end()) await give(batch, count);
    const summary = await append.finish();
    await kill.done;
    const next = await findLeader(brokers, others, leader.term + 1, options.signal);
    return {
      summary,
      killed: leader.id,
      inFlightAtKill,
      newLeader: next.id,
      newTerm: next.term,
      longestGapMs,
    };
  } finally {
    out.close();
  }
}

/** Who leads the topic in `termMin` or later, by its own account. */
async function findLeader(
  brokers: LabBrokers,
  ids: readonly number[],
  termMin: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly id: number; readonly term: number }> {
  const untilMs = performance.now() + 10_000;
  for (;;) {
    for (const id of ids) {
      const client = brokers.client([id], signal === undefined ? {} : { signal });
      try {
        const { partition } = await client.describeTopic(topic);
        if (partition.role === 'leader' && partition.term >= termMin) return { id, term: partition.term };
      } finally {
        client.close();
      }
    }
    if (performance.now() > untilMs)
      throw new LogError('noLeader', `Cannot go on with the tour: topic "${topic}" has no leader after 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// --------------------------------------------------------------------------------------------------------------- the check

/** What one broker holds itself, once it has everything up to `end`. */
async function checkCopy(client: Client, broker: number, end: number, input: Input): Promise<CopyCheck> {
  try {
    await waitForCopy(client, broker, end);
    const first = await readCopy(client, end, input.endsWithNewline);
    const same = first.sha256 === input.sha256 && first.lines === input.lines;
    const { lost, doubled } = same ? { lost: 0, doubled: 0 } : await compareLines(client, end, input);
    return { broker, lines: first.lines, lost, doubled, sha256: first.sha256, same };
  } finally {
    client.close();
  }
}

async function waitForCopy(client: Client, broker: number, end: number): Promise<void> {
  const untilMs = performance.now() + copyMsMax;
  while ((await client.end({ topic, freshness: 'local' })).offset < end) {
    if (performance.now() > untilMs) {
      throw new LogError('notCurrent', `Cannot read back from broker ${broker}: it has not caught up after ${copyMsMax / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const forEachLine = (client: Client, end: number, visit: (line: Uint8Array) => void): Promise<void> =>
  forEachRecord(client, end, (record) => visit(record.value() ?? new Uint8Array(0)));

const forEachOffset = (client: Client, end: number, visit: (offset: number) => void): Promise<void> =>
  forEachRecord(client, end, (record) => visit(record.offset));

async function forEachRecord(client: Client, end: number, visit: (record: RecordCursor) => void): Promise<void> {
  for (let offsetFrom = 0; offsetFrom < end; ) {
    const usual = { topic, sinceMs: null, bytesMax: 1024 * 1024, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
    const result = await client.read({ ...usual, offsetFrom });
    forEachRead(result, visit);
    if (result.offsetNext <= offsetFrom) return;
    offsetFrom = result.offsetNext;
  }
}

async function readCopy(
  client: Client,
  end: number,
  endsWithNewline: boolean,
): Promise<{ readonly lines: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let lines = 0;
  await forEachLine(client, end, (line) => {
    if (lines++ > 0) hash.update('\n');
    hash.update(line);
  });
  if (endsWithNewline) hash.update('\n');
  return { lines, sha256: hash.digest('hex') };
}

/** Only when the hashes differ: which lines are missing and which are there too often. */
async function compareLines(client: Client, end: number, input: Input): Promise<{ readonly lost: number; readonly doubled: number }> {
  const counts = new Map<string, number>();
  const add = (line: Uint8Array, by: number): void => {
    const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
    counts.set(text, (counts.get(text) ?? 0) + by);
  };
  const batcher = new LineBatcher();
  const addBatch = (batch: Uint8Array): void =>
    forEachRead(
      { topic, offsetFrom: 0, offsetNext: 0, batches: [batch], highWatermark: 0, logStartOffset: 0, asOfMs: 0, lag: 0 },
      (record) => add(record.value() ?? new Uint8Array(0), 1),
    );
  for await (const chunk of readPart(input.file, 0, input.bytes)) for (const { batch } of batcher.push(chunk)) addBatch(batch);
  for (const { batch } of batcher.end()) addBatch(batch);
  await forEachLine(client, end, (line) => add(line, -1));
  let lost = 0;
  let doubled = 0;
  for (const difference of counts.values()) {
    if (difference > 0) lost += difference;
    else doubled -= difference;
  }
  return { lost, doubled };
}

// -------------------------------------------------------------------------------------------------------------- the search

/** A frequent word is not printed for minutes. */
const matchesMax = 1000;

/** `cairn grep -n -C2` over the topic, next to GNU grep on the file: the same but for the numbers, which are offsets there. */
async function checkSearch(
  brokers: LabBrokers,
  client: Client,
  end: number,
  input: Input,
  say: (line: string) => void,
): Promise<SearchCheck | null> {
  const pattern = await wordOf(input);
  const common = ['-n', '-C2', '-h', '-m', String(matchesMax), '-F', '-e', pattern];
  const grep = await printedBy('grep', ['-a', ...common, '-'], { LC_ALL: 'C.UTF-8' }, readPart(input.file, 0, input.bytes));
  if (grep === null) {
    say('There is no GNU grep to compare a search with');
    return null;
  }
  say(`Searching the topic, cairn grep -n -C2 ${JSON.stringify(pattern)} --topic ${topic}, and the file by GNU grep`);
  const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
  const server = brokers.url(brokers.ids[0] as number);
  const args = [cairn, 'grep', ...common, '--topic', topic, '--server', server, '--no-summary'];
  const ours = (await printedBy(process.execPath, args, process.env, null)) ?? '';

  const lineOf = new Map<string, number>();
  await forEachOffset(client, end, (offset) => lineOf.set(String(offset), lineOf.size + 1));
  const numbered = ours
    .split('\n')
    .map((line) => line.replace(/^\d+(?=[:-])/, (digits) => String(lineOf.get(digits) ?? `offset ${digits}`)));
  return { pattern, lines: grep.split('\n').length - 1, same: numbered.join('\n') === grep };
}

/** A word of a line in the middle. */
async function wordOf({ file, bytes }: Input): Promise<string> {
  const from = Math.floor(bytes / 2);
  const chunks: Buffer[] = [];
  for await (const chunk of readPart(file, from, Math.min(bytes, from + 4096))) chunks.push(chunk);
  return /[A-Za-z0-9]{4,20}/.exec(Buffer.concat(chunks).toString('latin1'))?.[0] ?? 'e';
}

/** Standard output of a program; null where there is none of that name. */
function printedBy(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input: AsyncIterable<Buffer> | null,
): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env });
    const chunks: Buffer[] = [];
    child.on('error', () => resolve(null));
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    // One that has seen enough reads no further.
    child.stdin.on('error', () => undefined);
    if (input === null) child.stdin.end();
    else Readable.from(input).pipe(child.stdin);
  });
}
