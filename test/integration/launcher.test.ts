// bin/cairn.mjs in small trees of its own: what it runs, under which Node, with how many threads, and how it ends.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { needs, needsLinux, needsPrograms } from '../support/needs.ts';
import { brokerNodeFlags } from '../../src/daemon/node-flags.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

let root: string;
let launcher: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'cairn-launcher-'));
  launcher = path.join(root, 'bin', 'cairn.mjs');
  cpSync(path.join(ROOT, 'bin'), path.join(root, 'bin'), { recursive: true });
  writeFileSync(path.join(root, 'package.json'), '{ "type": "module" }');
});

afterEach(() => rmSync(root, { recursive: true }));

/** A main module in src/ (TypeScript, so that a wrong choice cannot run) or in dist/. */
function writeMain(where: 'src' | 'dist', code: string): void {
  mkdirSync(path.join(root, where, 'cli'), { recursive: true });
  writeFileSync(path.join(root, where, 'cli', where === 'src' ? 'main.ts' : 'main.js'), code);
}

/** Marks dist/ as built some seconds from now, so that it is newer than every file that the test has written. */
function stampBuilt(secondsFromNow = 10): void {
  const stamp = path.join(root, 'dist', '.built');
  writeFileSync(stamp, '');
  const at = Date.now() / 1000 + secondsFromNow;
  utimesSync(stamp, at, at);
}

/** Makes the launcher believe that it runs under another Node, until it has handed over. */
function pretendNode(version: string, { execve = true } = {}): string[] {
  const file = path.join(root, 'other-node.mjs');
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  writeFileSync(file, `${versions} ${execve ? '' : 'process.execve = undefined;'}`);
  return ['--import', file];
}

const pretendOldNode = (): string[] => pretendNode('18.20.0', { execve: false });

/** Puts the Node that runs this test where npm would have put the package. */
function installNode(): void {
  const folder = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  mkdirSync(folder, { recursive: true });
  symlinkSync(process.execPath, path.join(folder, 'node'));
}

function run(nodeArgs: string[] = [], args: string[] = [], env: NodeJS.ProcessEnv = process.env) {
  return spawnSync(process.execPath, [...nodeArgs, launcher, ...args], { encoding: 'utf8', cwd: tmpdir(), env });
}

/** A machine on which there is no other Node: those that are, are on PATH or in the home of whoever runs this. */
const aloneWith = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ PATH: path.join(root, 'bin'), HOME: root, ...more });

/** Reads until the program has printed something with `words` in it. */
async function waitFor(output: Readable, words: string): Promise<void> {
  let seen = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.includes(words)) return;
  }
  throw new Error(`The program ended without printing "${words}", but: ${seen}`);
}

test('without a build, src/ runs as it is', () => {
  writeMain('src', `const name: string = 'src'; console.log(name, process.argv.slice(2).join());`);

  expect(run([], ['a', '--b'])).toMatchObject({ stdout: 'src a,--b\n', stderr: '', status: 0 });
});

test('dist/ runs when it is not older than src/', () => {
  writeMain('src', `console.log('src');`);
  writeMain('dist', `console.log('dist');`);
  stampBuilt();

  expect(run().stdout).toBe('dist\n');
});

test('src/ runs when one file of it is newer than the build', () => {
  writeMain('src', `import '../base/a.ts'; console.log('src');`);
  writeMain('dist', `console.log('dist');`);
  mkdirSync(path.join(root, 'src', 'base'));
  const file = path.join(root, 'src', 'base', 'a.ts');
  writeFileSync(file, '');
  stampBuilt(10);
  expect(run().stdout).toBe('dist\n');

  const later = Date.now() / 1000 + 20;
  utimesSync(file, later, later);

  expect(run().stdout).toBe('src\n');
});

test('src/ runs when a file of it went away after the build', () => {
  writeMain('src', `console.log('src');`);
  writeMain('dist', `console.log('dist');`);
  const file = path.join(root, 'src', 'cli', 'gone.ts');
  writeFileSync(file, '');
  const before = Date.now() / 1000 - 100;
  for (const each of [file, path.join(root, 'src', 'cli', 'main.ts'), path.join(root, 'src', 'cli'), path.join(root, 'src')])
    utimesSync(each, before, before);
  stampBuilt(-50);
  expect(run().stdout).toBe('dist\n');

  unlinkSync(file);

  expect(run().stdout).toBe('src\n');
});

test('an installed package has no src/ and needs no stamp', () => {
  writeMain('dist', `console.log('dist');`);

  expect(run().stdout).toBe('dist\n');
});

test('an exit code and a signal of the program are those of the launcher', () => {
  writeMain('src', `process.argv[2] === 'kill' ? process.kill(process.pid, 'SIGTERM') : process.exit(74);`);

  expect(run().status).toBe(74);
  expect(run([], ['kill']).signal).toBe('SIGTERM');
});

test('the compile cache is in the checkout', () => {
  writeMain('src', `console.log('src');`);

  run();

  expect(existsSync(path.join(root, 'node_modules', '.cache', 'cairn-compile'))).toBe(true);
});

test('the process has 16 threads for disk work', needsLinux, () => {
  writeMain(
    'src',
    `import { pbkdf2 } from 'node:crypto';
     import { readdirSync } from 'node:fs';
     const count = (): number => readdirSync('/proc/self/task').length;
     const before = count();
     pbkdf2('a', 'b', 1, 8, 'sha256', () => { console.log(count() - before); });`,
  );

  expect(run().stdout).toBe('16\n');
});

const isNode24 = process.versions.node.startsWith('24.');

test('a broker is started with the flags of the daemon', () => {
  writeMain('src', `console.log(process.execArgv.join(' '));`);

  expect(run([], ['serve']).stdout).toBe(`${brokerNodeFlags.join(' ')}\n`);
  expect(run([], ['up']).stdout).toBe('\n');
});

test('an old Node hands a broker over with the same flags', needs(isNode24 ? null : 'this is not Node 24'), () => {
  installNode();
  writeMain('src', `console.log(process.execArgv.join(' '));`);

  expect(run(pretendOldNode(), ['serve']).stdout).toBe(`${brokerNodeFlags.join(' ')}\n`);
});

test('a newer Node is not given flags that only the V8 of Node 24 is known to have', () => {
  writeMain('src', `console.log(process.execArgv.filter((flag) => flag.startsWith('--') && flag !== '--import').join(' '));`);

  expect(run(pretendNode('26.10.0'), ['serve']).stdout).toBe('--max-semi-space-size=8 --expose-gc\n');
});

test('an old Node with no other anywhere gets one sentence, which says how to get one, and exit code 1', needsLinux, () => {
  writeMain('src', '');
  const get = `\`npm install --prefix ${root}/.local/share/cairn node-linux-${process.arch}@24\` puts one where only cairn looks`;

  expect(run(pretendOldNode(), [], aloneWith())).toMatchObject({
    stdout: '',
    stderr: `Cannot run cairn: this is Node 18.20.0, and Cairn needs Node 24 or newer: ${get}\n`,
    status: 1,
  });
});

test.each([
  ["in the user's folder for cairn", `.local/share/cairn/node_modules/node-${process.platform}-${process.arch}/bin/node`, {}],
  ['on PATH', 'elsewhere/node', { PATH: 'elsewhere' }],
  ['of nvm', '.nvm/versions/node/v24.1.0/bin/node', {}],
  ['of fnm', '.local/share/fnm/node-versions/v24.1.0/installation/bin/node', {}],
])('an old Node hands over to a Node 24 %s', (_where, place, { PATH = '' }: { PATH?: string }) => {
  mkdirSync(path.join(root, path.dirname(place)), { recursive: true });
  symlinkSync(process.execPath, path.join(root, place));
  writeMain('src', 'process.exit(7);');

  expect(run(pretendOldNode(), [], aloneWith(PATH === '' ? {} : { PATH: path.join(root, PATH) }))).toMatchObject({ stderr: '', status: 7 });
});

test('an older Node of a version manager is not taken', () => {
  for (const version of ['v18.20.0', 'v22.1.0'])
    mkdirSync(path.join(root, '.nvm', 'versions', 'node', version, 'bin'), { recursive: true });
  symlinkSync(process.execPath, path.join(root, '.nvm', 'versions', 'node', 'v22.1.0', 'bin', 'node'));
  writeMain('src', '');

  expect(run(pretendOldNode(), [], aloneWith())).toMatchObject({ stdout: '', status: 1 });
});

test('an old Node hands over to the installed one and ends as it ends', () => {
  installNode();
  writeMain(
    'src',
    `console.log(process.versions.node, process.env['UV_THREADPOOL_SIZE']); process.argv[2] === 'kill' ? process.kill(process.pid, 'SIGKILL') : process.exit(7);`,
  );
  const oldNode = pretendOldNode();

  expect(run(oldNode)).toMatchObject({ stdout: `${process.versions.node} 16\n`, status: 7 });
  expect(run(oldNode, ['kill']).signal).toBe('SIGKILL');
});

test('an old Node passes SIGTERM and SIGINT on to the program', async () => {
  installNode();
  writeMain(
    'src',
    `process.on('SIGINT', () => console.log('int')); process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready');`,
  );
  const child = spawn(process.execPath, [...pretendOldNode(), launcher], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const exit = once(child, 'exit');
  await waitFor(child.stdout, 'ready');

  child.kill('SIGINT');
  await waitFor(child.stdout, 'int');
  child.kill('SIGTERM');

  expect(await exit).toEqual([9, null]);
});

test('Ctrl-C in a terminal reaches the program once', needsPrograms('script'), async () => {
  installNode();
  writeMain(
    'src',
    `let count = 0;
     process.on('SIGINT', () => { count++; setTimeout(() => { console.log(\`interrupts: \${count}.\`); process.exit(0); }, 300); });
     setInterval(() => {}, 1000);
     console.log('ready');`,
  );
  // script(1) gives its command a terminal; the byte 3 is what Ctrl-C sends.
  const command = [process.execPath, ...pretendOldNode(), launcher].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await waitFor(child.stdout, 'ready');

  child.stdin.write('\x03');

  await waitFor(child.stdout, 'interrupts: 1.');
});
