import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LogError } from '../eventlog/index.ts';
import type { CliIo } from './io.ts';

/** Options that every command which talks to brokers has. */
export interface ConnectOptions {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

export const defaultServer = 'http://127.0.0.1:8000';

export function addConnectOptions(command: Command): Command {
  return command
    .option('--server <url,...>', `brokers to ask; the others are learnt from them (env: CAIRN_SERVER, default: ${defaultServer})`)
    .option('--token-file <file>', 'file with the token that the brokers want (env: CAIRN_TOKEN_FILE)')
    .option('--ca-file <file>', 'file with the certificates to trust, PEM (env: CAIRN_CA_FILE)');
}

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

/** A parser of whole numbers for commander: no signs, fractions, exponents or hexadecimal. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const isTooLarge = /^\d+$/.test(text) && Number(text) > most;
    const range = most === Number.MAX_SAFE_INTEGER && !isTooLarge ? `${least} on` : `${least} to ${most}`;
    throw new InvalidArgumentError(`It is a whole number from ${range}.`);
  };
}

/** Seconds with fractions, as milliseconds. */
export function seconds(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return Math.round(value * 1000);
    throw new InvalidArgumentError(`It is a number of seconds from ${least} to ${most}.`);
  };
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A point in time: ISO 8601, milliseconds since 1970, or so long ago (`90s`, `15m`, `2h`, `7d`). */
export function time(text: string, nowMs: number = Date.now()): number {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (units[ago[2] as string] as number);
  if (/^\d{9,15}$/.test(text)) return Number(text);
  const parsed = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(parsed)) throw new InvalidArgumentError('It is a time such as 2026-11-21T10:00:00Z, or 15m, 2h, 7d for so long ago.');
  return parsed;
}

export const jsonOption = (what: string): Option => new Option('--json', `print ${what} as JSON`);
