/** `npm ci` on an older Node: npm leaves out what wants a newer one, and `prepare` brings it, here by an npm that is none. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = path.join(import.meta.dirname, '..', '..', 'scripts', 'prepare.mjs');
let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'cairn-prepare-'));
  mkdirSync(path.join(checkout, 'scripts'));
  copyFileSync(script, path.join(checkout, 'scripts', 'prepare.mjs'));
  writeFileSync(path.join(checkout, 'scripts', 'build.mjs'), "import 'rolldown';\nconsole.log('built');\n");
});
afterEach(() => rmSync(checkout, { recursive: true }));

const builder = (): string => path.join(checkout, 'node_modules', 'rolldown');
const bringBuilder = (): string => `import fs from 'node:fs';
  fs.mkdirSync('${builder()}', { recursive: true });
  fs.writeFileSync('${builder()}/package.json', '{ "main": "index.js" }');
  fs.writeFileSync('${builder()}/index.js', '');`;

/** As npm runs it that is itself run by that Node. */
function prepare(nodeOfNpm: string, npm: string): { readonly code: number | null; readonly out: string; readonly err: string } {
  const fake = path.join(checkout, 'npm.mjs');
  writeFileSync(fake, `import { writeFileSync } from 'node:fs';\nwriteFileSync('asked', process.argv.slice(2).join(' '));\n${npm}`);
  const env = { ...process.env, npm_execpath: fake, npm_config_user_agent: `npm/10.8.2 node/${nodeOfNpm} linux x64` };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/prepare.mjs'], { cwd: checkout, env, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

test('what npm on Node 18 has left out is installed before anything is built', () => {
  expect(prepare('v18.20.8', bringBuilder())).toEqual({ code: 0, out: 'built\n', err: '' });
  expect(readFileSync(path.join(checkout, 'asked'), 'utf8')).toBe('install --no-save --ignore-scripts --no-audit --no-fund');
});

test('nothing is installed again where all is there', () => {
  prepare('v18.20.8', bringBuilder());
  rmSync(path.join(checkout, 'asked'));

  expect(prepare('v18.20.8', '').code).toBe(0);
  expect(existsSync(path.join(checkout, 'asked'))).toBe(false);
});

test('an npm that fails is heard', () => {
  const { code, err } = prepare('v18.20.8', "console.error('no network'); process.exit(7);");

  expect(code).toBe(1);
  expect(err).toMatch(/^no network\nCannot install the packages that Node 18 left out: npm ended with code 7\n$/);
});
