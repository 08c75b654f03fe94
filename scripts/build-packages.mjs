// Makes the two packages of the registry, each in a folder of its own, from which `npm pack` and `npm publish` take it (docs/decisions/0037):
//
//     packages/cairn-log           the server and the command `cairn`: dist/ as it was built, and what has native parts as dependencies
//     packages/cairn-log-client    the client library: one bundle without dependencies, and its types
//
// Run it as `npm run packages`, which builds dist/ first. What is in package.json of the checkout for people who work on Cairn is not in theirs.
//
// Plain JavaScript: it runs on whatever Node runs npm.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundle, ROOT, readPackage, run, SRC } from './bundle.mjs';

const PACKAGES = path.join(ROOT, 'packages');
const { version, license, keywords, description, bin, dependencies, optionalDependencies } = readPackage(ROOT);
const common = { version, license, keywords, type: 'module' };

if (!existsSync(path.join(ROOT, 'dist', '.built'))) {
  process.stderr.write('Cannot make the packages: there is no dist/; `npm run packages` builds it first\n');
  process.exit(1);
}
rmSync(PACKAGES, { recursive: true, force: true });
makeServer('cairn-log');
await makeClient('cairn-log-client');

/** @param {string} name */
function makeServer(name) {
  const folder = path.join(PACKAGES, name);
  mkdirSync(folder, { recursive: true });
  for (const each of ['bin', 'compat', 'dist', 'docs', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'README.md'])
    cpSync(path.join(ROOT, each), path.join(folder, each), { recursive: true });
  // A checkout brings its own Node; in a package it would put itself before the user's on the PATH of npm's scripts.
  const optional = Object.fromEntries(Object.entries(optionalDependencies).filter(([each]) => !each.startsWith('node-')));
  writeManifest(folder, { name, description, ...common, engines: { node: '>=18' }, bin, dependencies, optionalDependencies: optional });
}

/** @param {string} name */
async function makeClient(name) {
  const folder = path.join(PACKAGES, name);
  const dist = path.join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  await bundle({
    dir: dist,
    entries: { index: path.join(SRC, 'library', 'index.ts') },
    external: [],
    alias: { '@node-rs/crc32': path.join(SRC, 'client', 'plain-crc32c.ts') },
  });
  run('types', '@typescript/native/bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', path.join(dist, 'types')]);
  for (const each of ['docs', 'LICENSE', 'CHANGELOG.md']) cpSync(path.join(ROOT, each), path.join(folder, each), { recursive: true });
  const page = readFileSync(path.join(ROOT, 'docs', 'library.md'), 'utf8');
  writeFileSync(path.join(folder, 'README.md'), page.replaceAll(/\]\((?![a-z]+:|#)/g, '](docs/'));
  writeManifest(folder, {
    name,
    description: 'Client of Cairn, the honest log: append, read, follow, subscribe and search, in plain records.',
    ...common,
    engines: { node: '>=20.16' },
    sideEffects: false,
    exports: { '.': { types: './dist/types/library/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
  });
}

/**
 * @param {string} folder
 * @param {object} manifest
 */
function writeManifest(folder, manifest) {
  const files = readdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
}
