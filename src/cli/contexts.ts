/**
 * Contexts: names for clusters, with what it takes to reach each of them, and which is in use. They stand in one file of the user's own,
 * `$XDG_CONFIG_HOME/cairn/contexts.json`, that nobody else reads or writes.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';
import { reasonOf } from './reason-of.ts';

export interface Context {
  /** As `--server` takes them. */
  readonly servers: string;
  /** Absolute paths. */
  readonly tokenFile?: string;
  readonly caFile?: string;
}

export interface Contexts {
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

const none: Contexts = { current: null, contexts: {} };
export const contextName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const fileBytesMax = 1024 * 1024;

/** Null where there is no home to keep it in. */
export function contextsFile(env: CliIo['env']): string | null {
  const { XDG_CONFIG_HOME: config = '', HOME: home = '' } = env;
  // A relative one is to be ignored, says the standard.
  if (path.isAbsolute(config)) return path.join(config, 'cairn', 'contexts.json');
  return path.isAbsolute(home) ? path.join(home, '.config', 'cairn', 'contexts.json') : null;
}

export function readContexts(env: CliIo['env']): Contexts {
  const file = contextsFile(env);
  if (file === null) return none;
  let text: string;
  try {
    const stat = statSync(file);
    if (stat.size > fileBytesMax) throw wrong(file, 'it is too large');
    // Who may write it could have tokens sent elsewhere.
    if ((stat.mode & 0o022) !== 0) throw wrong(file, `others than you may write it: chmod 600 ${file}`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw error instanceof LogError ? error : wrong(file, reasonOf(error));
  }
  return checked(text, file);
}

function checked(text: string, file: string): Contexts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong(file, 'it is no JSON');
  }
  if (!isObject(parsed) || !isObject(parsed['contexts'])) throw wrong(file, 'it has no "contexts"');
  const { current = null, contexts } = parsed as { readonly current?: unknown; readonly contexts: Readonly<Record<string, unknown>> };
  for (const [name, context] of Object.entries(contexts))
    if (!contextName.test(name) || !isContext(context)) throw wrong(file, `${JSON.stringify(name)} is no context`);
  if (current !== null && (typeof current !== 'string' || !Object.hasOwn(contexts, current)))
    throw wrong(file, `"current" names no context of it`);
  return { current, contexts: contexts as Readonly<Record<string, Context>> };
}

const isContext = (value: unknown): value is Context =>
  isObject(value) &&
  typeof value['servers'] === 'string' &&
  ['tokenFile', 'caFile'].every((name) => value[name] === undefined || typeof value[name] === 'string');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wrong = (file: string, why: string): LogError => new LogError('invalidConfig', `Cannot use the contexts in ${file}: ${why}`);

/** All at once: whoever reads it meanwhile has the one or the other. */
export function writeContexts(env: CliIo['env'], contexts: Contexts): void {
  const file = contextsFile(env);
  if (file === null) throw new LogError('invalidConfig', 'Cannot keep contexts: neither HOME nor XDG_CONFIG_HOME is set');
  const next = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(next, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(next, 0o600);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw new LogError('invalidConfig', `Cannot write the contexts to ${file}: ${reasonOf(error)}`, {}, { cause: error });
  }
}

/** The one that a command is to use; null without one. `named` and the environment are by name. */
export function contextFor(named: string | undefined, env: CliIo['env']): Context | null {
  const wanted = named ?? (env['CAIRN_CONTEXT'] === '' ? undefined : env['CAIRN_CONTEXT']);
  const { current, contexts } = readContexts(env);
  const name = wanted ?? current;
  if (name === null || name === undefined) return null;
  return contextOf(name, contexts);
}

export function contextOf(name: string, contexts: Contexts['contexts']): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context !== undefined) return context;
  const names = Object.keys(contexts);
  const others = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  throw new LogError('usage', `Cannot use context ${JSON.stringify(name)}: there is no such context, ${others}`);
}
