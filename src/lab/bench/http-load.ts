/**
 * The load generator of all benchmarks over HTTP: so many connections, one request on its way on each, the next as soon as the answer is there. It shares the
 * machine with what it measures, so requests are made beforehand and of an answer nothing but status and length is read.
 */
import { connect, type Socket } from 'node:net';
import { Latencies } from './latencies.ts';
import { ResponseScanner } from './response-scanner.ts';

export interface HttpLoadOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** The whole request, head and body. Each connection has a copy of its own. */
  readonly request: Buffer;
  /** Where in it a number stands that is different in each request: 12 digits. */
  readonly numberAt: number | null;
}

export interface LoadRun {
  readonly tookMs: number;
  /** Answered with 200. */
  readonly answered: number;
  /** Answers by any other status. */
  readonly refused: Readonly<Record<string, number>>;
}

const digits = 12;
const readBytes = 64 * 1024;

export class HttpLoad {
  readonly latencies = new Latencies();
  readonly #connections: readonly Connection[];
  #untilMs = 0;
  #answered = 0;
  #refused: Record<string, number> = {};
  #busy = 0;
  #next = 1;
  #done: (() => void) | null = null;
  #fail: (error: Error) => void = () => undefined;

  private constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  static async connect(options: HttpLoadOptions): Promise<HttpLoad> {
    const connections = Array.from({ length: options.connections }, () => new Connection(options));
    await Promise.all(connections.map((connection) => connection.open));
    return new HttpLoad(connections);
  }

  /** Keeps all connections busy for so long, and ends when the last answer is there. */
  async run(forMs: number): Promise<LoadRun> {
    this.#answered = 0;
    this.#refused = {};
    this.#busy = this.#connections.length;
    const startedMs = performance.now();
    this.#untilMs = startedMs + forMs;
    await new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      for (const connection of this.#connections) {
        connection.onAnswer = (status, sentMs) => this.#took(connection, status, sentMs);
        connection.onBroken = reject;
        connection.send(this.#next++, startedMs);
      }
    });
    return { tookMs: performance.now() - startedMs, answered: this.#answered, refused: this.#refused };
  }

  /** A run that is under way ends with `reason`. */
  close(reason: Error = new Error('it was closed')): void {
    for (const connection of this.#connections) connection.close();
    this.#fail(reason);
  }

  #took(connection: Connection, status: number, sentMs: number): void {
    const nowMs = performance.now();
    if (status === 200) {
      this.#answered++;
      this.latencies.record(nowMs - sentMs);
    } else this.#refused[status] = (this.#refused[status] ?? 0) + 1;
    if (nowMs < this.#untilMs) connection.send(this.#next++, nowMs);
    else if (--this.#busy === 0) this.#done?.();
  }
}

class Connection {
  readonly open: Promise<void>;
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #numberAt: number | null;
  readonly #scanner = new ResponseScanner();
  #sentMs = 0;
  onAnswer: (status: number, sentMs: number) => void = () => undefined;
  onBroken: (error: Error) => void = () => undefined;

  constructor({ host, port, request, numberAt }: HttpLoadOptions) {
    this.#request = Buffer.from(request);
    this.#numberAt = numberAt;
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          this.#read(buffer.subarray(0, length));
          return true;
        },
      },
    });
    this.open = new Promise((resolve, reject) => {
      this.#socket.once('connect', () => resolve());
      this.#socket.on('error', (error) => {
        reject(error);
        this.onBroken(error);
      });
      this.#socket.on('close', () => this.onBroken(new Error('the connection was closed')));
    });
  }

  /** The answer to the one before has come, so its bytes have left and may be written over. */
  send(number: number, nowMs: number): void {
    if (this.#numberAt !== null) this.#request.write(String(number).padStart(digits, '0'), this.#numberAt, digits, 'latin1');
    this.#sentMs = nowMs;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.onBroken = () => undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      if (this.#scanner.scan(chunk)) this.onAnswer(this.#scanner.status, this.#sentMs);
    } catch (error) {
      this.#socket.destroy();
      this.onBroken(error as Error);
    }
  }
}

/** A request as bytes. `body` may hold `############`: there the number of the request will stand. */
export function makeRequest(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Pick<HttpLoadOptions, 'request' | 'numberAt'> {
  const fields = Object.entries({ ...headers, 'Content-Length': String(body.length) }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${fields.join('')}\r\n`), body]);
  const numberAt = request.indexOf('#'.repeat(digits));
  return { request, numberAt: numberAt < 0 ? null : numberAt };
}
