/** A `node:http` server with the bounds of `settings.ts`, and how it comes to listen. What it answers is up to who has it. */
import type { Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { LogError } from '../../eventlog/index.ts';
import type { Clock, Logger } from '../../host/index.ts';
import type { HttpSettings } from './settings.ts';

/** Not by `import`, which reads every name of the module, `WebSocket` too, and so loads all of Node's `fetch`: 35 ms of a broker's start. */
const { createServer } = process.getBuiltinModule('node:http');

export interface ListenerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HttpSettings;
  readonly host: string;
  readonly port: number;
  /** A port in use is tried again for so long. */
  readonly listenRetryMs: number;
  readonly tls: { readonly cert: string | Buffer; readonly key: string | Buffer } | null;
}

const listenAgainMs = 20;

export class Listener {
  readonly server: Server;
  readonly #options: ListenerOptions;
  readonly #connectionsByAddress = new Map<string, number>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { settings, tls } = options;
    const serverOptions = {
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      connectionsCheckingInterval: settings.connectionsCheckingIntervalMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      noDelay: true,
      insecureHTTPParser: false,
    };
    this.server = tls === null ? createServer(serverOptions) : createSecureServer({ ...serverOptions, ...tls, minVersion: 'TLSv1.2' });
    this.server.maxConnections = settings.connectionsMax;
    this.server.on('connection', (socket: Socket) => this.#limitAddress(socket));
  }

  /** Where it listens, once it does. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** @param onListening runs before anything is taken */
  listen(onListening: () => void, done: (error: LogError | null) => void): void {
    const { clock, listenRetryMs } = this.#options;
    this.#listen(clock.monotonicMs() + listenRetryMs, onListening, done);
  }

  #listen(untilMs: number, onListening: () => void, done: (error: LogError | null) => void): void {
    const { host, port, clock, logger } = this.#options;
    const refuse = (error: NodeJS.ErrnoException): void => {
      this.server.off('listening', listening);
      const isInUse = error.code === 'EADDRINUSE';
      if (isInUse && clock.monotonicMs() < untilMs) {
        clock.startTimer(listenAgainMs, () => this.#listen(untilMs, onListening, done));
        return;
      }
      const reason = isInUse ? 'another program listens there; choose another with --port' : error.message;
      done(
        new LogError(isInUse ? 'portInUse' : 'invalidConfig', `Cannot listen on ${host}:${port}: ${reason}`, { port }, { cause: error }),
      );
    };
    const listening = (): void => {
      this.server.off('error', refuse);
      this.server.on('error', (error) => logger.log('error', 'httpServerError', { reason: error.message }));
      onListening();
      done(null);
    };
    this.server.once('error', refuse);
    this.server.once('listening', listening);
    this.server.listen({ host, port, backlog: 1024 });
  }

  #limitAddress(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const count = (this.#connectionsByAddress.get(address) ?? 0) + 1;
    if (count > this.#options.settings.connectionsPerAddressMax) {
      socket.destroy();
      return;
    }
    this.#connectionsByAddress.set(address, count);
    socket.on('close', () => {
      const left = (this.#connectionsByAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#connectionsByAddress.delete(address);
      else this.#connectionsByAddress.set(address, left);
    });
  }
}
