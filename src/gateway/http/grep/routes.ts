/**
 * `POST /v1/grep`: this machine asks all others, and answers in JSON lines. `POST /v1/grep/local`: this machine searches, and answers in the frames of `search/frames.ts`. `GET /v1/grep/machines`: whom a search asks when nobody
 * says whom.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogError } from '../../../eventlog/index.ts';
import type { Logger } from '../../../host/index.ts';
import type { SearchRequest } from '../../../query/index.ts';
import { chooseMachines, type Machine, partitionsOf, type Question } from '../../../search/ask/index.ts';
import { decodeRequest, OneATurn, type Searchers } from '../../../search/index.ts';
import type { BodiesInFlight } from '../bodies.ts';
import { jsonBodyOf, longJson } from '../parsed-body.ts';
import { asLogError, sendError, sendJson } from '../error-answer.ts';
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
}

/** Of one search over HTTP: each has a connection to each machine that is asked. */
const sourcesMax = 16;

export class GrepRoutes {
  readonly #options: GrepOptions;
  readonly #bodies: BodiesInFlight;
  /** Searches here, and searches of all that are asked from here: the second kind waits for the first. */
  readonly #underWay = { local: 0, asked: 0 };
  readonly #begins = new OneATurn();

  constructor(options: GrepOptions, bodies: BodiesInFlight) {
    this.#options = options;
    this.#bodies = bodies;
  }

  /** Takes the request if it is for one of these routes. */
  take(method: string | undefined, path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (path === '/v1/grep/machines' && method === 'GET') sendJson(response, 200, { machines: this.#options.machines });
    else if (path === '/v1/grep/local' && method === 'POST')
      void this.#answer('local', response, () => this.#searchHere(request, response));
    else if (path === '/v1/grep' && method === 'POST') void this.#answer('asked', response, () => this.#askAll(request, response));
    else return false;
    return true;
  }

  /** Never rejects: a refusal is an answer. */
  async #answer(kind: 'local' | 'asked', response: ServerResponse, run: () => Promise<void>): Promise<void> {
    const { settings, logger } = this.#options;
    try {
      const count = this.#underWay[kind];
      if (count >= settings.searchesMax)
        throw new LogError('overloaded', `Cannot search: ${count} searches are under way, the limit`, { limit: settings.searchesMax });
      this.#underWay[kind]++;
      try {
        await this.#begins.turn();
        if (!response.destroyed) await run();
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

  async #searchHere(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { machine, version, settings } = this.#options;
    const search = decoded(await this.#jsonOf(request));
    const options = { machine, version, readerTimeoutMs: settings.searchReaderTimeoutMs };
    await answerLocally(search, this.#searcherOf(search), response, options);
  }

  async #askAll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token, ca, settings } = this.#options;
    const asking = this.#askingOf(await this.#jsonOf(request));
    await answerForAll(asking, response, { token, ca, readerTimeoutMs: settings.searchReaderTimeoutMs });
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
