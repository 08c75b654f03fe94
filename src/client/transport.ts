import type http from 'node:http';
import type https from 'node:https';
import { describeFailure, failureOf, formatSeconds, type TransportFailure } from './failure.ts';

/**
 * One request to one broker over node's own HTTP client with connections kept open. (undici answers 15-20 % more small requests per second but
 * takes 40 ms more to load, which every command would pay.)
 */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Why there is no answer. Before a connection stands, with TLS where that is asked for, nothing can have happened; after it anything may have. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly connected: boolean;
  /** E.g. "connection refused"; the end of a sentence. */
  readonly reason: string;
  readonly failure: TransportFailure;

  constructor(connected: boolean, reason: string, failure: TransportFailure = 'other', options?: { readonly cause?: unknown }) {
    super(reason, options);
    this.connected = connected;
    this.reason = reason;
    this.failure = failure;
  }
}

export interface TransportOptions {
  readonly token: string | null;
  /** PEM text of the certificates to trust instead of the machine's. */
  readonly ca: string | null;
}

/** The largest answer taken: a read gives at most one batch more than it was asked for. */
const answerBytesMax = 64 * 1024 * 1024;

/** What the client needs of the network. */
export interface Sender {
  /** `server` is an origin such as http://127.0.0.1:8000. Rejects with a TransportError. */
  send(server: string, request: TransportRequest): Promise<TransportAnswer>;
  close(): void;
}

interface Protocol {
  readonly request: (options: https.RequestOptions) => http.ClientRequest;
  readonly agent: http.Agent;
}

export class Transport implements Sender {
  readonly #options: TransportOptions;
  #plain: Promise<Protocol> | null = null;
  #secure: Promise<Protocol> | null = null;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async send(server: string, request: TransportRequest): Promise<TransportAnswer> {
    const protocol = await this.#load(server.startsWith('https:'));
    return new Promise((resolve, reject) => {
      // Host and port apart from the path: as one URL, a path with dots would be tidied up into another one.
      const { hostname, port } = new URL(server);
      const headers: Record<string, string> = { ...request.headers };
      if (request.body !== undefined) headers['content-length'] = String(request.body.length);
      if (this.#options.token !== null) headers['authorization'] = `Bearer ${this.#options.token}`;

      let connected = false;
      let timedOut = false;
      let settled = false;
      const settle = (run: () => void): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        request.signal?.removeEventListener('abort', onAbort);
        run();
      };
      const fail = (error: unknown): void => {
        const reason = timedOut ? `no answer within ${formatSeconds(request.timeoutMs)}` : describeFailure(error);
        settle(() => reject(new TransportError(connected, reason, timedOut ? 'other' : failureOf(error), { cause: error })));
      };

      const outgoing = protocol.request({
        hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(port === '' ? {} : { port }),
        path: request.path,
        method: request.method,
        headers,
        agent: protocol.agent,
      });
      const onAbort = (): void => {
        outgoing.destroy(new Error('aborted'));
      };
      const timer = setTimeout(() => {
        timedOut = true;
        outgoing.destroy(new Error('timed out'));
      }, request.timeoutMs);
      request.signal?.addEventListener('abort', onAbort, { once: true });
      if (request.signal?.aborted === true) onAbort();

      outgoing.on('socket', (socket) => {
        // What is sent leaves once both sides have agreed on the keys.
        if (outgoing.reusedSocket) connected = true;
        else socket.once(server.startsWith('https:') ? 'secureConnect' : 'connect', () => (connected = true));
      });
      outgoing.on('error', fail);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        let length = 0;
        incoming.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > answerBytesMax) outgoing.destroy(new Error(`the answer is larger than ${answerBytesMax} bytes`));
          else chunks.push(chunk);
        });
        incoming.on('end', () => {
          if (!incoming.complete) return;
          const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
          settle(() => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }));
        });
        incoming.on('error', fail);
        incoming.on('close', () => fail(new Error('the connection was closed in the middle of the answer')));
      });
      outgoing.end(request.body);
    });
  }

  close(): void {
    for (const protocol of [this.#plain, this.#secure]) void protocol?.then(({ agent }) => agent.destroy());
  }

  /**
   * Loaded with the first request, which `--help` need not pay. Not by `import`: that reads every name which `node:http` exports, `WebSocket` too, and so
   * loads all of Node's `fetch`, 35 ms of processor time.
   */
  #load(secure: boolean): Promise<Protocol> {
    if (!secure) {
      const { request, Agent } = process.getBuiltinModule('node:http');
      return (this.#plain ??= Promise.resolve({ request, agent: new Agent({ keepAlive: true, scheduling: 'lifo' }) }));
    }
    const ca = this.#options.ca;
    return (this.#secure ??= import('node:https').then(({ request, Agent }) => {
      return { request, agent: new Agent({ keepAlive: true, scheduling: 'lifo', ...(ca === null ? {} : { ca }) }) };
    }));
  }
}
