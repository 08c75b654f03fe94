import type { HostPort } from '../base/host-port.ts';

/** `host:port`, `[::1]:port`; null when it is neither. */
export function parseHostPort(text: string): HostPort | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? null : { host: host.toLowerCase(), port: number };
}

/** Reachable from this machine only. A name other than localhost may lead anywhere. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Where to bind: `localhost` is bound as the IPv4 loopback address (contract 2), so that no client has to try both. */
export function bindHost(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host;
}

/**
 * From which addresses a broker takes peers. Those that share no secret prove nothing to one another, but where all are listed on loopback they are on this
 * machine, whatever address the broker listens on.
 */
export function peersFrom(brokers: readonly HostPort[], haveSecret: boolean): (address: string) => boolean {
  if (haveSecret || !brokers.every(({ host }) => isLoopback(host))) return () => true;
  // IPv4 addresses may come written as IPv6.
  return (address) => isLoopback(address.replace(/^::ffff:/, ''));
}
