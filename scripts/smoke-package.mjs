// Do the packages work for somebody who has nothing but them? Packs both, installs each into an empty folder, and uses it from there. Run by .ci/run; by
// hand: `node scripts/smoke-package.mjs` after `npm run packages`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { compared, examplesOf, programOf } from './examples.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_WITHIN_MS = 20_000;
const NODES = [20, 22, 24];

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-smoke-'));
/** Nobody has been here before: what a version manager keeps in the home of whoever runs this is not found. */
const home = path.join(folder, 'home');
mkdirSync(home);

/** Of each package: the folder that it is packed from, one that it is installed into, and what it may take there in bytes, with all that it depends on. */
const server = { name: 'cairn-log', bytesMax: 60e6, ...foldersOf('cairn-log') };
const client = { name: 'cairn-log-client', bytesMax: 5e6, ...foldersOf('cairn-log-client') };
const both = [server, client];

/** @param {string} name */
function foldersOf(name) {
  return { from: path.join(ROOT, 'packages', name), app: path.join(folder, `app-${name}`) };
}

/** A program that uses most of the library, as somebody writes it who has the package and a compiler, and nothing else. */
const typedProgram = `
import { CairnClient, LogError, type AppendOptions, type LogRecord, type Producer, type Subscription } from 'cairn-log-client';

export async function use(signal: AbortSignal | undefined): Promise<string[]> {
  await using client = new CairnClient({ servers: ['http://127.0.0.1:8000'], token: null });
  const options: AppendOptions = { level: 'all', signal };
  const { offset }: { offset: number } = await client.append('log', [{ key: 'k', value: new Uint8Array(1), headers: { h: 'x' } }, 'text'], options);
  const texts: string[] = [];
  for await (const record of client.read('log', { from: offset, max: 2 })) texts.push(record.text());
  for await (const record of client.follow('log', { since: new Date(), signal })) texts.push(record.json<{ id: string }>().id);
  for await (const { matches } of client.grep('log', 'x', { where: [{ field: 'a', operator: '=', value: 'b' }] })) texts.push(String(matches[0]?.[0]));
  for await (const { name } of client.topics.list()) texts.push(name);
  const producer: Producer = client.producer('log', { bufferBytes: 1 });
  await producer.append('x');
  const subscription: Subscription = client.subscribe('s', ['log'], async (record: LogRecord) => void texts.push(String(record.keyText())));
  await subscription.done;
  const { batches } = await client.batches.read({ topic: 'log', offsetFrom: 0, sinceMs: null, bytesMax: 1, freshness: 'local', sessionOffset: 0, waitMs: 0 });
  texts.push(String(batches[0]?.length), String((await client.status()).id));
  return texts;
}

export const mayRetry = (error: unknown): boolean => error instanceof LogError && error.code === 'timeout' && error.retriable && !error.definite;
`;

/** Behind the examples: the next Node finds the brokers as this one did. */
const last = `
for await (const { name } of client.topics.list()) if (name !== 'log' && !name.startsWith('cairn')) await client.topics.delete(name);
await client.batches.subscriptions.deleteSubscriber('mailer');
await client.close();
`;

/** @type {{ title: string, check: () => void | Promise<void> }[]} */
const CHECKS = [
  { title: 'the tarballs hold what is used and nothing else of the repository', check: checkContents },
  { title: "links of each package's README, and between its pages, lead somewhere in it", check: checkLinks },
  { title: 'publint finds nothing wrong with what the tarballs say of themselves', check: checkManifests },
  { title: "attw finds nothing wrong with the client's types", check: checkResolution },
  { title: "`npm install` of each tarball: within its size, no other `node` before the user's", check: installTarballs },
  { title: 'its types compile in an empty project: strict, every declaration checked, with those of Node and without', check: checkTypes },
  { title: 'an older Node runs `cairn`, or says how to get the newer one, and then runs it', check: checkNodeIsFound },
  { title: '`npx cairn --help` prints the commands', check: checkHelp },
  { title: 'an unknown command gets a sentence and exit code 2', check: checkUnknownCommand },
  { title: '`cairn up` keeps a word sent by PUT /, and what docs/library.md shows is so on each Node', check: checkBrokers },
];

let passed = 0;
let failed = 0;
/** @type {string[]} */
const skipped = [];
try {
  for (const { title, check } of CHECKS) {
    try {
      await check();
      passed++;
    } catch (error) {
      failed++;
      console.log(`FAIL ${title}: ${error instanceof Error ? error.message : String(error)}`);
      break;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (skipped.length > 0) console.log(`skipped: ${skipped.length}\n${skipped.map((each) => `  test/package: ${each}`).join('\n')}`);
console.log(`package smoke: ${passed} passed, ${failed} failed, ${CHECKS.length - passed - failed} not reached`);
// A process that a failed check left behind holds our pipes; it must not hold up whoever waits for the result.
process.exit(failed > 0 ? 1 : 0);

function checkContents() {
  const needed = {
    [server.name]: ['bin/cairn.mjs', 'bin/launch.mjs', 'dist/cli/main.js', 'dist/ui/index.html', 'dist/licences.txt', 'docs/install.md'],
    [client.name]: ['dist/index.js', 'dist/types/library/index.d.ts', 'dist/licences.txt', 'docs/library.md'],
  };
  for (const { name, from } of both) {
    const [{ files }] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], from).stdout);
    const paths = files.map((/** @type {{ path: string }} */ file) => file.path);
    for (const each of [...(needed[name] ?? []), 'LICENSE', 'README.md', 'CHANGELOG.md'])
      if (!paths.includes(each)) throw new Error(`${name}: ${each} is missing`);
    const unwanted = paths.find((/** @type {string} */ file) =>
      /^(src|test|ui|scripts|bench)\/|tsbuildinfo|node_modules|\.node$/.test(file),
    );
    if (unwanted !== undefined) throw new Error(`${name} holds ${unwanted}`);
    const {
      dependencies = {},
      optionalDependencies = {},
      scripts = {},
    } = JSON.parse(readFileSync(path.join(from, 'package.json'), 'utf8'));
    if (Object.keys(scripts).length > 0) throw new Error(`${name} has scripts`);
    if (name === client.name && Object.keys({ ...dependencies, ...optionalDependencies }).length > 0)
      throw new Error(`${name} has dependencies`);
  }
}

function checkLinks() {
  for (const { name, from } of both) {
    const pages = readdirSync(path.join(from, 'docs'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
    for (const page of ['README.md', ...pages.map((file) => path.join('docs', file))]) {
      const text = readFileSync(path.join(from, page), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
        const file = path.join(path.dirname(page), target);
        // Of sources the pages tell people who have the checkout.
        if (page !== 'README.md' && !file.startsWith('docs')) continue;
        if (!existsSync(path.join(from, file))) throw new Error(`${name}: ${page} links to ${target}, which is not there`);
      }
    }
  }
}

/** Names of files, types and modules in package.json. */
async function checkManifests() {
  for (const { name } of both) {
    const { buffer, byteOffset, byteLength } = readFileSync(tarballOf(name));
    const { messages, pkg } = await publint({ pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) }, strict: true });
    if (messages.length > 0) throw new Error(`${name}: ${messages.map((message) => formatMessage(message, pkg)).join('; ')}`);
  }
}

/** An ES module: what a CommonJS program and a resolver from before `exports` make of it does not count. */
function checkResolution() {
  const attw = path.join(ROOT, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  run(process.execPath, [attw, tarballOf(client.name), '--profile', 'esm-only', '--no-color', '--format', 'ascii'], folder);
}

function installTarballs() {
  for (const { name, app, bytesMax } of both) {
    mkdirSync(app);
    writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true }');
    run('npm', ['install', '--no-audit', '--no-fund', tarballOf(name)], app);
    const bytes = sizeOf(path.join(app, 'node_modules'));
    console.log(`${name}: ${(bytes / 1e6).toFixed(1)} MB installed`);
    if (bytes > bytesMax) throw new Error(`${name} takes ${bytes} bytes, more than ${bytesMax}`);
    if (existsSync(path.join(app, 'node_modules', '.bin', 'node'))) throw new Error(`${name} puts a node of its own before the user's`);
  }
}

/** @param {string} of @returns {number} */
function sizeOf(of) {
  return readdirSync(of, { withFileTypes: true }).reduce((sum, entry) => {
    const file = path.join(of, entry.name);
    return sum + (entry.isDirectory() ? sizeOf(file) : entry.isFile() ? statSync(file).size : 0);
  }, 0);
}

function checkTypes() {
  const { app } = client;
  writeFileSync(path.join(app, 'app.mts'), typedProgram);
  const compiler = path.join(ROOT, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  const usual = { module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  const ofNode = { lib: ['es2022'], types: ['node'], typeRoots: [path.join(ROOT, 'node_modules', '@types')] };
  for (const more of [
    { target: 'es2022', types: [] },
    { target: 'esnext', types: [] },
    { target: 'es2022', ...ofNode },
  ]) {
    const compilerOptions = { ...usual, ...more };
    writeFileSync(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.mts'] }));
    run(process.execPath, [compiler, '-p', app], app);
  }
}

/** @param {string} name */
function tarballOf(name) {
  const tarball = readdirSync(folder).find((file) => /^.*(?=-\d+\.\d+\.\d+.*\.tgz$)/.exec(file)?.[0] === name);
  if (tarball === undefined) throw new Error(`npm pack left no tarball of ${name}`);
  return path.join(folder, tarball);
}

/** What the sentence says is done as it says, by a shell. */
function checkNodeIsFound() {
  const { status, stderr } = spawnSync('npx', ['cairn', '--version'], { cwd: server.app, encoding: 'utf8', env: environment() });
  if (status === 0) {
    skipped.push('an older Node says how to get the newer one (there is a Node 24 on PATH)');
    return;
  }
  const [, command] =
    /^Cannot run cairn: this is Node \S+, and Cairn needs Node 24 or newer: `(npm install [^`]+)` [^\n]*\n$/.exec(stderr) ?? [];
  if (command === undefined) throw new Error(`it says ${JSON.stringify(stderr)}`);
  run('sh', ['-c', command], folder);
  const { stdout } = run('npx', ['cairn', '--version'], server.app);
  if (!/^cairn \d/.test(stdout)) throw new Error(`it prints ${JSON.stringify(stdout)}`);
}

/**
 * A Node of this version: on PATH, or where `cairn` has been told to look, or from the registry. Null where there is none.
 * @param {number} major
 */
function nodeOf(major) {
  const package_ = `node-${process.platform}-${process.arch}`;
  const own = path.join(home, '.local', 'share', 'cairn', 'node_modules', package_, 'bin', 'node');
  const fetched = path.join(folder, `node-${major}`);
  const isIt = (/** @type {string} */ program) =>
    spawnSync(program, ['--version'], { encoding: 'utf8', env: environment() }).stdout?.startsWith(`v${major}.`) === true;
  for (const program of ['node', process.execPath, own]) if (isIt(program)) return program;
  spawnSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', fetched, `${package_}@${major}`], { env: environment() });
  const program = path.join(fetched, 'node_modules', package_, 'bin', 'node');
  return isIt(program) ? program : null;
}

function checkHelp() {
  const { stdout } = run('npx', ['cairn', '--help'], server.app);
  if (!stdout.includes('Usage: cairn')) throw new Error(`it prints ${JSON.stringify(stdout.slice(0, 200))}`);
}

function checkUnknownCommand() {
  const result = spawnSync('npx', ['cairn', 'upp'], { cwd: server.app, encoding: 'utf8', env: environment() });
  if (result.status !== 2) throw new Error(`the exit code is ${result.status}`);
  if (result.stderr.trim() === '') throw new Error('it says nothing');
}

async function checkBrokers() {
  const port = await findFreePorts(3);
  const servers = [0, 1, 2].map((vertex) => `http://127.0.0.1:${port + vertex}`);
  const [url = ''] = servers;
  const { app } = server;
  const args = ['up', '--port', String(port), '--data', path.join(folder, 'data')];
  // Not through npx: npm's shell between the two does not pass SIGTERM on.
  const broker = spawn(path.join(app, 'node_modules', '.bin', 'cairn'), args, {
    cwd: app,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(broker, 'exit');
  let output = '';
  broker.stdout.on('data', (chunk) => (output += chunk));
  broker.stderr.on('data', (chunk) => (output += chunk));

  try {
    await waitUntilReady(url, broker);
    const word = `smoke-${process.pid}`;
    const put = await fetch(`${url}/`, { method: 'PUT', body: word });
    if (!put.ok) throw new Error(`PUT / answers ${put.status}`);
    const { stdout } = run('npx', ['cairn', 'read', 'log', '--server', url], app);
    if (!stdout.includes(word)) throw new Error(`read prints ${JSON.stringify(stdout.slice(0, 200))} instead of ${word}`);
    for (const major of NODES) {
      const node = nodeOf(major);
      if (node === null) skipped.push(`the examples of docs/library.md on Node ${major} (it is not on PATH, and npm could not get it)`);
      else checkExamples(node, major, servers);
    }
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${output}`, { cause: error });
  } finally {
    broker.kill('SIGTERM');
    await exited;
  }
  await waitUntilClosed(url);
}

/**
 * @param {string} node
 * @param {number} major
 * @param {readonly string[]} servers
 */
function checkExamples(node, major, servers) {
  const examples = examplesOf(readFileSync(path.join(client.from, 'docs', 'library.md'), 'utf8'));
  writeFileSync(path.join(client.app, 'examples.mjs'), programOf(examples, { library: client.name, servers, last }));
  const { printed, shown } = compared(run(node, ['examples.mjs'], client.app).stdout, examples);
  const wrong = examples.findIndex((_example, index) => printed[index] !== shown[index]);
  if (wrong >= 0)
    throw new Error(`on Node ${major} example ${wrong + 1} prints ${JSON.stringify(printed[wrong])}, not ${JSON.stringify(shown[wrong])}`);
}

/**
 * @param {string} url
 * @param {import('node:child_process').ChildProcess} broker
 */
async function waitUntilReady(url, broker) {
  for (const endsAtMs = Date.now() + READY_WITHIN_MS; Date.now() < endsAtMs; await sleep(100)) {
    if (broker.exitCode !== null) throw new Error(`it ended with code ${broker.exitCode}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error(`it is not ready after ${READY_WITHIN_MS} ms`);
}

/** After SIGTERM nothing of it may stay behind. @param {string} url */
async function waitUntilClosed(url) {
  for (const endsAtMs = Date.now() + 5000; Date.now() < endsAtMs; await sleep(100)) {
    const isOpen = await fetch(`${url}/healthz`).then(
      () => true,
      () => false,
    );
    if (!isOpen) return;
  }
  throw new Error('a broker still answers 5 s after SIGTERM');
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 */
function run(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8', env: environment(), timeout: 120_000 });
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${result.status ?? result.signal}\n${result.stdout}${result.stderr}`);
  return result;
}

/** As a user's who is new here: without what `npm run` adds for this repository, and at home in an empty folder. */
function environment() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^XDG_|^NODE_COMPILE_CACHE$/.test(name)));
  env['PATH'] = (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((entry) => !entry.startsWith(ROOT))
    .join(path.delimiter);
  return { ...env, HOME: home, npm_config_cache: process.env['npm_config_cache'] ?? path.join(homedir(), '.npm') };
}

/** The first of so many in a row. @param {number} count */
async function findFreePorts(count) {
  for (;;) {
    const port = await findFreePort();
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, index) => isFree(port + 1 + index)));
    if (others.every(Boolean)) return port;
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

async function findFreePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
