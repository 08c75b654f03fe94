/** The HTTP server of a machine that only answers searches: the guards of a broker's front, the probes and the routes of searches, and nothing else. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isTraceId } from '../../../base/trace-context.ts';
import { LogError } from '../../../eventlog/index.ts';
import { BodiesInFlight } from '../bodies.ts';
import { sendError, sendJson, sendText } from '../error-answer.ts';
import { allowedHosts, guard } from '../guards.ts';
import { Listener, type ListenerOptions } from '../listener.ts';
import { RequestTraces, spansPath } from '../request-traces.ts';
import { pathOf, toOriginForm } from '../target.ts';
import { type GrepOptions, GrepRoutes } from './routes.ts';

export interface SearchFrontOptions extends ListenerOptions, GrepOptions {
  /** Names under which it is reached besides loopback. */
  readonly ownNames: readonly string[];
  readonly extraHosts: readonly string[];
  readonly tokenHash: Uint8Array | null;
}

export class SearchFront {
  readonly #options: SearchFrontOptions;
  readonly #listener: Listener;
  readonly #routes: GrepRoutes;
  readonly #traces: RequestTraces;
  readonly #sockets = new Set<Socket>();
  #allowedHosts: ReadonlySet<string> = new Set();

  constructor(options: SearchFrontOptions) {
    this.#options = options;
    this.#routes = new GrepRoutes(options, new BodiesInFlight(options.settings.bodiesBytesMax));
    // What does not ask for a trace leaves none.
    this.#traces = new RequestTraces(options.spans, 0);
    this.#listener = new Listener(options);
    const { server } = this.#listener;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => this.#handle(request, response));
  }

  get port(): number {
    return this.#listener.port;
  }

  listen(done: (error: LogError | null) => void): void {
    const { ownNames, extraHosts } = this.#options;
    this.#listener.listen(() => {
      this.#allowedHosts = allowedHosts(this.port, ownNames, extraHosts);
    }, done);
  }

  /** Ends what is under way: whoever asked is told by the end of the connection that the answer is not whole. */
  close(done: () => void): void {
    this.#listener.server.close(done);
    for (const socket of this.#sockets) socket.destroy();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    toOriginForm(request);
    this.#listener.asked(request.socket);
    const { method } = request;
    const isRead = method === 'GET' || method === 'HEAD';
    const path = pathOf(request);
    const refusal = guard(request, path, { allowedHosts: this.#allowedHosts, tokenHash: this.#options.tokenHash });
    if (refusal !== null) {
      sendError(response, refusal);
      return;
    }
    this.#traces.begin(request, response, path);
    if (path === '/healthz' && isRead) sendText(response, 200, 'ok\n');
    else if (path === '/readyz' && isRead) sendText(response, 200, 'ready\n');
    else if (path.startsWith(spansPath) && isRead) this.#tellSpans(path.slice(spansPath.length), response);
    else if (!this.#routes.take(method, path, request, response)) {
      const shown = JSON.stringify(path.slice(0, 200));
      sendError(response, new LogError('unknownRoute', `Cannot answer ${method ?? ''} ${shown}: this machine only answers searches`));
    }
  }

  #tellSpans(traceId: string, response: ServerResponse): void {
    if (isTraceId(traceId)) sendJson(response, 200, { spans: this.#options.spans.ofTrace(traceId) });
    else sendError(response, new LogError('invalidRequest', 'Cannot tell the spans: a trace id is 32 hex digits in lower case'));
  }
}
