// The house: which folder of src/ may know which. This file holds the rules as data and the checker that reads one source file;
// floors.test.ts runs it over the tree, circles.ts finds circles of files. docs/ARCHITECTURE.md explains the rules, with the same table.
//
// - P is pure and synchronous, H is free of the machine too (it works over the interfaces of host/), IO may touch Node.
// - A folder imports from lower floors only, and on its own floor only what `SAME_FLOOR` lists.
// - A room is entered through its door, and a gateway does not know another.
// - P and H import neither Node's modules nor packages, and use no global whose answer depends on the machine or the moment.
//   The compiler (tsconfig.pure.json) already hides Node's globals there; this file adds those of the language itself.
//
// Everything is decided on the syntax tree: comments and strings cannot trigger it. A name that the file itself declares or
// imports is not the global one.
import path from 'node:path';
import ts from 'typescript';

type Kind = 'P' | 'H' | 'IO';

export interface Folder {
  floor: number;
  kind: Kind;
}

export const FOLDERS: Readonly<Record<string, Folder>> = {
  base: { floor: 0, kind: 'P' },
  raft: { floor: 1, kind: 'P' },
  clocks: { floor: 1, kind: 'P' },
  record: { floor: 1, kind: 'P' },
  wire: { floor: 1, kind: 'P' },
  placement: { floor: 1, kind: 'P' },
  chart: { floor: 1, kind: 'P' },
  query: { floor: 1, kind: 'P' },
  eventlog: { floor: 1, kind: 'P' },
  host: { floor: 1, kind: 'P' },
  storage: { floor: 2, kind: 'H' },
  subscribers: { floor: 2, kind: 'P' },
  scheduled: { floor: 2, kind: 'P' },
  partitions: { floor: 2, kind: 'H' },
  ingest: { floor: 2, kind: 'H' },
  tail: { floor: 2, kind: 'H' },
  broker: { floor: 3, kind: 'H' },
  agent: { floor: 3, kind: 'H' },
  sim: { floor: 4, kind: 'H' },
  system: { floor: 4, kind: 'IO' },
  search: { floor: 5, kind: 'IO' },
  gateway: { floor: 5, kind: 'IO' },
  client: { floor: 5, kind: 'IO' },
  timeline: { floor: 5, kind: 'IO' },
  daemon: { floor: 6, kind: 'IO' },
  lab: { floor: 6, kind: 'IO' },
  library: { floor: 6, kind: 'IO' },
  cli: { floor: 7, kind: 'IO' },
};

/** Imports within a floor. `host` holds interfaces only, so everything beside it may name them. */
const SAME_FLOOR: Readonly<Record<string, readonly string[]>> = {
  raft: ['host'],
  clocks: ['host'],
  record: ['host'],
  query: ['host', 'record'],
  wire: ['host', 'clocks', 'raft', 'record'],
  eventlog: ['host', 'query', 'record'],
  tail: ['storage'],
  ingest: ['partitions'],
  // Each asks the other for how a request is sent and told of; no file is on a circle.
  search: ['client'],
  client: ['search'],
  gateway: ['search'],
  lab: ['daemon'],
};

/** Folders that only some may import, however low they stand: paths relative to src/, a folder or one file. */
const ONLY_IMPORTED_BY: Readonly<Record<string, readonly string[]>> = {
  // The thread that searches is a machine of its own.
  system: ['daemon/', 'lab/', 'cli/', 'search/topics/worker.ts'],
  sim: ['cli/sim.ts', 'lab/'],
};

/**
 * Folders that are entered through their `index.ts`, by imports of types too, and what else of each may be named from outside: what somebody needs
 * without loading the room. Rooms may lie within rooms: whoever comes from farther away meets the outer door. Tests may name any file.
 */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  raft: [],
  // A logger and an agent start with what they send one another alone.
  clocks: ['agent-causes.ts', 'hybrid.ts', 'line-stamp.ts', 'offset.ts'],
  record: [],
  wire: [],
  placement: [],
  partitions: [],
  chart: [],
  // A command line is read without what matches lines.
  query: ['parse.ts', 'order.ts', 'request.ts'],
  // A process that sends lines starts with its errors alone; the client hands on all of the port's types.
  eventlog: ['log-error.ts', 'offsets.ts', 'scheduled.ts', 'subscriptions.ts', 'types.ts'],
  host: [],
  // The twin without brokers is for tests.
  subscribers: [],
  scheduled: [],
  // An agent keeps its spool on the same disk; whoever damages or audits files knows their format.
  storage: ['steps.ts', 'disk-path.ts', 'segment-format.ts', 'vote-journal.ts'],
  // What finds lines and their times is of use to those who store none, and start without the rest.
  ingest: ['event.ts', 'line-splitter.ts'],
  // Settings are read, and refused, before anything is loaded; a machine that only searches keeps spans too.
  broker: ['settings.ts', 'spans.ts'],
  'broker/catalog': [],
  'broker/edge': [],
  'broker/peers': [],
  'broker/replica': [],
  'broker/scheduled': [],
  'broker/subscribers': [],
  tail: [],
  agent: [],
  // Whoever asks machines himself dials, reads answers, names servers and failures, and says which trace a request is of, as the client does, without loading
  // it.
  client: ['dial.ts', 'failure.ts', 'http-body.ts', 'servers.ts', 'tracing-sender.ts'],
  library: [],
  // Whoever asks does not load what searches, and settings are read before either is.
  search: [
    'topics/index.ts',
    'ask/index.ts',
    'ask/machines.ts',
    'encode-request.ts',
    'files/index.ts',
    'files/exposure.ts',
    'start/index.ts',
  ],
  'search/ask': ['machines.ts'],
  'search/files': ['exposure.ts'],
  'search/start': [],
  'search/topics': [],
  'sim/clients': [],
  // A machine that only searches has a front of its own.
  'gateway/cs550': ['settings.ts'],
  'gateway/http': ['settings.ts', 'guards.ts', 'grep/index.ts'],
  'gateway/http/api': [],
  'gateway/http/api/records': [],
  'gateway/http/api/subscribers': [],
  'gateway/http/contract2': [],
  'gateway/http/grep': [],
  // A node looks at its own name as a logger would.
  'gateway/lines': ['hello.ts', 'settings.ts'],
  'timeline/plot': [],
  'lab/audit': [],
  'lab/chaos': [],
  'lab/clocks': [],
  'lab/consistency': [],
  'lab/kills': [],
  'lab/placement': [],
  'lab/power-loss': [],
  'lab/pubsub': [],
  // Prose has a table of its own kind.
  'lab/report': ['blocks.ts'],
  'lab/rig': [],
  'lab/suite': [],
};

/** Of the folders in these, none names another. */
const STRANGERS: readonly string[] = ['gateway/'];

/** Where P and H may speak of promises: the port that gateways and clients use. */
const PROMISES_ALLOWED_IN: readonly string[] = ['eventlog/'];

const PROMISE_NAMES = new Set(['Promise', 'PromiseLike', 'AsyncIterable', 'AsyncIterator', 'AsyncGenerator', 'AsyncIterableIterator']);

/** Globals of the language or of Node that make a run depend on more than its inputs. */
const FORBIDDEN_GLOBALS = new Set([
  'Buffer',
  'Date',
  'FinalizationRegistry',
  'Intl',
  'WeakRef',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'eval',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);

/** Namespaces of which only some members are forbidden; any use other than `Name.member` is, because it could hide one. */
const FORBIDDEN_MEMBERS: Readonly<Record<string, ReadonlySet<string>>> = {
  Math: new Set(['random']),
  Atomics: new Set(['wait', 'waitAsync']),
};

/** Methods whose answer depends on the language that the machine is set to. */
const FORBIDDEN_METHODS = new Set([
  'localeCompare',
  'toLocaleDateString',
  'toLocaleLowerCase',
  'toLocaleString',
  'toLocaleTimeString',
  'toLocaleUpperCase',
]);

export interface Violation {
  file: string;
  line: number;
  message: string;
}

/**
 * The rules that one source file breaks.
 * @param file its path from the top of the repository, with slashes: `src/raft/step.ts`
 */
export function checkFile(file: string, text: string): Violation[] {
  const sourceFile = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const violations: Violation[] = [];
  const report = (node: ts.Node, message: string): void => {
    violations.push({ file, line: sourceFile.getLineAndCharacterOfPosition(node.getStart(sourceFile)).line + 1, message });
  };

  const insideSrc = file.slice('src/'.length);
  const folderName = folderOf(insideSrc);
  const folder = FOLDERS[folderName];
  if (folder === undefined) {
    report(sourceFile, `${insideSrc.includes('/') ? `folder ${folderName}/` : 'a file beside the folders'} is not in the table of floors`);
    return violations;
  }

  forEachImport(sourceFile, (specifier, node) => {
    const problem = checkImport(insideSrc, folder, specifier);
    if (problem !== undefined) report(node, problem);
  });
  if (folder.kind !== 'IO') checkPurity(sourceFile, isUnder(insideSrc, PROMISES_ALLOWED_IN), report);
  return violations;
}

function checkImport(insideSrc: string, folder: Folder, specifier: string | undefined): string | undefined {
  if (specifier === undefined) return 'imports a module whose name is not a plain string';
  if (!specifier.startsWith('.')) {
    return folder.kind === 'IO' ? undefined : `imports "${specifier}": ${folder.kind} folders import neither Node's modules nor packages`;
  }
  const target = path.posix.join(path.posix.dirname(insideSrc), specifier);
  if (target.startsWith('..')) return `imports "${specifier}", which is outside src/`;

  return checkFloor(insideSrc, folder, specifier, target) ?? checkRooms(insideSrc, target);
}

function checkFloor(insideSrc: string, folder: Folder, specifier: string, target: string): string | undefined {
  const from = folderOf(insideSrc);
  const to = folderOf(target);
  if (from === to) return undefined;
  const toFolder = FOLDERS[to];
  if (toFolder === undefined) return `imports "${specifier}": ${to} is not in the table of floors`;
  if (toFolder.floor > folder.floor) return `imports ${to}/ (floor ${toFolder.floor}) from ${from}/ (floor ${folder.floor})`;
  if (toFolder.floor === folder.floor && !SAME_FLOOR[from]?.includes(to))
    return `imports ${to}/ from ${from}/, both on floor ${folder.floor}`;
  const importers = ONLY_IMPORTED_BY[to];
  if (importers !== undefined && !isUnder(insideSrc, importers)) return `imports ${to}/, which only ${importers.join(', ')} may`;
  return undefined;
}

function checkRooms(insideSrc: string, target: string): string | undefined {
  for (const house of STRANGERS) {
    if (!isUnder(insideSrc, [house]) || !isUnder(target, [house])) continue;
    const [own, other] = [insideSrc, target].map((each) => house + folderOf(each.slice(house.length)));
    if (own !== other) return `imports ${other}/ from ${own}/`;
  }
  const entered = Object.keys(ROOMS).filter((room) => isUnder(target, [`${room}/`]) && !isUnder(insideSrc, [`${room}/`]));
  const outermost = entered.toSorted((a, b) => a.length - b.length)[0];
  if (outermost === undefined || doorsOf(outermost).includes(target)) return undefined;
  return `imports ${target}, past the door of ${outermost}/`;
}

function doorsOf(room: string): string[] {
  return ['index.ts', ...(ROOMS[room] ?? [])].map((file) => `${room}/${file}`);
}

/**
 * The folders and files, relative to src/, that the tables name and that are not there: a rule about them would hold whatever is written.
 * @param files all sources, as for `checkFile`
 */
export function missingPlaces(files: readonly string[]): string[] {
  const named = [
    ...Object.keys(FOLDERS).map((folder) => `${folder}/`),
    ...Object.values(ONLY_IMPORTED_BY).flat(),
    ...Object.keys(ROOMS).flatMap(doorsOf),
    ...STRANGERS,
    ...PROMISES_ALLOWED_IN,
  ];
  return [...new Set(named)].filter((place) => !files.some((file) => isUnder(file.slice('src/'.length), [place])));
}

function checkPurity(sourceFile: ts.SourceFile, promisesAllowed: boolean, report: (node: ts.Node, message: string) => void): void {
  const declared = declaredNames(sourceFile);

  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && isReference(node) && !declared.has(node.text)) {
      const name = node.text;
      if (FORBIDDEN_GLOBALS.has(name)) report(node, `uses ${name}`);
      if (PROMISE_NAMES.has(name) && !promisesAllowed) report(node, `uses ${name}`);
      const members = FORBIDDEN_MEMBERS[name];
      if (members !== undefined) {
        const access = node.parent;
        const isPlainAccess = ts.isPropertyAccessExpression(access) && access.expression === node;
        if (!isPlainAccess) report(node, `uses ${name} other than as ${name}.member`);
        else if (members.has(access.name.text)) report(node, `uses ${name}.${access.name.text}`);
      }
    }
    if (ts.isPropertyAccessExpression(node) && FORBIDDEN_METHODS.has(node.name.text)) report(node.name, `uses ${node.name.text}`);
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) report(node, 'uses import.meta');
    if (!promisesAllowed) {
      if (ts.isAwaitExpression(node)) report(node, 'uses await');
      else if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) report(node, 'uses for await');
      else if (node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'uses async');
    }
    ts.forEachChild(node, visit);
  };
  visit(sourceFile);
}

/** Every way to name another module: import, export from, import(), import types, import = require(). */
function forEachImport(sourceFile: ts.SourceFile, found: (specifier: string | undefined, node: ts.Node) => void): void {
  const textOf = (node: ts.Node | undefined): string | undefined =>
    node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) found(textOf(node.moduleSpecifier), node);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) found(textOf(node.moduleSpecifier), node);
    else if (ts.isExternalModuleReference(node)) found(textOf(node.expression), node);
    else if (ts.isImportTypeNode(node)) found(ts.isLiteralTypeNode(node.argument) ? textOf(node.argument.literal) : undefined, node);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) found(textOf(node.arguments[0]), node);
    ts.forEachChild(node, visit);
  };
  visit(sourceFile);
}

/** The names that the file binds itself, anywhere: those are not the globals of the same name. */
function declaredNames(sourceFile: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const isBinding =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isFunctionExpression(node) ||
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isTypeParameterDeclaration(node) ||
      ts.isImportSpecifier(node) ||
      ts.isImportClause(node) ||
      ts.isNamespaceImport(node);
    // `declare const process: …` says that the name is a global, so it does not hide it.
    const isAmbient = ts.isVariableDeclaration(node) && (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Ambient) !== 0;
    if (isBinding && !isAmbient && node.name !== undefined && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(sourceFile);
  return names;
}

/** Whether an identifier refers to a variable or type, rather than naming a property or a declaration. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isLabeledStatement(parent)) return false;
  if (ts.isJSDoc(parent)) return false;
  const isName = 'name' in parent && parent.name === node;
  return !isName || ts.isShorthandPropertyAssignment(parent);
}

/** `cli` of `cli/sim.ts`; the file's own name when it lies beside the folders. */
function folderOf(insideSrc: string): string {
  return insideSrc.split('/')[0] ?? '';
}

function isUnder(insideSrc: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? insideSrc.startsWith(place) : insideSrc === place));
}
