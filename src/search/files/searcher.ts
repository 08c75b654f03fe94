/**
 * A search of the files that this machine exposes: each by a program of its own, one behind the other in the order of their names, the next one started
 * while the one before is read. What the program prints goes on as it is.
 */
import type { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LogError } from '../../eventlog/index.ts';
import { grepArguments, ripgrepArguments, ripgrepEquals, type SearchRequest } from '../../query/index.ts';
import type { AnswerSink, EngineUsed, PartEnd, PartHead, Searcher } from '../answer.ts';
import { type ExposedFile, type Exposure, listFiles, openListed } from './exposure.ts';
import { bounded, findPrograms, type Programs } from './programs.ts';
import { Run, type RunOutcome } from './run.ts';
import { type Tally, tallyFor } from './tally.ts';
import { Workplace } from './workplace.ts';

export interface FilesOptions {
  /** The name of this machine. */
  readonly machine: string;
  readonly exposures: readonly Exposure[];
}

export function createFilesSearcher({ machine, exposures }: FilesOptions): Searcher {
  return async (request, sink, signal) => {
    const asked = exposuresOf(request, exposures);
    refuseEngine(request);
    const programs = await findPrograms();
    const workplace = new Workplace();
    // Ends what is left at work when one of them cannot go on.
    const own = new AbortController();
    const context: Context = { machine, request, programs, workplace, signal: AbortSignal.any([signal, own.signal]) };
    try {
      const { files, problems } = await listFiles(asked);
      await searchAll(files, context, sink);
      const [problem] = problems;
      if (problem !== undefined) throw new LogError('filesNotSearched', `Cannot search all files: ${problem}`);
    } finally {
      own.abort();
      await workplace.clear();
    }
  };
}

interface Context {
  readonly machine: string;
  readonly request: SearchRequest;
  readonly programs: Programs;
  readonly workplace: Workplace;
  readonly signal: AbortSignal;
}

function exposuresOf({ source }: SearchRequest, exposures: readonly Exposure[]): Exposure[] {
  if (source.kind !== 'files') throw new LogError('invalidRequest', 'Cannot search: only files are searched here');
  const asked = exposures.filter(({ name }) => name === source.name);
  if (asked.length > 0) return asked;
  throw new LogError('unknownFiles', `Cannot search files ${JSON.stringify(source.name.slice(0, 100))}: none are exposed under that name`);
}

function refuseEngine(request: SearchRequest): void {
  const { engine, sinceMs, untilMs } = request;
  if (sinceMs !== null || untilMs !== null) throw new LogError('invalidRequest', 'Cannot search files by time');
  if (engine === 'linear') throw new LogError('invalidRequest', 'Cannot search files with the engine "linear": it searches topics');
  const reason = engine === 'ripgrep' ? reasonAgainstRipgrep(request) : null;
  if (reason !== null)
    throw new LogError('invalidRequest', `Cannot search with ripgrep, which might select other lines: it is used where ${reason}`);
}

function reasonAgainstRipgrep(request: SearchRequest): string | null {
  return ripgrepEquals.find(({ holds }) => !holds(request))?.must ?? null;
}

/** A program at work on a file, or why there is none. */
interface Started {
  readonly head: PartHead;
  readonly bytes: number;
  readonly startedMs: number;
  readonly run: Run | null;
  readonly tally: Tally;
  readonly problem: string | null;
}

async function searchAll(files: readonly ExposedFile[], context: Context, sink: AnswerSink): Promise<void> {
  const { request, signal } = context;
  let next = files[0] === undefined ? null : start(files[0], context);
  for (let index = 0; next !== null; index++) {
    const started = await next;
    const following = files[index + 1];
    next = following === undefined ? null : start(following, context);
    // Nobody may be left to hear of a failure.
    next?.catch(() => {});
    const end = await finish(started, sink);
    signal.throwIfAborted();
    if (end.isSelected && request.output.mode === 'quiet') return;
  }
}

async function start(file: ExposedFile, context: Context): Promise<Started> {
  const { machine, request, signal } = context;
  const label = `${machine}:${file.name}`;
  const tally = tallyFor(request, label);
  const startedMs = performance.now();
  const opened = await openListed(file);
  signal.throwIfAborted();
  if (typeof opened === 'string') {
    const head = { name: file.name, label, engine: 'grep', engineReason: null } as const;
    return { head, bytes: 0, startedMs, run: null, tally, problem: opened };
  }
  const { handle, bytes } = opened;
  try {
    const { run, engine, engineReason, problem } = await choose(file, handle, tally, context);
    return { head: { name: file.name, label, engine, engineReason }, bytes, startedMs, run, tally, problem };
  } finally {
    // The program has its own; an unpacking stream closes the handle at its end.
    if (unpackerOf(file) === null) await handle.close();
  }
}

interface Choice {
  readonly run: Run | null;
  readonly engine: EngineUsed;
  readonly engineReason: string | null;
  readonly problem: string | null;
}

async function choose(file: ExposedFile, handle: FileHandle, tally: Tally, context: Context): Promise<Choice> {
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
  const run = new Run({
    program,
    arguments: [...before, ...grepArguments(request, patterns, tally.labelling)],
    input: unpacker === null ? handle.fd : unpacked(handle, unpacker),
    folder: '/',
    signal,
  });
  return { run, engine: 'grep', engineReason, problem: null };
}

type Unpacker = 'gzip' | 'zstd';

function unpackerOf({ name }: ExposedFile): Unpacker | null {
  return name.endsWith('.gz') ? 'gzip' : name.endsWith('.zst') ? 'zstd' : null;
}

function unpacked(handle: FileHandle, unpacker: Unpacker): Readable {
  const unpack = unpacker === 'gzip' ? createGunzip() : createZstdDecompress();
  // What goes wrong is told by the stream that is read.
  pipeline(createReadStream('', { fd: handle }), unpack, () => undefined);
  return unpack;
}

async function finish({ head, bytes, startedMs, run, tally, problem }: Started, sink: AnswerSink): Promise<PartEnd> {
  sink.begin(head);
  const give = (chunk: Buffer): Promise<void> | undefined => {
    const kept = tally.take(chunk);
    return kept.length === 0 ? undefined : sink.bytes(kept);
  };
  const outcome: RunOutcome = run === null ? { status: null, said: '', problem } : await run.consume(give);
  const rest = tally.rest();
  if (rest.length > 0) await sink.bytes(rest);
  refusePatterns(outcome, tally.labelling.label);
  const selected = tally.selected();
  const end = {
    isSelected: outcome.status === 0 || (selected ?? 0) > 0,
    selected,
    bytesSearched: bytes,
    elapsedMs: Math.round((performance.now() - startedMs) * 10) / 10,
    problem: outcome.problem ?? (outcome.status === 2 ? (sentenceOf(outcome.said) ?? 'the program failed') : null),
    range: null,
  };
  sink.end(end);
  return end;
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
