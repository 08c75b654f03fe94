/** The requests that a command line means, and whom they are for. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { LogError } from '../../eventlog/log-error.ts';
import { refuseOrder } from '../../query/order.ts';
import type { GrepCommand } from '../../query/parse.ts';
import { type Engine, type SearchRequest, type Source, wholeTopic } from '../../query/request.ts';
import { chooseMachines, forPrograms, type Machine, parseHostsFile, parseMachines } from '../../search/ask/index.ts';
import { splitPatterns } from '../../search/encode-request.ts';
import type { CliIo } from '../io.ts';
import { reasonOf } from '../reason-of.ts';
import { parseTime, timeRule } from '../parse-time.ts';

/** One for each `--files` and `--topic`; they differ in nothing else. */
export function requestsOf(command: GrepCommand, color: boolean): readonly [SearchRequest, ...SearchRequest[]] {
  const { own, dialect, match, output } = command;
  const [first, ...others] = sourcesOf(command);
  if (first === undefined) throw new LogError('usage', 'Cannot search: say what with --files NAME or --topic TOPIC');
  if (own.has('window') && !own.has('follow')) throw new LogError('usage', 'Cannot search: --window goes with --follow');
  const common: Omit<SearchRequest, 'source'> = {
    match: { ...match, dialect, patterns: readPatterns(command) },
    output: { ...output, color },
    sinceMs: timeOf(own, 'since'),
    untilMs: timeOf(own, 'until'),
    order: own.has('merge') || own.has('follow') ? 'time' : 'place',
    follow: own.has('follow'),
    timeFormat: text(own, 'time-format'),
    engine: (text(own, 'engine') ?? 'auto') as Engine,
    form: 'text',
    index: !own.has('no-index'),
  };
  const requestOf = (source: Source): SearchRequest => {
    const request = own.has('json') ? forPrograms({ source, ...common }) : { source, ...common };
    // Whoever is asked would refuse it too.
    const refusal = refuseOrder(request);
    if (refusal !== null) throw new LogError('usage', `Cannot search: ${refusal}`);
    return request;
  };
  return [requestOf(first), ...others.map(requestOf)];
}

function timeOf(own: GrepCommand['own'], name: string): number | null {
  const value = text(own, name);
  if (value === null) return null;
  const parsed = parseTime(value);
  if (parsed === null) throw new LogError('usage', `Cannot search: --${name} ${JSON.stringify(value)} is not taken: ${timeRule}`);
  return parsed;
}

function sourcesOf({ own, sources, where }: GrepCommand): Source[] {
  const isFiles = sources.some(({ kind }) => kind === 'files');
  if (isFiles && where.length > 0) throw new LogError('usage', 'Cannot search: --where is for topics only');
  if (isFiles && own.has('no-index')) throw new LogError('usage', 'Cannot search: --no-index is for topics only');
  const seen = new Set<string>();
  return sources.flatMap(({ kind, name }): Source[] => {
    // Named twice it is searched once.
    if (seen.has(`${kind} ${name}`)) return [];
    seen.add(`${kind} ${name}`);
    return [kind === 'topic' ? wholeTopic(name, where) : { kind, name }];
  });
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
  /** Of which one answers for a topic, the nearest first. */
  readonly replicas: readonly Machine[];
  /** They were named by `--on`. */
  readonly areNamed: boolean;
}

/** Whom a server knows, and who it is. */
export interface Known {
  readonly server: Machine;
  readonly machines: readonly Machine[];
}

/**
 * Whom to ask: `--on`, else `CAIRN_MACHINES` and whom the server knows. Of a topic the server itself comes first, which is the nearest, then all others that
 * are known: one of them answers.
 *
 * @param unheard machines that stand for those that no server has told of
 */
export async function machinesOf(
  { own, sources }: GrepCommand,
  io: CliIo,
  fromServer: () => Promise<Known>,
  unheard: readonly Machine[],
): Promise<Asked> {
  const configured = parseMachines(io.env['CAIRN_MACHINES'] ?? '');
  const on = text(own, 'on');
  let known: Known | null = null;
  const learn = async (): Promise<Known> => (known ??= await fromServer());
  if (on === null) {
    const hasTopics = sources.some(({ kind }) => kind === 'topic');
    const beside = await knownBeside(configured, async () => (await learn()).machines, unheard);
    return {
      machines: noneTwice([...configured, ...beside]),
      replicas: hasTopics ? await replicasOf(configured, learn) : [],
      areNamed: false,
    };
  }
  const wanted = on.split(',').flatMap((part) => wantedBy(part.trim()));
  const isKnown = wanted.every((word) => word.includes(':') || configured.some(({ name }) => name === word));
  const machines = chooseMachines(
    wanted,
    isKnown ? configured : [...configured, ...(await knownBeside(configured, async () => (await learn()).machines))],
  );
  if (machines.length === 0) throw new LogError('usage', 'Cannot search: --on names no machine');
  return { machines, replicas: machines, areNamed: true };
}

async function replicasOf(configured: readonly Machine[], learn: () => Promise<Known>): Promise<readonly Machine[]> {
  const beside = await knownBeside(configured, async () => learn().then(({ server, machines }) => [server, ...machines]));
  return noneTwice([...beside, ...configured]);
}

const noneTwice = (all: readonly Machine[]): readonly Machine[] =>
  all.filter(({ origin }, index) => all.findIndex((other) => other.origin === origin) === index);

/** Whom a server knows beside those that are configured: where there are some, it need not answer. */
async function knownBeside(
  configured: readonly Machine[],
  learn: () => Promise<readonly Machine[]>,
  unheard: readonly Machine[] = [],
): Promise<readonly Machine[]> {
  try {
    return await learn();
  } catch (error) {
    if (!(error instanceof LogError) || configured.length === 0) throw error;
    return unheard;
  }
}

/** A word of `--on`; `@FILE` stands for the lines of a file. */
function wantedBy(word: string): string[] {
  if (word === '') return [];
  return word.startsWith('@') ? parseHostsFile(readFile(word.slice(1), word.slice(1)).toString('utf8')) : [word];
}
