/**
 * Links between brokers over TCP or TLS.
 *
 * A link begins as an HTTP/1.1 request with `Upgrade: cairn-peer/7` on the peer's one port (design, D10); after the answer 101 the socket
 * carries bytes and nothing else. The listening side belongs to the gateway: it hands over each upgraded socket with `takeIncoming`.
 *
 * Node's TLS ends a handshake before it looks at the certificate, so whoever has one that is refused sees a connection that ends without a word. It is
 * told in a request of its own, on a connection that carries nothing else.
 *
 * What one `send` brings leaves in one system call, at once: a broker sends once a turn on each link. Little is joined by copying, which is cheaper
 * than a vector of pieces.
 * Handlers run from the top of the event loop, never inside a call of ours.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { BrokerId } from '../base/branded.ts';
import { certificateRefusal } from '../base/certificate-refusals.ts';
import { formatHostPort } from '../base/host-port.ts';
import type { BrokerAddress, Lane, Link, LinkHandlers, Network } from '../host/index.ts';
import { type Distrust, distrustHeader, encodeDistrust, peerProtocol } from '../wire/index.ts';

const connectTimeoutMs = 1000;
/** An answer to the upgrade is a few lines; more than this is not one. */
const answerBytesMax = 8192;
const joinBytesMax = 32 * 1024;

export interface NetworkOptions {
  readonly self: BrokerId;
  readonly brokers: readonly BrokerAddress[];
  /** Certificates as PEM text, or null for plain TCP. The peer's certificate must be signed by `ca` and name its configured host. */
  readonly tls: PeerTls | null;
}

export interface PeerTls {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export class SystemNetwork implements Network {
  readonly #self: BrokerId;
  readonly #addresses: ReadonlyMap<number, BrokerAddress>;
  readonly #tls: PeerTls | null;
  readonly #links = new Set<SocketLink>();
  /** Upgraded before the broker said who receives them. */
  #early: { readonly socket: Duplex; readonly head: Uint8Array }[] = [];
  #onLink: ((link: Link) => LinkHandlers) | null = null;
  #onDistrusted: ((by: number, reason: string) => void) | null = null;
  #closed = false;

  constructor(options: NetworkOptions) {
    this.#self = options.self;
    this.#addresses = new Map(options.brokers.map((broker) => [broker.id, broker]));
    this.#tls = options.tls;
  }

  dial(peer: BrokerId, lane: Lane, handlers: LinkHandlers): Link {
    const address = this.#addresses.get(peer);
    const link = new SocketLink(handlers, (ended, distrust) => {
      this.#links.delete(ended);
      if (distrust !== null && address !== undefined) this.#tellDistrust(address, distrust);
    });
    if (address === undefined || this.#closed) {
      link.close(address === undefined ? `broker ${peer} is not configured` : 'the network is closed');
      return link;
    }
    this.#links.add(link);
    const { host, port } = address;
    const tls = this.#tls;
    const socket =
      tls === null
        ? connectTcp({ host, port, noDelay: true, ...localAddress(host) })
        : connectTls({ host, port, ...tls, ...serverName(host) });
    // TLS hands its socket to the connection that it wraps; a set-up without delay is asked for on either.
    socket.setNoDelay(true);
    link.dial(socket, tls === null ? 'connect' : 'secureConnect', upgradeRequest(address, lane));
    return link;
  }

  accept(onLink: (link: Link) => LinkHandlers, onDistrusted: ((by: number, reason: string) => void) | null = null): void {
    this.#onLink = onLink;
    this.#onDistrusted = onDistrusted;
    for (const { socket, head } of this.#early.splice(0)) this.takeIncoming(socket, head);
  }

  /** Takes over a socket whose upgrade the gateway has answered; `head` are bytes of the link that came with the request. */
  takeIncoming(socket: Duplex, head: Uint8Array): void {
    // One that broke while it waited would never say so again.
    if (this.#closed || socket.destroyed) {
      socket.destroy();
      return;
    }
    if (this.#onLink === null) {
      // Its bytes wait in the socket. Not more than peers can have in good faith: two lanes each, and some that were dialled again.
      if (this.#early.length < 4 * this.#addresses.size) this.#early.push({ socket, head });
      else socket.destroy();
      return;
    }
    const link = new SocketLink(null, (ended) => this.#links.delete(ended));
    this.#links.add(link);
    link.attach(socket as Socket, this.#onLink(link), head);
  }

  /** Somebody does not accept this machine's certificate, as it told the gateway. */
  distrusted({ by, code }: Distrust): void {
    this.#onDistrusted?.(by, sayRefused(code));
  }

  #tellDistrust({ host, port }: BrokerAddress, code: string): void {
    if (this.#closed) return;
    // Nobody is trusted here: what is said is no secret, and what is answered is not read.
    const socket = connectTls({ host, port, ...serverName(host), rejectUnauthorized: false });
    const headers = `Connection: Upgrade\r\nUpgrade: ${peerProtocol}\r\n${distrustHeader}: ${encodeDistrust({ by: this.#self, code })}`;
    socket.once('secureConnect', () => socket.end(`GET / HTTP/1.1\r\nHost: ${formatHostPort({ host, port })}\r\n${headers}\r\n\r\n`));
    socket.setTimeout(connectTimeoutMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.resume();
  }

  /** Closes every link at once; for the end of the process. */
  close(): void {
    this.#closed = true;
    for (const link of this.#links) link.close('the broker is stopping');
  }
}

/**
 * Links on loopback leave from an address of their own: an outgoing port taken on 127.0.0.1 could be the one on which a broker that starts next is
 * to listen. A link holds it for ever, and any other connection for a minute after its end where the system chose the port (TIME_WAIT). Linux has
 * all of 127.0.0.0/8; others make do without.
 */
export function localAddress(host: string): { readonly localAddress?: string } {
  return process.platform === 'linux' && host === '127.0.0.1' ? { localAddress: '127.0.0.2' } : {};
}

/** TLS names its server, unless that is an address (RFC 6066 §3); the certificate is checked against `host` either way. */
function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

const sayRefused = (code: string): string => certificateRefusal(code) ?? `its certificate is not accepted (${code})`;

function upgradeRequest(address: BrokerAddress, lane: Lane): string {
  return `GET / HTTP/1.1\r\nHost: ${formatHostPort(address)}\r\nConnection: Upgrade\r\nUpgrade: ${peerProtocol}\r\nCairn-Lane: ${lane}\r\n\r\n`;
}

class SocketLink implements Link {
  #handlers: LinkHandlers | null;
  /** With the code of what is wrong with the other end's certificate, if that is the reason. */
  readonly #onEnd: (link: SocketLink, distrust: string | null) => void;
  #socket: Socket | null = null;
  #isOpen = false;
  #isClosed = false;
  /** Sent before the link was open. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #deadline: NodeJS.Timeout | null = null;

  constructor(handlers: LinkHandlers | null, onEnd: (link: SocketLink, distrust: string | null) => void) {
    this.#handlers = handlers;
    this.#onEnd = onEnd;
  }

  get bytesQueued(): number {
    return this.#earlyBytes + (this.#socket?.writableLength ?? 0);
  }

  send(chunks: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    const socket = this.#socket;
    if (!this.#isOpen || socket === null) {
      for (const chunk of chunks) {
        this.#early.push(chunk);
        this.#earlyBytes += chunk.length;
      }
      return;
    }
    if (chunks.length === 0) return;
    const first = chunks[0] as Uint8Array;
    if (chunks.length === 1) {
      socket.write(first);
      return;
    }
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    if (bytes <= joinBytesMax) {
      socket.write(Buffer.concat(chunks, bytes));
      return;
    }
    socket.cork();
    for (const chunk of chunks) socket.write(chunk);
    socket.uncork();
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#end(reason);
  }

  /** Asks for the upgrade once connected, then becomes a link. */
  dial(socket: Socket, connectedEvent: 'connect' | 'secureConnect', request: string): void {
    this.#socket = socket;
    this.#deadline = setTimeout(() => this.#end(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    let answer = Buffer.alloc(0);
    const onData = (data: Buffer): void => {
      answer = Buffer.concat([answer, data]);
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) {
        if (answer.length > answerBytesMax) this.#end('the answer to the upgrade is no answer of a broker');
        return;
      }
      const [statusLine = '', ...headers] = answer.toString('latin1', 0, end).split('\r\n');
      const isAgreed = headers.some((header) => header.toLowerCase().replaceAll(' ', '') === `upgrade:${peerProtocol}`);
      if (!statusLine.startsWith('HTTP/1.1 101 ') || !isAgreed) {
        this.#end(`the upgrade was refused: ${statusLine.slice('HTTP/1.1 '.length, 90)}`);
        return;
      }
      socket.off('data', onData);
      this.#open(answer.subarray(end + 4));
    };
    socket.once(connectedEvent, () => socket.write(request));
    socket.on('data', onData);
    this.#watch(socket);
  }

  attach(socket: Socket, handlers: LinkHandlers, head: Uint8Array): void {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
    this.#watch(socket);
    // `accept` has just returned the handlers: they are called from the top of the event loop, not from within it.
    socket.pause();
    setImmediate(() => this.#open(head));
  }

  #watch(socket: Socket): void {
    let reason = 'the peer closed the connection';
    let distrust: string | null = null;
    socket.on('error', (error: Error) => {
      distrust = distrustOf(socket);
      reason = distrust === null ? error.message : sayRefused(distrust);
    });
    socket.on('end', () => this.#end(reason, distrust));
    socket.on('close', () => this.#end(reason, distrust));
  }

  #open(head: Uint8Array): void {
    const socket = this.#socket;
    if (this.#isClosed || socket === null) return;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#isOpen = true;
    this.#handlers?.opened();
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    this.send(early);
    socket.on('data', (data: Buffer) => this.#receive(data));
    if (head.length > 0) this.#receive(head);
    socket.resume();
  }

  #receive(data: Uint8Array): void {
    // A plain array of bytes: the `slice` of a Buffer does not copy, and pure code would trust that it does.
    if (!this.#isClosed) this.#handlers?.received(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  #end(reason: string, distrust: string | null = null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#early = [];
    this.#earlyBytes = 0;
    this.#socket?.destroy();
    this.#socket = null;
    this.#onEnd(this, distrust);
    setImmediate(() => this.#handlers?.closed(reason, distrust !== null));
  }
}

/** Node's code of what is wrong with the certificate that came, or null; what is there is a text, whatever its type says. */
function distrustOf(socket: Socket): string | null {
  const code: unknown = socket instanceof TLSSocket ? socket.authorizationError : null;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : null;
}
