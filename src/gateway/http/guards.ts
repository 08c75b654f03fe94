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
  return guardHost(request, options.allowedHosts) ?? guardOrigin(request) ?? guardToken(request, path, options.tokenHash);
}

/**
 * The one defence against DNS rebinding: a page that a browser was lured to keeps its own name in `Host` even when that name now points here,
 * and its reads carry no `Origin`.
 */
export function guardHost(request: IncomingMessage, allowedHosts: ReadonlySet<string>): LogError | null {
  // What names a host in two places can name two of them, and a proxy in front may have looked at the other one.
  if (request.url?.startsWith('/') !== true) {
    return new LogError('hostNotAllowed', 'Cannot answer: the request line does not name a path that begins with "/"');
  }
  if (countHosts(request) > 1) return new LogError('hostNotAllowed', 'Cannot answer: the request has more than one Host header');
  const host = request.headers.host?.toLowerCase() ?? '';
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

function guardOrigin(request: IncomingMessage): LogError | null {
  const { method, headers } = request;
  if (method === 'GET' || method === 'HEAD') return null;
  const site = headers['sec-fetch-site'];
  const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const { origin, host = '' } = headers;
  const isForeignOrigin = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (!isForeignSite && !isForeignOrigin) return null;
  return new LogError('crossOrigin', 'Cannot change anything: the request comes from a page of another origin');
}

function guardToken(request: IncomingMessage, path: string, tokenHash: Uint8Array | null): LogError | null {
  if (tokenHash === null) return null;
  if (openPaths.has(path) && (request.method === 'GET' || request.method === 'HEAD')) return null;
  const { authorization } = request.headers;
  const token = authorization?.startsWith('Bearer ') === true ? authorization.slice('Bearer '.length).trim() : null;
  if (token !== null && timingSafeEqual(hashToken(token), tokenHash)) return null;
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
  for (const name of ['localhost', '127.0.0.1', '[::1]', ...own.map(hostName)]) {
    allowed.add(`${name}:${port}`);
    // Browsers and clients leave out the port that the scheme implies.
    if (port === 80 || port === 443) allowed.add(name);
  }
  for (const host of extra) allowed.add(host.toLowerCase());
  return allowed;
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
function hostName(host: string): string {
  const lower = host.toLowerCase();
  return lower.includes(':') && !lower.startsWith('[') ? `[${lower}]` : lower;
}
