/**
 * Requests to a machine, each over a connection of its own: closing it is how a search is ended. Not by `node:http`: an answer may be hundreds of megabytes,
 * and a buffer of its own for every 64 KiB of it costs more than all else that is done with them. Here a connection has one buffer, which is used again.
 */
import { Buffer } from 'node:buffer';
import { codedError, dial, targetOf } from '../../client/dial.ts';
import { HttpBody } from '../../client/http-body.ts';
import type { RequestTracer } from '../../client/tracing-sender.ts';

export interface Credentials {
  readonly token: string | null;
  /** PEM text of the certificates to trust instead of the machine's. */
  readonly ca: string | null;
  /** Traces what is asked (docs/decisions/0033). */
  readonly tracer?: RequestTracer;
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
  /** `reason`: why it is not waited for to its end, null where all has come that was waited for. */
  destroy(reason: string | null): void;
}

const readBytes = 256 * 1024;

export function openExchange(
  origin: string,
  request: OutgoingRequest,
  { token, ca, tracer }: Credentials,
  handlers: ExchangeHandlers,
): Exchange {
  const target = targetOf(origin);
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  const traced = tracer?.begin(origin, request.method, request.path) ?? null;
  let status: number | null = null;
  const body = new HttpBody({
    status: (answered) => {
      status = answered;
      handlers.status(answered);
    },
    body: handlers.body,
  });
  let isOver = false;
  /** False where it was over before. */
  const end = (reason: string | null): boolean => {
    if (isOver) return false;
    isOver = true;
    socket.destroy();
    traced?.end(reason ?? (status !== null && status >= 400 ? String(status) : null), status);
    return true;
  };
  const fail = (error: Error): void => {
    if (end(error.message)) handlers.failed(error);
  };
  const finish = (): void => {
    if (end(null)) handlers.end();
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
  const socket = dial(target, { ca, onread });
  socket.once(target.isSecure ? 'secureConnect' : 'connect', () => {
    handlers.connected();
    socket.write(headOf(request, target.named, token, traced?.traceparent ?? null));
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
  return { destroy: (reason) => void end(reason) };
}

function headOf({ method, path, body }: OutgoingRequest, host: string, token: string | null, traceparent: string | null): string {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
  if (body !== null) lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  if (token !== null) lines.push(`Authorization: Bearer ${token}`);
  if (traceparent !== null) lines.push(`Traceparent: ${traceparent}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

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
