/**
 * `cairn node --spool`: the agent over this machine. Lines come from standard input or from a file that grows; `agent/` does the rest.
 */
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Agent, type AgentCounters, type AgentFailure, hexOf, openSpool, type Spool, type SpoolFailure } from '../../agent/index.ts';
import { assert, AssertionError } from '../../base/assert.ts';
import { LogError } from '../../eventlog/index.ts';
import { WordCopy } from '../../base/word-copy.ts';
import { cutMark, LineSplitter } from '../../ingest/line-splitter.ts';
import { defaultLineSettings } from '../../gateway/lines/settings.ts';
import { systemBytes } from '../../system/bytes.ts';
import { SystemClock } from '../../system/clock.ts';
import { SystemDisk } from '../../system/disk.ts';
import { systemRandom } from '../../system/random.ts';
import { makeFolder } from '../make-folder.ts';
import { folderReason, folderReasonOfText } from '../reasons.ts';
import { dialLogger } from './dial.ts';
import { decodePosition, encodePosition, Tail } from './tail.ts';

export interface SpoolingOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The spool's folder, made when missing. */
  readonly spool: string;
  readonly spoolBytesMax: number;
  /** Send what is left under a new session: for one that the topic does not know any more. */
  readonly newSession: boolean;
  readonly source: { readonly kind: 'input'; readonly input: Readable } | { readonly kind: 'tail'; readonly file: string };
  /** Diagnostics, one line each. */
  readonly say: (line: string) => void;
  readonly interrupt: AbortSignal;
}

/** Taken lines are handed on in pieces of this size at most. */
const pieceBytesMax = 256 * 1024;
/** What is cut here must not be cut again by the gateway. */
const lineBytesMax = defaultLineSettings.lineBytesMax - cutMark(defaultLineSettings.lineBytesMax).length;
const tailEveryMs = 100;

/** Resolves when the input has ended and everything is stored, or at the interrupt; rejects when it cannot go on. */
export async function runAgent(options: SpoolingOptions): Promise<AgentCounters> {
  const { host, port, say, interrupt, source } = options;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const disk = openFolder(options.spool);
  const spool = await opened(disk, options);
  if (options.newSession) {
    await new Promise<void>((resolve, reject) => {
      spool.startSession(hexOf(systemRandom.bytes(16)), spool.first, (result) =>
        result.ok ? resolve() : reject(storageError(options.spool, result.error)),
      );
    });
  }

  const { promise: outcome, resolve, reject } = Promise.withResolvers<void>();
  const agent: Agent = new Agent({
    host: { clock: new SystemClock(), random: systemRandom, bytes: systemBytes, disk },
    spool,
    dial: (handlers) => dialLogger(host, port, handlers),
    spoolBytesMax: options.spoolBytesMax,
    events: {
      full: () => say(`The spool ${options.spool} is full (${spool.sizeBytes} bytes): nothing more is read until events are stored`),
      room: () => taking.resume(),
      lost: (reason) => say(`Cannot reach the logger at ${where}: ${reason}; events are kept in ${options.spool} and sent when it answers`),
      found: () => say(`The logger at ${where} answers`),
      ahead: (byMs) =>
        say(`The clock of the logger at ${where} is ${(byMs / 1000).toFixed(1)} s ahead of the one here: its stamps are not followed`),
      done: () => resolve(),
      failed: (failure) => reject(explain(failure, where, options.spool)),
    },
  });
  const taking =
    source.kind === 'input' ? takeInput(agent, source.input, reject) : takeFile(agent, spool.position, source.file, say, reject);
  interrupt.addEventListener('abort', () => resolve(), { once: true });
  if (interrupt.aborted) resolve();
  agent.start();
  try {
    await outcome;
  } finally {
    taking.stop();
    await new Promise<void>((closed) => agent.stop(closed));
  }
  return agent.counters;
}

interface Taking {
  readonly resume: () => void;
  readonly stop: () => void;
}

/** Standard input: read as fast as the spool takes it. */
function takeInput(agent: Agent, input: Readable, fail: (error: unknown) => void): Taking {
  const lines = new LineCollector();
  input.on('data', (chunk: Buffer) => {
    lines.push(chunk);
    let hasRoom = true;
    for (const piece of lines.take()) hasRoom = agent.push(piece.lines, piece.count);
    if (!hasRoom) input.pause();
  });
  input.on('end', () => {
    lines.end();
    for (const piece of lines.take()) agent.push(piece.lines, piece.count);
    agent.end();
  });
  input.on('error', (error) => fail(new LogError('invalidRequest', `Cannot read standard input: ${error.message}`, {}, { cause: error })));
  return { resume: () => input.resume(), stop: () => input.destroy() };
}

/** A growing file, from where an earlier run stopped. It has no end. */
function takeFile(agent: Agent, from: Uint8Array, file: string, say: (line: string) => void, fail: (error: unknown) => void): Taking {
  const position = decodePosition(from);
  const lines = new LineCollector(position?.isWithinCutLine === true);
  let timer: NodeJS.Timeout | null = null;
  let tail: Tail | null = null;
  const schedule = (ms: number): void => {
    timer = setTimeout(run, ms);
  };
  const step = (): { readonly isMore: boolean; readonly hasRoom: boolean } => {
    tail ??= new Tail(file, position, {
      bytes: (chunk) => lines.push(chunk),
      fileEnded: (why) => {
        lines.end();
        if (why !== null) say(`Reading ${file} from its beginning: ${why}`);
      },
    });
    const isMore = tail.step();
    const pieces = lines.take();
    // Were it two, and a crash between them, the first would be read again.
    assert(pieces.length <= 1, 'what one read brings is kept by one write');
    const [piece] = pieces;
    if (piece === undefined) return { isMore, hasRoom: true };
    const stand = tail.positionBefore(lines.unfinishedBytes, lines.isWithinCutLine);
    return { isMore, hasRoom: agent.push(piece.lines, piece.count, encodePosition(stand)) };
  };
  const run = (): void => {
    try {
      const { isMore, hasRoom } = step();
      if (hasRoom) schedule(isMore ? 0 : tailEveryMs);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      fail(new LogError('invalidRequest', `Cannot read ${file}: ${(error as Error).message}`, {}, { cause: error }));
    }
  };
  schedule(0);
  return {
    resume: () => schedule(0),
    stop: () => {
      if (timer !== null) clearTimeout(timer);
      tail?.close();
    },
  };
}

interface Piece {
  readonly lines: Uint8Array;
  readonly count: number;
}

/** Whole lines, each with its \n, in pieces. A line that is too long is cut and marked, as the gateway would. */
class LineCollector {
  readonly #splitter: LineSplitter;
  #pieces: Piece[] = [];
  readonly #buffer = new Uint8Array(pieceBytesMax);
  readonly #copier = new WordCopy(this.#buffer);
  #end = 0;
  #count = 0;

  /** `isWithinCutLine`: what comes first is the rest of a line that was taken, cut, by an earlier run. */
  constructor(isWithinCutLine = false) {
    this.#splitter = new LineSplitter(lineBytesMax, (bytes, from, to) => this.#add(bytes, from, to), isWithinCutLine);
  }

  /** Bytes of the input that wait for the end of their line. */
  get unfinishedBytes(): number {
    return this.#splitter.partialBytes;
  }

  get isWithinCutLine(): boolean {
    return this.#splitter.isPassingOver;
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  end(): void {
    this.#splitter.end();
  }

  take(): readonly Piece[] {
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #add(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from + 1;
    if (this.#end + length > this.#buffer.length) this.#seal();
    this.#end = this.#copier.copy(bytes, from, to, this.#end);
    this.#buffer[this.#end++] = 0x0a;
    this.#count++;
  }

  #seal(): void {
    if (this.#count === 0) return;
    this.#pieces.push({ lines: this.#buffer.slice(0, this.#end), count: this.#count });
    this.#end = 0;
    this.#count = 0;
  }
}

function openFolder(folder: string): SystemDisk {
  try {
    // Synced with its parents: a spool without a name after a loss of power is no spool.
    makeFolder(folder, 0o700);
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot use the spool ${folder}: ${folderReason(error)}`, {}, { cause: error });
  }
  return new SystemDisk(path.resolve(folder));
}

function opened(disk: SystemDisk, { name, spool, spoolBytesMax }: SpoolingOptions): Promise<Spool> {
  const newSession = hexOf(systemRandom.bytes(16));
  return new Promise((resolve, reject) => {
    openSpool({ disk, bytes: systemBytes }, { name: new Uint8Array(Buffer.from(name)), newSession, bytesMax: spoolBytesMax }, (result) => {
      if (result.ok) resolve(result.value);
      else reject(storageError(spool, result.error));
    });
  });
}

function storageError(folder: string, failure: SpoolFailure): LogError {
  if (failure.kind === 'name') {
    const other = Buffer.from(failure.name).toString();
    return new LogError('dataInUse', `Cannot use the spool ${folder}: it belongs to the node ${JSON.stringify(other)}`);
  }
  if (failure.kind === 'corrupt') {
    const { path: file, position, expected, found } = failure.corruption;
    const what = `${file} is damaged at byte ${position}: expected ${expected}, found ${found}`;
    return new LogError('corruptData', `Cannot use the spool ${folder}: ${what}; move it away to begin a new one`);
  }
  const { code, operation, reason } = failure.error;
  if (code === 'locked') return new LogError('dataInUse', `Cannot use the spool ${folder}: another agent uses it (${reason})`);
  const isOpening = operation === 'open' || operation === 'lock' || operation === 'list';
  return new LogError(isOpening ? 'dataUnusable' : 'diskFailed', `Cannot use the spool ${folder}: ${folderReasonOfText(reason)}`);
}

function explain(failure: AgentFailure, where: string, folder: string): LogError {
  switch (failure.kind) {
    case 'notAcknowledged':
      return new LogError('notAcknowledged', `Cannot spool to ${where}: the logger does not acknowledge`);
    case 'refused':
      return new LogError(
        'unknownProducer',
        `Cannot go on with the spool ${folder}: ${failure.reason}; --new-session sends what is left under a new session, and may double what was stored without our hearing of it`,
      );
    case 'behind':
      return new LogError(
        'wrongIdentity',
        `Cannot go on with the spool ${folder}: the topic has ${failure.topicHas} events of its session and it knows of ${failure.spoolHas}, so it is a copy of an older state; --new-session begins a new session with what is in it`,
      );
    case 'storage':
      return storageError(folder, failure.failure);
  }
}
