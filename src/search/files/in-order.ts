/**
 * The files of this machine as one answer in order of time. Every file has a program of its own, read only as far as its lines are next, and started only
 * when the time of its first line has come: rotated files, which lie one behind the other, are searched one behind the other.
 */
import { Buffer } from 'node:buffer';
import { LogError } from '../../eventlog/index.ts';
import { LineTimer, type Timed, TimeMerge, timeOfPrinted } from '../../query/index.ts';
import type { AnswerSink, PartEnd } from '../answer.ts';
import { LinePacker, type TimedLine } from '../timed-lines.ts';
import type { ExposedFile } from './exposure.ts';
import { type Context, consume, firstChunk, start, type Started } from './file-search.ts';
import { lineTimeOf } from './in-range.ts';

/** Programs at work at once: each has a pipe and a process of its own. */
const filesAtOnceMax = 64;

/** A line, or, in front of the first of a file, the time at which it begins. */
interface Item extends Timed {
  readonly line: TimedLine | null;
}

export async function searchInOrder(files: readonly ExposedFile[], context: Context, sink: AnswerSink): Promise<void> {
  const packer = new LinePacker();
  const merge = new TimeMerge<Item>(files.length, ({ line }) => {
    if (line !== null) packer.add(line);
  });
  for (const [index, file] of files.entries()) merge.push(index, { timeMs: await firstTimeOf(file, context), isEnd: true, line: null });
  const open = new Map<number, OpenFile>();
  let begun = 0;
  for (let waited = merge.advance(); waited !== null; waited = merge.advance()) {
    const index = waited;
    await send(packer, sink);
    let file = open.get(index);
    if (file === undefined) {
      if (open.size >= filesAtOnceMax)
        throw new LogError('invalidRequest', `Cannot merge: more than ${filesAtOnceMax} files have lines of the same time`);
      const started = await start(files[index] as ExposedFile, context);
      sink.begin(started.head);
      file = new OpenFile(started, begun++, context, (line) => merge.push(index, { timeMs: line.timeMs, isEnd: line.isEnd, line }));
      open.set(index, file);
    }
    if (await file.readOn()) continue;
    merge.end(index);
    open.delete(index);
    sink.end({ ...(await file.ended), index: file.part });
    context.signal.throwIfAborted();
  }
  await send(packer, sink);
}

async function send(packer: LinePacker, sink: AnswerSink): Promise<void> {
  for (const payload of packer.take()) await sink.lines(payload);
}

/** When the first line of a file was; -Infinity where that does not say itself. */
async function firstTimeOf(file: ExposedFile, { request }: Context): Promise<number> {
  const chunk = await firstChunk(file);
  if (chunk === null) return Number.NEGATIVE_INFINITY;
  const end = chunk.indexOf(request.output.nullData ? 0 : 0x0a);
  const ms = lineTimeOf(request).read(chunk, 0, end === -1 ? chunk.length : end);
  return Number.isNaN(ms) ? Number.NEGATIVE_INFINITY : ms;
}

/** What one program prints, a piece at a time, as lines with their times. */
class OpenFile {
  readonly part: number;
  readonly ended: Promise<PartEnd>;
  readonly #timer: LineTimer;
  readonly #pieces: Uint8Array[] = [];
  #isOver = false;
  #wake: (() => void) | null = null;
  /** Kept when the program may print more. */
  #taken: (() => void)[] = [];

  constructor(started: Started, part: number, { request, trace }: Context, onLine: (line: TimedLine) => void) {
    const { output } = request;
    this.part = part;
    this.#timer = new LineTimer({
      timeOf: timeOfPrinted(lineTimeOf(request), Buffer.from(started.head.label), output),
      lineEnd: output.nullData ? 0 : 0x0a,
      onPiece: (piece) => onLine({ part, ...piece }),
    });
    const take = (piece: Uint8Array): Promise<void> => {
      this.#pieces.push(piece);
      this.#wake?.();
      return new Promise((resolve) => this.#taken.push(resolve));
    };
    this.ended = consume(started, take, trace).finally(() => {
      this.#isOver = true;
      this.#wake?.();
    });
    // Nobody may be left to hear of it.
    this.ended.catch(() => {});
  }

  /** False when the program has ended and all of it was given. */
  async readOn(): Promise<boolean> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#timer.push(piece);
        return true;
      }
      if (this.#isOver) {
        this.#timer.end();
        return false;
      }
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (const resolve of this.#taken.splice(0)) resolve();
      await more;
    }
  }
}
