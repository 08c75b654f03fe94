import { ApiError, fetchTopic, request } from '../api.ts';
import { type FoundPiece, hitOf, markHits, PIECES_MAX } from './hits.ts';
import { inFewPieces, visibleBytes } from '../visible-text.ts';

export interface SearchQuery {
  readonly source: { readonly kind: 'topic'; readonly topic: string } | { readonly kind: 'files'; readonly name: string };
  readonly pattern: string;
  /** An extended regular expression, else a text. */
  readonly isExpression: boolean;
  readonly ignoresCase: boolean;
  /** Lines before and after. */
  readonly context: number;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

export interface FoundLine {
  readonly machine: string;
  /** The file, or the topic, with its partition where it has several. */
  readonly file: string;
  /** Of a topic where the record is: `partition` is null where it has one. Of a file null. */
  readonly record: FoundRecord | null;
  /** Of a topic the offset. */
  readonly number: number;
  readonly isContext: boolean;
  readonly pieces: readonly FoundPiece[];
  /** Characters that are not shown, for they are too many. */
  readonly cut: number;
}

interface FoundRecord {
  readonly topic: string;
  readonly partition: number | null;
  readonly offset: number;
}

interface MachineProgress {
  readonly name: string;
  readonly lines: number;
  readonly state: 'asked' | 'done' | 'failed';
  /** Why its answer is not whole. */
  readonly problem: string | null;
}

export interface SearchState {
  readonly lines: readonly FoundLine[];
  readonly machines: readonly MachineProgress[];
  /** Null while it is under way. */
  readonly end: 'whole' | 'partial' | 'cut' | 'stopped' | null;
  readonly trouble: string | null;
}

/** Lines kept on the page: then the search is ended everywhere. */
export const FOUND_MAX = 1000;
const CHARACTERS_MAX = 1000;
/** Told to the page this often at most. */
const TELL_EVERY_MS = 100;

type Message =
  | {
      readonly type: 'match' | 'context';
      readonly machine: string;
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly value?: string | null;
      readonly valueBase64?: string;
    }
  | {
      readonly type: 'match' | 'context';
      readonly machine: string;
      readonly file: string;
      readonly line: number;
      readonly text?: string;
      readonly base64?: string;
    }
  | { readonly type: 'note'; readonly machine: string; readonly text: string }
  | { readonly type: 'machine'; readonly machine: string; readonly problem: string | null; readonly isWithout: boolean }
  | { readonly type: 'summary'; readonly isComplete: boolean }
  | { readonly type: 'error'; readonly message: string };

/** Asks this broker, which asks the machines that it knows; ends everywhere when `stop` is. */
export async function search(query: SearchQuery, tell: (state: SearchState) => void, stop: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const signal = AbortSignal.any([stop, enough.signal]);
  const found = new Found(query);
  let toldMs = 0;
  const show = (isLast: boolean): void => {
    if (!isLast && performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    tell(found.state);
  };
  try {
    const [answer] = await Promise.all([request('/v1/grep/machines', { signal }), found.lookUp()]);
    const { machines } = (await answer.json()) as { readonly machines: readonly KnownMachine[] };
    // Of a topic one replica answers, and says itself which it is.
    if (query.source.kind === 'files') found.ask(machines);
    show(true);
    const response = await request('/v1/grep', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(bodyOf(query)),
      signal,
    });
    for await (const messages of messagesOf(response)) {
      for (const message of messages) if (!found.isFull) found.take(message);
      if (found.isFull) {
        enough.abort('stopped');
        break;
      }
      show(false);
    }
    found.end();
  } catch (error) {
    if (stop.aborted) found.stop();
    else found.fail(error instanceof ApiError ? error.message : 'The connection broke');
  }
  show(true);
}

type FoundMessage = Extract<Message, { readonly type: 'match' | 'context' }>;

interface KnownMachine {
  readonly name: string | null;
  readonly origin: string;
}

const hostOf = (origin: string): string => new URL(origin).host;

function bodyOf({ source, pattern, isExpression, ignoresCase, context, sinceMs, untilMs }: SearchQuery): object {
  return {
    source,
    match: { dialect: isExpression ? 'extended' : 'fixed', patterns: [pattern], ignoreCase: ignoresCase },
    output: { mode: 'lines', ...(context > 0 ? { before: context, after: context } : {}) },
    sinceMs,
    untilMs,
  };
}

async function* messagesOf(response: Response): AsyncGenerator<readonly Message[], void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (held + value).split('\n');
    held = lines.pop() ?? '';
    yield lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Message);
  }
}

/** What has come of a search so far. */
class Found {
  readonly #source: SearchQuery['source'];
  readonly #hit: RegExp | null;
  #isOfSeveral = false;
  readonly #machines = new Map<string, MachineProgress>();
  #lines: FoundLine[] = [];
  #end: SearchState['end'] = null;
  #trouble: string | null = null;

  constructor(query: SearchQuery) {
    this.#source = query.source;
    this.#hit = hitOf(query);
  }

  /** Whether the topic has several partitions: a match of one that has only one says that it is of 0, too. */
  async lookUp(): Promise<void> {
    if (this.#source.kind === 'files') return;
    try {
      const { partitions = [] } = await fetchTopic(this.#source.topic);
      this.#isOfSeveral = partitions.length > 1;
    } catch {
      // The search says what is wrong with the topic.
    }
  }

  get state(): SearchState {
    return { lines: [...this.#lines], machines: [...this.#machines.values()], end: this.#end, trouble: this.#trouble };
  }

  get isFull(): boolean {
    return this.#lines.length >= FOUND_MAX;
  }

  ask(machines: readonly KnownMachine[]): void {
    for (const { name, origin } of machines) this.#set(name ?? hostOf(origin), { lines: 0, state: 'asked', problem: null });
  }

  take(message: Message): void {
    if (message.type === 'match' || message.type === 'context') {
      const { machine } = message;
      this.#lines.push({ machine, isContext: message.type === 'context', ...this.#lineOf(message) });
      const before = this.#machines.get(machine)?.lines ?? 0;
      this.#set(machine, { lines: before + (message.type === 'match' ? 1 : 0), state: 'asked', problem: null });
    } else if (message.type === 'machine') {
      const { machine, problem, isWithout } = message;
      if (isWithout) this.#machines.delete(machine);
      else this.#set(machine, { lines: this.#machines.get(machine)?.lines ?? 0, state: problem === null ? 'done' : 'failed', problem });
    } else if (message.type === 'note') {
      this.#set(message.machine, { lines: this.#machines.get(message.machine)?.lines ?? 0, state: 'failed', problem: message.text });
    } else if (message.type === 'summary') this.#end = message.isComplete ? 'whole' : 'partial';
    else if (message.type === 'error') this.fail(message.message);
  }

  #lineOf(message: FoundMessage): Omit<FoundLine, 'machine' | 'isContext'> {
    if ('topic' in message) {
      const { topic, offset, value, valueBase64 } = message;
      const partition = this.#isOfSeveral ? message.partition : null;
      return {
        file: partition === null ? topic : `${topic}/${partition}`,
        number: offset,
        record: { topic, partition, offset },
        ...shownText(valueBase64 === undefined ? (value ?? '') : undefined, valueBase64, this.#hit),
      };
    }
    const { file, line, text, base64 } = message;
    return { file, number: line, record: null, ...shownText(text, base64, this.#hit) };
  }

  /** An answer that ends without saying that it is whole is not. */
  end(): void {
    if (this.isFull) this.#end = 'cut';
    else this.#end ??= 'partial';
  }

  stop(): void {
    this.#end = 'stopped';
  }

  fail(trouble: string): void {
    this.#trouble = trouble;
    this.#end = 'partial';
  }

  #set(name: string, progress: Omit<MachineProgress, 'name'>): void {
    this.#machines.set(name, { name, ...progress });
  }
}

function shownText(text: string | undefined, base64: string | undefined, hit: RegExp | null): Pick<FoundLine, 'pieces' | 'cut'> {
  if (text === undefined) {
    const bytes = Uint8Array.from(atob(base64 ?? ''), (character) => character.charCodeAt(0));
    const pieces = inFewPieces(visibleBytes(bytes.subarray(0, CHARACTERS_MAX)), PIECES_MAX);
    return { pieces: pieces.map((piece) => ({ ...piece, isHit: false })), cut: Math.max(0, bytes.length - CHARACTERS_MAX) };
  }
  return { pieces: markHits(text.slice(0, CHARACTERS_MAX), hit), cut: Math.max(0, text.length - CHARACTERS_MAX) };
}
