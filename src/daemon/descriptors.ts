/**
 * Connections may take a part of the file descriptors that a process may have, never all: logs need them for the next segment, and other brokers must
 * get in. A bound that the machine's own limit does not carry is lowered to what it does; a connection beyond it is closed, and nothing else suffers.
 */
import { readFileSync } from 'node:fs';
import type { HttpSettings } from '../gateway/http/index.ts';

/** How many this process may have, or infinite where nobody says (proc(5), Linux). Node has raised its limit to the most that it is allowed. */
export function descriptorsMax(): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === '' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Half of them, and of these at most half for one address, so that one client does not shut out the others. */
export function fitHttp(settings: HttpSettings, descriptors: number): HttpSettings {
  const connectionsMax = Math.floor(descriptors / 2);
  if (settings.connectionsMax <= connectionsMax) return settings;
  const connectionsPerAddressMax = Math.min(settings.connectionsPerAddressMax, Math.ceil(connectionsMax / 2));
  return { ...settings, connectionsMax, connectionsPerAddressMax };
}

/** A quarter. */
export function fitConnections<Settings extends { readonly connectionsMax: number }>(settings: Settings, descriptors: number): Settings {
  return { ...settings, connectionsMax: Math.min(settings.connectionsMax, Math.floor(descriptors / 4)) };
}
