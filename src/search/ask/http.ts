/**
 * Requests to a machine, each over a connection of its own: closing it is how a search is ended. Not by `node:http`: an answer may be hundreds of megabytes,
 * and a buffer of its own for every 64 KiB of it costs more than all else that is done with them. Here a connection has one buffer, which is used again.
 */
import { Buffer } from 'node:buffer';
import net from 'node:net';
import { HttpBody } from './http-body.ts';

export interface Credentials {
  readonly token: string | null;
  /** PEM text of the certificates to trust instead of the machine's. */
  readonly ca: string | null;
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: Uint8Array | null;
}

export interface ExchangeHandlers {
  readonly connected: () => void;
  readonly status: (status: number) => void;
  /** Bytes of the body, which are there until it returns, or until the promise is kept; nothing more is read before. */
  readonly body: (piece: Buffer) => Promise<void> | undefined;
  /** The body is whole. */
  readonly end: () => void;
  /** The connection fails, or closes before the body is whole. */
  readonly failed: (error: Error) => void;
}

export interface Exchange {
  destroy(): void;
}

const readBytes = 256 * 1024;

export function openExchange(origin: string, request: OutgoingRequest, { token, ca }: Credentials, handlers: ExchangeHandlers): Exchange {
  const { hostname, port, protocol, host } = new URL(origin);
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  const body = new HttpBody(handlers);
  let isOver = false;
  const fail = (error: Error): void => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    handlers.failed(error);
  };
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    handlers.end();
  };
  const read = (wait: Promise<void> | undefined): boolean => {
    if (body.problem !== null) {
      fail(codedError('HPE_INVALID_CONSTANT', body.problem));
      return false;
    }
    if (wait !== undefined) {
      void wait.then(() => {
        if (!isOver && read(undefined)) socket.resume();
      });
      return false;
    }
    if (body.isWhole) finish();
    return !body.isWhole;
  };
  const onread = { buffer, callback: (length: number) => !isOver && read(body.take(buffer.subarray(0, length))) };
  const target = {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    noDelay: true,
    onread,
  };
  const isSecure = protocol === 'https:';
  const socket = isSecure ? connectSecurely(target, ca) : net.connect(target);
  socket.once(isSecure ? 'secureConnect' : 'connect', () => {
    handlers.connected();
    socket.write(headOf(request, host, token));
    if (request.body !== null) socket.write(request.body);
  });
  socket.on('error', fail);
  const closed = (): void => {
    if (body.endsWithConnection) finish();
    else fail(codedError('ECONNRESET', 'the connection broke before the answer came'));
  };
  // Without a reader nothing else says that the other side has ended.
  socket.on('end', closed);
  socket.on('close', closed);
  return {
    destroy: () => {
      isOver = true;
      socket.destroy();
    },
  };
}

function connectSecurely(target: net.NetConnectOpts & { readonly host: string }, ca: string | null): net.Socket {
  const servername = net.isIP(target.host) === 0 ? { servername: target.host } : {};
  const options = { ...target, ...servername, ALPNProtocols: ['http/1.1'], ...(ca === null ? {} : { ca }) };
  return process.getBuiltinModule('node:tls').connect(options as import('node:tls').ConnectionOptions);
}

function headOf({ method, path, body }: OutgoingRequest, host: string, token: string | null): string {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
  if (body !== null) lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  if (token !== null) lines.push(`Authorization: Bearer ${token}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const codedError = (code: string, message: string): Error => Object.assign(new Error(message), { code });

/** What an answer that is not 200 says: an error of the catalogue, or whatever else speaks HTTP there. */
export function readRefusal(text: string, status: number): { readonly code: string; readonly reason: string } {
  let error: { code?: unknown; message?: unknown } = {};
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error ?? {};
  } catch {
    // Not one of ours.
  }
  const { code = 'none', message = `it answers with HTTP status ${status}` } = error;
  return { code: String(code), reason: String(message) };
}
