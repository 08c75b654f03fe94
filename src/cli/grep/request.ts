/** The request that a command line means, and whom it is for. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { LogError } from '../../eventlog/log-error.ts';
import type { Engine, GrepCommand, SearchRequest, Source } from '../../query/index.ts';
import { chooseMachines, forPrograms, type Machine, parseHostsFile, parseMachines } from '../../search/ask/index.ts';
import { splitPatterns } from '../../search/encode-request.ts';
import type { CliIo } from '../io.ts';
import { reasonOf, time } from '../options.ts';

export function requestOf(command: GrepCommand, color: boolean): SearchRequest {
  const { own, dialect, match, output } = command;
  const request: SearchRequest = {
    source: sourceOf(command),
    match: { ...match, dialect, patterns: readPatterns(command) },
    output: { ...output, color },
    sinceMs: timeOf(own, 'since'),
    untilMs: timeOf(own, 'until'),
    order: own.has('merge') || own.has('follow') ? 'time' : 'place',
    follow: own.has('follow'),
    timeFormat: text(own, 'time-format'),
    engine: (text(own, 'engine') ?? 'auto') as Engine,
  };
  return own.has('json') ? forPrograms(request) : request;
}

function timeOf(own: GrepCommand['own'], name: string): number | null {
  const value = text(own, name);
  if (value === null) return null;
  try {
    return time(value);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new LogError('usage', `Cannot search: --${name} ${JSON.stringify(value)} is not taken: ${error.message}`, {}, { cause: error });
  }
}

function sourceOf({ own, where }: GrepCommand): Source {
  const [name, topic] = [text(own, 'files'), text(own, 'topic')];
  if (name !== null && topic !== null) throw new LogError('usage', 'Cannot search: name either --files or --topic');
  if (topic !== null) {
    const other = ['json', 'follow', 'merge', 'window', 'time-format'].find((option) => own.has(option));
    if (other !== undefined) throw new LogError('usage', `Cannot search: --${other} is for files only`);
    return { kind: 'topic', topic, partition: 0, where };
  }
  if (name === null) throw new LogError('usage', 'Cannot search: say what with --files NAME or --topic TOPIC');
  if (where.length > 0) throw new LogError('usage', 'Cannot search: --where is for topics only');
  return { kind: 'files', name };
}

export function text(own: GrepCommand['own'], name: string): string | null {
  const value = own.get(name);
  return typeof value === 'string' ? value : null;
}

function readPatterns({ patterns }: GrepCommand): Uint8Array[] {
  return patterns.flatMap((source) => {
    if ('text' in source) return splitPatterns(Buffer.from(source.text));
    const bytes = readFile(source.file === '-' ? 0 : source.file, source.file);
    // The line feed behind the last pattern ends it; nothing at all is no pattern.
    if (bytes.length === 0) return [];
    return splitPatterns(bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes);
  });
}

function readFile(file: string | number, shown: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new LogError('usage', `Cannot read the file ${JSON.stringify(shown)}: ${reasonOf(error)}`, {}, { cause: error });
  }
}

export interface Asked {
  readonly machines: readonly Machine[];
  /** They were named by `--on`. */
  readonly areNamed: boolean;
}

/** Whom to ask: `--on`, else `CAIRN_MACHINES`, else whom the server knows. */
export async function machinesOf({ own }: GrepCommand, io: CliIo, fromServer: () => Promise<readonly Machine[]>): Promise<Asked> {
  const configured = parseMachines(io.env['CAIRN_MACHINES'] ?? '');
  const on = text(own, 'on');
  if (on === null) {
    const machines = configured.length > 0 ? configured : await fromServer();
    return { machines, areNamed: false };
  }
  const wanted = on.split(',').flatMap((part) => wantedBy(part.trim()));
  const isKnown = wanted.every((word) => word.includes(':') || configured.some(({ name }) => name === word));
  const known = isKnown ? configured : [...configured, ...(await fromServer())];
  const machines = chooseMachines(wanted, known);
  if (machines.length === 0) throw new LogError('usage', 'Cannot search: --on names no machine');
  return { machines, areNamed: true };
}

/** A word of `--on`; `@FILE` stands for the lines of a file. */
function wantedBy(word: string): string[] {
  if (word === '') return [];
  return word.startsWith('@') ? parseHostsFile(readFile(word.slice(1), word.slice(1)).toString('utf8')) : [word];
}
