/**
 * `POST /v1/grep/local`: this machine searches, and answers in the frames of `search/frames.ts`. `GET /v1/grep/machines`: whom a search asks when nobody
 * says whom.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogError } from '../../../eventlog/index.ts';
import type { Logger } from '../../../host/index.ts';
import type { SearchRequest } from '../../../query/index.ts';
import type { Machine } from '../../../search/ask/index.ts';
import { decodeRequest, type Searchers } from '../../../search/index.ts';
import { bodyOf } from '../body.ts';
import { asLogError, sendError, sendJson } from '../error-answer.ts';
import type { HttpSettings } from '../settings.ts';
import { answerLocally } from './local-answer.ts';

/** What can be searched here, and who else is asked. */
export interface SearchOptions {
  /** What this machine calls itself in answers. */
  readonly machine: string;
  readonly searchers: Searchers;
  readonly machines: readonly Machine[];
}

export interface GrepOptions extends SearchOptions {
  readonly version: string;
  readonly settings: HttpSettings;
  readonly logger: Logger;
}

export class GrepRoutes {
  readonly #options: GrepOptions;
  #underWay = 0;

  constructor(options: GrepOptions) {
    this.#options = options;
  }

  /** Takes the request if it is for one of these routes. */
  take(method: string | undefined, path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (path === '/v1/grep/machines' && method === 'GET') sendJson(response, 200, { machines: this.#options.machines });
    else if (path === '/v1/grep/local' && method === 'POST') void this.local(request, response);
    else return false;
    return true;
  }

  /** Never rejects: a refusal is an answer. */
  async local(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { machine, version, settings, logger } = this.#options;
    try {
      await this.#whileRoom(async () => {
        const search = await this.#requestOf(request);
        await answerLocally(search, this.#searcherOf(search), response, {
          machine,
          version,
          readerTimeoutMs: settings.searchReaderTimeoutMs,
        });
      });
    } catch (thrown) {
      const error = asLogError(thrown);
      if (!(thrown instanceof LogError)) logger.log('error', 'searchFailed', { reason: String((thrown as Error).stack ?? thrown) });
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  }

  async #whileRoom(run: () => Promise<void>): Promise<void> {
    const { searchesMax } = this.#options.settings;
    if (this.#underWay >= searchesMax)
      throw new LogError('overloaded', `Cannot search: ${this.#underWay} searches are under way, the limit`, { limit: searchesMax });
    this.#underWay++;
    try {
      await run();
    } finally {
      this.#underWay--;
    }
  }

  async #requestOf(request: IncomingMessage): Promise<SearchRequest> {
    const body = await bodyOf(request, this.#options.settings.bodyBytesMax);
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    } catch {
      throw new LogError('invalidRequest', 'Cannot search: the body is not JSON');
    }
    const decoded = decodeRequest(json);
    if (decoded.ok) return decoded.value;
    throw new LogError('invalidRequest', `Cannot search: ${decoded.error}`);
  }

  #searcherOf({ source }: SearchRequest): NonNullable<Searchers[keyof Searchers]> {
    const searcher = this.#options.searchers[source.kind];
    if (searcher !== null) return searcher;
    throw new LogError('invalidRequest', 'Cannot search a topic: topics are not searched here');
  }
}
