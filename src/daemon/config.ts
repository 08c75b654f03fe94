/**
 * Configuration of one broker: defaults, then the file (YAML), then the environment, then flags. Every refusal is one sentence that names the
 * place: the file and the path in it, the variable, or the flag.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import Type, { type TSchema } from 'typebox';
import Value from 'typebox/value';
import { parse, YAMLParseError } from 'yaml';
import { brokerId } from '../base/branded.ts';
import { formatHostPort, type HostPort } from '../base/host-port.ts';
import { type BrokerSettings, defaultSettings } from '../broker/settings.ts';
import { LogError } from '../eventlog/index.ts';
import { defaultHttpSettings, type HttpSettings } from '../gateway/http/settings.ts';
import type { WireSettings } from '../gateway/cs550/settings.ts';
import { defaultLineSettings, type LineSettings } from '../gateway/lines/settings.ts';
import type { BrokerAddress, LogLevel } from '../host/index.ts';
import { type Machine, parseMachine } from '../search/ask/machines.ts';
import { type Exposure, refuseGlob } from '../search/files/exposure.ts';
import { isLoopback, parseHostPort } from './address.ts';
import { openToOthers } from './open-to-others.ts';
import {
  boundGroups,
  brokerIdRule,
  describeRule,
  limitRelations,
  type Rule,
  type SettingRow,
  settingsTable,
  tokenRule,
} from './settings-table.ts';

export interface DaemonConfig {
  readonly role: 'broker' | 'search';
  /** What is searched here, and whom a search asks beside the brokers. */
  readonly search: SearchConfig;
  readonly self: BrokerAddress;
  readonly brokers: readonly BrokerAddress[];
  readonly listen: HostPort;
  /** Data directory, or null for the disk in memory. */
  readonly data: string | null;
  readonly clusterId: string | null;
  /** The token itself; only hashes of it are kept later. */
  readonly token: string | null;
  /** Files with secrets that everybody on this machine can read: to be warned of. */
  readonly secretsShown: readonly string[];
  /** What proves brokers to one another where there is no token; clients need none then. */
  readonly peerSecret: string | null;
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | null } | null;
  /** Open beyond loopback without a token: to be warned of once. */
  readonly isInsecure: boolean;
  readonly faultInjection: boolean;
  readonly extraHosts: readonly string[];
  /** Where spans go, or null, and of how many requests that do not ask for it one is traced; 0: none. */
  readonly tracing: { readonly endpoint: string | null; readonly sampleEvery: number };
  readonly log: { readonly level: LogLevel; readonly file: string | null };
  readonly settings: BrokerSettings;
  readonly http: HttpSettings;
  /** Where lines are taken (contract 1), or null. */
  readonly lines: { readonly listen: HostPort; readonly topic: string; readonly settings: LineSettings } | null;
  /** Where the old wire of contract 3 is spoken, or null. */
  readonly cs550: { readonly listen: HostPort; readonly settings: WireSettings } | null;
  /** Only the topic `log`, no catalog (contract 2). */
  readonly logOnly: boolean;
  /** File that `POST /exit` writes, or null. */
  readonly exitFile: string | null;
  /** A port in use is tried again for so long. */
  readonly listenRetryMs: number;
  /** A connection takes one request and is closed with its answer. */
  readonly closesWithAnswer: boolean;
}

export interface SearchConfig {
  /** What this machine calls itself in an answer. */
  readonly name: string;
  readonly exposures: readonly Exposure[];
  readonly machines: readonly Machine[];
}

type Tree = { [key: string]: unknown };

/** The tree of settings as the file has it, with where each came from for the sentences. */
interface Source {
  readonly tree: Tree;
  readonly nameOf: (key: string) => string;
}

export interface ConfigInput {
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of flags by the key of the settings table. */
  readonly flags: Readonly<Record<string, string | boolean>>;
}

export function readConfig(input: ConfigInput): DaemonConfig {
  const merged: Tree = {};
  const names = new Map<string, string>();
  for (const source of [...(input.file === null ? [] : [fromFile(input.file)]), fromEnvironment(input.env), fromFlags(input.flags)]) {
    check(source);
    for (const key of leaves(source.tree)) {
      set(merged, key, get(source.tree, key));
      names.set(key, source.nameOf(key));
    }
  }
  return toConfig(merged, (key) => names.get(key) ?? key);
}

function fromFile(file: string): Source {
  const text = readText(file, 'the configuration');
  let tree: unknown;
  try {
    tree = parse(text, { prettyErrors: true });
  } catch (error) {
    const place = error instanceof YAMLParseError ? (error.message.split('\n', 1)[0] ?? '').replace(/:$/, '') : String(error);
    throw refuse(`it is not YAML: ${place}`, file);
  }
  if (tree !== null && !isTree(tree)) throw refuse('it is not a mapping of keys to values', file);
  // Paths in a file are meant from where the file is.
  const resolved = (tree ?? {}) as Tree;
  for (const { key, rule } of settingsTable) {
    const value = get(resolved, key);
    if (rule.is === 'path' && typeof value === 'string') set(resolved, key, path.resolve(path.dirname(file), value));
    if (rule.is === 'files' && Array.isArray(value))
      set(
        resolved,
        key,
        value.map((entry) => resolveFiles(entry, path.dirname(file))),
      );
  }
  return { tree: resolved, nameOf: (key) => `${file}: ${key}` };
}

/** `name=glob`, the glob from where it was written; what is wrong with it is left for later. */
function resolveFiles(entry: unknown, folder: string): unknown {
  if (typeof entry !== 'string') return entry;
  const equals = entry.indexOf('=');
  const glob = entry.slice(equals + 1);
  return equals < 0 || path.isAbsolute(glob) ? entry : `${entry.slice(0, equals)}=${folder}/${glob}`;
}

function fromEnvironment(env: ConfigInput['env']): Source {
  const tree: Tree = {};
  for (const row of settingsTable) {
    const text = row.env === null ? undefined : env[row.env];
    if (text !== undefined && text !== '') set(tree, row.key, fromText(row, text));
  }
  return { tree, nameOf: (key) => rowOf(key)?.env ?? key };
}

function fromFlags(flags: ConfigInput['flags']): Source {
  const tree: Tree = {};
  for (const row of settingsTable) {
    const value = flags[row.key];
    if (value !== undefined) set(tree, row.key, typeof value === 'boolean' ? value : fromText(row, value));
  }
  return { tree, nameOf: (key) => rowOf(key)?.flag?.split(' ', 1)[0] ?? key };
}

/** The row of a setting, or of the setting that a place such as `brokers.0.id` is in. */
function rowOf(key: string): SettingRow | undefined {
  return settingsTable.find((row) => key === row.key || key.startsWith(`${row.key}.`));
}

/** What a variable or a flag says, as the file would; what does not fit is left as text for the schema to refuse. */
function fromText(row: SettingRow, text: string): unknown {
  const { is } = row.rule;
  if (is === 'integer') return /^\d+$/.test(text) ? Number(text) : text;
  if (is === 'boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  if (is === 'list') return text.split(',').map((part) => part.trim());
  if (is === 'files') return text.split(',').map((part) => resolveFiles(part.trim(), process.cwd()));
  if (is !== 'brokers') return text;
  return text.split(',').map((part) => {
    const [, id, address] = /^\s*(\d+)=(.+?)\s*$/.exec(part) ?? [];
    return id === undefined || address === undefined ? part : { id: Number(id), address };
  });
}

function schemaOf(rule: Rule): TSchema {
  switch (rule.is) {
    case 'integer':
      return Type.Integer({ minimum: rule.from, maximum: rule.to });
    case 'boolean':
      return Type.Boolean();
    case 'choice':
      return Type.Enum([...rule.of]);
    case 'text':
      return Type.String({ pattern: rule.pattern });
    case 'list':
    case 'files':
      return Type.Array(Type.String({ minLength: 1 }));
    case 'brokers':
      return Type.Array(Type.Object({ id: schemaOf(brokerIdRule), address: Type.String() }, { additionalProperties: false }), {
        minItems: 1,
      });
    case 'address':
    case 'path':
      return Type.String({ minLength: 1 });
  }
}

/** The schema of the file, made from the table and the bounds. */
function configSchema(): TSchema {
  const top: Record<string, TSchema> = {};
  const groups = new Map<string, Record<string, TSchema>>();
  for (const row of settingsTable) {
    const [first = '', second] = row.key.split('.');
    const schema = Type.Optional(schemaOf(row.rule));
    if (second === undefined) top[first] = schema;
    else groups.set(first, { ...groups.get(first), [second]: schema });
  }
  for (const [name, { bounds }] of Object.entries(boundGroups)) {
    const fields = Object.entries(bounds).map(
      ([key, { from, to }]) => [key, Type.Optional(schemaOf({ is: 'integer', from, to }))] as const,
    );
    groups.set(name, { ...groups.get(name), ...Object.fromEntries(fields) });
  }
  for (const [name, fields] of groups) top[name] = Type.Optional(Type.Object(fields, { additionalProperties: false }));
  return Type.Object(top, { additionalProperties: false });
}

function check({ tree, nameOf }: Source): void {
  const schema = configSchema();
  const known = new Set([...settingsTable.map((row) => row.key), ...boundKeys()]);
  for (const key of leaves(tree)) {
    const isKnown = known.has(key) || [...known].some((other) => other.startsWith(`${key}.`));
    if (!isKnown) throw refuse('there is no such setting', nameOf(key));
  }
  if (Value.Check(schema, tree)) return;
  const problem = [...Value.Errors(schema, tree)][0];
  const key = (problem?.instancePath ?? '').slice(1).replaceAll('/', '.');
  const row = rowOf(key);
  const rule = row?.rule ?? boundRule(key);
  throw refuse(`it must be ${rule === undefined ? 'a mapping of keys to values' : describeRule(rule)}`, nameOf(row?.key ?? key));
}

function boundKeys(): string[] {
  return Object.entries(boundGroups).flatMap(([name, { bounds }]) => Object.keys(bounds).map((key) => `${name}.${key}`));
}

function boundRule(place: string): Rule | undefined {
  for (const [name, { bounds }] of Object.entries(boundGroups)) {
    for (const [key, { from, to }] of Object.entries(bounds)) if (place === `${name}.${key}`) return { is: 'integer', from, to };
  }
  return undefined;
}

/** What the bounds of `limits` must be to one another. A setting that was not given is named by its key. */
function limitsOf(tree: Tree, nameOf: (key: string) => string): BrokerSettings {
  const given = (get(tree, 'limits') ?? {}) as Partial<BrokerSettings>;
  const topicsMaxBefore = given.topicsMax ?? defaultSettings.topicsMaxBefore;
  const limits: BrokerSettings = { ...defaultSettings, ...given, topicsMaxBefore };
  for (const { key, holds, must } of limitRelations) {
    if (!holds(limits)) throw refuse(`it is ${limits[key]} and must be ${must}`, nameOf(`limits.${key}`));
  }
  return limits;
}

function toConfig(tree: Tree, nameOf: (key: string) => string): DaemonConfig {
  const text = (key: string): string | null => (get(tree, key) as string | undefined) ?? null;
  const id = (get(tree, 'broker') as number | undefined) ?? 1;
  const listenText = text('listen');
  const listenGiven = listenText === null ? null : addressOf(listenText, nameOf('listen'));
  const configured = get(tree, 'brokers') as readonly { id: number; address: string }[] | undefined;
  const brokers =
    configured === undefined
      ? [{ id: brokerId(id), ...(listenGiven ?? { host: '127.0.0.1', port: 8000 }) }]
      : configured.map((entry) => ({ id: brokerId(entry.id), ...addressOf(entry.address, nameOf('brokers')) }));
  const self = brokers.find((broker) => broker.id === id);
  if (self === undefined) throw refuse(`broker ${id} is not one of the brokers`, nameOf('broker'));
  refuseTwice(brokers, nameOf('brokers'));

  const listen = listenGiven ?? { host: self.host, port: self.port };
  const isMemory = text('disk') === 'memory';
  if (isMemory && text('data') !== null) throw refuse('the disk in memory has no data directory', nameOf('data'));
  const token = tokenOf(text('tokenFile'), nameOf('tokenFile'));
  const isOpen = !isLoopback(listen.host);
  const isInsecure = isOpen && token === null;
  if (isInsecure && get(tree, 'insecureListen') !== true) {
    const reason = 'that is beyond loopback and no token file is configured: give one, or use --insecure-listen';
    throw new LogError('insecureListen', `Cannot listen on ${formatHostPort(listen)}: ${reason}`);
  }
  return {
    role: text('role') === 'search' ? 'search' : 'broker',
    search: searchOf(tree, listen, nameOf),
    self,
    brokers,
    listen,
    data: isMemory ? null : path.resolve(text('data') ?? `cairn-data/broker-${id}`),
    clusterId: text('clusterId'),
    token,
    secretsShown: [text('tokenFile'), text('tls.keyFile')].flatMap((file) => (file !== null && openToOthers(file) !== null ? [file] : [])),
    peerSecret: null,
    tls: tlsOf(text('tls.certFile'), text('tls.keyFile'), text('tls.caFile'), brokers.length, nameOf),
    isInsecure,
    faultInjection: get(tree, 'faultInjection') === true,
    extraHosts: (get(tree, 'hosts') as string[] | undefined) ?? [],
    tracing: { endpoint: text('tracing.endpoint'), sampleEvery: (get(tree, 'tracing.sampleEvery') as number | undefined) ?? 0 },
    log: { level: (text('log.level') ?? 'info') as LogLevel, file: text('log.file') },
    settings: limitsOf(tree, nameOf),
    http: { ...defaultHttpSettings, ...(get(tree, 'http') as Partial<HttpSettings> | undefined) },
    lines: linesOf(tree, nameOf),
    cs550: null,
    logOnly: false,
    exitFile: null,
    listenRetryMs: 0,
    closesWithAnswer: false,
  };
}

function linesOf(tree: Tree, nameOf: (key: string) => string): DaemonConfig['lines'] {
  const text = get(tree, 'lines.listen') as string | undefined;
  if (text === undefined) return null;
  const listen = addressOf(text, nameOf('lines.listen'));
  if (!isLoopback(listen.host) && get(tree, 'insecureListen') !== true) {
    const reason = 'that is beyond loopback and lines carry no token: set insecureListen if anyone who reaches the port may append';
    throw new LogError('insecureListen', `Cannot take lines on ${formatHostPort(listen)}: ${reason}`);
  }
  const bounds = Object.keys(defaultLineSettings).flatMap((key) => {
    const value = get(tree, `lines.${key}`);
    return value === undefined ? [] : [[key, value] as const];
  });
  const settings: LineSettings = { ...defaultLineSettings, ...Object.fromEntries(bounds) };
  return { listen, topic: (get(tree, 'lines.topic') as string | undefined) ?? 'lines', settings };
}

function searchOf(tree: Tree, listen: HostPort, nameOf: (key: string) => string): SearchConfig {
  const exposures = ((get(tree, 'files') as string[] | undefined) ?? []).map((entry) => exposureOf(entry, nameOf('files')));
  const machines = ((get(tree, 'machines') as string[] | undefined) ?? []).map((entry) => {
    try {
      return parseMachine(entry);
    } catch (error) {
      throw refuse((error as Error).message, nameOf('machines'));
    }
  });
  return { name: (get(tree, 'name') as string | undefined) ?? formatHostPort(listen), exposures, machines };
}

function exposureOf(entry: string, name: string): Exposure {
  const [, exposed, glob] = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})=(.+)$/s.exec(entry) ?? [];
  if (exposed === undefined || glob === undefined) throw refuse(`${JSON.stringify(entry)} is not of the form name=glob`, name);
  const reason = refuseGlob(glob);
  if (reason !== null) throw refuse(`the glob ${JSON.stringify(glob)} cannot be exposed: ${reason}`, name);
  return { name: exposed, glob };
}

function refuseTwice(brokers: readonly BrokerAddress[], name: string): void {
  const ids = new Set(brokers.map((broker) => broker.id));
  const addresses = new Set(brokers.map(formatHostPort));
  if (ids.size < brokers.length) throw refuse('a broker id stands there twice', name);
  if (addresses.size < brokers.length) throw refuse('an address stands there twice', name);
}

function addressOf(text: string, name: string): HostPort {
  const address = parseHostPort(text);
  if (address === null) throw refuse(`${JSON.stringify(text)} is not of the form host:port`, name);
  return address;
}

function tokenOf(file: string | null, name: string): string | null {
  if (file === null) return null;
  const token = readText(file, 'the token').trim();
  if (openToOthers(file) === 'write') throw refuse(`everybody on this machine can change the token in ${file}: chmod o= ${file}`, name);
  if (tokenRule.pattern.test(token)) return token;
  throw refuse(`the token in ${file} is not ${tokenRule.must}, make one with: openssl rand -hex 32`, name);
}

function tlsOf(
  certFile: string | null,
  keyFile: string | null,
  caFile: string | null,
  brokerCount: number,
  nameOf: (key: string) => string,
): DaemonConfig['tls'] {
  if (certFile === null && keyFile === null && caFile === null) return null;
  if (certFile === null || keyFile === null)
    throw refuse(
      'certificate and key belong together',
      nameOf(certFile !== null ? 'tls.certFile' : keyFile !== null ? 'tls.keyFile' : 'tls.caFile'),
    );
  if (caFile === null && brokerCount > 1) throw refuse('several brokers need tls.caFile to know one another', nameOf('tls.certFile'));
  return {
    cert: readText(certFile, 'the certificate'),
    key: readText(keyFile, 'the key'),
    ca: caFile === null ? null : readText(caFile, 'the certificates'),
  };
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new LogError('invalidConfig', `Cannot read ${what} ${file}: ${reason}`, {}, { cause: error });
  }
}

function refuse(reason: string, name: string): LogError {
  return new LogError('invalidConfig', `Cannot use ${name}: ${reason}`);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys of all values that are not mappings, with dots. */
function leaves(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => (isTree(value) ? leaves(value, `${prefix}${key}.`) : [`${prefix}${key}`]));
}

function get(tree: Tree, key: string): unknown {
  let value: unknown = tree;
  for (const part of key.split('.')) value = isTree(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  return value;
}

function set(tree: Tree, key: string, value: unknown): void {
  const [first = '', ...rest] = key.split('.');
  if (rest.length === 0) {
    tree[first] = value;
    return;
  }
  const inner = tree[first];
  const next: Tree = isTree(inner) ? inner : {};
  tree[first] = next;
  set(next, rest.join('.'), value);
}
