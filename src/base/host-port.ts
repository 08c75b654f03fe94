export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** As a URL has it, and as everything here reads it: an IPv6 address in brackets. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
