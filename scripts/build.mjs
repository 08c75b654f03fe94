// Builds what the package ships: dist/ with the program, the client's types, and the page in dist/ui when ui/ exists.
//
//     node scripts/build.mjs            checks types, emits, reports
//     node scripts/build.mjs --quiet    emits only (the `prepare` script of `npm ci`): silent unless something fails
//
// The program is bundled, with the packages that are JavaScript alone: one of 1,500 modules starts in twice the processor time of one of 50. Their
// licences come with it, in dist/licences.txt.
//
// Plain JavaScript: it runs on whatever Node runs npm.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

const ROOT = path.dirname(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname));
const SRC = path.join(ROOT, 'src');
const DIST = path.join(ROOT, 'dist');
const quiet = process.argv.includes('--quiet');

/** What is started or imported by its name, as in src/. */
const ENTRIES = [
  'cli/main',
  'client/index',
  'daemon/main',
  'daemon/inf3203',
  'daemon/cs550-peernode',
  'daemon/cs550-run-peers',
  'daemon/mp0-logger',
  'daemon/mp0-node',
  'gateway/http/record-thread',
  'lab/clocks/part-process',
  'lab/collect/bare-loop',
  'search/topics/worker',
];

/** Packages with a part that is no JavaScript: npm installs them beside ours. They are the `dependencies` of package.json. */
const INSTALLED = Object.keys(readPackage(ROOT).dependencies);

/** @param {string} folder */
function readPackage(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

/**
 * @param {string} label
 * @param {() => unknown} work
 */
async function timed(label, work) {
  const startedAt = performance.now();
  await work();
  if (!quiet) process.stdout.write(`${label}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

/**
 * Runs the program of a package in node_modules, silent unless it fails.
 * @param {string} label
 * @param {string} script path below node_modules
 * @param {string[]} args
 */
function run(label, script, args) {
  const result = spawnSync(process.execPath, [path.join(ROOT, 'node_modules', script), ...args], { cwd: ROOT, encoding: 'utf8' });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout}${result.stderr}Cannot build ${label}: ${script} ended with code ${String(result.status)}\n`);
  process.exit(1);
}

/** Every file is two folders deep, or three, as its source is: see src/system/package.ts. */
async function bundle() {
  const program = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, path.join(SRC, `${name}.ts`)])),
    cwd: ROOT,
    platform: 'node',
    external: INSTALLED,
    logLevel: 'warn',
  });
  const { output } = await program.write({ dir: DIST, format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'parts/[name].js' });
  await program.close();
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(path.join(DIST, 'licences.txt'), licencesOf(modules));
  return output.map((file) => file.fileName);
}

/** @param {string[]} modules paths of the modules that were bundled */
function licencesOf(modules) {
  const folders = new Set(modules.flatMap((file) => file.match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/) ?? []));
  const texts = [...folders].map((folder) => {
    const { name, version, license } = readPackage(folder);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : `\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  return `Cairn's program contains these packages.\n\n${texts.sort().join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/**
 * Removes what an earlier build has left.
 * @param {string[]} built
 */
function removeStaleOutputs(built) {
  const kept = new Set([...built, 'licences.txt', '.built']);
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = path.relative(DIST, path.join(entry.parentPath, entry.name));
    if (!entry.isFile() || file.startsWith('ui' + path.sep) || kept.has(file)) continue;
    // The types that the compiler has written, and programs in another language.
    const isCurrent = existsSync(path.join(SRC, file.replace(/\.d\.ts$/, '.ts'))) && !file.endsWith('.js');
    if (!isCurrent) rmSync(path.join(DIST, file));
  }
}

if (existsSync(SRC)) {
  const startedAt = new Date();
  mkdirSync(DIST, { recursive: true });
  /** @type {string[]} */
  let built = [];
  await timed('program', async () => (built = await bundle()));
  await timed('types', () => run('types', '@typescript/native/bin/tsc', ['-p', 'tsconfig.build.json', ...(quiet ? ['--noCheck'] : [])]));
  removeStaleOutputs(built);
  // Programs in another language that a module runs.
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.py')) continue;
    mkdirSync(path.dirname(path.join(DIST, file)), { recursive: true });
    copyFileSync(path.join(SRC, file), path.join(DIST, file));
  }

  if (existsSync(path.join(ROOT, 'ui', 'vite.config.ts')))
    await timed('page', () => run('page', 'vite/bin/vite.js', ['build', 'ui', '--logLevel', 'error']));

  // bin/cairn.mjs runs dist/ only when nothing in src/ is newer than this file. It carries the time at which the build
  // began, so that a file edited meanwhile counts as newer.
  const stamp = path.join(DIST, '.built');
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
  if (!quiet) process.stdout.write(`built ${path.relative(process.cwd(), DIST)} at ${statSync(stamp).mtime.toISOString()}\n`);
}
