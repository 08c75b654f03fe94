/** How a command reaches its servers: from options, else from the environment. Without commander, for commands that read their arguments themselves. */
import { readFileSync } from 'node:fs';
import { LogError } from '../eventlog/log-error.ts';
import { contextFor } from './contexts.ts';
import type { CliIo } from './io.ts';
import { reasonOf } from './reason-of.ts';
import { type RunTrace, traceRun } from './tracing.ts';

/** Options that every command which talks to brokers has. */
export interface ConnectOptions {
  readonly server?: string;
  readonly context?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly trace?: boolean;
}

export const defaultServer = 'http://127.0.0.1:8000';

/**
 * What the client needs, from the options, else the environment, else the context in use. A server that is named by itself leaves the context out, its token
 * with it: that is for the context's servers alone.
 */
export function readConnectOptions(
  options: ConnectOptions,
  io: CliIo,
): { servers: readonly string[]; token: string | null; ca: string | null; tracer?: RunTrace } {
  if (options.server !== undefined && options.context !== undefined)
    throw new LogError('usage', 'Cannot connect: --server and --context exclude each other');
  const server = options.server ?? (options.context === undefined ? nonEmpty(io.env['CAIRN_SERVER']) : undefined);
  const context = server === undefined ? contextFor(options.context, io.env) : null;
  const servers = (server ?? context?.servers ?? defaultServer)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const token = readTextFile(options.tokenFile ?? nonEmpty(io.env['CAIRN_TOKEN_FILE']) ?? context?.tokenFile, 'token file')?.trim() ?? null;
  if (token === '') throw new LogError('usage', 'Cannot use the token file: it is empty');
  // It travels as a header of HTTP.
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    throw new LogError('usage', 'Cannot use the token file: it is not one word of visible ASCII');
  const ca = readTextFile(options.caFile ?? nonEmpty(io.env['CAIRN_CA_FILE']) ?? context?.caFile, 'CA file');
  return { servers, token, ca, ...(options.trace === true ? { tracer: traceRun(io, token, ca) } : {}) };
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
