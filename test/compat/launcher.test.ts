// What compat/inf3203/log-server.py promises to the course's scripts, with a stand-in for the broker: a small tree like ours, whose
// entry says what it was given. The broker itself behind the same launcher is in consistency.test.ts.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needsPrograms } from '../support/needs.ts';

const LAUNCHER = path.join(import.meta.dirname, '..', '..', 'compat', 'inf3203', 'log-server.py');

const ENTRY = (name: string): string => `
const said = { entry: '${name}', args: process.argv.slice(2), cwd: process.cwd(), node: process.versions.node,
  threads: process.env.UV_THREADPOOL_SIZE, cache: process.env.NODE_COMPILE_CACHE };
process.stdout.write(JSON.stringify(said) + '\\n');
if (process.argv[2] === 'stay') setTimeout(() => {}, 30000);
`;

interface Said {
  readonly entry: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly node: string;
  readonly threads: string;
  readonly cache: string;
}

describe('the launcher log-server.py', needsPrograms('python3'), () => {
  let root: string;
  let work: string;
  let launcher: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'cairn-launcher-'));
    work = mkdtempSync(path.join(tmpdir(), 'cairn-course-'));
    launcher = path.join(root, 'compat', 'inf3203', 'log-server.py');
    for (const folder of ['compat/inf3203', 'src/daemon', 'dist/daemon']) mkdirSync(path.join(root, folder), { recursive: true });
    copyFileSync(LAUNCHER, launcher);
    const bin = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, path.join(bin, 'node'));
    writeFileSync(path.join(root, 'package.json'), '{"type":"module"}');
    writeFileSync(path.join(root, 'src', 'daemon', 'inf3203.ts'), ENTRY('src'));
    writeFileSync(path.join(root, 'dist', 'daemon', 'inf3203.js'), ENTRY('dist'));
    writeFileSync(path.join(root, 'dist', '.built'), '');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
    rmSync(work, { recursive: true });
  });

  function run(...args: readonly string[]): Said {
    const result = spawnSync('python3', args, { cwd: work, encoding: 'utf8' });
    expect(result.stderr).toBe('');
    return JSON.parse(result.stdout) as Said;
  }

  it('becomes the broker with the same arguments, in the same working directory', () => {
    const said = run(launcher, 'run 1', 'localhost:50001', 'localhost:50001', 'localhost:50002');

    expect(said).toMatchObject({ args: ['run 1', 'localhost:50001', 'localhost:50001', 'localhost:50002'], cwd: work });
    expect(said).toMatchObject({ threads: '16', cache: path.join(root, 'node_modules', '.cache', 'cairn-compile') });
  });

  it('finds Cairn by its own place, also through a link in the course folder', () => {
    symlinkSync(launcher, path.join(work, 'log-server.py'));

    expect(run('log-server.py', 'x', 'localhost:50001', 'localhost:50001').entry).toBe('dist');
  });

  it('runs dist/ unless src/ is newer', () => {
    expect(run(launcher, 'x', 'a:1', 'a:1').entry).toBe('dist');

    const later = new Date(Date.now() + 5000);
    utimesSync(path.join(root, 'src', 'daemon', 'inf3203.ts'), later, later);

    expect(run(launcher, 'x', 'a:1', 'a:1').entry).toBe('src');
  });

  it('keeps the process id and the name that the course looks for in ps', needsPrograms('ps'), async () => {
    const child = spawn('python3', [launcher, 'stay', 'localhost:50001', 'localhost:50001'], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));

    const ps = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).stdout;
    const line = ps.split('\n').find((each) => each.trim().startsWith(`${String(child.pid)} `));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));

    expect(line).toMatch(/^ *\d+ python3 log-server\.py .* stay localhost:50001 localhost:50001$/);
  });

  it('says in a sentence what is missing', () => {
    const usage = spawnSync('python3', [launcher], { encoding: 'utf8' });
    expect([usage.status, usage.stderr]).toEqual([2, 'Usage: python3 log-server.py <output_id> <host:port> <node1> ... <nodeN>\n']);

    copyFileSync(LAUNCHER, path.join(work, 'log-server.py'));
    const lost = spawnSync('python3', [path.join(work, 'log-server.py'), 'x', 'a:1', 'a:1'], { encoding: 'utf8' });
    expect(lost.status).toBe(1);
    expect(lost.stderr).toMatch(/^Cannot start the log server: Cairn is not at .*\n$/);
  });
});
