/**
 * The load generator of all benchmarks over HTTP: so many connections, one request on its way on each, the next as soon as the answer is there. It shares the
 * machine with what it measures, so requests are made beforehand and of an answer nothing but status and length is read.
 */
import { connect, type Socket } from 'node:net';
import { LogError } from '../../eventlog/index.ts';
import { Latencies } from './latencies.ts';
import type { Load, LoadRun } from './measure.ts';
import { ResponseScanner } from './response-scanner.ts';

export interface HttpRequest {
  /** Head and body. Each connection has a copy of its own. */
  readonly bytes: Buffer;
  /** Where in it a number stands that is different in each request: 12 digits. */
  readonly numberAt: number | null;
}

/** What a connection sends, and where. */
export interface HttpTarget {
  readonly url: string;
  readonly request: HttpRequest;
}

export interface HttpLoadOptions extends HttpTarget {
  readonly connections: number;
  /** Ends a run that is under way. */
  readonly signal?: AbortSignal;
}

const digits = 12;
const readBytes = 64 * 1024;
const ended = (): void => undefined;

export class HttpLoad implements Load {
  readonly #connections: readonly Connection[];
  readonly #signal: AbortSignal | undefined;
  #next = 1;

  private constructor(connections: readonly Connection[], signal: AbortSignal | undefined) {
    this.#connections = connections;
    this.#signal = signal;
  }

  static connect(options: HttpLoadOptions): Promise<HttpLoad> {
    return HttpLoad.connectAll(
      Array.from({ length: options.connections }, () => options),
      options.signal,
    );
  }

  /** A connection to each of these, which sends its request again and again. */
  static async connectAll(targets: readonly HttpTarget[], signal?: AbortSignal): Promise<HttpLoad> {
    const connections = targets.map((target) => new Connection(target));
    await Promise.all(connections.map((connection) => connection.open));
    return new HttpLoad(connections, signal);
  }

  /** Any answer but 200 ends it: then nobody could say what is there. */
  run(forMs: number): Promise<LoadRun> {
    return new Promise((resolve, reject) => {
      const latencies = new Latencies();
      let answered = 0;
      let busy = this.#connections.length;
      const startedMs = performance.now();
      const untilMs = startedMs + forMs;
      const fail = (error: Error): void => {
        this.close();
        reject(error);
      };
      const stop = (): void => fail(new LogError('interrupted', 'Interrupted'));
      this.#signal?.addEventListener('abort', stop, { once: true });
      if (this.#signal?.aborted === true) stop();
      for (const connection of this.#connections) {
        connection.onBroken = fail;
        connection.onAnswer = (sentMs) => {
          const nowMs = performance.now();
          answered++;
          latencies.record(nowMs - sentMs);
          if (nowMs < untilMs) connection.send(this.#next++, nowMs);
          else if (--busy === 0) {
            this.#signal?.removeEventListener('abort', stop);
            resolve({ tookMs: performance.now() - startedMs, answered, latencyMs: latencies.summary() });
          }
        };
        connection.send(this.#next++, startedMs);
      }
    });
  }

  /** The same requests at a rate of their own: each is due at its time, however late those before it are, and its delay counts from then. */
  paced(perSecond: number): Load {
    return { run: (forMs) => this.#runPaced(forMs, perSecond), close: () => this.close() };
  }

  #runPaced(forMs: number, perSecond: number): Promise<LoadRun> {
    return new Promise((resolve, reject) => {
      const latencies = new Latencies();
      const count = Math.max(1, Math.floor((forMs * perSecond) / 1000));
      const idle = [...this.#connections];
      const startedMs = performance.now();
      let begun = 0;
      let answered = 0;
      const dueMs = (index: number): number => startedMs + (index * 1000) / perSecond;
      const begin = (): void => {
        const nowMs = performance.now();
        while (begun < count && dueMs(begun) <= nowMs) {
          const connection = idle.pop();
          if (connection === undefined) return;
          connection.send(this.#next++, dueMs(begun++));
        }
      };
      const timer = setInterval(begin, 1);
      const fail = (error: Error): void => {
        clearInterval(timer);
        this.close();
        reject(error);
      };
      for (const connection of this.#connections) {
        connection.onBroken = fail;
        connection.onAnswer = (sentMs) => {
          latencies.record(performance.now() - sentMs);
          idle.push(connection);
          if (++answered < count) return begin();
          clearInterval(timer);
          resolve({ tookMs: performance.now() - startedMs, answered, latencyMs: latencies.summary() });
        };
      }
      begin();
    });
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

class Connection {
  readonly open: Promise<void>;
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #numberAt: number | null;
  readonly #scanner = new ResponseScanner();
  #sentMs = 0;
  onAnswer: (sentMs: number) => void = ended;
  onBroken: (error: Error) => void = ended;

  constructor({ url, request }: HttpTarget) {
    this.#request = Buffer.from(request.bytes);
    this.#numberAt = request.numberAt;
    const { hostname, port } = new URL(url);
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    const callback = (length: number): boolean => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer, callback } });
    this.open = new Promise((resolve, reject) => {
      this.#socket.once('connect', () => resolve());
      this.#socket.on('error', (error) => {
        reject(error);
        this.onBroken(error);
      });
      const closed = new LogError('connectionLost', `Cannot measure: ${url} closed a connection of the load`);
      this.#socket.on('close', () => this.onBroken(closed));
    });
  }

  /** The answer to the one before has come, so its bytes have left and may be written over. */
  send(number: number, nowMs: number): void {
    if (this.#numberAt !== null) this.#request.write(String(number).padStart(digits, '0'), this.#numberAt, digits, 'latin1');
    this.#sentMs = nowMs;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.onBroken = ended;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      if (!this.#scanner.scan(chunk)) return;
      if (this.#scanner.status !== 200) {
        const said = chunk.toString('utf8').slice(-300);
        throw new LogError('connectionLost', `Cannot measure: a request was answered with ${this.#scanner.status}: ${said}`);
      }
      this.onAnswer(this.#sentMs);
    } catch (error) {
      this.onBroken(error as Error);
    }
  }
}

/** Where `body` holds `############`, the number of the request will stand. */
export function makeRequest(
  url: string,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): HttpRequest {
  const all = { Host: new URL(url).host, ...headers, 'Content-Length': String(body.length) };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${head.join('')}\r\n`), body]);
  const numberAt = bytes.indexOf('#'.repeat(digits));
  return { bytes, numberAt: numberAt < 0 ? null : numberAt };
}
