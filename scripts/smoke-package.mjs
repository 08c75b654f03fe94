// Does the package work for somebody who has nothing but the package? Packs it, installs the tarball into an empty folder, and
// uses it from there. Run by .ci/run; by hand: `node scripts/smoke-package.mjs` after `npm run build`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_WITHIN_MS = 20_000;

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-smoke-'));
const app = path.join(folder, 'app');

/** @type {{ title: string, check: () => void | Promise<void> }[]} */
const CHECKS = [
  { title: 'the tarball holds the program and nothing of the repository', check: checkContents },
  { title: 'publint finds nothing wrong with what the tarball says of itself', check: checkManifest },
  { title: '`npm install` of the tarball', check: installTarball },
  { title: '`npx cairn --help` prints the commands', check: checkHelp },
  { title: 'an unknown command gets a sentence and exit code 2', check: checkUnknownCommand },
  { title: '`cairn up --brokers 1` keeps a word sent by PUT /', check: checkOneBroker },
];

let passed = 0;
let failed = 0;
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
console.log(`package smoke: ${passed} passed, ${failed} failed, ${CHECKS.length - passed - failed} not reached`);
// A process that a failed check left behind holds our pipes; it must not hold up whoever waits for the result.
process.exit(failed > 0 ? 1 : 0);

function checkContents() {
  const [{ files }] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], ROOT).stdout);
  const paths = files.map((/** @type {{ path: string }} */ file) => file.path);
  for (const needed of ['bin/cairn.mjs', 'bin/launch.mjs', 'dist/cli/main.js', 'dist/licences.txt', 'LICENSE', 'README.md']) {
    if (!paths.includes(needed)) throw new Error(`${needed} is missing`);
  }
  const unwanted = paths.filter((/** @type {string} */ file) => /^(src|test|ui|scripts|docs)\/|tsbuildinfo|node_modules/.test(file));
  if (unwanted.length > 0) throw new Error(`it holds ${unwanted[0]}`);
}

/** Names of files, types and modules in package.json, for whoever imports the client. */
async function checkManifest() {
  const { buffer, byteOffset, byteLength } = readFileSync(findTarball());
  const { messages, pkg } = await publint({ pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) }, strict: true });
  if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('; '));
}

function installTarball() {
  mkdirSync(app);
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true }');
  run('npm', ['install', '--no-audit', '--no-fund', findTarball()], app);
}

function findTarball() {
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack left no tarball');
  return path.join(folder, tarball);
}

function checkHelp() {
  const { stdout } = run('npx', ['cairn', '--help'], app);
  if (!stdout.includes('Usage: cairn')) throw new Error(`it prints ${JSON.stringify(stdout.slice(0, 200))}`);
}

function checkUnknownCommand() {
  const result = spawnSync('npx', ['cairn', 'upp'], { cwd: app, encoding: 'utf8', env: environment() });
  if (result.status !== 2) throw new Error(`the exit code is ${result.status}`);
  if (result.stderr.trim() === '') throw new Error('it says nothing');
}

async function checkOneBroker() {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['up', '--brokers', '1', '--port', String(port), '--data', path.join(folder, 'data')];
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
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${output}`, { cause: error });
  } finally {
    broker.kill('SIGTERM');
    await exited;
  }
  await waitUntilClosed(url);
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

/** As a user's: without the PATH entries and settings that `npm run` adds for this repository. */
function environment() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_COMPILE_CACHE'));
  env['PATH'] = (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((entry) => !entry.startsWith(ROOT))
    .join(path.delimiter);
  return env;
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
