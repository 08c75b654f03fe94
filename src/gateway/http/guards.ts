/**
 * What every request must pass before a route sees it: the `Host` header, the origin, the token. Each guard is a pure function that gives the
 * refusal or null.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LogError } from '../../eventlog/index.ts';

export interface GuardOptions {
  /** Exact `Host` headers: names with port, lower case. */
  readonly allowedHosts: ReadonlySet<string>;
  /** SHA-256 of the token, or null when none is asked for. The token itself is not kept. */
  readonly tokenHash: Uint8Array | null;
}

/** Routes that tell nothing about records and change nothing: open without a token, so that probes work and the page can ask for it. */
const openPaths = new Set(['/', '/healthz', '/readyz']);

export function guard(request: IncomingMessage, path: string, options: GuardOptions): LogError | null {
  return guardHost(request, options.allowedHosts) ?? guardOrigin(request, path) ?? guardToken(request, path, options.tokenHash);
}

/**
 * The one defence against DNS rebinding: a page that a browser was lured to keeps its own name in `Host` even when that name now points here,
 * and its reads carry no `Origin`.
 */
export function guardHost(request: IncomingMessage, allowedHosts: ReadonlySet<string>): LogError | null {
  // What names a host in two places can name two of them, and a proxy in front may have looked at the other one.
  if (request.url?.startsWith('/') !== true && !(request.url === '*' && request.method === 'OPTIONS')) {
    return new LogError('hostNotAllowed', 'Cannot answer: the request line does not name a path that begins with "/"');
  }
  if (countHosts(request) > 1) return new LogError('hostNotAllowed', 'Cannot answer: the request has more than one Host header');
  if (request.headers.host === undefined) return new LogError('invalidRequest', 'Cannot answer: the request has no Host header');
  const host = request.headers.host.toLowerCase();
  if (allowedHosts.has(host)) return null;
  const shown = host.slice(0, 100);
  return new LogError(
    'hostNotAllowed',
    `Cannot answer: the Host header is ${JSON.stringify(shown)}, which is not an address of this broker`,
  );
}

function countHosts({ rawHeaders }: IncomingMessage): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === 'host') count++;
  return count;
}

/** The page and the probes may be linked to; what is read under `/v1` says things to whoever reads it, and a foreign page has no business there. */
function guardOrigin(request: IncomingMessage, path: string): LogError | null {
  const { method, headers } = request;
  const isRead = method === 'GET' || method === 'HEAD';
  if (isRead && !path.startsWith('/v1/')) return null;
  const site = headers['sec-fetch-site'];
  const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const { origin, host = '' } = headers;
  const isForeignOrigin = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (!isForeignSite && !isForeignOrigin) return null;
  return new LogError('crossOrigin', `Cannot ${isRead ? 'answer' : 'change anything'}: the request comes from a page of another origin`);
}

function guardToken(request: IncomingMessage, path: string, tokenHash: Uint8Array | null): LogError | null {
  if (tokenHash === null) return null;
  if (openPaths.has(path) && (request.method === 'GET' || request.method === 'HEAD')) return null;
  const [, token = null] = /^bearer +(.*)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token !== null && timingSafeEqual(hashToken(token.trim()), tokenHash)) return null;
  const reason = token === null ? 'the request has no bearer token' : 'the bearer token is wrong';
  return new LogError('unauthorized', `Cannot answer: ${reason}`);
}

/** Tokens are kept and compared as hashes only: equal lengths, and nothing to read out of a memory dump. */
export function hashToken(token: string): Uint8Array {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** The `Host` headers under which this broker answers: loopback names, its own address, whatever else the configuration names. */
export function allowedHosts(port: number, own: readonly string[], extra: readonly string[]): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const name of ['localhost', '127.0.0.1', '[::1]', ...own.flatMap(hostNames)]) {
    allowed.add(`${name}:${port}`);
    // Browsers and clients leave out the port that the scheme implies.
    if (port === 80 || port === 443) allowed.add(name);
  }
  for (const host of extra) allowed.add(host.toLowerCase());
  return allowed;
}

/** A host as it stands in a URL: IPv6 addresses in brackets, as they were written and as programs shorten them. */
function hostNames(host: string): readonly string[] {
  const lower = host.toLowerCase();
  if (!lower.includes(':')) return [lower];
  const name = lower.startsWith('[') ? lower : `[${lower}]`;
  return [name, URL.parse(`http://${name}`)?.hostname ?? name];
}
