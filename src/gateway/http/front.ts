/**
 * The HTTP gateway's front door: one `node:http` server per broker. It listens first and at once, checks `Host`, origin and token on every
 * route, serves plain appends and the probes itself, hands the routes of contract 2 to `contract2/`, `Upgrade: cairn-peer/7` to the network, and everything
 * else to fastify (`api/`), which is loaded after the socket listens: a request that comes earlier waits for it.
 *
 * While the broker acts as crashed (contract 2), every request but `/crash`, `/recover` and `/exit` has its socket destroyed without a byte,
 * and so have those that were under way. A connection whose request has not been read yet stays: it may bring one of those three, and their
 * client waits for ever.
 *
 * A `PUT` is answered when its record is committed and never else, whatever is wrong with it: its client takes any answer for success.
 *
 * A client that closes its side of the connection behind its request is answered (`half-closed.ts`); one that does not close its side when it is told to go
 * is cut off after a grace (`let-go.ts`).
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type FaultSwitch, LogError, type BrokerService, type SpanService } from '../../eventlog/index.ts';
import type { Bytes, Random } from '../../host/index.ts';
import type { BatchLimits } from '../../record/index.ts';
import { decodeDistrust, type Distrust, distrustHeader, peerProtocol } from '../../wire/index.ts';
import { AppendRecords, plainAppendTopic } from './append-records.ts';
import type { BodiesInFlight } from './bodies.ts';
import { Contract2, isFaultPath } from './contract2/index.ts';
import { expectContinue } from './body.ts';
import { asLogError, errorBody, sendError, sendJson, sendText } from './error-answer.ts';
import { allowedHosts, guard, guardHost } from './guards.ts';
import { isOverWithClient } from './half-closed.ts';
import { letGo } from './let-go.ts';
import type { LargeRecords } from './large-records.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import { RequestTraces } from './request-traces.ts';
import { pathOf, toOriginForm } from './target.ts';
import type { OneATurn } from '../../search/index.ts';

/** What the gateway needs of a broker. */
export interface GatewayBroker extends BrokerService {
  readonly faults: FaultSwitch;
  readonly ready: boolean;
}

export interface FrontOptions extends ListenerOptions {
  readonly broker: GatewayBroker;
  readonly bytes: Bytes;
  readonly random: Random;
  /** Where spans of traced requests go. */
  readonly spans: SpanService;
  /** Of requests that do not say whether they are traced, each so many is; 0: none. */
  readonly sampleEvery: number;
  readonly limits: BatchLimits;
  readonly bodies: BodiesInFlight;
  readonly turns: OneATurn;
  readonly large: LargeRecords;
  /** A connection takes one request and is closed with its answer. */
  readonly closesWithAnswer: boolean;
  /** Names under which the broker is reached besides loopback: its configured address. */
  readonly ownNames: readonly string[];
  /** Further `Host` headers with port, such as a proxy's. */
  readonly extraHosts: readonly string[];
  readonly tokenHash: Uint8Array | null;
  readonly faultInjection: boolean;
  /** File that `POST /exit` writes, or null. */
  readonly logFile: string | null;
  /** Whether a peer may connect from an address; of several brokers without a secret that is all that is asked. */
  readonly takesPeersFrom: (address: string) => boolean;
  /** Takes over an upgraded connection of a peer. */
  readonly onPeer: (socket: Duplex, head: Uint8Array) => void;
  /** A peer says that it does not accept this broker's certificate, and so does not dial it. */
  readonly onDistrusted: (distrust: Distrust) => void;
  /** `POST /exit` has been answered: end the process. */
  readonly onExit: () => void;
  /** Imports the rest of the gateway; called once, after the socket listens, or with the first request that needs it. */
  readonly loadApi: (front: Front) => Promise<RequestListener>;
  readonly loadApiEarly: boolean;
}

/** Whoever can reach the broker can be refused as often as he likes. */
const refusalEveryMs = 10_000;

/** A connection that carries HTTP: all but those of peers. */
interface Connection {
  /** To what was asked last; null where a crash may not cut it off, and before the first. */
  answer: ServerResponse | null;
  hasAsked: boolean;
  /** Requests that came while others before them were not answered yet. */
  waiting: number;
}

export class Front {
  readonly #options: FrontOptions;
  readonly #listener: Listener;
  readonly #server: Server;
  readonly #contract2: Contract2;
  readonly #append: AppendRecords;
  readonly #traces: RequestTraces;
  readonly #connections = new Map<Duplex, Connection>();
  #allowedHosts: ReadonlySet<string> = new Set();
  #api: RequestListener | null = null;
  #loadingApi: Promise<void> | null = null;
  #isClosing = false;
  /** When each kind of refusal was last told of in the log. */
  readonly #refusalsToldMs = new Map<string, number>();
  #requestCount = 0;
  #unauthorizedCount = 0;
  /** A broker of another version has been told of: once is enough, and whoever reaches the port can claim any. */
  #isProtocolTold = false;
  #distrustCount = 0;
  /** Why others refused the certificate, as far as that was told: once is enough, it does not change while this broker runs. */
  readonly #alertsTold = new Set<string>();

  constructor(options: FrontOptions) {
    this.#options = options;
    const { broker, clock, bytes, limits, settings, bodies, turns, large } = options;
    this.#contract2 = new Contract2({ ...options, cutUnderWay: () => this.#cutUnderWay() });
    this.#append = new AppendRecords({ log: broker, clock, bytes, limits, bytesMax: settings.bodyBytesMax, bodies, turns, large });
    this.#traces = new RequestTraces(options.spans, options.sampleEvery);
    this.#listener = new Listener(options);
    this.#server = this.#listener.server;
    this.#observe();
  }

  get options(): FrontOptions {
    return this.#options;
  }

  /** Where it listens, once it does. */
  get port(): number {
    return this.#listener.port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Requests that have come, whatever they were for and became of. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** Who counts the appends that the API does not see. */
  observeAppends(onAnswered: (status: number, seconds: number) => void): void {
    this.#append.onAnswered = onAnswered;
  }

  get revokesPending(): number {
    return this.#contract2.revokesPending;
  }

  /** Connections whose other end did not accept this broker's certificate. */
  get distrustCount(): number {
    return this.#distrustCount;
  }

  /** Requests without the right token. */
  get unauthorizedCount(): number {
    return this.#unauthorizedCount;
  }

  listen(done: (error: LogError | null) => void): void {
    const { ownNames, extraHosts, loadApiEarly } = this.#options;
    const onListening = (): void => {
      this.#allowedHosts = allowedHosts(this.port, ownNames, extraHosts);
      if (loadApiEarly) setImmediate(() => void this.#loadApi());
    };
    this.#listener.listen(onListening, done);
  }

  /** Takes no more connections, lets requests end for `graceMs` at most, then closes everything. */
  close(graceMs: number, done: () => void): void {
    this.#isClosing = true;
    let isDone = false;
    const finish = (): void => {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      for (const socket of this.#connections.keys()) socket.destroy();
      done();
    };
    const timer = this.#options.clock.startTimer(graceMs, finish);
    this.#server.close(() => this.#contract2.whenRevoked(finish));
    this.#server.closeIdleConnections();
  }

  crash(): void {
    this.#contract2.crash();
  }

  recover(): void {
    this.#contract2.recover();
  }

  #cutUnderWay(): void {
    for (const socket of this.#connections.keys()) if (this.#isUnderWay(socket)) socket.destroy();
  }

  #observe(): void {
    const server = this.#server;
    const { tls } = this.#options;
    server.on(tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
      const connection: Connection = { answer: null, hasAsked: false, waiting: 0 };
      this.#connections.set(socket, connection);
      socket.on('close', () => this.#connections.delete(socket));
      socket.on('end', () => {
        if (connection.answer !== null && isOverWithClient(connection.answer)) socket.destroy();
      });
    });
    server.setTimeout(this.#options.settings.slowReaderTimeoutMs, (socket: Socket) => this.#quiet(socket));
    server.on('request', (request, response) => this.#handle(request, response));
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      expectContinue(request, response);
      this.#handle(request, response);
    });
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      if (this.#isCut(request)) return;
      response.setHeader('connection', 'close');
      const error = new LogError('invalidRequest', 'Cannot answer: only 100-continue can be expected');
      if (isPut(request)) this.#refuse(request, response, error);
      else sendJson(response, 417, errorBody(error));
    });
    // Node's own way is to end such a connection without an answer, whatever is under way.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#refuseMalformed(error, socket));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    toOriginForm(request);
    if (this.#isCut(request)) return;
    const path = pathOf(request);
    const isFault = request.method === 'POST' && isFaultPath(path);
    if (!this.#note(request, response, isFault)) return;
    this.#requestCount++;
    if (this.#isClosing || this.#options.closesWithAnswer) response.setHeader('connection', 'close');
    const refusal = guard(request, path, { allowedHosts: this.#allowedHosts, tokenHash: this.#options.tokenHash });
    if (refusal !== null) {
      this.#refuse(request, response, refusal);
      return;
    }
    if (isPut(request) && path !== '/') {
      this.#refuse(
        request,
        response,
        new LogError('methodNotAllowed', 'Cannot answer: no path but "/" and those of subscriptions take PUT'),
      );
      return;
    }
    const { method } = request;
    const isRead = method === 'GET' || method === 'HEAD';
    // What a plain append leaves out for speed, a trace is about.
    const topic = this.#traces.begin(request, response, path) ? null : plainAppendTopic(request);
    if (topic !== null) this.#append.handle(request, response, topic);
    else if (method === 'PUT' && path === '/') this.#contract2.put(request, response);
    else if (isFault) this.#contract2.switchFault(path, request, response);
    else if (path === '/healthz' && isRead) sendText(response, 200, 'ok\n');
    else if (path === '/readyz' && isRead) this.#answerReady(response);
    else this.#serveApi(request, response);
  }

  /** What the connection is about now; false where it has asked too much at once, and is cut off. */
  #note({ socket }: IncomingMessage, response: ServerResponse, isFault: boolean): boolean {
    const connection = this.#connections.get(socket);
    // It has broken meanwhile.
    if (connection === undefined) return false;
    connection.answer = isFault ? null : response;
    if (!connection.hasAsked) {
      connection.hasAsked = true;
      this.#listener.asked(socket);
    }
    // Its turn has come already, as for all who wait for one answer before they ask again.
    if (response.socket !== null) return true;
    if (++connection.waiting > this.#options.settings.requestsPerConnectionMax) {
      socket.destroy();
      return false;
    }
    response.once('socket', () => connection.waiting--);
    return true;
  }

  /** Destroys the socket of a request that a broker which acts as crashed does not hear. */
  #isCut(request: IncomingMessage): boolean {
    if (!this.#options.broker.faults.crashed) return false;
    if (request.method === 'POST' && isFaultPath(pathOf(request))) return false;
    request.socket.destroy();
    return true;
  }

  /** Says what is wrong with a request; of a PUT in the broker's log only, and of a wrong token there too. Now and then: never what the token was. */
  #refuse(request: IncomingMessage, response: ServerResponse, error: LogError): void {
    const address = request.socket.remoteAddress ?? null;
    if (error.code === 'unauthorized') {
      this.#unauthorizedCount++;
      this.#tellRefusal('unauthorized', { address, reason: error.message, count: this.#unauthorizedCount });
    }
    if (!isPut(request)) {
      sendError(response, error);
      return;
    }
    request.socket.destroy();
    this.#tellRefusal('putRefused', { reason: error.message });
  }

  #tellRefusal(event: string, fields: Readonly<Record<string, string | number | null>>): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < (this.#refusalsToldMs.get(event) ?? Number.NEGATIVE_INFINITY) + refusalEveryMs) return;
    this.#refusalsToldMs.set(event, nowMs);
    logger.log('warn', event, fields);
  }

  #answerReady(response: ServerResponse): void {
    const isReady = this.#options.broker.ready;
    sendText(response, isReady ? 200 : 503, isReady ? 'ready\n' : 'not ready: the logs are not open yet, or `log` has no leader\n');
  }

  #serveApi(request: IncomingMessage, response: ServerResponse): void {
    if (this.#api !== null) {
      this.#api(request, response);
      return;
    }
    this.#loadApi().then(
      () => {
        if (!this.#options.broker.faults.crashed) this.#api?.(request, response);
      },
      (error: unknown) => sendError(response, asLogError(error)),
    );
  }

  #loadApi(): Promise<void> {
    this.#loadingApi ??= this.#options.loadApi(this).then(
      (api) => {
        this.#api = api;
      },
      (error: unknown) => {
        this.#options.logger.log('error', 'apiNotLoaded', {
          reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
        throw error;
      },
    );
    // Whoever waits for it hears of a failure; nobody may be waiting.
    this.#loadingApi.catch(() => {});
    return this.#loadingApi;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener away: a connection that breaks before somebody else listens would end the process.
    socket.on('error', () => {});
    if (this.#isCut(request)) return;
    this.#connections.delete(request.socket);
    const isPeer = request.headers.upgrade?.toLowerCase() === peerProtocol;
    const isFromElsewhere = isPeer && !this.#takesPeer(request);
    if (!isPeer || isFromElsewhere || this.#isClosing || guardHost(request, this.#allowedHosts) !== null) {
      if (request.method === 'PUT') {
        socket.destroy();
        return;
      }
      const status = isFromElsewhere ? '403 Forbidden' : isPeer ? '421 Misdirected Request' : this.#refusedProtocol(request);
      letGo(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, this.#options.clock);
      return;
    }
    const distrust = request.headers[distrustHeader];
    if (distrust !== undefined) {
      this.#noteDistrust(String(distrust));
      socket.destroy();
      return;
    }
    this.#listener.asked(request.socket);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${peerProtocol}\r\n\r\n`);
    this.#options.onPeer(socket, head);
  }

  #takesPeer({ socket: { remoteAddress: address = '' } }: IncomingMessage): boolean {
    if (this.#options.takesPeersFrom(address)) return true;
    this.#tellRefusal('peerRefused', {
      address,
      reason: 'it comes from elsewhere, and brokers without a secret that are listed on loopback take peers from there',
    });
    return false;
  }

  /** A broker of another version is told what is spoken here; it dials again each second, and a line says so once. */
  #refusedProtocol({ headers: { upgrade = '' } }: IncomingMessage): string {
    if (!/^cairn-peer\/\d{1,4}$/i.test(upgrade)) return '400 Bad Request';
    if (!this.#isProtocolTold) {
      this.#isProtocolTold = true;
      this.#options.logger.log('warn', 'peerRefused', {
        reason: `a broker of another version speaks ${upgrade}, this one ${peerProtocol}`,
      });
    }
    return `426 ${peerProtocol} is spoken here, not ${upgrade}`;
  }

  #noteDistrust(text: string): void {
    const distrust = decodeDistrust(text);
    if (distrust === null) return;
    this.#distrustCount++;
    this.#options.onDistrusted(distrust);
  }

  /** An alert that ended a handshake: clients other than Node's say why. Most are gone before it is read, and their address with them. */
  #noteAlert(alert: string, socket: Duplex): void {
    this.#distrustCount++;
    if (this.#alertsTold.has(alert)) return;
    this.#alertsTold.add(alert);
    const reason = `whoever connected does not accept this broker's certificate: ${alert.toLowerCase().replaceAll('_', ' ')}`;
    this.#options.logger.log('warn', 'certificateRefused', { address: (socket as Socket).remoteAddress ?? null, reason });
  }

  /** Its header was read, its answer has not left: another one would be taken for its own, or cut it in two. */
  #isUnderWay(socket: Duplex): boolean {
    return this.#connections.get(socket)?.answer?.writableFinished === false;
  }

  /**
   * Nothing has moved on a connection for a while. One that waits for its answer, or brings its request, stays; its client has gone, or takes nothing, where
   * what was written does not leave.
   */
  #quiet(socket: Socket): void {
    if (socket.writableLength > 0 || !this.#isUnderWay(socket)) socket.destroy();
  }

  #refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    const alert = certificateAlert.exec(error.code ?? '')?.[1];
    if (alert !== undefined) this.#noteAlert(alert, socket);
    if (this.#options.broker.faults.crashed || !socket.writable || error.code === 'ECONNRESET' || this.#isUnderWay(socket)) {
      socket.destroy();
      return;
    }
    const status = malformed[error.code ?? ''] ?? '400 Bad Request';
    const message = `Cannot read the request: ${status.slice(4).toLowerCase()}`;
    const body = JSON.stringify({ error: { code: 'invalidRequest', message, definite: true, retriable: false } });
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    letGo(socket, head + body, this.#options.clock);
  }
}

/** OpenSSL's names of alerts that are about a certificate, as Node makes codes of them. */
const certificateAlert = /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA)$/;

const malformed: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** There alone a PUT is answered whatever becomes of it: no client of contract 2 puts its records there. */
const isSubscriptionPath = (path: string): boolean => /^\/v1\/subscribers\/[^/]+\/topics\/[^/]+$/.test(path);

/** One of contract 2, or what its client may have meant for one. */
const isPut = (request: IncomingMessage): boolean => request.method === 'PUT' && !isSubscriptionPath(pathOf(request));
