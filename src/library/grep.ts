/**
 * A search of a topic for programs: asked for as `cairn grep` does, of each partition one replica after another, and given record by record. Loaded with the
 * first search.
 */
import { Buffer } from 'node:buffer';
import { type Client, type MergedRecord, parseServer } from '../client/index.ts';
import { LogError } from '../eventlog/index.ts';
import { plainSearch, type SearchRequest, wholeTopic } from '../query/index.ts';
import { askEach, forPrograms, JsonLines, type Machine, type MachineReport, partitionsOf, type Question } from '../search/ask/index.ts';
import { splitPatterns } from '../search/encode-request.ts';
import { toMs } from './arguments.ts';
import { FoundRecord } from './found-record.ts';
import type { GrepOptions } from './grep-options.ts';
import { recordOfJson } from './log-record.ts';

export interface GrepAsking {
  readonly client: Client;
  readonly token: string | null;
  readonly ca: string | null;
  /** Ends all that is asked. */
  readonly signal: AbortSignal;
}

/** What was found and waits to be taken; beyond it nothing more is read. */
const heldMax = 1000;
const connectTimeoutMs = 3_000;

/** Fails behind what was found where the answer is not whole. */
export async function* grep(
  topic: string,
  pattern: string,
  options: GrepOptions,
  asking: GrepAsking,
): AsyncGenerator<FoundRecord, void, undefined> {
  const { client, token, ca } = asking;
  // Says what is wrong with the topic, and which brokers there are.
  const { settings } = await client.describeTopic(topic);
  const machines = await machinesOf(client);
  const requests = partitionsOf(requestOf(topic, pattern, options), settings.partitions ?? 1);
  const [first, ...others] = requests.map((request): Question => ({ request, machines }));
  const ending = new AbortController();
  const found = new Found(requests[0]);
  const searching = askEach(
    [first as Question, ...others],
    {
      token,
      ca,
      connectTimeoutMs,
      machineTimeoutMs: null,
      signal: AbortSignal.any([asking.signal, ending.signal]),
      areNamed: false,
      windowMs: 0,
      onNote: () => undefined,
    },
    (_machine, event) => found.take(event),
  );
  const ended = searching.then(
    (report) => found.end(null, report.machines),
    (error: unknown) => found.end(error, []),
  );
  try {
    // Behind the last match comes its context, as grep prints it, and nothing of a match after that.
    let { max: left = Number.POSITIVE_INFINITY, after: trailing = 0 } = options;
    let lastPartition = -1;
    for (;;) {
      const record = await found.next();
      if (record === null) break;
      if (left === 0) {
        if (!record.isContext || record.partition !== lastPartition) return;
        trailing--;
      } else if (!record.isContext) {
        left--;
        lastPartition = record.partition;
      }
      yield record;
      if (left === 0 && trailing === 0) return;
    }
  } finally {
    ending.abort();
    found.drop();
    await ended;
  }
  if (asking.signal.aborted) throw new LogError('interrupted', `Cannot search topic "${topic}": interrupted`);
  found.refuseParts(topic);
}

/** The one in use first, which is the nearest as far as anybody knows; the others answer where it cannot. */
async function machinesOf(client: Client): Promise<readonly Machine[]> {
  const brokers = await client.brokers();
  const [current = ''] = client.servers;
  const scheme = current.slice(0, current.indexOf('//') + 2);
  const origins = [current, ...brokers.map(({ address }) => parseServer(scheme + address)), ...client.servers];
  return [...new Set(origins)].map((origin) => ({ name: null, origin }));
}

function requestOf(topic: string, pattern: string, options: GrepOptions): SearchRequest {
  const { dialect = 'basic', ignoreCase = false, invert = false, word = false, wholeLine = false, freshness = 'linearizable' } = options;
  const source = { ...wholeTopic(topic, options.where ?? []), partition: options.partition ?? null, freshness };
  const plain = plainSearch(source, splitPatterns(Buffer.from(pattern)));
  return forPrograms({
    ...plain,
    match: { ...plain.match, dialect, ignoreCase, invert, word, wholeLine },
    output: { ...plain.output, maxCount: options.max ?? null, before: options.before ?? null, after: options.after ?? null },
    sinceMs: options.since === undefined ? null : toMs(options.since),
    untilMs: options.until === undefined ? null : toMs(options.until),
  });
}

type Line = MergedRecord & { readonly type: 'match' | 'context'; readonly topic: string; readonly matches: FoundRecord['matches'] };

/** Records between a search that gives them and a loop that takes them. */
class Found {
  readonly #lines: JsonLines;
  #held: FoundRecord[] = [];
  #isDropped = false;
  #wake = (): void => undefined;
  #go = (): void => undefined;
  #end: { readonly error: unknown; readonly machines: readonly MachineReport[] } | null = null;

  constructor(request: SearchRequest) {
    this.#lines = new JsonLines(request);
  }

  take(event: Parameters<JsonLines['take']>[0]): Promise<void> | undefined {
    for (const text of this.#lines.take(event).split('\n')) {
      if (text === '' || this.#isDropped) continue;
      const line = JSON.parse(text) as Line;
      this.#held.push(new FoundRecord(recordOfJson(line.topic, line, line.partition), line.type === 'context', line.matches));
    }
    this.#wake();
    if (this.#held.length < heldMax) return undefined;
    return new Promise((resolve) => (this.#go = resolve));
  }

  end(error: unknown, machines: readonly MachineReport[]): void {
    this.#end = { error, machines };
    this.#wake();
  }

  /** Null behind the last. */
  async next(): Promise<FoundRecord | null> {
    while (this.#held.length === 0 && this.#end === null) await new Promise<void>((resolve) => (this.#wake = resolve));
    const record = this.#held.shift() ?? null;
    if (this.#held.length === 0) this.#go();
    return record;
  }

  /** Nobody takes any more. */
  drop(): void {
    this.#isDropped = true;
    this.#held = [];
    this.#go();
  }

  refuseParts(topic: string): void {
    const { error = null, machines = [] } = this.#end ?? {};
    if (error !== null) throw error as Error;
    const wrong = machines.find(({ problem }) => problem !== null);
    if (wrong === undefined) return;
    const code = wrong.failure === 'refused' ? 'invalidRequest' : 'incomplete';
    throw new LogError(code, `Cannot search all of topic "${topic}": ${wrong.name}: ${wrong.problem ?? ''}`);
  }
}
