/**
 * The files of this machine as they grow: each is followed through rotation (`tail/`), what comes goes to a program of its own, and what that prints is sent
 * at once with the time of each line. It ends when the asking machine goes away, or when every program has seen enough (`-m`).
 */
import { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { LineTimer, TimeFilter, timeOfPrinted } from '../../query/index.ts';
import { FileFollower, type FollowOptions, isRotationOf } from '../../tail/index.ts';
import type { AnswerSink } from '../answer.ts';
import { LinePacker } from '../timed-lines.ts';
import type { ExposedFile, Listing } from './exposure.ts';
import { consume, type Context, startFollowing } from './file-search.ts';
import { hasRange, lineTimeOf } from './in-range.ts';

/** How often a file is looked at while nothing comes. */
const pollMs = 100;
/** How long a rotated file is looked at for late lines. */
const lateMs = 5_000;
/** How often it is looked for files that were not there. */
const listEveryMs = 2_000;

/** What following takes of the machine. */
export interface FollowHost {
  readonly clock: FollowOptions['clock'];
  readonly bytes: FollowOptions['bytes'];
  /** The files in a folder, whatever they are called. */
  readonly filesIn: (folder: string) => FollowOptions['files'];
}

export async function followFiles(list: () => Promise<Listing>, host: FollowHost, context: Context, sink: AnswerSink): Promise<void> {
  const { request, signal } = context;
  const followed = new Map<string, Promise<void>>();
  const identities = new Set<string>();
  let underWay = 0;
  let begun = 0;
  let isFirst = true;
  while (!signal.aborted && (followed.size === 0 || underWay > 0)) {
    const { files } = await list();
    for (const file of files) {
      const identity = await identityOf(file);
      // Rotated ones are read where they were begun, and no file under two names.
      const isKnown = identity === null || (!followed.has(file.path) && identities.has(identity));
      if (identity !== null) identities.add(identity);
      if (isKnown || followed.has(file.path) || isRotated(file, [...files.map((each) => each.path), ...followed.keys()])) continue;
      const from = isFirst && request.sinceMs === null ? 'end' : 'begin';
      underWay++;
      const following = follow(file, { from, index: begun++ }, host, context, sink).finally(() => underWay--);
      // Whoever waits hears of it.
      following.catch(() => {});
      followed.set(file.path, following);
    }
    isFirst = false;
    await Promise.race([pause(listEveryMs, signal), ...(underWay > 0 ? [Promise.all(followed.values())] : [])]);
  }
  await Promise.all(followed.values());
}

/** It is another's past, or has no lines as it is. */
function isRotated({ path: file }: ExposedFile, others: readonly string[]): boolean {
  return /\.(gz|zst)$/.test(file) || others.some((other) => other !== file && isRotationOf(file, other));
}

interface Beginning {
  readonly from: 'begin' | 'end';
  /** By the order in which parts are begun. */
  readonly index: number;
}

async function follow(file: ExposedFile, { from, index }: Beginning, host: FollowHost, context: Context, sink: AnswerSink): Promise<void> {
  const { request, signal } = context;
  const { input, stop } = growing(file, from, { ...host, ...context }, (text) => sink.note(`${file.name} ${text}`));
  try {
    const started = await startFollowing(file, input, context);
    sink.begin(started.head);
    const packer = new LinePacker();
    const timer = new LineTimer({
      timeOf: timeOfPrinted(lineTimeOf(request), Buffer.from(started.head.label), request.output),
      lineEnd: request.output.nullData ? 0 : 0x0a,
      // What says nothing of its time is of now.
      onPiece: (piece) => packer.add({ part: index, ...piece, timeMs: Number.isFinite(piece.timeMs) ? piece.timeMs : Date.now() }),
    });
    const send = async (): Promise<void> => {
      for (const payload of packer.take()) await sink.lines(payload);
    };
    const take = (chunk: Uint8Array): Promise<void> => {
      timer.push(chunk);
      return send();
    };
    const end = await consume(started, take, context.trace);
    timer.end();
    await send();
    if (!signal.aborted) sink.end({ ...end, index });
  } finally {
    stop();
  }
}

/** What is written to a file, as a stream that is read no faster than it is taken. */
function growing(
  file: ExposedFile,
  from: 'begin' | 'end',
  { request, signal, clock, bytes, filesIn }: Context & FollowHost,
  say: (text: string) => void,
): { readonly input: Readable; readonly stop: () => void } {
  let next: (() => void) | null = null;
  let source = 0;
  let endsLine = true;
  const lineEnd = request.output.nullData ? 0 : 0x0a;
  const goOn = (): void => {
    const resume = next;
    next = null;
    resume?.();
  };
  const input = new Readable({ read: goOn });
  const time = lineTimeOf(request);
  const filter = !hasRange(request)
    ? null
    : new TimeFilter({
        timeOf: (bytes, begin, end) => time.read(bytes, begin, end),
        lineEnd,
        sinceMs: request.sinceMs,
        untilMs: request.untilMs,
        onKept: (bytes) => void input.push(bytes),
      });
  const give = (some: Uint8Array): void => {
    endsLine = some.at(-1) === lineEnd;
    if (filter === null) input.push(some);
    else filter.push(some);
  };
  const endLine = (): void => {
    if (!endsLine) give(Uint8Array.of(lineEnd));
  };
  const follower = new FileFollower({
    files: filesIn(path.dirname(file.path)),
    clock,
    bytes,
    path: path.basename(file.path),
    from,
    pollMs,
    lateMs,
    events: {
      bytes: (piece, taken) => {
        next = taken;
        // A line does not go on in another file.
        if (piece.source !== source) endLine();
        source = piece.source;
        give(piece.bytes);
        if (input.readableLength < input.readableHighWaterMark) goOn();
      },
      sourceEnded: (ended) => {
        if (ended === source) endLine();
      },
      told: (news) => {
        if (news.kind === 'lost') say('was cut: what was written to it just before that may be missing');
      },
      trouble: (error) => say(error === null ? 'can be read again' : `cannot be read now: ${error.reason}`),
    },
  });
  let isStopped = false;
  const stop = (): void => {
    if (isStopped) return;
    isStopped = true;
    follower.stop(() => undefined);
    goOn();
    input.destroy();
  };
  follower.start();
  signal.addEventListener('abort', stop, { once: true });
  input.on('close', stop);
  return { input, stop };
}

async function identityOf(file: ExposedFile): Promise<string | null> {
  const stats = await stat(file.path, { bigint: true }).catch(() => null);
  return stats === null ? null : `${stats.dev}:${stats.ino}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
