import { dial, type Target, targetOf } from './dial.ts';
import { describeFailure, failureOf, formatSeconds, type TransportFailure } from './failure.ts';
import type { HttpAnswer } from './http-answer.ts';
import { HttpConnection } from './http-connection.ts';

/** One request to one broker. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export type TransportAnswer = HttpAnswer;

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

/** What the client needs of the network. */
export interface Sender {
  /** `server` is an origin such as http://127.0.0.1:8000. Rejects with a TransportError. */
  send(server: string, request: TransportRequest): Promise<TransportAnswer>;
  close(): void;
}

/** A server, and the connections to it that nobody uses, the one that was used last at the end. */
interface Origin {
  readonly target: Target;
  readonly idle: HttpConnection[];
}

/** More are closed: they were of a moment that is over. */
const idleMax = 256;

/** Over HTTP/1.1, with connections that are kept open for the next request. */
export class Transport implements Sender {
  readonly #options: TransportOptions;
  readonly #origins = new Map<string, Origin>();
  readonly #connections = new Set<HttpConnection>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  send(server: string, request: TransportRequest): Promise<TransportAnswer> {
    return new Promise((resolve, reject) => {
      const origin = this.#originOf(server);
      let connection: HttpConnection;
      let head: string;
      try {
        head = headOf(origin.target, request, this.#options.token);
        connection = this.#connectionTo(origin);
      } catch (error) {
        // Certificates that are none, or text that has no place in a head.
        reject(new TransportError(false, describeFailure(error), failureOf(error), { cause: error }));
        return;
      }
      const { signal } = request;
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        connection.destroy(new Error('timed out'));
      }, request.timeoutMs);
      const onAbort = (): void => connection.destroy(new Error('aborted'));
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      connection.ask(head, request.body, {
        answered: (answer) => {
          settle();
          resolve(answer);
        },
        failed: (error) => {
          settle();
          const reason = timedOut ? `no answer within ${formatSeconds(request.timeoutMs)}` : describeFailure(error);
          reject(new TransportError(connection.isEstablished, reason, timedOut ? 'other' : failureOf(error), { cause: error }));
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
    });
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy(new Error('the client was closed'));
  }

  #originOf(server: string): Origin {
    let origin = this.#origins.get(server);
    if (origin === undefined) this.#origins.set(server, (origin = { target: targetOf(server), idle: [] }));
    return origin;
  }

  #connectionTo({ target, idle }: Origin): HttpConnection {
    for (;;) {
      const connection = idle.pop();
      if (connection === undefined) break;
      if (connection.isUsable) return connection;
      connection.destroy(new Error('idle for too long'));
    }
    const onIdle = (connection: HttpConnection): void => {
      if (idle.length < idleMax) idle.push(connection);
      else connection.destroy(new Error('not needed'));
    };
    const onClosed = (connection: HttpConnection): void => {
      this.#connections.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
    };
    const connection = new HttpConnection((onread) => dial(target, { ...this.#options, onread }), target.isSecure, onIdle, onClosed);
    this.#connections.add(connection);
    return connection;
  }
}

/** What would end a line, and so begin another one, is no part of a head. */
const notInPath = /[^\x21-\x7e\x80-\xff]/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

function headOf({ named }: Target, { method, path, headers = {}, body }: TransportRequest, token: string | null): string {
  if (notInPath.test(path)) throw new Error('the path has characters that a path of HTTP has not');
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${named}\r\n`;
  for (const name of Object.keys(headers)) {
    const value = headers[name] as string;
    if (notInValue.test(value)) throw new Error(`the header ${name} has characters that a header of HTTP has not`);
    head += `${name}: ${value}\r\n`;
  }
  if (token !== null) head += `Authorization: Bearer ${token}\r\n`;
  if (body !== undefined || method === 'POST' || method === 'PUT' || method === 'PATCH') head += `Content-Length: ${body?.length ?? 0}\r\n`;
  return `${head}\r\n`;
}
