// Builds dist/: the program, and the page in dist/ui when ui/ exists. The packages are made of it by build-packages.mjs.
//
//     node scripts/build.mjs            says how long each part took
//     node scripts/build.mjs --quiet    by the `prepare` script of `npm ci`: silent unless something fails
//
// The program is bundled, with the packages that are JavaScript alone: one of 1,500 modules starts in twice the processor time of one of 50. Their
// licences come with it, in dist/licences.txt.
//
// Plain JavaScript: it runs on whatever Node runs npm.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundle, ROOT, readPackage, run, SRC } from './bundle.mjs';

const DIST = path.join(ROOT, 'dist');
const quiet = process.argv.includes('--quiet');

/** What is started or imported by its name, as in src/. */
const ENTRIES = [
  'cli/main',
  'daemon/main',
  'daemon/inf3203',
  'daemon/cs550-peernode',
  'daemon/cs550-run-peers',
  'daemon/mp0-logger',
  'daemon/mp0-node',
  'gateway/http/record-thread',
  'lab/clocks/part-process',
  'lab/collect/bare-loop',
  'search/start/starter-process',
  'search/topics/worker',
];

/** Packages with a part that is no JavaScript: npm installs them beside ours, where it can. Those of `dependencies` and `optionalDependencies`. */
const { dependencies, optionalDependencies } = readPackage(ROOT);
const INSTALLED = Object.keys({ ...dependencies, ...optionalDependencies });

/**
 * @param {string} label
 * @param {() => unknown} work
 */
async function timed(label, work) {
  const startedAt = performance.now();
  await work();
  if (!quiet) process.stdout.write(`${label}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

/** Every file is two folders deep, or three, as its source is: see src/system/package.ts. */
const bundleProgram = () =>
  bundle({ dir: DIST, entries: Object.fromEntries(ENTRIES.map((name) => [name, path.join(SRC, `${name}.ts`)])), external: INSTALLED });

/**
 * Removes what an earlier build has left.
 * @param {string[]} built
 */
function removeStaleOutputs(built) {
  const kept = new Set([...built, 'licences.txt', '.built']);
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = path.relative(DIST, path.join(entry.parentPath, entry.name));
    if (!entry.isFile() || file.startsWith('ui' + path.sep) || kept.has(file)) continue;
    // Programs in another language.
    const isCurrent = file.endsWith('.py') && existsSync(path.join(SRC, file));
    if (!isCurrent) rmSync(path.join(DIST, file));
  }
}

if (existsSync(SRC)) {
  const startedAt = new Date();
  mkdirSync(DIST, { recursive: true });
  /** @type {string[]} */
  let built = [];
  await timed('program', async () => (built = await bundleProgram()));
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
