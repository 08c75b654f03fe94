/** A program at work on one file: which one, on what input, and what it leaves. The file is opened by the process that starts the program, or here to be unpacked. */
import type { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LogError } from '../../eventlog/index.ts';
import { grepArguments, ripgrepArguments, ripgrepEquals, type SearchRequest } from '../../query/index.ts';
import { type AnswerSink, type EngineUsed, type PartEnd, type PartHead, type SearchTrace, wasSearched } from '../answer.ts';
import { sentenceOf } from '../sentence.ts';
import type { Program, ProgramOutcome, ProgramStarter } from '../start/index.ts';
import { traced } from '../traced.ts';
import { type ExposedFile, openListed } from './exposure.ts';
import { hasRange, type Range, rangeOf } from './in-range.ts';
import { bounded, type Programs, searchEnvironment } from './programs.ts';
import { type Tally, tallyFor } from './tally.ts';
import type { Workplace } from './workplace.ts';

export interface Context {
  readonly machine: string;
  readonly request: SearchRequest;
  readonly programs: Programs;
  readonly starter: ProgramStarter;
  readonly workplace: Workplace;
  readonly signal: AbortSignal;
  readonly trace: SearchTrace | null;
}

export function reasonAgainstRipgrep(request: SearchRequest): string | null {
  return ripgrepEquals.find(({ holds }) => !holds(request))?.must ?? null;
}

/** A program at work on a file, or why there is none. */
export interface Started {
  readonly head: PartHead;
  readonly startedMs: number;
  readonly run: Program | null;
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
  signal.throwIfAborted();
  const { run, engine, engineReason, problem } = await choose(file, { tally, range }, context);
  return { head: { name: file.name, label, engine, engineReason }, startedMs, run, tally, range, problem };
}

interface Choice {
  readonly run: Program | null;
  readonly engine: EngineUsed;
  readonly engineReason: string | null;
  readonly problem: string | null;
}

async function choose(file: ExposedFile, { tally, range }: Pick<Started, 'tally' | 'range'>, context: Context): Promise<Choice> {
  const { request, programs, starter, workplace, signal } = context;
  const unpacker = unpackerOf(file);
  const isWanted = request.engine !== 'grep';
  const reason =
    reasonAgainstRipgrep(request) ??
    (unpacker === null ? null : 'the file is not compressed') ??
    (programs.ripgrep === null ? 'it is installed' : null);
  const folder = isWanted && reason === null ? await workplace.folderWith(tally.labelling.label) : null;
  if (folder !== null && programs.ripgrep !== null) {
    const { file: program, before } = bounded(programs.ripgrep, programs);
    const args = [...before, ...ripgrepArguments(request, tally.labelling)];
    const run = starter.start({ program, arguments: args, env: searchEnvironment, folder, input: file }, { stream: null, signal });
    return { run, engine: 'ripgrep', engineReason: null, problem: null };
  }
  const engineReason = isWanted ? (reason ?? 'a folder for the name can be made') : null;
  const missing = request.engine === 'ripgrep' ? `ripgrep is used where ${engineReason ?? ''}` : null;
  if (missing !== null || programs.grep === null) {
    return { run: null, engine: 'grep', engineReason, problem: missing ?? 'there is no GNU grep on the machine' };
  }
  const { file: program, before } = bounded(programs.grep, programs);
  const args = [...before, ...grepArguments(request, await workplace.patternArguments(request.match.patterns), tally.labelling)];
  const order = { program, arguments: args, env: searchEnvironment, folder: '/' } as const;
  if (unpacker === null && range === null) {
    return { run: starter.start({ ...order, input: file }, { stream: null, signal }), engine: 'grep', engineReason, problem: null };
  }
  const opened = await openListed(file);
  if (typeof opened === 'string') return { run: null, engine: 'grep', engineReason, problem: opened };
  if (signal.aborted) await opened.handle.close();
  signal.throwIfAborted();
  const stream = streamOf(opened.handle, unpacker, range);
  return {
    run: starter.start({ ...order, input: 'stream' }, { stream, signal, bytes: opened.bytes }),
    engine: 'grep',
    engineReason,
    problem: null,
  };
}

type Unpacker = 'gzip' | 'zstd';

function unpackerOf({ name }: ExposedFile): Unpacker | null {
  return name.endsWith('.gz') ? 'gzip' : name.endsWith('.zst') ? 'zstd' : null;
}

/** A program on what is written to a file from now on: it says each line at once. */
export async function startFollowing(file: ExposedFile, input: Readable, context: Context): Promise<Started> {
  const { machine, request, programs, starter, workplace, signal } = context;
  const label = `${machine}:${file.name}`;
  const tally = tallyFor(request, label);
  const head = { name: file.name, label, engine: 'grep', engineReason: null } as const;
  const common = { head, startedMs: performance.now(), tally, range: null };
  if (programs.grep === null) return { ...common, run: null, problem: 'there is no GNU grep on the machine' };
  const { file: program, before } = bounded(programs.grep, programs);
  const patterns = await workplace.patternArguments(request.match.patterns);
  const args = [...before, '--line-buffered', ...grepArguments(request, patterns, tally.labelling)];
  const run = starter.start(
    { program, arguments: args, env: searchEnvironment, folder: '/', input: 'stream' },
    { stream: input, signal, bytes: 0 },
  );
  return { ...common, run, problem: null };
}

/** What is searched of a file; it closes the file at its end. */
function streamOf(handle: FileHandle, unpacker: Unpacker | null, range: Range | null): Readable {
  const whole = unpacker === null ? createReadStream('', { fd: handle }) : unpacked(handle, unpacker);
  if (range === null) return whole;
  // One that nobody has begun to read does not end what it would have read.
  return range.within(whole).on('close', () => whole.destroy());
}

function unpacked(handle: FileHandle, unpacker: Unpacker): Readable {
  const unpack = unpacker === 'gzip' ? createGunzip() : createZstdDecompress();
  // What goes wrong is told by the stream that is read.
  pipeline(createReadStream('', { fd: handle }), unpack, () => undefined);
  return unpack;
}

export async function finish(started: Started, sink: AnswerSink, trace: SearchTrace | null): Promise<PartEnd> {
  sink.begin(started.head);
  const end = await consume(started, (chunk) => sink.bytes(chunk), trace);
  sink.end(end);
  return end;
}

/** Gives what the program prints of the file, as fast as it is taken. */
export function consume(
  started: Started,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
  trace: SearchTrace | null,
): Promise<PartEnd> {
  const { name, engine } = started.head;
  return traced(
    trace,
    { name: 'program', fields: { file: name, engine } },
    () => consumeAll(started, take),
    ({ problem, bytesSearched, selected }) => ({
      error: problem,
      fields: { bytes: bytesSearched, ...(selected === null ? {} : { selected }) },
    }),
  );
}

async function consumeAll(
  { startedMs, run, tally, range, problem }: Started,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
): Promise<PartEnd> {
  const give = (chunk: Buffer): Promise<void> | undefined => {
    const kept = tally.take(chunk);
    const placed = range === null ? kept : range.rewriter.take(kept);
    return placed.length === 0 ? undefined : take(placed);
  };
  const outcome: ProgramOutcome = run === null ? { status: null, said: '', problem, bytes: 0 } : await run.consume(give);
  const rest = [tally.rest()].flatMap((last) => (range === null ? [last] : [range.rewriter.take(last), range.rewriter.rest()]));
  for (const last of rest) if (last.length > 0) await take(last);
  refusePatterns(outcome, tally.labelling.label);
  const bad = outcome.problem ?? (outcome.status === 2 ? (sentenceOf(outcome.said) ?? 'the program failed') : null);
  const end = { bytesSearched: outcome.bytes, problem: bad };
  const selected = wasSearched(end) ? tally.selected() : 0;
  return {
    ...end,
    isSelected: outcome.status === 0 || (selected ?? 0) > 0,
    selected,
    elapsedMs: Math.round((performance.now() - startedMs) * 10) / 10,
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
function refusePatterns({ status, said }: ProgramOutcome, label: string): void {
  if (status !== 2 || said === '' || said.includes(`: ${label}: `)) return;
  throw new LogError('invalidRequest', `Cannot search: ${sentenceOf(said) ?? 'the program refuses the pattern'}`);
}
