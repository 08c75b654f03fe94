/**
 * `POST /v1/grep`: this machine asks all others, and answers in JSON lines. `POST /v1/grep/local`: this machine searches, and answers in the frames of `search/frames.ts`. `GET /v1/grep/machines`: whom a search asks when nobody
 * says whom.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogError, type SpanService } from '../../../eventlog/index.ts';
import type { Logger } from '../../../host/index.ts';
import type { SearchRequest } from '../../../query/index.ts';
import { chooseMachines, type Machine, partitionsOf, type Question } from '../../../search/ask/index.ts';
import { decodeRequest, OneATurn, type Searchers, type SearchTrace } from '../../../search/index.ts';
import type { BodiesInFlight } from '../bodies.ts';
import { jsonBodyOf, longJson } from '../parsed-body.ts';
import { asLogError, sendError, sendJson } from '../error-answer.ts';
import { traceFields } from '../request-traces.ts';
import type { HttpSettings } from '../settings.ts';
import { answerForAll, type Asking } from './asked-answer.ts';
import { answerLocally } from './local-answer.ts';

/** What can be searched here, and who else is asked. */
export interface SearchOptions {
  /** What this machine calls itself in answers. */
  readonly machine: string;
  readonly searchers: Searchers;
  readonly machines: readonly Machine[];
  /** How many partitions a topic has, the last; null where that is not known here. */
  readonly partitionsOf: (topic: string) => readonly number[] | null;
  /** Where this machine is among them, whose topics are the nearest; null where it has none. */
  readonly own: string | null;
  /** What it asks the others with. */
  readonly token: string | null;
  readonly ca: string | null;
}

export interface GrepOptions extends SearchOptions {
  readonly version: string;
  readonly settings: HttpSettings;
  readonly logger: Logger;
  /** Where spans of traced searches go. */
  readonly spans: SpanService;
}

type Kind = 'local' | 'followed' | 'asked';

/** To those that come to an end: a topic has up to 256 partitions. */
const followedShare = 4;

/** Of one search over HTTP: each has a connection to each machine that is asked. */
const sourcesMax = 16;

export class GrepRoutes {
  readonly #options: GrepOptions;
  readonly #bodies: BodiesInFlight;
  /** Searches here, topics that are followed here, and searches of all that are asked from here: the last kind waits for the others. */
  readonly #underWay = { local: 0, followed: 0, asked: 0 };
  readonly #begins = new OneATurn();

  constructor(options: GrepOptions, bodies: BodiesInFlight) {
    this.#options = options;
    this.#bodies = bodies;
  }

  /** Takes the request if it is for one of these routes. */
  take(method: string | undefined, path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (path === '/v1/grep/machines' && method === 'GET') sendJson(response, 200, { machines: this.#options.machines });
    else if (path === '/v1/grep/local' && method === 'POST')
      void this.#answer('local', response, (become) => this.#searchHere(request, response, become));
    else if (path === '/v1/grep' && method === 'POST') void this.#answer('asked', response, () => this.#askAll(request, response));
    else return false;
    return true;
  }

  /** Never rejects: a refusal is an answer. */
  async #answer(first: Kind, response: ServerResponse, run: (become: (kind: Kind) => void) => Promise<void>): Promise<void> {
    const { logger } = this.#options;
    try {
      let kind = first;
      this.#count(kind);
      try {
        await this.#begins.turn();
        const become = (other: Kind): void => {
          this.#count(other);
          this.#underWay[kind]--;
          kind = other;
        };
        if (!response.destroyed) await run(become);
      } finally {
        this.#underWay[kind]--;
      }
    } catch (thrown) {
      const error = asLogError(thrown);
      if (!(thrown instanceof LogError)) logger.log('error', 'searchFailed', { reason: String((thrown as Error).stack ?? thrown) });
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  }

  /** One more of a kind, if there may be. */
  #count(kind: Kind): void {
    const { searchesMax } = this.#options.settings;
    const limit = kind === 'followed' ? searchesMax * followedShare : searchesMax;
    const count = this.#underWay[kind];
    if (count >= limit) {
      const what = kind === 'followed' ? 'partitions are followed' : 'searches are under way';
      throw new LogError('overloaded', `Cannot search: ${count} ${what}, the limit`, { limit });
    }
    this.#underWay[kind]++;
  }

  async #searchHere(request: IncomingMessage, response: ServerResponse, become: (kind: Kind) => void): Promise<void> {
    const { machine, version, settings } = this.#options;
    const search = decoded(await this.#jsonOf(request));
    // It has nothing to do most of the time, and no program.
    if (search.follow && search.source.kind === 'topic') become('followed');
    const options = { machine, version, readerTimeoutMs: settings.searchReaderTimeoutMs, trace: this.#traceOf(request) };
    await answerLocally(search, this.#searcherOf(search), response, options);
  }

  async #askAll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token, ca, settings } = this.#options;
    const asking = this.#askingOf(await this.#jsonOf(request));
    const options = { token, ca, readerTimeoutMs: settings.searchReaderTimeoutMs, trace: this.#traceOf(request) };
    await answerForAll(asking, response, options);
  }

  #traceOf(request: IncomingMessage): SearchTrace | null {
    const { trace: context } = traceFields(request);
    return context === undefined ? null : { spans: this.#options.spans, context };
  }

  /** Only machines that the configuration names are asked: who asks could reach others through this one. */
  #askingOf(json: unknown): Asking {
    const {
      on,
      timeoutMs = null,
      source,
      sources = [source],
      ...search
    } = (typeof json === 'object' && json !== null ? json : {}) as {
      on?: unknown;
      timeoutMs?: unknown;
      source?: unknown;
      sources?: unknown;
    };
    const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot search: ${reason}`);
    if (timeoutMs !== null && !(Number.isInteger(timeoutMs) && (timeoutMs as number) >= 1 && (timeoutMs as number) < 2 ** 31))
      throw refuse('the field "timeoutMs" is no number of milliseconds');
    if (!Array.isArray(sources) || sources.length > sourcesMax || (source !== undefined && sources[0] !== source))
      throw refuse(`the field "sources" is no list of up to ${sourcesMax} sources in place of "source"`);
    const machines = this.#askedOf(on, refuse);
    const requestsOf = (each: unknown): readonly [SearchRequest, ...SearchRequest[]] => {
      const request = decoded({ ...search, source: each });
      const count = request.source.kind === 'topic' ? this.#options.partitionsOf(request.source.topic) : null;
      return partitionsOf(request, count?.at(-1) ?? 1);
    };
    const questionOf = (request: SearchRequest): Question => ({
      request,
      machines: request.source.kind === 'topic' && on === undefined ? this.#nearestFirst() : machines,
    });
    const [[first, ...more], ...others] = [requestsOf(sources[0]), ...sources.slice(1).map(requestsOf)] as const;
    const questions = [questionOf(first), ...[...more, ...others.flat()].map(questionOf)] as const;
    return { questions, areNamed: on !== undefined, timeoutMs: timeoutMs as number | null };
  }

  #nearestFirst(): readonly Machine[] {
    const { machines, own } = this.#options;
    return [...machines.filter(({ origin }) => origin === own), ...machines.filter(({ origin }) => origin !== own)];
  }

  #askedOf(on: unknown, refuse: (reason: string) => LogError): readonly Machine[] {
    if (on === undefined) return this.#options.machines;
    if (!Array.isArray(on) || on.length === 0 || !on.every((name) => typeof name === 'string'))
      throw refuse('the field "on" is no list of machines');
    const known = this.#options.machines;
    const unknown = on.find((name) => !known.some((machine) => machine.name === name || new URL(machine.origin).host === name));
    if (unknown !== undefined) throw refuse(`no machine "${String(unknown).slice(0, 100)}" is known here`);
    return chooseMachines(on, known);
  }

  #jsonOf(request: IncomingMessage): Promise<unknown> {
    // Patterns may be many: `grep -f` sends those of a file.
    return jsonBodyOf(request, 'search', this.#bodies, longJson);
  }

  #searcherOf({ source }: SearchRequest): NonNullable<Searchers[keyof Searchers]> {
    const searcher = this.#options.searchers[source.kind];
    if (searcher !== null) return searcher;
    // Somebody else may have it.
    throw new LogError('unknownRoute', 'Cannot search a topic: topics are not searched here');
  }
}

function decoded(json: unknown): SearchRequest {
  const request = decodeRequest(json);
  if (request.ok) return request.value;
  throw new LogError('invalidRequest', `Cannot search: ${request.error}`);
}
