/** A program at work on one file: which one, on what input, and what it leaves. */
import type { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LogError } from '../../eventlog/index.ts';
import { grepArguments, ripgrepArguments, ripgrepEquals, type SearchRequest } from '../../query/index.ts';
import type { AnswerSink, EngineUsed, PartEnd, PartHead } from '../answer.ts';
import { OneATurn } from '../one-a-turn.ts';
import { type ExposedFile, openListed } from './exposure.ts';
import { hasRange, type Range, rangeOf } from './in-range.ts';
import { bounded, type Programs } from './programs.ts';
import { Run, type RunOutcome } from './run.ts';
import { type Tally, tallyFor } from './tally.ts';
import type { Workplace } from './workplace.ts';

/** Starting a program takes some milliseconds of the loop. */
const starts = new OneATurn();

export interface Context {
  readonly machine: string;
  readonly request: SearchRequest;
  readonly programs: Programs;
  readonly workplace: Workplace;
  readonly signal: AbortSignal;
}

export function reasonAgainstRipgrep(request: SearchRequest): string | null {
  return ripgrepEquals.find(({ holds }) => !holds(request))?.must ?? null;
}

/** A program at work on a file, or why there is none. */
export interface Started {
  readonly head: PartHead;
  readonly bytes: number;
  readonly startedMs: number;
  readonly run: Run | null;
  readonly tally: Tally;
  /** Where only a range of time of the file is searched. */
  readonly range: Range | null;
  readonly problem: string | null;
}

export async function start(file: ExposedFile, context: Context): Promise<Started> {
  const { machine, request, signal } = context;
  const label = `${machine}:${file.name}`;
  const tally = tallyFor(request, label);
  const range = hasRange(request) ? rangeOf(request, label) : null;
  const startedMs = performance.now();
  const opened = await openListed(file);
  if (signal.aborted && typeof opened !== 'string') await opened.handle.close();
  signal.throwIfAborted();
  if (typeof opened === 'string') {
    const head = { name: file.name, label, engine: 'grep', engineReason: null } as const;
    return { head, bytes: 0, startedMs, run: null, tally, range, problem: opened };
  }
  const { handle, bytes } = opened;
  let isStreamed = false;
  try {
    const { run, engine, engineReason, problem } = await choose(file, handle, { tally, range }, context);
    isStreamed = run !== null && (unpackerOf(file) !== null || range !== null);
    return { head: { name: file.name, label, engine, engineReason }, bytes, startedMs, run, tally, range, problem };
  } finally {
    // The program has its own; a stream closes the handle at its end.
    if (!isStreamed) await handle.close();
  }
}

interface Choice {
  readonly run: Run | null;
  readonly engine: EngineUsed;
  readonly engineReason: string | null;
  readonly problem: string | null;
}

async function choose(
  file: ExposedFile,
  handle: FileHandle,
  { tally, range }: Pick<Started, 'tally' | 'range'>,
  context: Context,
): Promise<Choice> {
  const { request, programs, workplace, signal } = context;
  const unpacker = unpackerOf(file);
  const isWanted = request.engine !== 'grep';
  const reason =
    reasonAgainstRipgrep(request) ??
    (unpacker === null ? null : 'the file is not compressed') ??
    (programs.ripgrep === null ? 'it is installed' : null);
  const folder = isWanted && reason === null ? await workplace.folderWith(tally.labelling.label) : null;
  if (folder !== null && programs.ripgrep !== null) {
    const { file: program, before } = bounded(programs.ripgrep, programs);
    await starts.turn();
    const run = new Run({
      program,
      arguments: [...before, ...ripgrepArguments(request, tally.labelling)],
      input: handle.fd,
      folder,
      signal,
    });
    return { run, engine: 'ripgrep', engineReason: null, problem: null };
  }
  const engineReason = isWanted ? (reason ?? 'a folder for the name can be made') : null;
  const missing = request.engine === 'ripgrep' ? `ripgrep is used where ${engineReason ?? ''}` : null;
  if (missing !== null || programs.grep === null) {
    return { run: null, engine: 'grep', engineReason, problem: missing ?? 'there is no GNU grep on the machine' };
  }
  const { file: program, before } = bounded(programs.grep, programs);
  const patterns = await workplace.patternArguments(request.match.patterns);
  await starts.turn();
  const run = new Run({
    program,
    arguments: [...before, ...grepArguments(request, patterns, tally.labelling)],
    input: inputOf(handle, unpacker, range),
    folder: '/',
    signal,
  });
  return { run, engine: 'grep', engineReason, problem: null };
}

type Unpacker = 'gzip' | 'zstd';

function unpackerOf({ name }: ExposedFile): Unpacker | null {
  return name.endsWith('.gz') ? 'gzip' : name.endsWith('.zst') ? 'zstd' : null;
}

/** A program on what is written to a file from now on: it says each line at once. */
export async function startFollowing(file: ExposedFile, input: Readable, context: Context): Promise<Started> {
  const { machine, request, programs, workplace, signal } = context;
  const label = `${machine}:${file.name}`;
  const tally = tallyFor(request, label);
  const head = { name: file.name, label, engine: 'grep', engineReason: null } as const;
  const common = { head, bytes: 0, startedMs: performance.now(), tally, range: null };
  if (programs.grep === null) return { ...common, run: null, problem: 'there is no GNU grep on the machine' };
  const { file: program, before } = bounded(programs.grep, programs);
  const patterns = await workplace.patternArguments(request.match.patterns);
  await starts.turn();
  const run = new Run({
    program,
    arguments: [...before, '--line-buffered', ...grepArguments(request, patterns, tally.labelling)],
    input,
    folder: '/',
    signal,
  });
  return { ...common, run, problem: null };
}

/** The file itself, or a stream of what is searched of it. */
function inputOf(handle: FileHandle, unpacker: Unpacker | null, range: Range | null): number | Readable {
  const whole = unpacker === null ? null : unpacked(handle, unpacker);
  if (range === null) return whole ?? handle.fd;
  return range.within(whole ?? createReadStream('', { fd: handle }));
}

function unpacked(handle: FileHandle, unpacker: Unpacker): Readable {
  const unpack = unpacker === 'gzip' ? createGunzip() : createZstdDecompress();
  // What goes wrong is told by the stream that is read.
  pipeline(createReadStream('', { fd: handle }), unpack, () => undefined);
  return unpack;
}

export async function finish(started: Started, sink: AnswerSink): Promise<PartEnd> {
  sink.begin(started.head);
  const end = await consume(started, (chunk) => sink.bytes(chunk));
  sink.end(end);
  return end;
}

/** Gives what the program prints of the file, as fast as it is taken. */
export async function consume(
  { bytes, startedMs, run, tally, range, problem }: Started,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
): Promise<PartEnd> {
  const give = (chunk: Buffer): Promise<void> | undefined => {
    const kept = tally.take(chunk);
    const placed = range === null ? kept : range.rewriter.take(kept);
    return placed.length === 0 ? undefined : take(placed);
  };
  const outcome: RunOutcome = run === null ? { status: null, said: '', problem } : await run.consume(give);
  const rest = [tally.rest()].flatMap((last) => (range === null ? [last] : [range.rewriter.take(last), range.rewriter.rest()]));
  for (const last of rest) if (last.length > 0) await take(last);
  refusePatterns(outcome, tally.labelling.label);
  const selected = tally.selected();
  return {
    isSelected: outcome.status === 0 || (selected ?? 0) > 0,
    selected,
    bytesSearched: bytes,
    elapsedMs: Math.round((performance.now() - startedMs) * 10) / 10,
    problem: outcome.problem ?? (outcome.status === 2 ? (sentenceOf(outcome.said) ?? 'the program failed') : null),
  };
}

/** The beginning of what is in a file, unpacked; null where nothing can be read, which the search of it will say. */
export async function firstChunk(file: ExposedFile): Promise<Buffer | null> {
  const opened = await openListed(file);
  if (typeof opened === 'string') return null;
  const unpacker = unpackerOf(file);
  const source = unpacker === null ? createReadStream('', { fd: opened.handle }) : unpacked(opened.handle, unpacker);
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) return chunk;
  } catch {
    // As the comment says.
  } finally {
    source.destroy();
  }
  return null;
}

/** What a program says of the request and not of the file is said once, of all files. */
function refusePatterns({ status, said }: RunOutcome, label: string): void {
  if (status !== 2 || said === '' || said.includes(`: ${label}: `)) return;
  throw new LogError('invalidRequest', `Cannot search: ${sentenceOf(said) ?? 'the program refuses the pattern'}`);
}

/** Its first line, without its own name. */
function sentenceOf(said: string): string | null {
  const [line = ''] = said.split('\n', 1);
  const sentence = line.replace(/^[^:]*(grep|rg|ripgrep): /, '').trim();
  return sentence === '' ? null : sentence.slice(0, 300);
}
