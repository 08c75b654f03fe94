import type { IncomingMessage } from 'node:http';

/**
 * A request as if it were made to the server itself: `GET http://host/path`, which clients send to what they take for a proxy, becomes `GET /path` where
 * it names the host that `Host` names too. One that names two is left as it is, and refused for it.
 */
export function toOriginForm(request: IncomingMessage): void {
  const { url = '' } = request;
  // Nearly all.
  if (url.charCodeAt(0) === 0x2f) return;
  const [, host, rest] = /^https?:\/\/([^/?#@]+)([/?].*)?$/is.exec(url) ?? [];
  if (host === undefined || host.toLowerCase() !== request.headers.host?.toLowerCase()) return;
  request.url = rest === undefined || rest.startsWith('?') ? `/${rest ?? ''}` : rest;
}

/** The path of a request, without its query. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
