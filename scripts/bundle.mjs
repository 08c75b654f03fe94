// What the two builders have in common: build.mjs makes dist/, which a checkout runs, and build-packages.mjs the two packages.
//
// Plain JavaScript: it runs on whatever Node runs npm.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

export const ROOT = path.dirname(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname));
export const SRC = path.join(ROOT, 'src');

/** @param {string} folder */
export function readPackage(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

/**
 * Runs the program of a package in node_modules, silent unless it fails.
 * @param {string} label
 * @param {string} script path below node_modules
 * @param {string[]} args
 */
export function run(label, script, args) {
  const result = spawnSync(process.execPath, [path.join(ROOT, 'node_modules', script), ...args], { cwd: ROOT, encoding: 'utf8' });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout}${result.stderr}Cannot build ${label}: ${script} ended with code ${String(result.status)}\n`);
  process.exit(1);
}

/**
 * Bundles modules of src/, each to the same place in `dir`, with the packages that they need and the licences of those. Gives the files that were written.
 * @param {{ dir: string, entries: Record<string, string>, external: string[], alias?: Record<string, string> }} what entries: by the name
 *   of the file that is written, without its ending
 */
export async function bundle({ dir, entries, external, alias = {} }) {
  const program = await rolldown({ input: entries, cwd: ROOT, platform: 'node', external, resolve: { alias }, logLevel: 'warn' });
  const { output } = await program.write({ dir, format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'parts/[name].js' });
  await program.close();
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(path.join(dir, 'licences.txt'), licencesOf(modules));
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
