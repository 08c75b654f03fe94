// Builds what the package ships: dist/ by plain `tsc`, and the page in dist/ui when ui/ exists.
//
//     node scripts/build.mjs            checks types, emits, reports
//     node scripts/build.mjs --quiet    emits only (the `prepare` script of `npm ci`): silent unless something fails
//
// Plain JavaScript: it runs on whatever Node runs npm.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.dirname(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname));
const SRC = path.join(ROOT, 'src');
const DIST = path.join(ROOT, 'dist');
const quiet = process.argv.includes('--quiet');

/**
 * Runs the program of a package in node_modules, silent unless it fails.
 * @param {string} label
 * @param {string} script path below node_modules
 * @param {string[]} args
 */
function run(label, script, args) {
  const startedAt = performance.now();
  const result = spawnSync(process.execPath, [path.join(ROOT, 'node_modules', script), ...args], { cwd: ROOT, encoding: 'utf8' });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout}${result.stderr}Cannot build ${label}: ${script} ended with code ${String(result.status)}\n`);
    process.exit(1);
  }
  if (!quiet) process.stdout.write(`${label}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

/** Removes the outputs whose source is gone, so that dist/ never holds a module that src/ does not. */
function removeStaleOutputs() {
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const output = path.join(entry.parentPath, entry.name);
    const relative = path.relative(DIST, output);
    if (!entry.isFile() || relative.startsWith('ui' + path.sep)) continue;
    const source = path.join(SRC, relative.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts'));
    if (!existsSync(source)) rmSync(output);
  }
}

if (existsSync(SRC)) {
  const startedAt = new Date();
  mkdirSync(DIST, { recursive: true });
  run('dist', '@typescript/native/bin/tsc', ['-p', 'tsconfig.build.json', ...(quiet ? ['--noCheck'] : [])]);
  removeStaleOutputs();
  // Programs in another language that a module runs.
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.py')) copyFileSync(path.join(SRC, file), path.join(DIST, file));
  }

  if (existsSync(path.join(ROOT, 'ui', 'vite.config.ts'))) {
    run('dist/ui', 'vite/bin/vite.js', ['build', 'ui', '--logLevel', 'error']);
  }

  // bin/cairn.mjs runs dist/ only when nothing in src/ is newer than this file. It carries the time at which the build
  // began, so that a file edited meanwhile counts as newer.
  const stamp = path.join(DIST, '.built');
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
  if (!quiet) process.stdout.write(`built ${path.relative(process.cwd(), DIST)} at ${statSync(stamp).mtime.toISOString()}\n`);
}
