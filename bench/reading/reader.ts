import { connect, type Socket } from 'node:net';
import { ResponseScanner } from '../../src/lab/bench/response-scanner.ts';
import type { RecordCounter } from './counters.ts';

const readBytes = 1024 * 1024;

/** GETs on one connection, one after the other; bodies are counted as they come and not kept. */
export class Reader {
  readonly #host: string;
  readonly #socket: Socket;
  #onChunk: (chunk: Buffer) => void = () => undefined;
  #onBroken: (error: Error) => void = () => undefined;

  private constructor(host: string, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
  }

  static connect(url: string): Promise<Reader> {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const buffer = Buffer.allocUnsafeSlow(readBytes);
      const callback = (length: number): boolean => {
        reader.#onChunk(buffer.subarray(0, length));
        return true;
      };
      const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer, callback } }, () => resolve(reader));
      const reader = new Reader(host, socket);
      socket.on('error', (error) => {
        reject(error);
        reader.#onBroken(error);
      });
      socket.on('close', () => reader.#onBroken(new Error(`Cannot read: ${url} closed the connection`)));
    });
  }

  get(
    target: string,
    accept: string,
    counter: RecordCounter,
  ): Promise<{ readonly bytes: number; readonly header: (name: string) => string | null }> {
    return new Promise((resolve, reject) => {
      let bytes = 0;
      counter.begin();
      const scanner = new ResponseScanner((part) => {
        bytes += part.length;
        counter.take(part);
      });
      this.#onBroken = reject;
      this.#onChunk = (chunk) => {
        try {
          if (!scanner.scan(chunk)) return;
          if (scanner.status === 200) resolve({ bytes, header: (name) => scanner.header(name) });
          else reject(new Error(`Cannot read: ${target} was answered with ${scanner.status}`));
        } catch (error) {
          reject(error as Error);
        }
      };
      this.#socket.write(`GET ${target} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept: ${accept}\r\n\r\n`);
    });
  }

  close(): void {
    this.#onBroken = () => undefined;
    this.#socket.destroy();
  }
}
