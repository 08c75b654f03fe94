/** A `node:http` server with the bounds of `settings.ts`, and how it comes to listen. What it answers is up to who has it. */
import type { IncomingMessage, Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { formatHostPort } from '../../base/host-port.ts';
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
/** Of another version too, which is told so; anything else that a client would rather speak is left aside, as HTTP allows. */
const peerProtocols = /^cairn-peer\//i;

/** Those that encrypt and authenticate in one: Node takes others too (CBC), which have been broken again and again. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** The connections of one address by their port there, in the order in which they came: over TLS a request's socket is not the one that was accepted. */
interface OfAddress {
  readonly all: Map<number, Socket>;
  /** Those that have not brought a request yet. */
  readonly silent: Map<number, Socket>;
}

export class Listener {
  readonly server: Server;
  readonly #options: ListenerOptions;
  readonly #byAddress = new Map<string, OfAddress>();
  #count = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { settings, tls } = options;
    const serverOptions = {
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      connectionsCheckingInterval: settings.connectionsCheckingIntervalMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      noDelay: true,
      // Node would answer in a form of its own: the guards refuse it.
      requireHostHeader: false,
      insecureHTTPParser: false,
      shouldUpgradeCallback: ({ headers: { upgrade = '' } }: IncomingMessage) => peerProtocols.test(upgrade),
    };
    // A handshake is as long as a header may be: Node's own 120 s would be another way to hold a connection without a word.
    const secure = { ...serverOptions, ...tls, minVersion: 'TLSv1.2', ciphers, handshakeTimeout: settings.headersTimeoutMs } as const;
    this.server = tls === null ? createServer(serverOptions) : createSecureServer(secure);
    this.server.on('connection', (socket: Socket) => this.#admit(socket));
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
      const reason = isInUse ? 'another program listens there' : error.message;
      done(
        new LogError(
          isInUse ? 'portInUse' : 'invalidConfig',
          `Cannot listen on ${formatHostPort({ host, port })}: ${reason}`,
          { port },
          { cause: error },
        ),
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

  /** A request has come over the connection: from here on it does not make room for others. */
  asked({ remoteAddress = '', remotePort = -1 }: Socket): void {
    this.#byAddress.get(remoteAddress)?.silent.delete(remotePort);
  }

  /**
   * Where an address has as many connections as it may, or all together have, the one that has been silent for longest makes room: whoever opens
   * connections and says nothing shuts nobody out, not even others from his own machine. Where none is silent the new one is closed.
   */
  #admit(socket: Socket): void {
    const { connectionsMax, connectionsPerAddressMax } = this.#options.settings;
    const { remoteAddress: address = '', remotePort: port } = socket;
    // It has gone already.
    if (port === undefined) return;
    const own = this.#byAddress.get(address);
    const isRefused =
      (own !== undefined && own.all.size >= connectionsPerAddressMax && !this.#makeRoom(address, own)) ||
      (this.#count >= connectionsMax && !this.#makeRoom(...this.#mostSilent()));
    if (isRefused) {
      socket.destroy();
      return;
    }
    const { all, silent } = this.#byAddress.get(address) ?? this.#began(address);
    all.set(port, socket);
    silent.set(port, socket);
    this.#count++;
    socket.on('close', () => this.#forget(address, port, socket));
  }

  #began(address: string): OfAddress {
    const own = { all: new Map<number, Socket>(), silent: new Map<number, Socket>() };
    this.#byAddress.set(address, own);
    return own;
  }

  #makeRoom(address: string, { silent }: OfAddress): boolean {
    const [oldest] = silent;
    if (oldest === undefined) return false;
    const [port, socket] = oldest;
    this.#forget(address, port, socket);
    socket.destroy();
    return true;
  }

  /** The address with the most connections that say nothing. */
  #mostSilent(): readonly [string, OfAddress] {
    return [...this.#byAddress].reduce((most, each) => (each[1].silent.size > most[1].silent.size ? each : most));
  }

  #forget(address: string, port: number, socket: Socket): void {
    const own = this.#byAddress.get(address);
    // It has made room before it closed.
    if (own?.all.get(port) !== socket) return;
    own.all.delete(port);
    own.silent.delete(port);
    this.#count--;
    if (own.all.size === 0) this.#byAddress.delete(address);
  }
}
