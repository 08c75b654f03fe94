/** Requests to a machine, each over a connection of its own: closing it is how a search is ended. */
import type http from 'node:http';
import type https from 'node:https';

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

const refusalBytesMax = 64 * 1024;

export function openRequest(origin: string, { method, path, body }: OutgoingRequest, { token, ca }: Credentials): http.ClientRequest {
  const { hostname, port, protocol } = new URL(origin);
  const headers: Record<string, string> = {};
  if (body !== null) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(body.length);
  }
  if (token !== null) headers['authorization'] = `Bearer ${token}`;
  const target: https.RequestOptions = {
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port === '' ? {} : { port }),
    path,
    method,
    headers,
    agent: false,
  };
  // Not by `import`, which loads all of Node's `fetch`.
  if (protocol === 'http:') return process.getBuiltinModule('node:http').request(target);
  return process.getBuiltinModule('node:https').request({ ...target, ...(ca === null ? {} : { ca }) });
}

/** An answer that is not 200: an error of the catalogue, or whatever else speaks HTTP there. */
export function readRefusal(
  incoming: http.IncomingMessage,
  done: (refusal: { readonly code: string; readonly reason: string }) => void,
): void {
  let text = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (piece: string) => {
    if (text.length < refusalBytesMax) text += piece;
  });
  const finish = (): void => {
    let error: { code?: unknown; message?: unknown } = {};
    try {
      error = (JSON.parse(text) as { error?: typeof error }).error ?? {};
    } catch {
      // Not one of ours.
    }
    const { code = 'none', message = `it answers with HTTP status ${incoming.statusCode ?? 0}` } = error;
    done({ code: String(code), reason: String(message) });
  };
  incoming.on('end', finish);
  incoming.on('error', finish);
}
