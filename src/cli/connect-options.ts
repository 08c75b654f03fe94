/** How a command reaches its servers: from options, else from the environment. Without commander, for commands that read their arguments themselves. */
import { readFileSync } from 'node:fs';
import { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';

/** Options that every command which talks to brokers has. */
export interface ConnectOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

export const defaultServer = 'http://127.0.0.1:8000';

/** What the client needs, from the options, else the environment. */
export function readConnectOptions(
  options: ConnectOptions,
  io: CliIo,
): { servers: readonly string[]; token: string | null; ca: string | null } {
  const servers = (options.server ?? nonEmpty(io.env['CAIRN_SERVER']) ?? defaultServer)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const token = readTextFile(options.tokenFile ?? nonEmpty(io.env['CAIRN_TOKEN_FILE']), 'token file')?.trim() ?? null;
  if (token === '') throw new LogError('usage', 'Cannot use the token file: it is empty');
  // It travels as a header of HTTP.
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    throw new LogError('usage', 'Cannot use the token file: it is not one word of visible ASCII');
  return { servers, token, ca: readTextFile(options.caFile ?? nonEmpty(io.env['CAIRN_CA_FILE']), 'CA file') };
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function readTextFile(path: string | undefined, what: string): string | null {
  if (path === undefined) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new LogError('usage', `Cannot read the ${what} "${path}": ${reasonOf(error)}`, {}, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
};

/** What the machine says of a file, in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return (code === undefined ? undefined : reasons[code]) ?? (error instanceof Error ? error.message : String(error));
}
