// The page as the build makes it. The tests look at the built file, so a page that is older than its source is built first.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..', '..');
export const PAGE = path.join(ROOT, 'dist', 'ui', 'index.html');

export function buildPageIfStale(): void {
  const builtMs = existsSync(PAGE) ? statSync(PAGE).mtimeMs : 0;
  const sources = globSync('ui/**/*', { cwd: ROOT }).map((file) => statSync(path.join(ROOT, file)).mtimeMs);
  if (Math.max(...sources) < builtMs) return;
  // Beside its place, and moved there once it is whole: files of tests run side by side.
  mkdirSync(path.dirname(PAGE), { recursive: true });
  const folder = mkdtempSync(path.join(ROOT, 'dist', 'ui-'));
  const vite = path.join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(process.execPath, [vite, 'build', 'ui', '--logLevel', 'error', '--emptyOutDir', '--outDir', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (result.status === 0) renameSync(path.join(folder, path.basename(PAGE)), PAGE);
  rmSync(folder, { recursive: true });
  if (result.status !== 0) throw new Error(`the page was not built: ${result.stdout}${result.stderr}`);
}
